"""Arrays of the cache: computed once, resumed, shared."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress
from samekind.training.runtime.array_file import ArrayFile
from tests.training.runs import Lines

VALUES: NDArray[np.float32] = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)


def array(digest: str = "one", count: int = 50) -> ArrayFile:
    """Fifty rows of seven values."""
    return ArrayFile("vectors", digest, (count, 7), "float16", "vectors of tests", "take fewer tests")


def blocks(start: int) -> Iterator[NDArray[Any]]:
    """Ten rows at a time."""
    for first in range(start, 50, 10):
        yield VALUES[first : first + 10]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_it_is_computed_once_and_one_line_says_where_and_how_large() -> None:
    """By whoever comes first; the values are those of the blocks in the type asked for."""
    lines = Lines()
    first = array().rows(blocks, "", lines)[:]
    assert np.array_equal(first, VALUES.astype(np.float16))
    assert lines.lines == [f"vectors of tests, computed once: 1 kB in {array().entry.file}"]
    assert np.array_equal(array().rows(lambda start: iter(()), "", lines)[:], first)
    assert len(lines.lines) == 1


def test_two_at_once_compute_it_once() -> None:
    """The second waits for the first."""
    starts: list[int] = []

    def counted(start: int) -> Iterator[NDArray[Any]]:
        starts.append(start)
        yield from blocks(start)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: array().rows(counted, "", NoProgress())[:], range(2))
    assert np.array_equal(first, second)
    assert starts == [0]


KILLED = """
import os, numpy as np
from samekind.core.progress import NoProgress
from tests.training.runtime.test_array_file import array, blocks
def killed(start):
    for number, block in enumerate(blocks(start)):
        if number == 3:
            os.kill(os.getpid(), 9)
        yield block
array().rows(killed, "", NoProgress())
"""


def test_a_killed_process_leaves_what_it_had_written() -> None:
    """Thirty rows are there, the file has its whole size, no lock stays; the next process continues at the thirty-first."""
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    ended = subprocess.run([sys.executable, "-P", "-c", KILLED], env=environment, check=False)
    assert ended.returncode == -9
    assert array().done == 30
    assert array().entry.file.stat().st_size == 700
    starts: list[int] = []

    def counted(start: int) -> Iterator[NDArray[Any]]:
        starts.append(start)
        yield from blocks(start)

    assert np.array_equal(array().rows(counted, "", NoProgress())[:], VALUES.astype(np.float16))
    assert starts == [30]


def test_a_full_disk_is_one_line_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the size, the folder, and what to do."""
    full = type("Usage", (), {"free": 1})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(ArtefactError, match="vectors of tests take 1 kB, more than is free in") as caught:
        array().rows(None, "", NoProgress())  # type: ignore[arg-type]
    assert caught.value.hint == "make room there, or take fewer tests"


def test_a_disk_that_fails_while_it_is_written_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written stays, and the next one continues."""
    sync = os.fsync

    def failing(descriptor: int) -> None:
        if array().done == 20 and os.fstat(descriptor).st_size == 700:
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(ArtefactError, match="Input/output error"):
        array().rows(blocks, "", NoProgress())
    monkeypatch.setattr(os, "fsync", sync)
    assert np.array_equal(array().rows(blocks, "", NoProgress())[:], VALUES.astype(np.float16))
