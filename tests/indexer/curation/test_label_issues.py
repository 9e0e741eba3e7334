"""Label issues against a plain loop over all pairs, and on labels that were made wrong on purpose."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.indexer.curation import label_conflicts
from samekind.indexer.curation import label_votes as module
from samekind.indexer.curation.label_votes import label_votes
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.indexer.helpers import FakeEncoder, kinds, pictures, save_encoder

NAMES = ("Bag", "Coat", "Shirt")


def build(folder: Path, pixels: NDArray[np.uint8], labels: list[str | None] | None) -> Index:
    """An index of these pictures."""
    save_encoder(FakeEncoder(), folder)
    return build_index(Corpus.from_arrays(list(pixels), labels, name="kinds"), FakeEncoder(), folder)


def right() -> list[str | None]:
    """The labels as they should be."""
    return [NAMES[i % 3] for i in range(60)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Images 4 and 30 have a wrong label, 7 none; 50 is an exact copy of 4 with the same wrong label. Not to be changed."""
    pixels, labels = kinds(), right()
    pixels[50] = pixels[4]
    labels[4] = labels[50] = "Shirt"
    labels[30], labels[7] = "Coat", None
    return build(tmp_path_factory.mktemp("suspects"), pixels, labels)


def slow_votes(index: Index, row: int, voters: int) -> tuple[dict[str, float], list[int]]:
    """Shares of the votes on one image, class by class, and who voted, by a loop over all other images."""
    vectors, labels = index.vectors().astype(np.float64), index.labels or []
    content = index.rows.column("sha256")
    able = []
    for other in range(len(index)):
        similarity = float(vectors[other] @ vectors[row])
        if other == row or labels[other] is None or content[other] == content[row] or similarity >= module.COPY:
            continue
        able.append((-similarity, other))
    able = sorted(able)[:voters]
    total: dict[str, float] = dict.fromkeys(index.classes, 0.0)
    for negative, other in able:
        total[str(labels[other])] += np.exp((-negative + able[0][0]) / module.TEMPERATURE)
    weight = sum(total.values())
    return {name: value / weight for name, value in total.items()}, [other for _, other in able]


@pytest.mark.parametrize("voters", [1, 7, 100])
def test_votes_are_those_of_a_loop_over_all_pairs(index: Index, monkeypatch: pytest.MonkeyPatch, voters: int) -> None:
    """Shares and voters of every labelled image: neither itself, nor its copies, nor unlabelled images vote."""
    monkeypatch.setattr(module, "VOTERS", voters)
    monkeypatch.setattr(module, "_SPARE", 60)
    votes, notes = label_votes(index)
    assert votes.row_J.tolist() == [row for row in range(60) if row != 7]
    assert any("1 of 60 images have no label" in note for note in notes)
    for j, row in enumerate(votes.row_J.tolist()):
        shares, who = slow_votes(index, row, voters)
        np.testing.assert_allclose(votes.share_JC[j], list(shares.values()), atol=1e-4)
        assert [v for v in votes.voter_JK[j].tolist() if v >= 0] == who
        own = str((index.labels or [])[row])
        others = {name: share for name, share in shares.items() if name != own}
        assert votes.label_share_J[j] == pytest.approx(shares[own], abs=1e-4)
        assert votes.suggested_share_J[j] == pytest.approx(max(others.values()), abs=1e-4)
        expected = max(others.values()) / (max(others.values()) + shares[own] + module.SMOOTHING)
        assert votes.score_J[j] == pytest.approx(expected, abs=1e-3)


