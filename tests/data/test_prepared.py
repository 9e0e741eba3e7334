"""Encoder input of a corpus, in batches."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import ImageError
from samekind.data.corpus import Corpus
from samekind.data.decode import prepare
from samekind.data.prepared import batches_ahead, prepared_batches
from samekind.data.types.preprocessing import Preprocessing

INPUT = Preprocessing(8, 3, crop=0.8)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Eleven pictures, all different."""
    for i in range(11):
        pixels = np.random.default_rng(i).integers(0, 256, (12, 9 + i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i:02d}.png")
    return Corpus.from_folder(tmp_path)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 11, 100])
def test_batches_hold_the_rows_asked_for_in_that_order(corpus: Corpus, batch_size: int) -> None:
    """Put together, they are `prepare` of each row; none is larger than asked for."""
    rows = np.array([7, 0, 10, 3, 3, 9, 1, 2])
    batches = list(prepared_batches(corpus, INPUT, rows, batch_size))
    assert [len(each) for each, _ in batches] == [len(rows[i : i + batch_size]) for i in range(0, 8, batch_size)]
    np.testing.assert_array_equal(np.concatenate([each for each, _ in batches]), rows)
    expected = np.stack([prepare(corpus.image(int(row)), INPUT) for row in rows])
    np.testing.assert_array_equal(np.concatenate([pixels for _, pixels in batches]), expected)


def test_an_image_that_has_become_unreadable_is_named(corpus: Corpus) -> None:
    """After the batches before it."""
    Path(corpus.uri(4)).write_bytes(b"no image")
    batches = prepared_batches(corpus, INPUT, range(11), 2)
    assert [next(batches)[0].tolist(), next(batches)[0].tolist()] == [[0, 1], [2, 3]]
    with pytest.raises(ImageError, match=Path(corpus.uri(4)).name):
        next(batches)


def test_no_rows_are_no_batches(corpus: Corpus) -> None:
    """An empty choice ends at once."""
    assert list(prepared_batches(corpus, INPUT, [], 4)) == []


@pytest.mark.parametrize("ends", ["error", "left early"])
def test_who_stops_does_not_wait_for_what_was_to_come(ends: str) -> None:
    """An image that fails, or a caller that goes (Ctrl-C): what was not begun is not begun any more."""
    begun = []

    def one(row: int) -> int:
        begun.append(row)
        if ends == "error" and row == 0:
            raise ImageError("broken")
        time.sleep(0.01)
        return row

    batches = batches_ahead(one, range(400), 100, threads=1)
    if ends == "error":
        with pytest.raises(ImageError, match="broken"):
            next(batches)
    else:
        next(batches)
        batches.close()
    assert len(begun) < 150
