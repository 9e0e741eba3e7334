"""The kills themselves: they meet the work, not what comes before or after it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.faults.forked import run
from tests.faults.operations import Operation
from tests.faults.rounds import base_of, rounds

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc for orphans"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def test_a_kill_that_comes_after_the_end_is_tried_again(tmp_path: Path) -> None:
    """Work that was slow when it was measured, and is quick afterwards, is met by every kill all the same."""
    starts = tmp_path / "starts"

    def work(folder: Path) -> None:
        with starts.open("a") as stream:
            stream.write(".")
        time.sleep(0.5 if starts.stat().st_size <= 2 else 0.05)
        (folder / "out").write_text("done")

    kept = Operation("nap", lambda folder: None, work, lambda folder: (folder / "out").read_text())
    base = base_of(kept, tmp_path / "base")
    *_, tally = rounds(kept, base, list(range(4)), 4, seed=0)
    assert (tally.kills, tally.over, tally.same, tally.problems) == (4, 0, 4, [])
    assert tally.late > 0


def test_the_start_of_a_process_and_its_end_are_no_work(tmp_path: Path) -> None:
    """Time counts from the beginning of the work, and a kill after its end has not met it."""
    quiet = run(lambda: time.sleep(0.1), tmp_path)
    assert quiet.ok
    assert quiet.seconds is not None
    assert 0.1 <= quiet.seconds < 5

    class Slow(dict[str, str]):
        """Takes its time to be written as JSON, after the work."""

        def items(self):  # type: ignore[no-untyped-def]
            time.sleep(30)
            return super().items()

    after = run(lambda: Slow(a="b"), tmp_path, kill_after=0.5)
    assert after.signal
    assert not after.met
    within = run(lambda: time.sleep(30), tmp_path, kill_after=0.1)
    assert within.met
