"""Vectors lean towards their nearest images before answers map them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import samekind as sk
from samekind.indexer.search import leaning as module
from samekind.indexer.search.leaning import leaning, leaning_index
from samekind.indexer.search.vector_index import VectorIndex
from tests.indexer.adaptation.worlds import precision, vectors_of

CLASS_N = np.arange(120) % 6


def built(limit: int = 1_000) -> VectorIndex:
    """An index of a world's vectors, approximate above `limit` rows."""
    return VectorIndex.build(lambda: [vectors_of(CLASS_N)], 12, len(CLASS_N), limit)


@pytest.mark.parametrize(("neighbours", "lean"), [(6, 0.2), (3, 0.5)])
def test_it_is_a_share_of_the_way_to_the_mean_of_the_nearest(neighbours: int, lean: float) -> None:
    """By brute force, of the index' own vectors and of others, in whatever blocks they come."""
    index, bank = built(), vectors_of(CLASS_N).astype(np.float64)
    for given in (vectors_of(CLASS_N), vectors_of(CLASS_N, seed=1)):
        expected = []
        for vector in given.astype(np.float64):
            nearest = np.argsort(-(bank @ vector), kind="stable")[:neighbours]
            leant = (1 - lean) * vector + lean * bank[nearest].mean(axis=0)
            expected.append(leant / np.linalg.norm(leant))
        np.testing.assert_allclose(leaning(given, index, neighbours, lean), expected, atol=1e-6)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_BLOCK", 7)
            np.testing.assert_array_equal(
                leaning(given, index, neighbours, lean),
                np.concatenate([leaning(each[None], index, neighbours, lean) for each in given]),
            )


def test_images_of_a_class_come_nearer_to_each_other() -> None:
    """More of the ten nearest are of the own class, and nobody has named any."""

    def share(vectors: NDArray[np.float32]) -> float:
        near = np.argsort(-(vectors @ vectors.T), axis=1)[:, 1:11]
        return float((CLASS_N[near] == CLASS_N[:, None]).mean())

    vectors = vectors_of(CLASS_N, noise=0.5)
    index = VectorIndex.build(lambda: [vectors], 12, len(vectors))
    assert share(leaning_index(index, 6, 0.2).vectors()) > share(vectors) + 0.01


def test_without_neighbours_the_index_is_as_it_was() -> None:
    """As with adaptations of before format 4."""
    index = built()
    assert leaning_index(index, 0, 0.0) is index
    given = vectors_of(CLASS_N, seed=1)
    assert leaning(given, index, 0, 0.0) is given


def test_large_indexes_do_not_lean(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their neighbours take too long; the rest is as ever, and so is a search from outside."""
    index = sk.Index.open(folder)
    monkeypatch.setattr(module, "MOST_ROWS", len(index) - 1)
    before = precision(index)
    assert index.adapt().adapted
    assert index.adaptation is not None
    assert (index.adaptation.neighbours, index.adaptation.lean) == (0, 0.0)
    assert precision(index) > before
    groups = index.adaptation.groups
    row = next(row for row, sha256 in enumerate(index.rows.column("sha256")) if sha256 not in groups)
    vector = index.vectors(np.array([row]))
    np.testing.assert_array_equal(index.adaptation(vector), index.adapted_vectors(np.array([row])))


def test_added_images_lean_and_are_leant_upon(folder: Path) -> None:
    """Those that were there lie where their new neighbours say, as if all had been indexed at once."""
    index = sk.Index.open(folder)
    index.adapt()
    before = index.adapted_vectors()
    index.remove(index.ids[: len(index) // 2])
    assert index.adaptation is not None
    groups = index.adaptation.groups
    free = np.array([row for row, sha256 in enumerate(index.rows.column("sha256")) if sha256 not in groups])
    lean = leaning_index(index.vector_index, index.adaptation.neighbours, index.adaptation.lean)
    np.testing.assert_array_equal(index.adapted_vectors(free), index.adaptation(lean.vectors(free)))
    assert not np.allclose(index.adapted_vectors(), before[-len(index) :], atol=1e-3)


def test_the_kind_of_a_tuned_index_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It leans as an exact one does, is mapped again, and only then becomes what it is to be."""
    index = VectorIndex.build_kind(lambda: [vectors_of(CLASS_N)], 12, len(CLASS_N), "IVF4,PQ6x4fs,RFlat", recall=0.5)
    twice = leaning_index(index, 6, 0.2).mapped(lambda vectors: vectors)
    assert twice.exact
    assert twice.kind == index.kind
    given = vectors_of(CLASS_N, seed=1)
    np.testing.assert_array_equal(twice.vectors(), leaning_index(built(), 6, 0.2).vectors())
    np.testing.assert_array_equal(leaning(given, index, 6, 0.2), leaning(given, built(), 6, 0.2))
