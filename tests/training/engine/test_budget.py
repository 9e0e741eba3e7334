"""Length of a run: steps within minutes, the rehearsal that finds their number, and what is said about them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from samekind.core.progress import NoProgress
from samekind.data.loader import Batch
from samekind.training.config.schedule import ScheduleSettings
from samekind.training.engine import budget
from samekind.training.engine import epochs as engine
from samekind.training.engine.budget import RECORDS, Pace, asked_steps, spans, steps_within
from samekind.training.engine.epoch_record import still_rising_line
from samekind.training.engine.trainer import Trainer
from samekind.training.false_negatives.detectors.pairs import Reciprocal
from samekind.training.run.train import train
from samekind.training.runtime.artefact import WEIGHTS, read_history, read_meta
from tests.training.runs import config, corpus, interrupted_at, slow, without_times


def lines_of(out: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[str]:
    """What a run prints."""
    told: list[str] = []
    progress = NoProgress()
    monkeypatch.setattr(progress, "print", told.append)
    train(corpus(), config(**settings), out, progress=progress)
    return told


@contextmanager
def coming_to(steps: int) -> Iterator[list[float]]:
    """Inside, a rehearsal comes to this number; yields the seconds that were left for it."""
    asked: list[float] = []

    def within(seconds: float, *pace: float) -> int:
        asked.append(seconds)
        return steps

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "steps_within", within)
        yield asked


def test_who_decides_the_length() -> None:
    """Minutes before steps before epochs."""
    assert asked_steps(ScheduleSettings(epochs=3), 7) == 21
    assert asked_steps(ScheduleSettings(epochs=3, steps=5), 7) == 5
    assert asked_steps(ScheduleSettings(epochs=3, minutes=5), 7) is None


def test_steps_within_a_time() -> None:
    """Every epoch of a short run is measured once: 20 steps of 1 s and two measurements of 5 s are 30 s. At least one step."""
    assert steps_within(30, 1.0, 5.0, 10) == 20
    assert steps_within(1000, 1.0, 5.0, 1) == 1000 - 5 * (RECORDS + 1), (
        "a long run of epochs of one step has 21 records"
    )
    assert steps_within(30, 1.0, 0.0, 10) == 30
    assert steps_within(-3, 1.0, 0.0, 10) == 1


def test_the_pace_leaves_out_the_first_steps() -> None:
    """Three that are slow, ten that count; with fewer, those that there are."""
    pace = Pace()
    pace.add(9.0)
    assert pace.a_step == 9.0
    for seconds in (9.0, 9.0, *[2.0] * 9):
        pace.add(seconds)
    assert not pace.is_known
    pace.add(2.0)
    assert pace.is_known
    assert pace.news(900, 4) == "900 steps to go at 2.00 s a step: about 30 min and 4 measurements"
    assert pace.news(899, 4) == "", "that was said"


def test_the_first_step_alone_tells_no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts workers, or has the network compiled; where it takes all the time that there is, a second one is timed."""
    seconds = iter([0.0, 60.0, 61.0, 62.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))
    taken: list[Any] = []
    batches: Any = iter(range(10))
    pace = budget.rehearse(taken.append, batches, lambda passed: passed > 30)
    assert (taken, pace.a_step) == ([0, 1], 1.0)


def known_pace(*ends: float) -> Pace:
    """Steps of 2 s, and these ends of epochs."""
    pace = Pace()
    for _ in range(13):
        pace.add(2.0)
    for seconds in ends:
        pace.add_end(seconds)
    return pace


def test_the_rest_of_a_run_has_ends_of_epochs_in_it() -> None:
    """Where an epoch is a step, most of the time may go there. Found out later, it is said again, unless it is a tenth or less."""
    line = "100 steps to go at 2.00 s a step and 3.00 s a measurement: about 8 min"
    assert known_pace(2.0, 4.0).news(100, 100) == line
    late = known_pace()
    assert late.news(120, 101).endswith("2.00 s a step: about 4 min and 101 measurements")
    late.add_end(3.0)
    assert late.news(100, 100) == line
    late.add_end(3.0)
    assert late.news(99, 99) == ""
    cheap = known_pace()
    assert cheap.news(120, 4)
    cheap.add_end(6.0)
    assert cheap.news(100, 3) == ""
    assert known_pace(2.0).news(2, 2) == "", "a trifle"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"objective": "mixed", "queue_size": 32},
        {"treatment": "attract", "detector": "quantile", "workers": 1},
        {"treatment": "attract", "detector": "reciprocal"},
    ],
)
def test_minutes_that_come_to_steps_are_those_steps(tmp_path: Path, settings: dict[str, Any]) -> None:
    """The rehearsal leaves no trace: weights and records are those of a run that was asked for so many steps."""
    with coming_to(5) as asked:
        timed = train(corpus(), config(epochs=None, minutes=1, **settings), tmp_path / "timed")
    assert 0 < asked[0] < 60
    counted = train(corpus(), config(steps=5, **settings), tmp_path / "counted")
    assert (timed.out / WEIGHTS).read_bytes() == (counted.out / WEIGHTS).read_bytes()
    assert without_times(timed.history) == without_times(counted.history)
    assert read_meta(timed.out)["training"]["steps"] == 5
    assert train(corpus(), config(epochs=None, minutes=1, **settings), timed.out).kept