def test_wrong_labels_come_first_with_the_right_one_suggested(index: Index) -> None:
    """Exactly the wrong labels are issues, that of the copy too; the evidence is of the suggested class."""
    found = index.label_issues()
    wrong = {index.ids[4]: "Coat", index.ids[50]: "Coat", index.ids[30]: "Bag"}
    assert {issue.id: issue.suggested for issue in found.issues} == wrong
    assert (found.num_issues, found.num_evaluated) == (3, 59)
    label = dict(zip(index.ids, index.labels or [], strict=True))
    for issue in found.issues:
        assert issue.label == label[issue.id] != issue.suggested
        assert 0.5 < issue.score < 1
        assert issue.confirmed is None
        assert issue.neighbours
        assert {label[id_] for id_ in issue.neighbours} == {issue.suggested}
    scores = [issue.score for issue in found.issues]
    assert scores == sorted(scores, reverse=True)


def test_right_labels_are_no_issues(tmp_path: Path) -> None:
    """Where each group has its own label, there is no issue."""
    found = build(tmp_path, kinds(), right()).label_issues()
    assert (found.issues, found.num_issues, found.num_evaluated) == ((), 0, 60)


def test_votes_that_seldom_agree_with_the_labels_are_told(tmp_path: Path) -> None:
    """On noise, where neighbours know nothing, a note says what share of the labels they agree with; on clear kinds there is none."""
    noise = build(tmp_path / "noise", pictures(60), right())
    votes, _ = label_votes(noise)
    given = [(noise.labels or [])[row] for row in votes.row_J.tolist()]
    voted = [noise.classes[c] for c in votes.share_JC.argmax(axis=1).tolist()]
    agree = sum(a == b for a, b in zip(given, voted, strict=True)) / 60
    assert agree < 0.8
    assert any(f"only {100 * agree:.0f} % of all labels" in note for note in noise.label_issues().notes)
    assert build(tmp_path / "clear", kinds(), right()).label_issues().notes == ()


def test_the_list_is_capped_and_the_number_is_not(index: Index) -> None:
    """A count of 1 keeps the first of three, and says three."""
    found = index.label_issues(count=1)
    assert found.issues == index.label_issues().issues[:1]
    assert found.num_issues == 3


def test_suspicion_needs_the_confidence_of_the_suggested_class() -> None:
    """Votes for another class must reach what images of that class have on average for their own, and pass those for the given label."""
    share_JC = np.array([[0.9, 0.1], [0.3, 0.7], [0.45, 0.55], [0.1, 0.9], [0.55, 0.45]])
    given_J = np.array([0, 0, 0, 1, 1])
    votes = module.Votes(np.arange(5), given_J, share_JC, np.empty((5, 0), np.int64))
    # Mean self-confidence: class 0: (0.9 + 0.3 + 0.45) / 3 = 0.55, class 1: (0.9 + 0.45) / 2 = 0.675.
    assert votes.is_issue_J.tolist() == [False, True, False, False, True]
    assert votes.suggested_J.tolist() == [1, 1, 1, 0, 0]


def test_without_a_voter_only_the_copies_speak(tmp_path: Path) -> None:
    """Of four copies under two labels each is a conflict; the votes claim nothing, and nothing is divided by zero."""
    index = build(tmp_path, np.repeat(kinds(1), 4, axis=0), ["Bag", "Coat", "Bag", "Coat"])
    votes, _ = label_votes(index)
    assert not votes.share_JC.any()
    found = index.label_issues()
    assert [(issue.reason, issue.score) for issue in found.issues] == [("exact_copy", 0.0)] * 4
    assert {issue.id: issue.copies for issue in found.issues}[index.ids[0]] == (index.ids[1], index.ids[3])


@pytest.mark.parametrize(("labels", "words"), [(None, "no labels"), (["Bag"] * 60, "every label is 'Bag'")])
def test_labels_that_cannot_be_evaluated_are_one_line(
    tmp_path: Path, labels: list[str | None] | None, words: str
) -> None:
    """No labels, and one class only, are told."""
    index = build(tmp_path, kinds(), labels)
    with pytest.raises(InputError, match=words):
        index.label_issues()


@pytest.mark.parametrize("count", [0, -1, True, 2.5])
def test_a_wrong_count_is_refused(index: Index, count: int) -> None:
    """Only whole numbers from 1 on."""
    with pytest.raises(InputError, match="count must be"):
        index.label_issues(count=count)


