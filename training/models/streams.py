"""How an encoder's images are spread over the cores of a CPU.

A large backbone runs as several streams of one thread each: threads that share a batch wait for each other after every layer, and do so at
full load (docs/results.md, "Speed and size"). Batches are cut at fixed places, so the vectors do not depend on the number of streams.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

_CACHED_PIXELS = 4 * 224 * 224
"""Pixels that a stream takes at once: with more, the maps of a large backbone no longer fit in the cache, and each of 64 images of 224 px
took twice as long as each of 4 (`python -m benchmarks.embedding`)."""


def images_at_once(name: str, image_size: int, device: torch.device) -> int:
    """Images that a library's backbone takes at once where it runs on a CPU; no limit for others.

    What is ours keeps its batches, and with them the last bits of its vectors.
    """
    return max(1, _CACHED_PIXELS // image_size**2) if _is_streamed(name, device) else sys.maxsize


def streams(name: str, device: torch.device) -> int:
    """Streams that a backbone runs in: as many as torch has threads for a library's on a CPU, 1 for others."""
    return torch.get_num_threads() if _is_streamed(name, device) else 1


def in_streams(work: Callable[[int], int], starts: Iterable[int], count: int) -> Iterator[int]:
    """What `work` returns for each start, in order. With more than one stream each has one thread of torch's, and knows no gradients."""
    if count == 1:
        yield from map(work, starts)
        return

    @torch.no_grad()
    def alone(start: int) -> int:
        return work(start)

    with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield from pool.map(alone, starts)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch's for work on the CPU that more cannot hasten."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _is_streamed(name: str, device: torch.device) -> bool:
    return "/" in name and device.type == "cpu"
