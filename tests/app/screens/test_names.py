"""Class names, copies and wrong labels on the screens of *Same or different?*, in Streamlit's test harness."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.indexer.storage.database import open_database
from tests.app.conftest import OpenApp
from tests.app.labeling import groups, label_pairs, pair_shown, press
from tests.app.pages import healthy, library
from tests.app.screens.test_groups import answer, plain, screen_shown
from tests.indexer.helpers import FakeEncoder, save_encoder

__all__ = ["plain"]  # the fixture


def drawn(at: AppTest) -> dict[str, Any]:
    """What the custom element was given."""
    found: dict[str, Any] = json.loads(at.get_by_key("screen").proto.json)
    return found


def names(folder: Path) -> dict[str, str]:
    """The names that hold, by content hash."""
    return sk.read_naming(folder).name


def near_copies_at(folder: Path) -> Path:
    """Eleven coarse pictures, one screen,, of which the second is a paler copy of the first."""
    random = np.random.default_rng(0)
    pixels = np.kron(random.integers(0, 256, (11, 4, 4, 3), dtype=np.uint8), np.ones((1, 8, 8, 1), dtype=np.uint8))
    pixels[1] = (pixels[0] * 0.95).astype(np.uint8)
    save_encoder(FakeEncoder(), folder)
    corpus = sk.Corpus.from_arrays(list(pixels), [("Bag", "Coat")[i % 2] for i in range(11)], name="kinds")
    sk.build_index(corpus, FakeEncoder(), folder)
    return folder


@pytest.mark.usefixtures("plain")
def test_a_name_is_given_to_the_anchor_and_to_what_is_the_same(open_app: OpenApp, folder: Path) -> None:
    """As class labels by the visitor; groups of one name are one class, which `adapt` is told; undo takes the name back with the screen."""
    index = sk.Index.open(folder)
    at = groups(open_app(folder))
    at.text_input(key="labeling_annotator").set_value("Ana").run()
    (first,) = sk.acquire_screens(index, 1)
    answer(at, 2, 10, name="  running   shoe ")
    (second,) = sk.acquire_screens(index, 1)
    shoes = {first.anchor.sha256, first.images[1].sha256, first.images[9].sha256}
    bridge = 1 + next(place for place, image in enumerate(second.images) if image.sha256 in shoes)
    answer(at, 3, bridge, name="running shoe")
    shoes_too = {second.anchor.sha256, second.images[2].sha256}
    assert names(folder) == dict.fromkeys(shoes | shoes_too, "running shoe")
    assert {given.who for given in sk.LabelTable(folder).all()} == {"Ana"}
    assert shoes | shoes_too in sk.link_constraints(sk.current_answers(folder).values()).must_link_groups
    assert drawn_names(at) == ["running shoe"]
    press(at, "Undo")
    assert names(folder) == dict.fromkeys(shoes, "running shoe")
    assert at.text_input(key=f"name {screen_shown(at)}").value == "running shoe"
    assert (screen_shown(at), at.multiselect[0].value) == (second.id, [3, bridge])


def drawn_names(at: AppTest) -> list[str]:
    """The names that the panel of the stand-in was offered."""
    found: list[str] = at.session_state["offered"]
    return found


@pytest.mark.usefixtures("plain")
def test_undo_brings_an_earlier_name_back(open_app: OpenApp, folder: Path) -> None:
    """What the same person had called an image before holds again; what was named anew since stays."""
    at = groups(open_app(folder))
    at.text_input(key="labeling_annotator").set_value("Ana").run()
    (screen,) = sk.acquire_screens(sk.Index.open(folder), 1)
    table, when = sk.LabelTable(folder), "2026-01-01T00:00:00+00:00"
    table.add([sk.GivenLabel(screen.anchor.sha256, "boot", "Ana", when)])
    answer(at, 1, 2, name="shoe")
    table.add([sk.GivenLabel(screen.images[1].sha256, "sandal", "Ana")])
    press(at, "Undo")
    assert names(folder) == {screen.anchor.sha256: "boot", screen.images[1].sha256: "sandal"}


@pytest.mark.usefixtures("plain")
def test_names_of_an_answer_that_failed_are_not_stored_twice(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next press stores the same names once and other ones in their place; skipping takes them back, and undo all of them."""

    def full(self: sk.VerdictTable, verdicts: object) -> None:
        raise sk.ArtefactError("cannot write verdicts", hint="free some space")

    def failing(*same: int, name: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(sk.VerdictTable, "add", full)
            screen = screen_shown(at)
            at.multiselect(key=f"same {screen}").set_value(list(same))
            at.text_input(key=f"name {screen}").set_value(name)
            at.button(key=screen).click().run()
            assert [error.value for error in at.error] == ["cannot write verdicts\n\nfree some space"]

    at = groups(open_app(folder))
    (screen,) = sk.acquire_screens(sk.Index.open(folder), 1)

    def rows() -> int:
        return int(open_database(folder).open_table("labels").count_rows())

    failing(1, 2, name="shoe")
    answer(at, 1, 2, name="shoe")
    shoes = {screen.anchor.sha256, screen.images[0].sha256, screen.images[1].sha256}
    assert (names(folder), rows()) == (dict.fromkeys(shoes, "shoe"), 3)
    press(at, "Undo")
    assert names(folder) == {}
    failing(1, 2, name="shoe")
    answer(at, 1, name="boot")
    assert names(folder) == dict.fromkeys({screen.anchor.sha256, screen.images[0].sha256}, "boot")
    assert sk.read_naming(folder).conflicts == ()
    held = names(folder)
    failing(3, name="hat")
    assert names(folder) != held
    press(at, "Skip")
    assert names(folder) == held


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("ahead", ["labels", "verdicts"])
def test_undo_finds_the_name_after_the_clock_went_back(open_app: OpenApp, folder: Path, ahead: str) -> None:
    """Whichever table holds an answer that is yet to come, the name and the answers beside it share one later moment."""
    future = "2999-01-01T00:00:00+00:00"
    if ahead == "labels":
        sk.LabelTable(folder).add([sk.GivenLabel("0" * 64, "old", "Ben", future)])
    else:
        sk.VerdictTable(folder).add([sk.Verdict("0" * 64, "1" * 64, "same", "Ben", future)])
    at = groups(open_app(folder))
    before = names(folder)
    (screen,) = sk.acquire_screens(sk.Index.open(folder), 1)
    answer(at, 1, 2, name="shoe")
    assert {v.when for v in sk.VerdictTable(folder).all() if v.screen == screen.id} == {
        each.when for each in sk.LabelTable(folder).all() if each.label == "shoe"
    }
    press(at, "Undo")
    assert names(folder) == before
    assert at.text_input(key=f"name {screen_shown(at)}").value == "shoe"


def test_names_of_the_corpus_are_offered_only_where_labels_are_seen(open_app: OpenApp, folder: Path) -> None:
    """People's own names always."""
    sk.LabelTable(folder).add([sk.GivenLabel("0" * 64, "shoe", "Ben")])
    at = groups(open_app(folder))
    assert (drawn(at)["names"], drawn(at)["has_labels"]) == (["shoe"], False)
    at.toggle(key="labeling_show_labels").set_value(True).run()
    assert (drawn(at)["names"], drawn(at)["has_labels"]) == ([*"0123456789", "shoe"], True)


@pytest.mark.usefixtures("plain")
def test_what_names_say_is_not_asked_again(open_app: OpenApp, folder: Path) -> None:
    """Neither by `acquire_pairs` nor on the page, on which they count as known, and are no verdicts that could be taken back."""
    index = sk.Index.open(folder)
    at = label_pairs(open_app(folder))
    asked = pair_shown(at)
    labels = dict(zip(index.rows.column("sha256"), index.labels or [], strict=True))
    sk.LabelTable(folder).add([sk.GivenLabel(sha, labels[sha] or "", "Ben") for sha in asked])
    assert asked not in {each.pair for each in sk.acquire_pairs(index, 10_000)}
    assert pair_shown(healthy(at.run())) != asked
    rest = [sha for sha in labels if sha not in asked]
    sk.LabelTable(folder).add([sk.GivenLabel(sha, labels[sha] or "", "Ben") for sha in rest])
    assert len(sk.acquire_pairs(index, 10_000)) == 0
    assert [info.value for info in healthy(at.run()).info] == ["No pair is left to label here."]
    assert any("Enough answers to measure" in caption.value for caption in at.caption)
    at = groups(open_app(folder))
    (bar,) = at.get("progress")
    assert bar.proto.text.startswith("0 pairs answered")
    assert bar.proto.text.endswith(" 0 images not seen yet")
    assert [info.value for info in at.info] == ["Nothing is left to label here."]


@pytest.mark.usefixtures("plain")
def test_an_answer_that_conflicts_with_names_is_told_and_not_asked_again(open_app: OpenApp, folder: Path) -> None:
    """Neither is used, but a second asking would not settle it."""
    at = label_pairs(open_app(folder))
    asked = pair_shown(at)
    sk.LabelTable(folder).add([sk.GivenLabel(sha, "shoe", "Ben") for sha in asked])
    sk.VerdictTable(folder).add([sk.Verdict(*asked, "different", "Ana")])
    assert sk.current_answers(folder) == {}
    assert pair_shown(healthy(at.run())) != asked
    at = groups(at)
    at.session_state["labeling_mode"] = "Groups"
    healthy(at.run())
    assert ["1 conflict between names" in warning.value for warning in at.warning] == [True]


@pytest.mark.usefixtures("plain")
def test_a_copy_and_a_wrong_label_are_kept_beside_the_answers(open_app: OpenApp, folder: Path) -> None:
    """`duplicate` is the answer on that pair; `wrong_label` is about the image, takes no answer's place, and *Label errors* knows it."""
    index, at = sk.Index.open(folder), groups(open_app(folder))
    (screen,) = sk.acquire_screens(index, 1)
    answer(at, 1, duplicate=[4], wrong_label=[1, 2])
    current = sk.VerdictTable(folder).current()
    said = [current[pair].verdict for pair in screen.pairs]
    assert said == ["same", "different", "different", "duplicate", *["different"] * 6]
    wrong = [verdict for verdict in current.values() if verdict.verdict == "wrong_label"]
    assert {each.anchor_sha256 for each in wrong} == {image.sha256 for image in screen.images[:2]}
    assert len(wrong) == 2
    found = sk.link_constraints(current.values())
    assert (len(found.must_link), len(found.cannot_link)) == (2, 8)
    assert found.wrong_labels == {image.sha256 for image in screen.images[:2]}
    press(at, "Undo")
    assert sk.VerdictTable(folder).current() == {}
    assert [field.value for field in at.multiselect] == [[1, 4], [4], [1, 2]]


@pytest.mark.usefixtures("plain")
def test_wrong_labels_do_not_take_each_others_place(open_app: OpenApp, tmp_path: Path) -> None:
    """Two of them that stand side by side would be one pair, of which the later verdict holds."""
    folder = near_copies_at(tmp_path / "artefact")
    at = groups(open_app(folder))
    answer(at, wrong_label=range(1, 11))
    given = sk.VerdictTable(folder).current().values()
    assert len({verdict.anchor_sha256 for verdict in given if verdict.verdict == "wrong_label"}) == 10
    assert sum(verdict.verdict == "different" for verdict in given) == 10


def test_near_copies_are_marked_and_doubts_only_where_labels_are_seen(
    open_app: OpenApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words on the pictures; the list of label issues is not made for this."""
    folder = near_copies_at(tmp_path / "artefact")
    index = sk.Index.open(folder)
    assert sk.near_copies(index, index.ids) == [(index.ids[0], index.ids[1])]
    assert sk.near_copies(index, index.ids[1:]) == []
    at = groups(open_app(folder))
    (screen,) = sk.acquire_screens(index, 1)
    ids = [screen.anchor.id, *(image.id for image in screen.images)]
    first, second = sorted(map(ids.index, index.ids[:2]))
    expected = f"near copy of {first or 'the anchor'}"
    assert words(at)[second - 1] == [expected]
    near = [*words(at), [badge["text"] for badge in drawn(at)["anchor"]["badges"]]]
    assert sum(map(len, near)) == 2, "on both, the anchor included"
    opened = library(folder)
    assert opened.doubted() == frozenset()
    assert "labels" not in opened._lists
    monkeypatch.setattr(opened, "doubted", lambda: frozenset(index.ids))
    assert not any("label in doubt" in badges for badges in words(healthy(at.run())))
    at.toggle(key="labeling_show_labels").set_value(True).run()
    assert all("label in doubt" in badges for badges in words(at))


def words(at: AppTest) -> list[list[str]]:
    """The badges of each image of the screen."""
    return [[badge["text"] for badge in card["badges"]] for card in drawn(at)["cards"]]
