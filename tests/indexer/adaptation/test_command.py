"""`samekind adapt`: from imported answers to another search, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

import samekind as sk
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.end_to_end.helpers import call, refused
from tests.indexer.adaptation.worlds import answers, precision, world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index that nobody has answered about."""
    return world(tmp_path / "w").path


def test_imported_answers_change_the_search_and_undo_brings_it_back(folder: Path, tmp_path: Path) -> None:
    """In the words of the command line, and as JSON."""
    giver = world(tmp_path / "giver")
    VerdictTable(giver.path).add(answers(giver))
    call("verdicts", "export", giver.path, tmp_path / "answers.csv")
    call("verdicts", "import", folder, tmp_path / "answers.csv")
    before = precision(sk.Index.open(folder))
    shown = call("adapt", folder)
    assert shown.code == 0
    assert shown.out.startswith("adapted (version 1): 107 answers, 6 groups of ")
    assert "samekind adapt --undo takes it back" in shown.out
    assert "held-out images are nearer to their own group than images of other kinds in" in shown.out
    assert precision(sk.Index.open(folder)) > before
    answer = call("adapt", folder, "--json").answer
    assert (answer["adapted"], answer["version"], answer["groups"]) == (True, 2, 6)
    assert answer["held_out"]["after"] > answer["held_out"]["before"]
    assert call("verify", folder).out.splitlines()[-1].split()[:2] == ["ok", "adaptation.safetensors"]
    assert (
        call("adapt", folder, "--undo").out
        == "taken back; searches use adaptation 1, with similarities of another scale\n"
    )
    assert call("adapt", folder, "--undo", "--json").answer == {"version": None}
    assert precision(sk.Index.open(folder)) == before


def test_without_answers_it_says_what_is_missing(folder: Path) -> None:
    """Exit code 0: nothing is wrong, and nothing has changed."""
    shown = call("adapt", folder)
    assert shown.code == 0
    assert shown.out.splitlines() == [
        "not adapted: 0 answers, 0 groups of 0 images",
        "nobody has answered yet: give answers under 'Same or different?' in samekind demo, or samekind verdicts import or labels import",
        "searches use the encoder's own space",
    ]


def test_what_cannot_be_adapted_is_refused_in_a_line(folder: Path, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    assert "does not exist" in refused("adapt", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no index" in refused("adapt", tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []
    assert "no adaptation to undo" in refused("adapt", folder, "--undo")


def test_a_search_can_leave_the_answers_out(folder: Path) -> None:
    """`--unadapted`, and the version in the JSON of a search."""
    index = sk.Index.open(folder)
    VerdictTable(folder).add(answers(index))
    index.adapt()
    query = index.ids[3]
    with_answers = call("search", folder, "--like", query, "--json").answer
    without = call("search", folder, "--like", query, "--unadapted", "--json").answer
    assert (with_answers["adaptation"], without["adaptation"]) == (1, None)
    assert [hit["id"] for hit in without["hits"]] == [hit.id for hit in index.search(query, adapted=False)]
    assert [hit["similarity"] for hit in with_answers["hits"]] != [hit["similarity"] for hit in without["hits"]]


def test_the_answers_that_are_left_out_are_listed(folder: Path) -> None:
    """Each once, with its reason and the ids that there are: of a group with a contradiction, and about an image that is gone."""
    index = sk.Index.open(folder)
    sha256 = index.rows.column("sha256")
    VerdictTable(folder).add(answers(index))
    gone, spare = sha256[-1], [row for row, split in enumerate(index.splits) if split == "test"][:3]
    a, b, c = (sha256[row] for row in spare)
    doubtful = [Verdict(a, b, "same", "Ana"), Verdict(b, c, "duplicate", "Ana"), Verdict(a, c, "different", "Ben")]
    VerdictTable(folder).add([*doubtful, Verdict(sha256[0], gone, "same", "Cleo"), Verdict(a, gone, "unsure")])
    used = sk.adapt(folder).answers
    index.remove(index.ids[-1:])
    report = sk.adapt(folder)
    assert report.answers == used - 1
    expected = {
        ("same", "its group holds a pair called different", "Ana"),
        ("duplicate", "its group holds a pair called different", "Ana"),
        ("different", "other answers join the two", "Ben"),
        ("same", "about an image that the index does not hold", "Cleo"),
    }
    assert {(each.verdict, each.reason, each.who) for each in report.left_out} == expected
    assert len(report.left_out) == 4
    assert (report.contradictions, report.gone) == (1, 1)
    assert sorted(map(str, report.left_out[-1].ids)) == sorted([index.ids[0], "None"])
    shown = call("adapt", folder)
    assert sum("its group holds a pair called different" in line for line in shown.out.splitlines()) == 2
    assert shown.out.count("other answers join the two") == 1
    listed = call("adapt", folder, "--json").answer["left_out"]
    assert [each["reason"] for each in listed] == [each.reason for each in report.left_out]


def test_a_scale_that_changes_is_told(folder: Path) -> None:
    """Where it is adapted, and where that is undone; not where nothing has changed."""
    assert "another scale" not in call("adapt", folder).out
    VerdictTable(folder).add(answers(sk.Index.open(folder)))
    assert call("adapt", folder).out.count("similarities of another scale") == 1
    assert call("adapt", folder, "--undo").out.count("similarities of another scale") == 1
