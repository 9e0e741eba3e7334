"""The cache: what is in it, its limit, and what is never deleted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.core.cache_limit import LIMIT, cache_limit
from samekind.core.errors import ArtefactError, InputError
from samekind.core.progress import NoProgress
from samekind.training.runtime import cache_folder
from samekind.training.runtime.array_file import ArrayFile
from samekind.training.runtime.cache_folder import cache_entries, purge
from samekind.training.runtime.lock import exclusive
from samekind.training.runtime.rows_on_disk import RowsOnDisk
from tests.training.runs import Lines


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def array(digest: str, kilobytes: int = 100) -> ArrayFile:
    """An array of that many rows of 1,000 bytes."""
    return ArrayFile("pixels", digest, (kilobytes, 1000), "uint8", f"pixels of {digest}", "take fewer tests")


def write(digest: str, day: int, kilobytes: int = 100, progress: NoProgress | None = None) -> RowsOnDisk:
    """Writes one, last used on a day of 1970."""

    def blocks(start: int) -> Iterator[NDArray[Any]]:
        yield np.zeros((kilobytes - start, 1000), dtype=np.uint8)

    given = array(digest, kilobytes)
    rows = given.rows(blocks, "", progress or NoProgress())
    for path in (given.entry.file, given.entry.mark):
        os.utime(path, (86400.0 * day, 86400.0 * day))
    return rows


def held() -> list[str]:
    """Digests in the cache, the least recently used first."""
    return [entry.file.stem for entry in cache_entries()]


def entry_of(digest: str) -> cache_folder.CacheEntry:
    """By its digest."""
    return next(entry for entry in cache_entries() if entry.file.stem == digest)


def test_the_least_recently_used_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of them as are needed and no more, with a line for each; what belongs to them goes with them."""
    for day, digest in enumerate(["old", "older", "oldest"]):
        write(digest, 10 - day).close()
    monkeypatch.setenv(LIMIT, "255kB")
    beside = entry_of("oldest").file.with_name("oldest-0123.whitening")
    beside.write_bytes(b"w" * 10)
    assert entry_of("oldest").size == 100_010
    lines = Lines()
    write("newest", 20, 150, lines)
    assert held() == ["old", "newest"]
    assert not beside.exists()
    assert [line for line in lines.lines if "deleted" in line] == [
        "deleted from the cache to make room: pixels of oldest (100 kB, last used 1970-01-09)",
        "deleted from the cache to make room: pixels of older (100 kB, last used 1970-01-10)",
    ]


def test_use_counts_and_not_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is read becomes the last to go."""
    monkeypatch.setenv(LIMIT, "250kB")
    write("first", 1)
    write("second", 2)
    array("first").rows(lambda start: iter(()), "", NoProgress())
    write("third", 3)
    assert held() == ["third", "first"]


def test_what_does_not_fit_is_refused_before_anything_is_written_or_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the size and the limit, and the setting that would do."""
    monkeypatch.setenv(LIMIT, "250kB")
    write("there", 1)
    with pytest.raises(ArtefactError, match="pixels of large take 300 kB, and the cache may hold 250 kB") as caught:
        write("large", 2, 300)
    assert caught.value.hint == f"set {LIMIT}=1GB, or take fewer tests"
    assert held() == ["there"]


def test_what_is_read_is_not_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to make room nor by a purge, here or in another process, until its reader is gone."""
    monkeypatch.setenv(LIMIT, "250kB")
    rows = write("read", 1)
    write("idle", 2)
    with pytest.raises(ArtefactError, match=r"\(100 kB of it are in use\)"):
        write("large", 3, 200)
    assert held() == ["read", "idle"]
    other = "from samekind.training.runtime.cache_folder import purge; from samekind.core.progress import NoProgress\n"
    count = "kept, freed = purge(NoProgress()); print(len(kept), freed)"
    root = Path(__file__).parents[3]
    shown = subprocess.run(
        [sys.executable, "-P", "-c", other + count],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith("1 100")
    assert held() == ["read"]
    assert rows[np.array([99])].shape == (1, 1000)
    rows.close()
    assert purge(NoProgress())[0] == []
    assert held() == []


def test_what_is_written_is_not_deleted() -> None:
    """Its writer holds its lock."""
    write("busy", 1).close()
    write("idle", 2).close()
    entry = entry_of("busy")
    lines = Lines()
    with exclusive(entry.file.parent, entry.lock):
        kept, freed = purge(lines)
        assert entry.in_use
    assert [each.file.stem for each in kept] == held() == ["busy"]
    assert freed >= 100_000
    assert lines.lines == [f"in use, and kept: pixels of busy in {entry.file}"]
    assert not entry.in_use


def test_an_array_that_was_deleted_is_computed_again() -> None:
    """By the next who wants it; and one that is deleted while it is being opened is not taken for whole."""
    write("gone", 1).close()
    stale = RowsOnDisk(entry_of("gone").file, (100, 1000), "uint8")
    entry_of("gone").delete()
    assert not stale.is_whole
    assert len(write("gone", 2)) == 100
    assert held() == ["gone"]


@pytest.mark.parametrize(
    ("text", "size"), [("50GB", 50 * 10**9), ("1.5 tb", 15 * 10**11), ("800M", 8 * 10**8), ("123", 123), ("0", 0)]
)
def test_the_limit_is_a_size(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a unit in powers of ten, or bytes."""
    monkeypatch.setenv(LIMIT, text)
    assert cache_limit(0) == size


def test_another_limit_is_refused_and_none_is_half_of_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of what is free and what the cache holds: it does not shrink because the cache grows."""
    monkeypatch.setenv(LIMIT, "much")
    with pytest.raises(InputError, match="'much'"):
        cache_limit(0)
    monkeypatch.delenv(LIMIT)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 600}))
    assert cache_limit(400) == 500
