"""Batches of two views for training.

A batch is the unit of work: its images and the seed of its views follow from (seed, epoch, batch number), and it goes whole to one worker.
So the views are the same for any number of workers, and a run can resume at any batch.
"""

# B batch, S side of a view, C channels

from __future__ import annotations

import atexit
import itertools
import math
import multiprocessing
import shutil
import signal
import sys
import threading
import weakref
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from samekind.core.errors import InputError
from samekind.core.text import size_text
from samekind.data.types.rows import RowSource

_SHUFFLE, _VIEWS = 0, 1  # keep the two streams of random numbers apart
_PREFETCH = 4
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only asked how much is free
"""Where Linux keeps it; containers often have 64 MB of it. A worker that finds no room there dies, or waits for ever."""
_hiding = threading.RLock()


# Left to the end, workers are killed by multiprocessing, which torch reports as a crash.
_open_loaders: weakref.WeakSet[ViewLoader] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for loader in list(_open_loaders):
        loader.close()


class Batch(NamedTuple):
    """Two views of the same images.

    Attributes:
        view_1: `(B, C, S, S)` uint8, channels last in memory; or `(B, D)` vectors.
        view_2: likewise, augmented independently.
        index: `(B,)` int64, which rows of the loader's images these are.
    """

    view_1: Tensor
    view_2: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a batch


