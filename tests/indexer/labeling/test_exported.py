"""What the commands say of a file of answers: how many lines stand in it, and how many of them still hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import samekind as sk
from tests.end_to_end.helpers import call
from tests.indexer.labeling.test_labels import lines_of, tiny
from tests.indexer.labeling.test_verdicts import sha


def undone_verdicts(folder: Path) -> None:
    """Four answers on a screen, one of them corrected; then the screen is taken back. A label that is right, and one that was."""
    table = sk.VerdictTable(folder)
    table.add([sk.Verdict(sha(0), sha(i), "same", screen="one") for i in (1, 2, 3)])
    table.add([sk.Verdict(sha(1), sha(2), "different", screen="two")])
    table.withdraw("one")
    table.add([sk.Verdict(sha(4), sha(4), "right_label"), sk.Verdict(sha(5), sha(5), "right_label")])
    table.add([sk.Verdict(sha(5), sha(5), "withdrawn")])


def undone_labels(folder: Path) -> None:
    """Two names; one of them is taken back."""
    table = sk.LabelTable(folder)
    table.add([sk.GivenLabel(sha(i), "rose", "Ana", f"2026-11-2{i}T12:00:00+00:00") for i in (1, 2)])
    table.take_back("2026-11-21T12:00:00+00:00", "Ana")


def undone_tags(folder: Path) -> None:
    """A tag that is put on three images and taken from one."""
    table = sk.TagTable(folder)
    table.put([sha(0), sha(1), sha(2)], "to buy")
    table.remove([sha(1)], "to buy")


@pytest.mark.parametrize(
    ("command", "answered", "lines", "hold", "text"),
    [
        ("verdicts", undone_verdicts, 10, 2, "2 verdicts that hold"),
        ("labels", undone_labels, 3, 1, "1 label that holds"),
        ("tags", undone_tags, 4, 2, "2 tags that hold"),
    ],
)
def test_what_was_taken_back_is_not_counted_as_an_answer(
    command: str, answered: Callable[[Path], None], lines: int, hold: int, text: str, tmp_path: Path
) -> None:
    """The number is that of the lines in the file, and what still holds is told beside it; where all hold, it is one number."""
    folder, file = tiny(tmp_path / "w").path, tmp_path / "out.csv"
    answered(folder)
    said = call(command, "export", folder, file).out.splitlines()[0]
    assert len(lines_of(file)) - 1 == lines
    assert said.startswith(f"wrote {lines} lines to {file}: {text}, the others"), said
    answer = call(command, "export", folder, file, "--json").answer
    assert (answer["exported"], answer["hold"]) == (lines, hold)
    (other := tmp_path / "other").mkdir()
    assert call(command, "import", other, file).out.startswith(f"added {lines} lines; 0 were there already")
    assert call(command, "export", other, file, "--json").answer["hold"] == hold
