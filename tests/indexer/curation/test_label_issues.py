"""Label issues on labels that were made wrong on purpose."""

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
from samekind.indexer.curation import label_predictions as module
from samekind.indexer.index import Index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.indexer.curation.builds import build, right
from tests.indexer.helpers import kinds, pictures


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Images 4 and 30 have a wrong label, 7 none; 50 is an exact copy of 4 with the same wrong label. Not to be changed."""
    pixels, labels = kinds(), right()
    pixels[50] = pixels[4]
    labels[4] = labels[50] = "Shirt"
    labels[30], labels[7] = "Coat", None
    return build(tmp_path_factory.mktemp("suspects"), pixels, labels)


def test_scores_are_fine(index: Index) -> None:
    """Hardly two labels have one score, however sure the classifier is."""
    predictions = module.label_predictions(index, module.class_numbers(index), labelled(index))
    contents = {index.rows.column("sha256")[row] for row in predictions.row_J.tolist()}
    assert len(np.unique(predictions.score_J)) == len(contents)


def labelled(index: Index) -> NDArray[np.int64]:
    """The rows with a label."""
    return np.flatnonzero([label is not None for label in index.labels or []])


def test_the_evidence_is_nearest_of_the_suggested_class(index: Index) -> None:
    """As a loop over all images finds it: of that class, of another content, nearest first, at most eight."""
    vectors, labels, content = index.vectors().astype(np.float64), index.labels or [], index.rows.column("sha256")
    place = {id_: row for row, id_ in enumerate(index.ids)}
    for issue in index.label_issues().issues:
        own = place[issue.id]
        able = [r for r in range(60) if labels[r] == issue.suggested and content[r] != content[own]]
        able.sort(key=lambda row: (-float(vectors[row] @ vectors[own]), row))
        assert [place[id_] for id_ in issue.neighbours] == able[:8]
        own_class = [r for r in range(60) if labels[r] == issue.label and content[r] != content[own]]
        own_class.sort(key=lambda row: (-float(vectors[row] @ vectors[own]), row))
        assert [place[id_] for id_ in issue.label_neighbours] == own_class[:8]


def test_wrong_labels_come_first_with_the_right_one_suggested(index: Index) -> None:
    """Exactly the wrong labels are issues, that of the copy too; the evidence is of the suggested class."""
    found = index.label_issues()
    wrong = {index.ids[4]: "Coat", index.ids[50]: "Coat", index.ids[30]: "Bag"}
    assert {issue.id: issue.suggested for issue in found.issues} == wrong
    assert (found.num_issues, found.num_evaluated) == (3, 59)
    assert any("1 of 60 images have no label" in note for note in found.notes)
    label = dict(zip(index.ids, index.labels or [], strict=True))
    for issue in found.issues:
        assert issue.label == label[issue.id] != issue.suggested
        assert issue.score == pytest.approx(issue.suggested_share / (issue.suggested_share + issue.label_share))
        assert issue.score > 0.5
        assert issue.confirmed is None
        assert issue.neighbours
        assert {label[id_] for id_ in issue.neighbours} == {issue.suggested}
    scores = [issue.score for issue in found.issues]
    assert scores == sorted(scores, reverse=True)


def test_right_labels_are_no_issues(tmp_path: Path) -> None:
    """Where each group has its own label, there is no issue."""
    found = build(tmp_path, kinds(), right()).label_issues()
    assert (found.issues, found.num_issues, found.num_evaluated) == ((), 0, 60)


def test_predictions_that_seldom_agree_with_the_labels_are_told(tmp_path: Path) -> None:
    """On noise, where other images know nothing, a note says what share of the labels comes out; on clear kinds there is none."""
    noise = build(tmp_path / "noise", pictures(60), right())
    predictions = module.label_predictions(noise, module.class_numbers(noise), labelled(noise))
    predicted = [noise.classes[c] for c in predictions.share_JC.argmax(axis=1).tolist()]
    agree = sum(a == b for a, b in zip(noise.labels or [], predicted, strict=True)) / 60
    assert agree < 0.8
    assert any(f"only {100 * agree:.0f} % of all labels" in note for note in noise.label_issues().notes)
    assert noise.label_issues().agreement == noise.label_issues().to_dict()["label_agreement"] == pytest.approx(agree)
    assert build(tmp_path / "clear", kinds(), right()).label_issues().notes == ()


def test_the_list_is_capped_and_the_number_is_not(index: Index) -> None:
    """A count of 1 keeps the first of three, and says three."""
    found = index.label_issues(count=1)
    assert found.issues == index.label_issues().issues[:1]
    assert found.num_issues == 3


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


def test_of_wrong_and_right_the_later_holds(index: Index, tmp_path: Path) -> None:
    """Whoever said it; what is taken back leaves the other. An answer about another pair changes nothing."""
    copy = Index.open(shutil.copytree(index.path, tmp_path / "copy"))
    issue = next(each for each in copy.label_issues().issues if each.id == copy.ids[30])
    own, near = (copy.row(id_)["sha256"] for id_ in (issue.id, issue.neighbours[0]))
    table = VerdictTable(copy.path)
    told = []
    for minute, (negative, verdict) in enumerate(
        [(own, "right_label"), (near, "wrong_label"), (own, "right_label"), (own, "withdrawn")]
    ):
        table.add([Verdict(own, negative, verdict, when=f"2026-11-24T12:0{minute}:00+00:00")])
        told.append(next(each.confirmed for each in copy.label_issues().issues if each.id == issue.id))
    assert told == [False, True, False, True]
    assert [each.id for each in copy.label_issues().unanswered().issues] == [copy.ids[4], copy.ids[50]]


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
