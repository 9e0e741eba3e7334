"""The page *Runs*: the runs of the folder in a table and beside each other."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.widgets.runs import listing
from samekind.core.text import percent
from tests.app.conftest import OpenApp
from tests.app.pages import RUNS, cards, healthy, shown

Open = OpenApp


@pytest.fixture
def folder(artefact: Path, tmp_path: Path) -> Path:
    """Two runs: the trained one, and an index of its images by given vectors, which nobody trained here."""
    shutil.copytree(artefact, tmp_path / "trained")
    index = sk.Index.open(artefact)
    turned, ids = index.vectors()[:200, ::-1].copy(), index.ids[:200]
    sha256, splits = [str(index.row(id_)["sha256"]) for id_ in ids], index.splits[:200]
    sk.index_vectors(
        turned, ids, tmp_path / "given *x*", labels=(index.labels or [])[:200], splits=splits, sha256=sha256
    )
    return tmp_path


def opened(open_app: Open, path: Path, part: str = "All runs") -> AppTest:
    """The page at one of its parts."""
    at = healthy(open_app(path).switch_page(RUNS).run())
    if part != "All runs":
        at.segmented_control(key="runs_part").set_value(part).run()
    return healthy(at)


def test_the_table_holds_every_run_of_the_folder(open_app: Open, folder: Path) -> None:
    """The run that is shown comes first and is marked; what was not trained here says so."""
    table = opened(open_app, folder / "trained").dataframe[0].value
    assert list(table["Run"]) == ["trained  (shown)", "given *x*"]
    assert list(table["State"]) == ["✓ done", "✓ done"]
    assert list(table["Objective"]) == ["hard", "not trained here"]
    measured = json.loads((folder / "trained" / "meta.json").read_text())["training"]["knn_accuracy"]
    assert table["k-NN"][0] == f"{100 * measured:.1f} %"


def test_another_run_is_a_link(open_app: OpenApp, folder: Path) -> None:
    """By its name in the address."""
    at = opened(open_app, folder / "trained")
    (link,) = at.get("page_link")
    assert parse_qs(link.proto.query_string) == {"run": ["given *x*"]}


def test_one_run_alone_cannot_be_compared(open_app: Open, artefact: Path, tmp_path: Path) -> None:
    """It says so, instead of an empty choice."""
    shutil.copytree(artefact, tmp_path / "only")
    at = opened(open_app, tmp_path / "only", "Compare")
    assert any("one run here" in info.value for info in at.info)


def test_a_query_is_answered_by_both_runs(open_app: Open, folder: Path) -> None:
    """Each run's neighbours are its own: those that its index finds for this image."""
    at = opened(open_app, folder / "trained", "Compare")
    at.text_input(key="runs_query_text").set_value(sk.Index.open(folder / "given *x*").ids[7]).run()
    (query,) = cards(healthy(at), "runs_query_card")
    for name in ("trained", "given *x*"):
        hits = [hit.id for hit in sk.Index.open(folder / name).search_id(query["id"] or query["lines"][0], 7).hits][1:]
        assert [card["id"] for card in cards(at, f"runs_neighbours_{name}")] == hits[:6], name
        assert not any(card["action"] or card["acts"] for card in cards(at, f"runs_neighbours_{name}")), (
            "another run's search"
        )
    assert cards(at, "runs_neighbours_given *x*")[0]["pictures"], "of this run, as the other one holds vectors only"
    assert ["vectors only" in caption.value for caption in at.caption].count(True) == 1


def test_the_same_id_may_be_another_image(open_app: Open, folder: Path) -> None:
    """Neighbours are asked for by content, so that two runs of unlike images are not compared by accident."""
    given = sk.Index.open(folder / "given *x*")
    rows = [str(given.row(id_)["sha256"]) for id_ in given.ids]
    vectors, splits, labels = given.vectors().copy(), given.splits, given.labels
    shutil.rmtree(folder / "given *x*")
    sk.index_vectors(vectors[::-1], given.ids, folder / "given *x*", labels=labels, splits=splits, sha256=rows[::-1])
    id_ = given.ids[7]
    at = opened(open_app, folder / "trained", "Compare")
    at.text_input(key="runs_query_text").set_value(id_).run()
    there = given.ids[len(rows) - 1 - 7]
    hits = [hit.id for hit in sk.Index.open(folder / "given *x*").search_id(there, 7).hits][1:]
    assert [card["id"] for card in cards(healthy(at), "runs_neighbours_given *x*")] == hits[:6]


def test_an_image_that_a_run_does_not_hold_is_said(open_app: Open, folder: Path) -> None:
    """And the other run still answers."""
    at = opened(open_app, folder / "trained", "Compare")
    at.text_input(key="runs_query_text").set_value(sk.Index.open(folder / "trained").ids[250]).run()
    assert "It does not hold this image." in [caption.value for caption in healthy(at).caption]
    assert shown(at, "runs_neighbours_trained")


def test_a_damaged_run_is_listed_and_cannot_be_searched(open_app: Open, folder: Path) -> None:
    """One line in its column; the page stands."""
    (folder / "given *x*" / "manifest.json").write_text("{")
    (folder / "given *x*" / "meta.json").write_text("[]")
    at = opened(open_app, folder / "trained", "Compare")
    assert any(caption.value.startswith("It cannot be searched") for caption in at.caption)
    assert shown(at, "runs_neighbours_trained")


def test_views_of_any_image_under_every_policy(open_app: Open, folder: Path) -> None:
    """Six of each; those without a change are the image itself, and another draw gives others."""
    at = opened(open_app, folder / "trained", "Augmented views")
    at.text_input(key="runs_views_text").set_value("test/00003").run()
    assert cards(healthy(at), "runs_views_card")[0]["lines"] == ["test/00003"]
    first = drawn(at)
    assert {name: len(views) for name, views in first.items()} == dict.fromkeys(("none", "light", "medium", "heavy"), 6)
    assert len(set(first["none"])) == 1
    assert len(set(first["heavy"])) == 6
    assert any("policy heavy" in caption.value for caption in at.caption)
    again = drawn(at.button(key="runs_views_again").click().run())
    assert again["none"] == first["none"]
    assert not {*again["heavy"]} & {*first["heavy"]}


def test_an_index_of_vectors_has_no_views(open_app: Open, folder: Path) -> None:
    """There is no picture; a sentence says so."""
    at = opened(open_app, folder / "given *x*", "Augmented views")
    assert any("no picture" in info.value for info in at.info)


def drawn(at: AppTest) -> dict[str, list[str]]:
    """The views' pictures by policy."""
    (rows,) = (each.proto.body for each in healthy(at).get("html") if "<img" in each.proto.body)
    found: dict[str, list[str]] = {}
    for source, alt in re.findall(r'<img src="([^"]+)" alt="(\w+) \d+"', rows):
        found.setdefault(alt, []).append(source)
    return found


def test_a_run_without_figures_is_measured_at_the_press_of_a_button(open_app: Open, folder: Path) -> None:
    """Its k-NN is that of `evaluate` then, for whoever opens the page; a run that has one offers no button."""
    at = opened(open_app, folder / "given *x*")
    row = list(at.dataframe[0].value["Run"]).index("given *x*  (shown)")
    assert at.dataframe[0].value["k-NN"][row] == "–"
    healthy(at.button(key=listing.MEASURE).click().run())
    measured = sk.evaluate(folder / "given *x*").knn_accuracy
    assert at.dataframe[0].value["k-NN"][row] == percent(measured)
    assert not any(button.key == listing.MEASURE for button in at.button)
    assert not any(button.key == listing.MEASURE for button in opened(open_app, folder / "trained").button)
