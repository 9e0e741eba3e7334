"""`samekind cache`: what is in it, how large, and emptying it; and what training says of it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from samekind.core.progress import NoProgress
from samekind.data.sources import packs
from samekind.data.sources.packs import read_pack
from samekind.training.runtime import array_file
from samekind.training.runtime.array_file import ArrayFile
from samekind.training.runtime.rows_on_disk import RowsOnDisk
from tests.end_to_end.helpers import call, refused


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SAMEKIND_CACHE_LIMIT", "1MB")
    return tmp_path / "cache" / "samekind"


def written(kind: str, name: str) -> RowsOnDisk:
    """100 kB that are read as long as this lives."""

    def blocks(start: int) -> Iterator[NDArray[Any]]:
        yield np.zeros((100, 1000), dtype=np.uint8)

    return ArrayFile(kind, name, (100, 1000), "uint8", f"{kind} of {name}", "").rows(blocks, "", NoProgress())


def _png(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "white").save(file, "PNG")
    return file.getvalue()


def test_an_empty_cache_is_said_to_be_empty(folder: Path) -> None:
    """Before anything made the folder, too; nothing is made by looking."""
    assert call("cache").out == f"0 arrays, 0 kB of at most 1 MB in {folder}\n"
    assert not folder.exists()


def test_it_lists_what_is_there_and_deletes_what_nobody_uses(folder: Path) -> None:
    """A line an array; one that is read stays, and is named."""
    written("pixels", "photos").close()
    reading = written("features", "clothes")
    lines = call("cache").out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:3]] == ["pixels of photos", "features of clothes"]
    assert [line.endswith("in use") for line in lines[1:3]] == [False, True]
    assert lines[3] == f"2 arrays, 200 kB of at most 1 MB in {folder}"
    purged = call("cache", "--purge")
    assert purged.err.startswith("in use, and kept: features of clothes in ")
    assert purged.out.splitlines()[0] == "deleted 100 kB"
    assert not list((folder / "pixels").glob("*.u8"))
    reading.close()
    answer = call("cache", "--purge", "--json").answer
    assert answer["entries"] == []
    assert answer["freed_bytes"] >= 100_000
    assert answer["folder"] == str(folder)


def test_the_pixels_of_a_pack_count(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They lie in the cache like everything else: listed, used anew when they are read, given up when room is needed, and deleted."""
    monkeypatch.setattr(packs, "_WORTH_KEEPING", 1)
    pack = tmp_path / "pack.npz"
    white = _png(64)
    np.savez(pack, jpeg=np.frombuffer(white * 40, np.uint8), offsets=np.arange(41) * len(white))
    read_pack(pack)
    (pixels,) = (folder / "packs").iterdir()
    os.utime(pixels, (86400.0, 86400.0))
    assert "pixels of a pack  492 kB" in call("cache").out
    before = pixels.read_bytes()
    read_pack(pack)
    assert pixels.stat().st_mtime > 86400.0
    assert pixels.read_bytes() == before
    for name in "abcdef":
        written("pixels", name).close()
    assert not pixels.exists(), "six times 100 kB leave no room for it below 1 MB"
    read_pack(pack)
    assert call("cache", "--purge", "--json").answer["entries"] == []
    assert not list((folder / "packs").glob("*.npy"))


def test_json_tells_all_of_an_array(folder: Path) -> None:
    """Kind, words, bytes, day, use and file; and the sum beside the limit."""
    written("vectors", "photos").close()
    answer = call("cache", "--json").answer
    (entry,) = answer["entries"]
    assert {name: entry[name] for name in ("kind", "what", "in_use", "file")} == {
        "kind": "vectors",
        "what": "vectors of photos",
        "in_use": False,
        "file": str(folder / "vectors" / "photos.f16"),
    }
    assert answer["bytes"] == entry["bytes"] == 100_000
    assert answer["limit_bytes"] == 1_000_000


def test_a_training_that_does_not_fit_is_refused_in_one_line(
    photos: Path, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before an image is decoded or the artefact is begun; the hint names the setting."""
    monkeypatch.setattr(array_file, "IN_MEMORY", 0)
    monkeypatch.setenv("SAMEKIND_CACHE_LIMIT", "10kB")
    line = refused("train", "--corpus", photos, "--preset", "smoke", "--out", tmp_path / "out")
    assert "the cache may hold 10 kB" in line
    assert not list(folder.glob("pixels/*.u8"))
    assert not (tmp_path / "out" / "meta.json").exists()
