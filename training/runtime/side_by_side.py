"""Independent parts of one computation, side by side on the processor's cores.

A matrix product that OpenMP shares out among the cores is done when its slowest share is: beside one busy process every product waits for
the core that the other one has, and threads that spin while they wait take that core as well. Parts that each run on one thread wait for
nobody; a thread that is slowed down takes fewer of them. The results do not depend on the number of threads either.

Torch is imported where it is used: the vector index stands on this, and a search in it needs none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
    """What `work` makes of each part, in the order of the parts.

    As many threads as torch would use work at once, each without helpers of its own and without gradients. They are at most one part each
    and one more ahead of the caller, so that memory stays at a few parts. Whoever leaves early waits for what is being worked on.

    Args:
        work: is called by several threads at once; it changes nothing that they share but what belongs to its part.
        parts: read by the caller's thread.

    Raises:
        Exception: whatever `work` raises, in place of that part's result.
    """
    import torch

    threads = torch.get_num_threads()
    if threads == 1:
        for part in parts:
            yield _without_gradients(work, part)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, "side-by-side", initializer=_alone) as pool:
        try:
            for part in parts:
                waiting.append(pool.submit(_without_gradients, work, part))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            pool.shutdown()
            torch.set_num_threads(threads)  # what a worker sets is also the default of threads yet to come


def alone(work: Callable[[], Result]) -> Result:
    """What `work` returns, computed on one core: for small matrices, which several would only wait for each other over.

    Raises:
        Exception: whatever `work` raises.
    """
    (result,) = side_by_side(lambda _: work(), [None])
    return result


def _alone() -> None:
    import torch

    torch.set_num_threads(1)


def _without_gradients(work: Callable[[Part], Result], part: Part) -> Result:
    import torch

    with torch.no_grad():  # the caller's mode does not reach other threads
        return work(part)
