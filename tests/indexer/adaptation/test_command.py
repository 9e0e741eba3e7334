"""`samekind adapt`: from imported answers to another search, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

import samekind as sk
from samekind.indexer.labeling.verdicts import VerdictTable
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
    assert "held-out images are told from others by" in shown.out
    assert precision(sk.Index.open(folder)) > before
    answer = call("adapt", folder, "--json").answer
    assert (answer["adapted"], answer["version"], answer["groups"]) == (True, 2, 6)
    assert answer["held_out"]["after"] > answer["held_out"]["before"]
    assert call("verify", folder).out.splitlines()[-1].split()[:2] == ["ok", "adaptation.safetensors"]
    assert call("adapt", folder, "--undo").out == "taken back; searches use adaptation 1\n"
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
