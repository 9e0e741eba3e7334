"""How near images of an index are to each other, and queries that are embedded once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.core.errors import InputError


def index_of(folder: Path, vectors_ND: np.ndarray, hashes: list[str]) -> sk.Index:
    """An index of given vectors and content hashes."""
    ids = [f"train/{i:03d}" for i in range(len(vectors_ND))]
    return sk.index_vectors(vectors_ND.astype(np.float32), ids, folder, sha256=hashes)


def test_each_image_and_its_nearest_other(tmp_path: Path) -> None:
    """Held to a double loop; exact copies of an image are passed over, and one that has only copies is left out."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[1:4] = vectors[0]
    hashes = [f"{max(0, i - 3):064x}" for i in range(40)]
    index = index_of(tmp_path / "index", vectors, hashes)
    cosine = index.vectors().astype(np.float64) @ index.vectors().astype(np.float64).T
    wanted = [max(cosine[i, j] for j in range(40) if hashes[j] != hashes[i]) for i in range(40)]
    assert np.allclose(index.nearest_similarities(), np.sort(wanted), atol=1e-6)
    assert len(index.nearest_similarities(count=7)) == 7


@pytest.mark.parametrize("copies", [1, 5])
def test_nothing_to_compare_is_nothing(tmp_path: Path, copies: int) -> None:
    """A single image, and one that only has copies."""
    vectors = np.tile(np.eye(8)[:1], (copies, 1))
    assert len(index_of(tmp_path / "index", vectors, ["0" * 64] * copies).nearest_similarities()) == 0


def test_an_embedded_query_is_searched_with_again(tmp_path: Path) -> None:
    """Its vector and its content stay; several at once are refused in one line."""
    vectors = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
    index = index_of(tmp_path / "index", vectors, [f"{i:064x}" for i in range(8)])
    query = index.embedded(index.ids[3])
    assert index.search(query, k=1)[0].id == index.ids[3]
    assert index.ids[3] not in [hit.id for hit in index.search(query, k=8, exclude_self=True)]
    with pytest.raises(InputError, match="one query"):
        index.embedded([index.ids[0], index.ids[1]])  # type: ignore[arg-type]
    with pytest.raises(InputError):
        index.seen(index.ids[0])