class MakesViews(Protocol):
    """Two views of every image of a batch; `TwoViewTransform` does it for pixels."""

    def batch(self, images: NDArray[Any], seed: int | Sequence[int] | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """`(B, …)` images to two arrays of `(B, …)`; the same seed gives the same views."""


class _Plan(NamedTuple):
    rows: NDArray[np.int64]
    seed: tuple[int, ...]


class ViewLoader:
    """Shuffles images and serves them as batches of two views.

    Images that do not fill a batch are left out of the epoch; fewer than `batch_size` in all form one smaller batch.

    Args:
        images: `(N, H, W, C)` uint8, N ≥ 2; may be larger than the views. Or whatever else `transform` makes views of, one row an image.
            Each worker reads the rows of its batches.
        transform: makes the views.
        batch_size: B ≥ 2.
        seed: of the order and of the views, ≥ 0.
        workers: processes that make views beside the one that trains; 0 makes them in this one.
        share: number of this process and the number of processes: each gets an equal part of every batch, and all go through the same
            order.
        groups: `(N,)` int64 number of each image's must-link group; the images of a group come to the same batch, a few at a time, so that
            they meet. `None` without constraints.

    Attributes:
        note: a sentence on what this machine lacks and what is done instead; empty if it lacks nothing.

    Raises:
        InputError: an argument is out of range.
    """

    def __init__(
        self,
        images: RowSource,
        transform: MakesViews,
        batch_size: int,
        seed: int = 0,
        workers: int = 0,
        share: tuple[int, int] = (0, 1),
        groups: NDArray[np.int64] | None = None,
    ) -> None:
        if len(images) < 2:
            raise InputError(f"training needs at least 2 images, got {len(images)}")
        if batch_size < 2:
            raise InputError(f"the batch size must be at least 2, got {batch_size}")
        if seed < 0 or workers < 0:
            raise InputError(f"seed and workers must not be negative, got {seed} and {workers}")
        self.batch_size = batch_size
        self.seed = seed
        self.num_images = len(images)
        self._share = share
        self._groups = groups
        self._plans: list[_Plan] = []
        views_bytes = 2 * min(batch_size, len(images)) * math.prod(images.shape[1:]) * images.dtype.itemsize
        workers, self._through_pipe, self.note = _ways_to_workers(workers, views_bytes)
        self._loader: DataLoader[Batch] | None = DataLoader(
            _Batches(images, transform),
            batch_size=None,  # the data set answers with whole batches
            sampler=_Plans(self._plans),
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=_PREFETCH if workers else None,
            worker_init_fn=_quiet_worker if workers else None,
            collate_fn=_as_arrays if self._through_pipe else None,
            # Workers are seeded from it. From the global one, a resumed run would draw once more than a whole one, and objectives draw too.
            generator=torch.Generator(),
        )
        _open_loaders.add(self)

    def __len__(self) -> int:
        """Batches an epoch."""
        return max(1, self.num_images // self.batch_size)

    def epoch(self, epoch: int, start_batch: int = 0) -> Generator[Batch, None, None]:
        """The batches of one epoch, in their order.

        Args:
            epoch: number of the epoch, from 0.
            start_batch: number of batches to leave out at the start: those that an interrupted run has already seen.

        Raises:
            InputError: a number is negative.
        """
        if epoch < 0 or start_batch < 0:
            raise InputError(f"epoch and start_batch must not be negative, got {epoch} and {start_batch}")
        order = np.random.default_rng([self.seed, epoch, _SHUFFLE]).permutation(self.num_images)
        if self._groups is not None:
            order = keep_groups_together(order, self._groups)
        self._plans[:] = [self._plan(order, epoch, number) for number in range(start_batch, len(self))]
        if self._loader is None:
            raise InputError("this loader has been closed", hint="make a new one")
        with _main_module_hidden() if self._loader.num_workers else nullcontext():
            batches = iter(self._loader)  # starts the workers
        yield from (_as_tensors(batch) if self._through_pipe else batch for batch in batches)

    def epochs(self) -> Generator[Batch, None, None]:
        """The batches of all epochs, one after the other, without an end."""
        for epoch in itertools.count():
            yield from self.epoch(epoch)

    def pin(self) -> None:
        """Puts batches into page-locked memory, from which a GPU takes them while it works; before the first epoch."""
        if self._loader is not None:
            self._loader.pin_memory = not self._through_pipe

    def _plan(self, order: NDArray[np.int64], epoch: int, number: int) -> _Plan:
        rows = order[number * self.batch_size : (number + 1) * self.batch_size]
        rank, world = self._share
        if world == 1:
            return _Plan(rows, (self.seed, epoch, _VIEWS, number))
        part = len(rows) // world
        return _Plan(rows[rank * part : (rank + 1) * part], (self.seed, epoch, _VIEWS, number, rank))

    def close(self) -> None:
        """Ends the workers; an epoch that is still being read ends with an error. May be called twice."""
        workers = getattr(self._loader, "_iterator", None)  # persistent workers belong to the loader's one iterator
        self._loader = None
        if workers is not None:
            workers._shutdown_workers()


def _ways_to_workers(workers: int, batch_bytes: int) -> tuple[int, bool, str]:
    """Number of workers that can be had, true if their batches must come through a pipe, and a sentence on what is missing.

    Args:
        workers: asked for.
        batch_bytes: of a batch, at most.
    """
    if not workers:
        return 0, False, ""
    try:
        multiprocessing.Lock()
    except OSError as error:
        why = f"locks cannot be shared among them ({error.strerror})"
        return 0, False, f"no processes make views, since {why}: training is slower"
    wanted = workers * (_PREFETCH + 1) * batch_bytes
    if not SHARED_MEMORY.is_dir() or shutil.disk_usage(SHARED_MEMORY).free >= wanted:
        return workers, False, ""
    note = (
        f"{SHARED_MEMORY} is too small for {size_text(wanted)} of views: they come through pipes, which is slower "
        "(docker run --shm-size=2g makes room)"
    )
    return workers, True, note


def _as_arrays(batch: Any) -> tuple[NDArray[Any], ...]:
    """A batch that is pickled into a pipe; torch would move a tensor through shared memory."""
    return tuple(
        (part.permute(0, 2, 3, 1) if part.ndim == 4 else part).numpy() for part in batch
    )  # as they lie in memory


def _as_tensors(arrays: tuple[NDArray[Any], ...]) -> Batch:
    parts = map(torch.from_numpy, arrays)
    return Batch(*(part.permute(0, 3, 1, 2) if part.ndim == 4 else part for part in parts))


def keep_groups_together(order_N: NDArray[np.int64], group_N: NDArray[np.int64], most: int = 4) -> NDArray[np.int64]:
    """The order with the images of a group moved up behind its first, at most `most` at a time: more would leave a batch no negatives.

    Args:
        order_N: permutation of the rows.
        group_N: int64 number of each row's must-link group; rows without constraints have one of their own.
        most: images of a group that stay together; the next ones follow the first of them in the same way.
    """
    group = group_N[order_N]
    by_group = np.argsort(group, kind="stable")  # places in the order, group by group, each from first to last
    starts = np.flatnonzero(np.r_[True, np.diff(group[by_group]) != 0])
    sizes = np.diff(np.r_[starts, len(group)])
    number = np.arange(len(group)) - np.repeat(starts, sizes)  # of an image within its group
    first = by_group[np.arange(len(group)) - number % most]
    moved: NDArray[np.int64] = order_N[by_group[np.lexsort((by_group, first))]]
    return moved


class _Plans(torch.utils.data.Sampler[_Plan]):
    """The plans of the epoch at hand; workers outlive an epoch, so the list is refilled and the sampler stays."""

    def __init__(self, plans: list[_Plan]) -> None:
        self._plans = plans

    def __iter__(self) -> Iterator[_Plan]:
        return iter(list(self._plans))

    def __len__(self) -> int:
        return len(self._plans)


class _Batches(Dataset[Batch]):
    def __init__(self, images: RowSource, transform: MakesViews) -> None:
        self._images = images
        self._transform = transform

    def __getitem__(self, plan: _Plan) -> Batch:
        views = self._transform.batch(self._images[plan.rows], plan.seed)
        first, second = (torch.from_numpy(view) for view in views)
        if first.ndim == 4:  # pictures
            first, second = first.permute(0, 3, 1, 2), second.permute(0, 3, 1, 2)
        return Batch(first, second, torch.from_numpy(plan.rows.copy()))


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keeps processes that start meanwhile from importing the user's script, which needs no `if __name__ == "__main__"` then.

    Under the start methods `spawn` and `forkserver`, multiprocessing imports it in each of them by the name or path that the main
    module has. The script would train again, and a worker needs nothing from it.
    """
    if multiprocessing.get_start_method() == "fork":  # which imports nothing
        yield
        return
    with _hiding:  # or of two threads the second would take the blank module for the script and put that back
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script


def _quiet_worker(worker: int) -> None:
    """Ctrl-C and SIGTERM, which often reach a whole group of processes, are for the training process: it saves, and then ends its workers.
    One that died of them would be taken for a crash. Without their parent they end by themselves.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