def test_answers_stand_beside_the_issues(index: Index, tmp_path: Path) -> None:
    """`wrong_label` on an issue confirms it and its copy, `different` beside its evidence dismisses it, and taking that back asks anew."""
    copy = Index.open(shutil.copytree(index.path, tmp_path / "copy"))
    sha = dict(zip(copy.ids, copy.rows.column("sha256"), strict=True))
    issues = {issue.id: issue for issue in copy.label_issues().issues}
    first, other = copy.ids[4], copy.ids[30]
    beside = sha[issues[other].neighbours[0]]
    table = VerdictTable(copy.path)
    table.add([Verdict(sha[first], sha[issues[first].neighbours[0]], "wrong_label")])
    table.add([Verdict(sha[other], beside, "different")])
    said = {issue.id: issue.confirmed for issue in copy.label_issues().issues}
    assert said == {first: True, copy.ids[50]: True, other: False}
    table.add([Verdict(sha[other], beside, "withdrawn")])
    said = {issue.id: issue.confirmed for issue in copy.label_issues().issues}
    assert said[other] is None


@pytest.mark.parametrize(
    ("old", "current"), [("suspects", "issues"), ("num_suspects", "num_issues"), ("num_judged", "num_evaluated")]
)
def test_names_of_the_last_release_still_work(index: Index, old: str, current: str) -> None:
    """They give the same, with a warning that names what it is now."""
    found = index.label_issues(count=1)
    with pytest.warns(DeprecationWarning, match=f"LabelIssues.{current}$"):
        assert getattr(found, old) == getattr(found, current)


def test_the_table_as_csv(index: Index) -> None:
    """One line an issue, with the fields of `LabelIssue`."""
    found = index.label_issues()
    lines = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [(line["id"], line["label"], line["suggested"]) for line in lines] == [
        (issue.id, issue.label, issue.suggested) for issue in found.issues
    ]
    assert json.loads(lines[0]["neighbours"]) == list(found.issues[0].neighbours)
    assert lines[0]["confirmed"] == ""


@pytest.fixture(scope="module")
def conflicting(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A flower set: 2 and 9 are one file, filed under two classes, 31 is a darker copy of 21 under another label. 4 has a wrong label.

    12 is a copy of 3 with its label, 27 a darker one of 6 with its label, 17 one of 8 without any: no conflicts. Not to be changed.
    """
    pixels, labels = pictures(60, seed=5), right()
    pixels[:] = kinds()
    pixels[[2, 21]] = pictures(2, seed=8)  # pictures like no other, of which the neighbours know nothing
    pixels[9], pixels[31] = pixels[2], (pixels[21] * 0.95).astype(np.uint8)
    pixels[12], pixels[17], labels[17] = pixels[3], pixels[8], None
    pixels[27] = (pixels[6] * 0.95).astype(np.uint8)
    labels[4] = "Shirt"
    return build(tmp_path_factory.mktemp("conflicts"), pixels, labels)


def test_copies_with_different_labels_come_first(conflicting: Index) -> None:
    """Files of equal content, then near copies, those of one picture together, above every suspicion, however few neighbours agree."""
    found, ids = conflicting.label_issues(), conflicting.ids
    assert [issue.reason for issue in found.issues[:5]] == ["exact_copy"] * 2 + ["near_copy"] * 2 + ["embedding"]
    first, second, third, fourth, fifth = found.issues[:5]
    assert {first.id, second.id} == {ids[2], ids[9]}
    assert {third.id, fourth.id} == {ids[21], ids[31]}
    assert fifth.id == ids[4]
    assert (first.copies, second.copies, third.copies) == ((second.id,), (first.id,), (fourth.id,))
    assert (first.label, first.suggested) == (second.suggested, second.label)
    assert fifth.copies == ()
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
        "the votes against a copy list it no second time"
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
