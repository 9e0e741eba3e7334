"""What tests of building share: noise pictures as files, a progress that remembers, a crash at a chosen place, and what must hold after."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.progress import NoProgress
from samekind.indexer.index import Index
from tests.indexer.helpers import FakeEncoder, pictures


class Lines(NoProgress):
    """A progress that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def print(self, line: str) -> None:
        """Keeps the line."""
        self.said.append(line)


class Crash(Exception):
    """Stands for a kill at a certain place."""


@contextmanager
def crash_at(owner: object, name: str, call: int = 1, *, after: bool = False) -> Iterator[None]:
    """Kills the work inside just before, or just after, the given call of what `owner` has as `name`; it must come to that."""
    original, calls = getattr(owner, name), 0

    def crashing(*args: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            raise Crash
        result = original(*args)
        if calls == call:
            raise Crash
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, crashing)
        with pytest.raises(Crash):
            yield


def check_consistent(index: Index) -> None:
    """Row i of the table, of the FAISS index and of `rows.arrow` are one image, and its vector is that of its thumbnail."""
    reopened = Index.open(index.path)
    table = np.concatenate(list(reopened.table.vector_batches()))
    np.testing.assert_array_equal(reopened.vectors(), table)
    assert reopened.ids == reopened.table.rows()["id"].to_pylist()
    assert len(set(reopened.ids)) == len(reopened.ids) == len(reopened)
    shown = [np.array(Image.open(io.BytesIO(encoded))) for encoded in reopened.thumbnails(reopened.ids)]
    np.testing.assert_allclose(FakeEncoder().embed(np.stack(shown)[..., None]), table, atol=1e-5)


def write_pictures(folder: Path, **files: int) -> None:
    """Grey PNGs: `cat__a=3` is `cat/a.png` with the third noise picture."""
    for name, number in files.items():
        path = folder / (name.replace("__", "/") + ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures(40, seed=7)[number]).save(path)
