"""The page *Clean up* beside what was answered before: nothing of it is lost, and undo brings it back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.app.screens import curation
from samekind.app.state.labeling import cleaning_session
from samekind.app.state.library import Library
from samekind.app.view_models.clean_up import threshold
from tests.app.conftest import OpenApp
from tests.app.screens.test_clean_up import names
from tests.app.screens.test_curation import build, opened, verdicts
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder

COPIES = (11, 41, 44)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two wrong labels, an exact and a near copy; not to be changed."""
    return build(tmp_path_factory.mktemp("undo") / "kinds")


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Three near copies of one label."""
    pixels = kinds()
    for row, light in zip(COPIES[1:], (0.95, 0.9), strict=True):
        pixels[row] = (pixels[COPIES[0]] * light).astype(np.uint8)
    save_encoder(FakeEncoder(), tmp_path / "copies")
    labels = [("Bag", "Coat", "Shirt")[i % 3] for i in range(60)]
    sk.build_index(sk.Corpus.from_arrays(list(pixels), labels, name="kinds"), FakeEncoder(), tmp_path / "copies")
    return tmp_path / "copies"


def hashes(path: Path, *ids: str) -> list[str]:
    """Content hashes of images."""
    index = sk.Index.open(path)
    return [index.row(id_)["sha256"] for id_ in ids]


def said_wrong(path: Path) -> list[sk.Verdict]:
    """What holds of labels that are wrong."""
    return [each for each in sk.VerdictTable(path).current().values() if each.verdict == "wrong_label"]


def test_of_a_group_every_pair_is_answered_and_a_wrong_label_stays(copies: Path) -> None:
    """The nearest image that a wrong label could move to is a copy, too, whose answer it must not take."""
    index = sk.Index.open(copies)
    ids = [index.ids[row] for row in COPIES]
    a, b, c = hashes(copies, *ids)
    pairs = [sk.Duplicate(ids[one], ids[two], "near", 0.99, 0.99) for one, two in ((0, 1), (0, 2), (1, 2))]
    for beside in (b, c):
        said = sk.Verdict(a, beside, "wrong_label", who="ann", when="2026-11-20T10:00:00+00:00")
        sk.VerdictTable(copies).add([said])
        cleaning_session.answer_pairs(Library(index), pairs, "duplicate")
        current = sk.VerdictTable(copies).current()
        assert [verdict.verdict for pair, verdict in current.items() if {*pair} <= {a, b, c}] == ["duplicate"] * 3
        (moved,) = said_wrong(copies)
        assert (moved.anchor_sha256, moved.who, moved.when) == (a, said.who, said.when)
        shutil.rmtree(copies / "db")


def test_a_wrong_label_moves_nowhere_where_a_later_answer_was_taken_back(
    open_app: OpenApp, listed: Path, tmp_path: Path
) -> None:
    """It keeps its time, and would be older than what was taken back: so it would not hold."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    index = sk.Index.open(copy)
    a, b = hashes(copy, index.ids[11], index.ids[41])
    near = hashes(copy, *(hit.id for hit in index.search_id(index.ids[41], 12) if hit.id != index.ids[41]))
    table = sk.VerdictTable(copy)
    said = sk.Verdict(b, a, "wrong_label", who="ann", when="2026-11-20T10:00:00+00:00")
    gone = [sk.Verdict(b, other, "withdrawn", when="2026-11-21T10:00:00+00:00") for other in near if other != a][:5]
    table.add([said, *gone])
    at = opened(open_app, copy, curation.DUPLICATES)
    at.button(key=f"duplicate {index.ids[11]} {index.ids[41]}").click().run()
    (moved,) = said_wrong(copy)
    assert moved.anchor_sha256 == b
    assert moved.negative_sha256 not in {each.negative_sha256 for each in gone}


def test_a_name_that_was_there_before_holds_again_after_undo(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """The same person named the image before; that of another person is never touched."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, _ = sk.Index.open(copy).label_issues().issues
    (own,) = hashes(copy, first.id)
    at = opened(open_app, copy)
    at.session_state["labeling_annotator"] = "ann"
    before = [sk.GivenLabel(own, "Boot", "ann", "2026-11-20T10:00:00+00:00")]
    sk.LabelTable(copy).add([*before, sk.GivenLabel(own, "Shoe", "bob", "2026-11-20T10:00:00+00:00")])
    at.run()
    at.button(key=f"suggested {first.id}").click().run()
    assert names(copy) == {first.id: f"{first.suggested} / Shoe"}
    at.button(key=f"undo {first.id}").click().run()
    assert names(copy) == {first.id: "Boot / Shoe"}


def test_of_many_at_once_one_name_alone_is_taken_back(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """All names of the press have one moment."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, other = sk.Index.open(copy).label_issues().issues
    at = opened(open_app, copy)
    at.slider(key="threshold labels").set_value(threshold.ends([first.score, other.score])[0]).run()
    at.button(key="batch labels").click().run()
    at.button(key=f"undo {first.id}").click().run()
    assert names(copy) == {other.id: other.suggested}


def test_answers_about_all_shown_neighbours_are_kept(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """As after a screen about the image: that its label is wrong is told beside one farther away."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, _ = sk.Index.open(copy).label_issues().issues
    own, *near = hashes(copy, first.id, *first.neighbours)
    before = [sk.Verdict(own, other, "same") for other in dict.fromkeys(near)]
    sk.VerdictTable(copy).add(before)
    at = opened(open_app, copy)
    at.button(key=f"suggested {first.id}").click().run()
    assert len(said_wrong(copy)) == 1
    at.button(key=f"undo {first.id}").click().run()
    assert sk.VerdictTable(copy).current() == {each.pair: each for each in before}


def test_undo_of_one_label_leaves_the_answer_about_its_copy(open_app: OpenApp, copies: Path) -> None:
    """Both may be wrong; each is taken back by itself."""
    index = sk.Index.open(copies)
    library = Library(index)
    own, copy, beside = hashes(copies, index.ids[11], index.ids[41], index.ids[0])
    sk.VerdictTable(copies).add([sk.Verdict(own, beside, "wrong_label"), sk.Verdict(copy, beside, "wrong_label")])
    issue = sk.LabelIssue(
        index.ids[11], "Shirt", "Bag", "near_copy", 0.9, 0.1, 0.9, (index.ids[41],), (index.ids[0],), confirmed=True
    )
    cleaning_session.take_back(library, issue)
    assert [each.anchor_sha256 for each in said_wrong(copies)] == [copy]
    cleaning_session.take_back(library, issue)
    assert said_wrong(copies) == []


def test_a_second_press_for_many_adds_nothing(listed: Path, tmp_path: Path) -> None:
    """Nor is anything added where somebody has answered since the page was drawn."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    library = Library(sk.Index.open(copy))
    first, other = library.index.label_issues().issues
    (own,) = hashes(copy, other.id)
    sk.VerdictTable(copy).add([sk.Verdict(own, own, "right_label")])
    for _ in range(2):
        cleaning_session.pick_suggested(library, [first, other], "suspicion 0.5")
    assert verdicts(copy)[1:] == [(first.id, first.neighbours[0], "wrong_label")]
    assert names(copy) == {first.id: first.suggested}
