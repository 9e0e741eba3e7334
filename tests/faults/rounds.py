"""One operation, killed again and again at instants that cover its whole duration; after each kill it is done to the end.

The same work takes sometimes more and sometimes less time. So a kill that came when the work was already over is tried again, at the same
part of the time that the work took then.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.folders import copy
from tests.faults.forked import Ended, run
from tests.faults.operations import Operation, left_over, unused_files

_TRIES = 20  # of one kill
_SHORTER = 0.95  # the time until the next try of a kill that came late, at most this part of the last


@dataclass
class Base:
    """What an operation begins from, and what comes of it if nobody kills it.

    Attributes:
        folder: holds `begun`, from which every round starts, `quiet`, where one ended undisturbed, and `round`: all work is done at that
            one place, because an index knows where its corpus lies.
        seconds: that the work took, without the start of its process.
        outcome: of it.
    """

    folder: Path
    seconds: float
    outcome: Any

    @property
    def place(self) -> Path:
        """Where the work is done."""
        return self.folder / "round"

    @property
    def log(self) -> Path:
        """Where forks write to."""
        return self.folder / "log"


@dataclass
class Tally:
    """What became of the kills.

    Attributes:
        kills: rounds whose SIGKILL met the work: after its beginning, before its end.
        over: rounds in which no try met it.
        late: tries that came after the end of the work, and were made again.
        same: after which the same work came to the same.
        orphans: processes that outlived a killed one by seconds.
        problems: everything that was wrong, with the number of its round.
        seconds: that the work takes undisturbed.
        unused: files of tables that were left and are never read, the most after one kill.
    """

    kills: int = 0
    over: int = 0
    late: int = 0
    same: int = 0
    orphans: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    unused: int = 0

    @property
    def rounds(self) -> int:
        """All that was tried."""
        return self.kills + self.over


def base_of(operation: Operation, folder: Path) -> Base:
    """Prepares an operation and does it once undisturbed."""
    base = Base(folder, 0.0, None)
    base.place.mkdir(parents=True)
    _must(run(lambda: operation.prepare(base.place), base.log), "prepare", operation)
    copy(base.place, folder / "begun")
    modules = _must(run(lambda: _imports_of(operation, base.place), base.log), "do", operation)
    for name in modules:  # forks then spend no time on them
        importlib.import_module(name)
    copy(folder / "begun", base.place)
    undisturbed = run(lambda: operation.work(base.place), base.log)
    _must(undisturbed, "do", operation)
    assert undisturbed.seconds is not None
    base.seconds = undisturbed.seconds
    base.outcome = _must(run(lambda: operation.outcome(base.place), base.log), "read", operation)
    copy(base.place, folder / "quiet")
    return base


def rounds(operation: Operation, base: Base, numbers: list[int], of: int, seed: int) -> Iterator[Tally]:
    """Kills and continues.

    Args:
        operation: the work.
        base: what it begins from.
        numbers: of the rounds to do; the instant of number i lies in the i-th of `of` equal parts of the duration.
        of: rounds of all processes.
        seed: of the place of each instant in its part.

    Yields:
        The tally after each round, always the same object.
    """
    tally = Tally(seconds=base.seconds)
    for number in numbers:
        place = float(np.random.default_rng((seed, number, *operation.name.encode())).random())
        killed, late = _kill(operation, base, (number + place) / of)
        tally.late += late
        tally.orphans += killed.orphans
        complaints = []
        if killed.met:
            tally.kills += 1
        elif killed.ok or killed.signal:
            tally.over += 1
        else:
            complaints.append(f"it failed before it was killed: {killed.log[-500:]}")
        complaints += _after(operation, base)
        tally.problems += [f"round {number}: {complaint}" for complaint in complaints]
        tally.same += not complaints
        tally.unused = max(tally.unused, unused_files(base.place, base.folder / "quiet"))
        yield tally


def _kill(operation: Operation, base: Base, part: float) -> tuple[Ended, int]:
    """Kills the work when this part of its time has passed; returns the last try, and how many came too late."""
    seconds = base.seconds
    for late in range(_TRIES):
        copy(base.folder / "begun", base.place)
        killed = run(lambda: operation.work(base.place), base.log, seconds * part)
        if killed.seconds is None:
            return killed, late
        seconds = min(seconds * _SHORTER, killed.seconds)
    return killed, _TRIES


def _imports_of(operation: Operation, folder: Path) -> list[str]:
    """Does the work; returns the modules that it imported."""
    before = set(sys.modules)
    operation.work(folder)
    return sorted(name for name in set(sys.modules) - before if name in sys.modules)


def _after(operation: Operation, base: Base) -> list[str]:
    """Complaints about what a killed one has left, and about what the same work comes to."""
    held = run(lambda: operation.held(base.place), base.log)
    complaints = list(held.answer) if held.ok else [f"what was left could not be read: {held.log[-500:]}"]
    again = run(lambda: operation.work(base.place), base.log)
    if not again.ok:
        return [*complaints, f"the same work failed: {again.log[-800:]}"]
    outcome = run(lambda: operation.outcome(base.place), base.log)
    if not outcome.ok:
        return [*complaints, f"its outcome could not be read: {outcome.log[-500:]}"]
    if outcome.answer != base.outcome:
        complaints.append("it came to something else")
    left = left_over(base.place, base.folder / "quiet")
    return complaints + [f"left over: {', '.join(left[:5])}"] * bool(left)


def _must(ended: Ended, what: str, operation: Operation) -> Any:
    if not ended.ok:
        raise RuntimeError(f"cannot {what} {operation.name}: {ended.log[-2000:]}")
    return ended.answer
