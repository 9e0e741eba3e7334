"""How an encoder's images are spread over the cores of a CPU.

A backbone runs as several streams of one thread each: threads that share a batch wait for each other after every layer, and do so at
full load (docs/results.md, "Speed and size"; docs/decisions/0048). Batches are cut at fixed places, so the vectors do not depend on the
number of streams.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch

from samekind.training.runtime.side_by_side import side_by_side

_CACHED_PIXELS = 4 * 224 * 224
"""Pixels that a stream takes at once: with more, the maps of a large backbone no longer fit in the cache, and each of 64 images of 224 px
took twice as long as each of 4 (`python -m benchmarks.embedding`)."""


_SMALL_ONES = 128
"""Images that a stream of our own backbone takes at once: vectors are the same to the last bit in batches of 37 to 512, with one thread and
with two, and a call with one batch of `EMBED_BATCH` images has work for four cores."""


def images_at_once(name: str, image_size: int, device: torch.device) -> int:
    """Images that a backbone takes at once where it runs on a CPU; no limit elsewhere."""
    if device.type != "cpu":
        return sys.maxsize
    return max(1, _CACHED_PIXELS // image_size**2) if "/" in name else _SMALL_ONES


def in_streams(device: torch.device, work: Callable[[int], int], starts: Iterable[int]) -> Iterator[int]:
    """What `work` returns for each start, in order: side by side on a CPU."""
    yield from side_by_side(work, starts) if device.type == "cpu" else map(work, starts)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch's for work on the CPU that more cannot hasten."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
