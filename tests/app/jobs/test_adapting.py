"""Steps in the background, one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from samekind.app.jobs.adapting import Adapting


def wait(adapting: Adapting) -> None:
    """Until no step is under way."""
    ends = time.monotonic() + 20
    while adapting.is_running:
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_of_those_asked_for_meanwhile_only_the_last_is_taken() -> None:
    """After the one under way, never beside it; whoever asks does not wait."""
    sign, taken = threading.Event(), list[str]()
    beside = threading.Lock()

    def step(name: str) -> Callable[[], str]:
        def take() -> str:
            assert beside.acquire(blocking=False), "alone"
            assert sign.wait(20)
            taken.append(name)
            beside.release()
            return f"{name} is done"

        return take

    adapting = Adapting()
    assert (adapting.is_running, adapting.line) == (False, "")
    for name in ("first", "second", "third"):
        adapting.ask(step(name))
        assert adapting.is_running
        time.sleep(0.05)
    assert taken == []
    sign.set()
    wait(adapting)
    assert (taken, adapting.line) == (["first", "third"], "third is done")


def test_a_step_that_fails_is_a_line_and_the_next_one_is_taken() -> None:
    """Nothing is lost by it: the answers are stored already."""

    def fail() -> str:
        raise ValueError("another samekind process is working")

    adapting = Adapting()
    adapting.ask(fail)
    wait(adapting)
    assert adapting.line == "Not done: another samekind process is working."
    adapting.ask(lambda: "done")
    wait(adapting)
    assert adapting.line == "done"