def test_a_resumed_run_does_not_decide_again(tmp_path: Path) -> None:
    """The number of steps is in the checkpoint: another machine, or a busy one, finishes the run as it was begun."""
    with coming_to(5):
        whole = train(corpus(), config(epochs=None, minutes=1), tmp_path / "whole")
        with interrupted_at(3):
            train(corpus(), config(epochs=None, minutes=1), tmp_path / "parts")
    with coming_to(50) as asked:
        parts = train(corpus(), config(epochs=None, minutes=1), tmp_path / "parts")
    assert asked == []
    assert (parts.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()


def test_minutes_are_about_kept(tmp_path: Path) -> None:
    """A run of 6 seconds takes about as long on a quiet machine; on a busy one at least it ends, with more than one step."""
    run = train(corpus(), config(epochs=None, minutes=0.05), tmp_path)
    assert run.summary["steps"] > 5
    assert run.summary["seconds"] < 30


def test_the_first_line_says_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps, epochs and minutes; once the pace is known the time that is left, unless it is a trifle."""
    with coming_to(5):
        told = lines_of(tmp_path / "minutes", monkeypatch, epochs=None, minutes=1)
    assert "5 steps of 16 in 2 epochs, about 60 s" in told[-3]
    assert not any("to go" in line for line in lines_of(tmp_path / "short", monkeypatch, steps=14))
    monkeypatch.setattr(budget, "WORTH_SAYING", 0.0)
    told = lines_of(tmp_path / "long", monkeypatch, steps=14)
    assert sum("1 step to go at" in line and "a measurement: about" in line for line in told) == 1


def test_an_accuracy_that_still_rises_is_told() -> None:
    """The last quarter against the one before it, beyond the standard error of an accuracy; nothing without figures."""

    def records(*values: float | None) -> list[dict[str, Any]]:
        return [{"knn_accuracy": value, "seconds": 150.0} for value in values]

    assert still_rising_line(records(0.2, 0.4, 0.61, 0.64), 5000, "by series") == (
        "the hold-out accuracy (by series) still rises (0.61 → 0.64): a longer run may be better, e.g. --minutes 20"
    )
    assert still_rising_line(records(0.2, 0.4, 0.61, 0.64), 100, "") == "", "0.05 is the error of so few images"
    assert still_rising_line(records(0.867, 0.872, 0.882, 0.881), 5000, "") == ""
    assert still_rising_line(records(0.1, 0.1, 0.1, 0.1, 0.5, 0.6, 0.5, 0.6), 5000, "") == ""
    assert still_rising_line(records(0.1, 0.2, 0.3), 5000, "") == still_rising_line(records(*[None] * 8), 0, "") == ""


def test_a_long_run_has_twenty_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first, and 20 evenly spaced ones up to the last; a short run tells of every epoch. Between them they tell of all steps."""
    assert [span.stop for span in spans(0, 300)] == [1, *range(15, 301, 15)]
    for done, epochs in ((0, 47), (5, 47), (0, 20), (46, 47), (0, 1), (47, 47)):
        found = list(spans(done, epochs))
        assert [epoch for span in found for epoch in span] == list(range(done, epochs))
        assert len(found) <= RECORDS + 1
    assert list(spans(3, 20)) == [range(epoch, epoch + 1) for epoch in range(3, 20)]
    monkeypatch.setattr(budget, "RECORDS", 2)
    told = lines_of(tmp_path, monkeypatch, epochs=6)
    assert [line.split(" ")[1] for line in told if line.startswith("epoch ")] == ["1/6", "3/6", "6/6"]
    assert [record["epoch"] for record in read_history(tmp_path)] == [1, 3, 6]
    assert read_meta(tmp_path)["training"]["epochs"] == 6


@pytest.mark.parametrize("step", ["12", *slow("1", "3", "7", "9", "16")])
def test_records_of_several_epochs_survive_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """In the middle of a record's epochs, at the end of one of them, or of the last: the weights and records of the whole run."""
    whole = train(corpus(), config(epochs=6), tmp_path / "every")
    monkeypatch.setattr(budget, "RECORDS", 2)
    joined = train(corpus(), config(epochs=6), tmp_path / "joined")
    with interrupted_at(int(step)):
        train(corpus(), config(epochs=6), tmp_path / "parts")
    parts = train(corpus(), config(epochs=6), tmp_path / "parts")
    assert without_times(parts.history) == without_times(joined.history)
    assert (
        (parts.out / WEIGHTS).read_bytes() == (joined.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()
    )
    losses = [record["loss"] for record in whole.history]
    assert joined.history[1]["loss"] == pytest.approx(sum(losses[1:3]) / 2)
    for record, epoch in zip(joined.history, (0, 2, 5), strict=True):
        assert record["health"] == whole.history[epoch]["health"]
        assert record["probe"] == whole.history[epoch]["probe"], "it looks at the last epoch alone"


def test_a_run_with_a_record_an_epoch_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As older releases had them: its records stay, and those to come tell of several epochs."""
    whole = train(corpus(), config(epochs=6), tmp_path / "whole")
    with interrupted_at(7):
        train(corpus(), config(epochs=6), tmp_path / "parts")
    monkeypatch.setattr(budget, "RECORDS", 2)
    parts = train(corpus(), config(epochs=6), tmp_path / "parts")
    assert [record["epoch"] for record in parts.history] == [1, 2, 3, 6]
    assert (parts.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (1.0, 6.0)),
        ({"treatment": "soft", "detector": "reciprocal"}, (0.25 * 1.0 + 0.75 * 3.0 + 750.0 / 3, 6.0)),
        ({"treatment": "soft", "detector": "reciprocal", "treatment_start": 0.0}, (3.0 + 1000.0 / 3, 6.0)),
    ],
)
def test_minutes_count_what_starts_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], expected: tuple[float, float]
) -> None:
    """Treated steps take three times as long here; the detector's look at all images counts once in every epoch that is treated, and the
    probe's, 2 s a step, at all steps of a record.
    """
    real, ahead, asked = time.perf_counter, [0.0], []
    step, refresh = Trainer.step, Reciprocal.refresh

    def slow_step(self: Trainer, batch: Batch, number: int, tracker: Any, look: Any = None) -> dict[str, Tensor]:
        ahead[0] += (1.0 if number == 0 else 3.0) + 2.0 * (look is not None)
        return step(self, batch, number, tracker, look)

    def slow_look(self: Reciprocal, rows: NDArray[np.float32]) -> None:
        ahead[0] += 1000.0
        refresh(self, rows)

    def within(seconds: float, a_step: float, a_record: float, an_epoch: int) -> int:
        asked.append((a_step, a_record))
        return 2

    monkeypatch.setattr(Trainer, "step", slow_step)
    monkeypatch.setattr(Reciprocal, "refresh", slow_look)
    monkeypatch.setattr(engine, "steps_within", within)
    monkeypatch.setattr(time, "perf_counter", lambda: real() + ahead[0])
    train(corpus(), config(epochs=None, minutes=1000, **settings), tmp_path)
    assert len(asked) == 1
    assert asked[0] == pytest.approx(expected, abs=0.5)


def test_the_pace_is_told_again_when_treatment_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps 15 to 59 are treated, and take three times as long here."""
    real, ahead, step = time.perf_counter, [0.0], Trainer.step

    def slow_step(self: Trainer, batch: Batch, number: int, *rest: Any) -> dict[str, Tensor]:
        ahead[0] += 100.0 if number < 15 else 300.0
        return step(self, batch, number, *rest)

    monkeypatch.setattr(Trainer, "step", slow_step)
    monkeypatch.setattr(time, "perf_counter", lambda: real() + ahead[0])
    settings = {"treatment": "eliminate", "detector": "quantile"}
    told = [line for line in lines_of(tmp_path, monkeypatch, epochs=None, steps=60, **settings) if "to go at" in line]
    assert [line.partition(" at ")[2].partition(".")[0] for line in told] == ["100", "300"]
