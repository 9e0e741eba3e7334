"""Copies with different labels: a flower set in which one picture is filed under two classes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from samekind.indexer.curation import label_conflicts
from samekind.indexer.index import Index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.indexer.curation.builds import build, right
from tests.indexer.helpers import kinds, pictures


@pytest.fixture(scope="module")
def conflicting(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A flower set: 2 and 9 are one file, filed under two classes, 31 is a darker copy of 21 under another label. 4 has a wrong label.

    12 is a copy of 3 with its label, 27 a darker one of 6 with its label, 17 one of 8 without any: no conflicts. Not to be changed.
    """
    pixels, labels = pictures(60, seed=5), right()
    pixels[:] = kinds()
    pixels[[2, 21]] = pictures(2, seed=8)  # pictures like no other, of which the other images know nothing
    pixels[9], pixels[31] = pixels[2], (pixels[21] * 0.95).astype(np.uint8)
    pixels[12], pixels[17], labels[17] = pixels[3], pixels[8], None
    pixels[27] = (pixels[6] * 0.95).astype(np.uint8)
    labels[4] = "Shirt"
    return build(tmp_path_factory.mktemp("conflicts"), pixels, labels)


def test_copies_with_different_labels_come_first(conflicting: Index) -> None:
    """Files of equal content, then near copies, those of one picture together, above every suspicion."""
    found, ids = conflicting.label_issues(), conflicting.ids
    assert [issue.reason for issue in found.issues[:5]] == ["exact_copy"] * 2 + ["near_copy"] * 2 + ["embedding"]
    first, second, third, fourth, fifth = found.issues[:5]
    assert {first.id, second.id} == {ids[2], ids[9]}
    assert {third.id, fourth.id} == {ids[21], ids[31]}
    assert fifth.id == ids[4]
    assert (first.copies, second.copies, third.copies) == ((second.id,), (first.id,), (fourth.id,))
    assert (first.label, first.suggested) == (second.suggested, second.label)
    assert fifth.copies == ()
    assert first.neighbours
    assert not {first.id, second.id} & {*first.neighbours, *second.neighbours}, "the evidence is other pictures"
    assert (found.num_conflicts, found.num_issues) == (4, len(found.issues))
    assert not {ids[3], ids[12], ids[6], ids[27], ids[8], ids[17]} & {issue.id for issue in found.issues}
    assert [issue.id for issue in conflicting.label_issues(count=3).issues] == [first.id, second.id, third.id]


def test_of_many_copies_each_names_those_with_another_label(tmp_path: Path) -> None:
    """Of ten files of one content, nine filed as Bag, each Bag names the Coat and the Coat names eight; another picture is next."""
    pixels, labels = kinds(), right()
    pixels[20:30], labels[20:30] = pixels[20], ["Bag"] * 10
    labels[24] = "Coat"
    pixels[41] = pixels[40]
    found = build(tmp_path, pixels, labels).label_issues()
    ids = [f"train/{row:05d}" for row in range(60)]
    copies = {issue.id: issue.copies for issue in found.issues if issue.reason == "exact_copy"}
    bags = [row for row in range(20, 30) if row != 24]
    assert {ids.index(id_) for id_ in copies} == {*range(20, 30), 40, 41}
    assert {copies[ids[row]] for row in bags} == {(ids[24],)}
    assert copies[ids[24]] == tuple(ids[row] for row in bags[: label_conflicts.MOST_COPIES])
    assert {issue.id for issue in found.issues[10:12]} == {ids[40], ids[41]}
    assert len({issue.id for issue in found.issues}) == found.num_issues, (
        "what speaks against a copy otherwise lists it no second time"
    )


def test_a_near_copy_is_a_conflict_only_where_it_is_sure(conflicting: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the threshold of pixels, or of the cosine, the pair is none."""
    for name in ("SURE_SCORE", "SURE_SIMILARITY"):
        with monkeypatch.context() as patch:
            patch.setattr(label_conflicts, name, 1.01)
            assert conflicting.label_issues().num_conflicts == 2
    assert conflicting.label_issues().num_conflicts == 4


def test_answers_about_copies(conflicting: Index, tmp_path: Path) -> None:
    """Of two near copies one is wrong, so that the other is right; `different` dismisses both; equal files have no answer."""
    copy = Index.open(shutil.copytree(conflicting.path, tmp_path / "copy"))
    sha = dict(zip(copy.ids, copy.rows.column("sha256"), strict=True))
    a, b, exact = copy.ids[21], copy.ids[31], copy.ids[2]
    table = VerdictTable(copy.path)

    def said() -> dict[str, bool | None]:
        return {issue.id: issue.confirmed for issue in copy.label_issues().issues}

    table.add([Verdict(sha[a], sha[b], "wrong_label"), Verdict(sha[exact], sha[copy.ids[5]], "wrong_label")])
    assert (said()[a], said()[b], said()[exact]) == (True, False, None)
    table.add([Verdict(sha[b], sha[a], "wrong_label")])
    assert (said()[a], said()[b]) == (False, True)
    table.add([Verdict(sha[a], sha[b], "different")])
    assert (said()[a], said()[b]) == (False, False)


def test_a_copy_that_was_called_right_later_on_says_nothing_of_the_other(conflicting: Index, tmp_path: Path) -> None:
    """The later of wrong and right holds also where it is the copy's: not both of the two labels come out as right."""
    copy = Index.open(shutil.copytree(conflicting.path, tmp_path / "copy"))
    a, b = copy.ids[21], copy.ids[31]
    sha, table = dict(zip(copy.ids, copy.rows.column("sha256"), strict=True)), VerdictTable(copy.path)
    told = []
    for negative, verdict in ((sha[copy.ids[5]], "wrong_label"), (sha[b], "right_label")):
        table.add([Verdict(sha[b], negative, verdict)])
        said = {issue.id: issue.confirmed for issue in copy.label_issues().issues}
        told.append((said[a], said[b]))
    assert told == [(False, True), (None, False)]


def test_without_another_content_only_the_copies_speak(tmp_path: Path) -> None:
    """Of four copies under two labels each is a conflict; nothing is predicted, and nothing is divided by zero."""
    index = build(tmp_path, np.repeat(kinds(1), 4, axis=0), ["Bag", "Coat", "Bag", "Coat"])
    found = index.label_issues()
    assert [(issue.reason, issue.score) for issue in found.issues] == [("exact_copy", 0.0)] * 4
    assert {issue.id: issue.copies for issue in found.issues}[index.ids[0]] == (index.ids[1], index.ids[3])
