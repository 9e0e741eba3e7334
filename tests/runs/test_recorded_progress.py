"""Progress that a page can read while the work goes on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from samekind import runs
from samekind.runs import recorded_progress
from samekind.runs.recorded_progress import RecordedProgress


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's folder, every step of which is recorded."""
    monkeypatch.setattr(recorded_progress, "SECONDS_BETWEEN", 0.0)
    (tmp_path / "launch").mkdir()
    return tmp_path


def test_the_share_of_the_training_stays_while_an_epoch_is_measured(place: Path) -> None:
    """One and a half of four epochs, whatever task comes in between."""
    progress = RecordedProgress(io.StringIO(), place / "launch" / "progress.json")
    with progress.task("epoch 2/4", 10) as task:
        task.note("loss 4.250")
        task.advance(5)
        assert runs.read_step(place) == runs.Step("epoch 2/4", 5, 10, 0.375, ((1.5, 4.25),))
    with progress.task("embedding", 3):
        assert runs.read_step(place) == runs.Step("embedding", 0, 3, 0.375, ((1.5, 4.25),))


def test_the_share_of_several_epochs_that_have_one_record(place: Path) -> None:
    """Half of the epochs 3 to 6 of ten: four of ten are done."""
    progress = RecordedProgress(io.StringIO(), place / "launch" / "progress.json")
    with progress.task("epochs 3 to 6/10", 8) as task:
        task.note("loss 4.250")
        task.advance(4)
        assert runs.read_step(place).share == 0.4
        assert runs.read_step(place).losses == ((4.0, 4.25),)


def test_losses_of_a_long_training_are_thinned_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first and the last stay, in order."""
    monkeypatch.setattr(recorded_progress, "MOST_LOSSES", 8)
    progress = RecordedProgress(io.StringIO(), place / "launch" / "progress.json")
    with progress.task("epoch 1/1", 100) as task:
        for step in range(100):
            task.note(f"loss {step}.0")
            task.advance()
    losses = runs.read_step(place).losses
    assert len(losses) <= 8
    assert (losses[0], losses[-1]) == ((0.01, 0.0), (1.0, 99.0))
    assert list(losses) == sorted(losses)


def test_a_full_disk_ends_no_training(place: Path) -> None:
    """The file cannot be written; the lines still are."""
    lines = io.StringIO()
    progress = RecordedProgress(lines, place / "nowhere" / "progress.json")
    with progress.task("epoch 1/1", 1) as task:
        task.advance()
    progress.print("a line")
    assert lines.getvalue() == "a line\n"


def test_what_is_damaged_reads_as_nothing_done(place: Path) -> None:
    """Whatever the file holds."""
    for content in (
        b"",
        b"\xff",
        b"[]",
        b'{"what": 1}',
        b'{"what": "", "done": "x", "total": 1, "share": 0, "losses": [[1]]}',
    ):
        (place / "launch" / "progress.json").write_bytes(content)
        assert runs.read_step(place) == runs.Step()
