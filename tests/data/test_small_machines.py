"""Workers where shared memory is small or missing: the batches are the same, and a sentence says what is done instead."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from samekind.data.loader import Batch, ViewLoader
from samekind.data.views.two_view import TwoViewTransform


class Usage(NamedTuple):
    """Of a disk."""

    total: int
    used: int
    free: int


def batches(workers: int) -> tuple[list[Batch], str]:
    """One epoch of 24 pictures, and what the loader says of the machine."""
    images = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    loader = ViewLoader(images, TwoViewTransform(32, 3, "light"), 8, workers=workers)
    try:
        return list(loader.epoch(0)), loader.note
    finally:
        loader.close()


def assert_same(one: list[Batch], other: list[Batch]) -> None:
    """In value, and in how they lie in memory: another layout would change the last bits of a convolution."""
    assert len(one) == len(other) == 3
    for first, second in zip(one, other, strict=True):
        for a, b in zip(first, second, strict=True):
            assert torch.equal(a, b)
            assert a.stride() == b.stride()


def test_small_shared_memory_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The views come through a pipe, none of them lies in shared memory, and they are what one process makes."""
    alone, nothing = batches(0)
    shared, fits = batches(1)
    assert any(batch.view_1.is_shared() for batch in shared)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**6, 0, 10**5))
    piped, note = batches(1)
    assert not any(part.is_shared() for batch in piped for part in batch)
    assert (nothing, fits) == ("", "")
    assert "shm is too small for 246 kB of views" in note
    assert_same(alone, shared)
    assert_same(alone, piped)


def test_without_locks_there_are_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without shared semaphores makes views in the process that trains."""

    def refuse() -> Any:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("multiprocessing.Lock", refuse)
    alone, note = batches(2)
    assert "Function not implemented" in note
    assert_same(alone, batches(0)[0])


def test_vectors_come_through_a_pipe_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches that are no pictures."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**6, 0, 10))

    class Halves:
        def batch(self, images: Any, seed: Any = None) -> tuple[Any, Any]:
            """Both halves of a vector."""
            return images[:, :4].copy(), images[:, 4:].copy()

    vectors = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float16)
    loader = ViewLoader(vectors, Halves(), 8, workers=1)
    (batch,) = loader.epoch(0)
    loader.close()
    assert torch.equal(batch.view_1, torch.from_numpy(vectors[batch.index.numpy(), :4]))


SCRIPT = """
import sys
import numpy as np
from samekind.data.loader import ViewLoader
from samekind.data.views.two_view import TwoViewTransform
images = np.random.default_rng(0).integers(0, 256, (64, 160, 160, 3), dtype=np.uint8)
loader = ViewLoader(images, TwoViewTransform(128, 3, "none"), 32, workers=2)
print(sum(len(batch.index) for batch in loader.epoch(0)), bool(loader.note))
loader.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can mount a small /dev/shm")
def test_two_megabytes_of_shared_memory_are_enough(tmp_path: Path) -> None:
    """In a mount of its own: without the pipe it waited for ever."""
    command = f"mount -t tmpfs -o size=2m tmpfs /dev/shm && exec timeout -k 1 100 {sys.executable} -P script.py"
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip("not allowed to mount here")
    assert done.stdout == "64 True\n"
