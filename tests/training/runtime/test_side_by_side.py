"""Parts of a computation side by side: in order, each on one thread, nothing left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from samekind.training.runtime.side_by_side import alone, side_by_side


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_parts() -> None:
    """However long each takes."""

    def slow_first(part: int) -> int:
        time.sleep(0.05 if part == 0 else 0)
        return part * part

    assert list(side_by_side(slow_first, range(7))) == [0, 1, 4, 9, 16, 25, 36]


def test_two_parts_are_worked_on_at_once() -> None:
    """They wait for each other, which one thread could not."""
    met = threading.Barrier(2, timeout=20)
    assert len(list(side_by_side(lambda _: met.wait(), range(2)))) == 2


def test_each_part_has_one_thread_and_the_caller_keeps_its_own() -> None:
    """Nor do threads that are started afterwards have fewer."""
    assert list(side_by_side(lambda _: torch.get_num_threads(), range(4))) == [1, 1, 1, 1]
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert (torch.get_num_threads(), later) == (2, [2])


def test_parts_are_read_as_they_are_needed() -> None:
    """Memory stays at a few parts, and no others are begun when the caller leaves."""
    read: list[int] = []

    def parts() -> Iterator[int]:
        for part in range(100):
            read.append(part)
            yield part

    results = side_by_side(lambda part: part, parts())
    next(results)
    assert len(read) == 3
    results.close()  # type: ignore[attr-defined]
    assert len(read) == 3


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_takes_the_place_of_its_result_and_ends_the_work(threads: int) -> None:
    """Results before it arrive."""
    torch.set_num_threads(threads)
    done: list[int] = []

    def third_fails(part: int) -> int:
        if part == 2:
            raise ValueError("part 2")
        done.append(part)
        return part

    results = side_by_side(third_fails, range(50))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="part 2"):
        next(results)
    assert len(done) < 10
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("threads", [1, 2])
def test_no_part_makes_a_graph_of_gradients(threads: int) -> None:
    """With one thread as with two."""
    torch.set_num_threads(threads)
    weight = torch.ones(3, requires_grad=True)
    (found,) = side_by_side(lambda part: weight * part, [2.0])
    assert not found.requires_grad


def test_one_thread_works_in_the_callers_own() -> None:
    """No pool is made for it."""
    torch.set_num_threads(1)
    assert list(side_by_side(lambda _: threading.current_thread(), range(2))) == [threading.current_thread()] * 2


def test_what_is_computed_alone_has_one_core() -> None:
    """And whoever asked has all of them again."""
    torch.set_num_threads(2)
    assert alone(torch.get_num_threads) == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(ZeroDivisionError):
        alone(lambda: 1 / 0)
