"""Two lists of hits, compared by content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind import runs

PICTURES = "abcdef"


@pytest.fixture
def indexes(tmp_path: Path) -> tuple[sk.Index, sk.Index]:
    """Two indexes of six pictures under ids of their own, `a` and `b` there twice."""
    return _index(tmp_path / "here", "here", PICTURES), _index(tmp_path / "there", "there", PICTURES + "ab")


def _index(folder: Path, name: str, contents: Sequence[str]) -> sk.Index:
    vectors = np.random.default_rng(0).standard_normal((len(contents), 4)).astype(np.float32)
    ids = [f"{name}-{content}-{i}" for i, content in enumerate(contents)]
    return sk.index_vectors(vectors, ids, folder, sha256=[content * 64 for content in contents])


def hits(index: sk.Index, contents: str) -> list[sk.Hit]:
    """Hits of these pictures, in this order; a copy is another image."""
    left = list(index.ids)
    found = []
    for rank, content in enumerate(contents, start=1):
        id_ = next(id_ for id_ in left if id_.split("-")[1] == content)
        left.remove(id_)
        found.append(sk.Hit(rank, id_, 1.0, None, ""))
    return found


@pytest.mark.parametrize(
    ("here", "there", "both", "first"),
    [
        ("abc", "abc", 3, None),
        ("abc", "acb", 3, 2),
        ("abc", "abd", 2, 3),
        ("ab", "abc", 2, 3),
        ("abc", "def", 0, 1),
        ("abc", "aab", 2, 2),
        ("", "", 0, None),
    ],
)
def test_overlap(indexes: tuple[sk.Index, sk.Index], here: str, there: str, both: int, first: int | None) -> None:
    """What both have, once for each that both have, and the first rank with another picture."""
    index, other = indexes
    found = runs.overlap(index, hits(index, here), other, hits(other, there))
    assert (len(found.here), len(found.there), found.first_difference) == (both, both, first)
    for id_, rank in found.here.items():
        assert there[rank - 1] == id_.split("-")[1]


def test_same_images(indexes: tuple[sk.Index, sk.Index]) -> None:
    """By content; of copies the first one, unless one has the same id."""
    index, other = indexes
    assert runs.same_images(other, other.ids, index) == {
        id_: f"here-{id_[6]}-{PICTURES.index(id_[6])}" for id_ in other.ids
    }
    assert runs.same_images(index, ["here-b-1"], other) == {"here-b-1": "there-b-1"}
    assert runs.same_images(other, ["there-b-7"], other) == {"there-b-7": "there-b-7"}
