"""*Search* with another run beside it: the same query by content, what both lists have in common, and links between the runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.view_models.cards import data_uri
from tests.app.conftest import OpenApp
from tests.app.pages import SEARCH, badges, cards, healthy, linked, png_of, shown


@pytest.fixture
def folder(artefact: Path, tmp_path: Path) -> Path:
    """A trained run, and the first 200 of its images under other ids with vectors of another space."""
    shutil.copytree(artefact, tmp_path / "trained")
    index = sk.Index.open(artefact)
    turned, ids = index.vectors()[:200].copy(), [f"other/{id_}" for id_ in index.ids[:200]]
    turned[:, :8] = 0
    sha256 = [str(index.row(id_)["sha256"]) for id_ in index.ids[:200]]
    sk.index_vectors(turned, ids, tmp_path / "given *x*", labels=(index.labels or [])[:200], sha256=sha256)
    return tmp_path


def compared(at: AppTest, name: str = "given *x*") -> AppTest:
    """The page after another run was chosen."""
    return healthy(at.selectbox(key="with").set_value(name).run())


def in_both(at: AppTest, key: str) -> list[str]:
    """Ids of the cards that say so."""
    return [card["id"] for card in cards(at, key) if "in both" in badges(card)]


def test_two_runs_answer_one_query(open_app: OpenApp, folder: Path) -> None:
    """Each with its own neighbours; what is in both lists is marked in both, with its rank, and counted in the sentence."""
    here, there = sk.Index.open(folder / "trained"), sk.Index.open(folder / "given *x*")
    id_ = here.ids[7]
    at = compared(linked(open_app(folder / "trained", SEARCH), id_))
    assert at.query_params["with"] in ("given *x*", ["given *x*"])
    one = [hit.id for hit in here.search_id(id_, 10, exclude_self=True).hits]
    two = [hit.id.removeprefix("other/") for hit in there.search_id(f"other/{id_}", 10, exclude_self=True).hits]
    assert [card["id"] for card in cards(at, "neighbours")] == one
    assert [card["id"] for card in cards(at, "neighbours_there")] == two, (
        "cards of the other run pick the same image here"
    )
    common = [id_ for id_ in one if id_ in two]
    assert 0 < len(common) < 10
    assert in_both(at, "neighbours") == common
    assert sorted(in_both(at, "neighbours_there")) == sorted(common)
    first = next(rank for rank, (a, b) in enumerate(zip(one, two, strict=True), start=1) if a != b)
    assert any(
        f"{len(common)} of 10 " in each.value and each.value.endswith(f"rank {first}.**") for each in at.markdown
    )
    marked = next(card for card in cards(at, "neighbours") if card["id"] == common[0])
    assert marked["lines"][0] == f"there rank {two.index(common[0]) + 1}"


def test_the_other_run_is_opened_with_the_same_query(open_app: OpenApp, folder: Path) -> None:
    """By its id there, this run beside it; what is chosen stays in the address and opens the same view."""
    id_ = sk.Index.open(folder / "trained").ids[7]
    at = compared(linked(open_app(folder / "trained", SEARCH), id_))
    (link,) = at.get("page_link")
    asked = parse_qs(link.proto.query_string)
    assert {key: asked[key] for key in ("run", "with", "id")} == {
        "run": ["given *x*"],
        "with": ["trained"],
        "id": [f"other/{id_}"],
    }
    again = open_app(folder / "trained", SEARCH)
    for key, (value,) in asked.items():
        again.query_params[key] = value
    again = healthy(again.run())
    assert cards(again, "query_card")[0]["lines"] == [f"other/{id_}"]
    assert again.selectbox(key="with").value == "trained"
    assert [card["lines"][-1] for card in cards(again, "neighbours")] == [
        card["lines"][-1] for card in cards(at, "neighbours_there")
    ]


def test_what_the_other_run_cannot_answer_is_said(open_app: OpenApp, folder: Path) -> None:
    """An image that it does not hold, and an upload where it holds vectors only; this run answers all the same."""
    index = sk.Index.open(folder / "trained")
    at = compared(linked(open_app(folder / "trained", SEARCH), index.ids[250]))
    assert ["does not hold this image" in info.value for info in at.info] == [True]
    assert shown(at, "neighbours")
    assert not shown(at, "neighbours_there")
    at.file_uploader(key="upload").set_value([("own.png", png_of(folder / "trained", index.ids[7]), "image/png")]).run()
    assert ["no encoder" in info.value for info in healthy(at).info] == [True]
    assert len(cards(at, "neighbours")) == 10


def test_an_upload_is_compared_by_both_encoders(
    open_app: OpenApp, artefact: Path, unlabelled: Path, tmp_path: Path
) -> None:
    """Both runs embed it themselves."""
    for name, source in (("one", artefact), ("two", unlabelled)):
        shutil.copytree(source, tmp_path / name)
    id_ = sk.Index.open(artefact).ids[7]
    at = open_app(tmp_path / "one", SEARCH)
    at.file_uploader(key="upload").set_value([("own.png", png_of(artefact, id_), "image/png")]).run()
    at = compared(at, "two")
    for name, key in (("one", "neighbours"), ("two", "neighbours_there")):
        index = sk.Index.open(tmp_path / name)
        hits = index.search(png_of(artefact, id_), 10, exclude_self=True)
        assert isinstance(hits, sk.SearchResult)
        assert [card["id"] for card in cards(at, key)] == [hit.id for hit in hits]


def test_a_run_of_vectors_shows_the_pictures_of_this_one(open_app: OpenApp, folder: Path) -> None:
    """No grey squares; where this run is of vectors as well, words stand in their place."""
    index = sk.Index.open(folder / "trained")
    at = compared(linked(open_app(folder / "trained", SEARCH), index.ids[7]))
    for card in cards(at, "neighbours_there"):
        assert [each["image"] for each in card["pictures"]] == [data_uri(index.thumbnail(card["id"]))]
    assert sum("vectors only" in each.value for each in at.markdown) == 1
    given = sk.Index.open(folder / "given *x*")
    sha256 = [str(given.row(id_)["sha256"]) for id_ in given.ids]
    sk.index_vectors(given.vectors()[::, ::-1].copy(), given.ids, folder / "more", sha256=sha256)
    at = compared(linked(open_app(folder / "given *x*", SEARCH), given.ids[7]), "more")
    assert [card["pictures"] for card in cards(at, "neighbours_there")] == [[]] * 10
    assert all(card["lines"][-1] == "no picture" for card in cards(at, "neighbours_there"))


def test_an_unknown_run_in_the_address_is_one_line(open_app: OpenApp, folder: Path) -> None:
    """And so is the run itself; without other runs there is no choice."""
    at = open_app(folder / "trained", SEARCH)
    at.query_params["with"] = "../given"
    at = linked(at, sk.Index.open(folder / "trained").ids[7])
    assert sum("../given" in warning.value for warning in at.warning) == 1
    assert shown(at, "neighbours")
    assert not shown(at, "neighbours_there")
    shutil.rmtree(folder / "given *x*")
    assert not any(box.key == "with" for box in healthy(at.run()).selectbox)


def test_another_run_can_be_chosen_where_the_address_names_none(open_app: OpenApp, folder: Path) -> None:
    """The choice counts, and takes the unknown name's place in the address."""
    at = open_app(folder / "trained", SEARCH)
    at.query_params["with"] = "gone"
    at = linked(at, sk.Index.open(folder / "trained").ids[7])
    at = compared(at)
    assert shown(at, "neighbours_there")
    assert not any("gone" in warning.value for warning in at.warning)
    assert at.query_params["with"] in ("given *x*", ["given *x*"])
