"""Hardest negatives of a large index, part by part: what an audit of it finds, without labels and without a copy of all vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samekind.core.errors import ArtefactError
from samekind.indexer.audit import anchors, by_columns, hardest, kept
from samekind.indexer.audit.anchors import anchors_of
from samekind.indexer.audit.comparison import Comparison
from samekind.indexer.audit.hardest import Hardest, hardest_negatives
from samekind.indexer.audit.neighbours import neighbourhood
from samekind.indexer.index import Index
from samekind.indexer.labeling import acquisition
from samekind.indexer.labeling.acquisition import CandidatePool
from samekind.indexer.search.vector_index import VectorIndex
from samekind.training.diagnostics.gradient_weights import GradientWeights
from tests.indexer.audits import HARD, index_of, some_labels

ROWS, K = 60, 4


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """60 images, which count as many: 50 of them are anchors, and the first part has 4."""
    for module in (anchors, hardest, acquisition):
        monkeypatch.setattr(module, "ALL_UP_TO", 10)
    monkeypatch.setattr(anchors, "SAMPLED", 50)
    monkeypatch.setattr(hardest, "FIRST_PART", 4)
    monkeypatch.setattr(hardest, "_LEAST", 1)
    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "cache"))
    return index_of(tmp_path / "out", some_labels(ROWS), **HARD)


def test_parts_grow_into_the_audit(large: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part has the anchors of the one before and more, with the same negatives; the last is the audit's, whose rows go by class."""
    monkeypatch.setattr(by_columns, "_ROWS", 7)
    parts, audit = list(hardest_negatives(large, K)), Hardest.of(large.audit(k=K))
    assert [len(part.anchor_A) for part in parts] == [4, 16, 50]
    assert [part.is_whole for part in parts] == [False, False, True]
    assert parts[-1].anchor_A.tolist() == anchors_of(ROWS, None)[0].tolist()
    for part in parts:
        place = np.searchsorted(audit.anchor_A, part.anchor_A)
        assert (audit.anchor_A[place] == part.anchor_A).all()
        assert (part.negative_AK == audit.negative_AK[place]).all()
        assert part.similarity_AK == pytest.approx(audit.similarity_AK[place], abs=1e-14)
        assert part.share_AK is not None
        assert audit.share_AK is not None
        assert part.share_AK == pytest.approx(audit.share_AK[place], rel=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("rows", [7, 64, 1000])
def test_blocks_of_rows_find_what_the_audit_finds(monkeypatch: pytest.MonkeyPatch, beta: float, rows: int) -> None:
    """Whatever the size of a block: rows, cosines and shares, of vectors many of which are alike, and where the hardest come late."""
    monkeypatch.setattr(by_columns, "_ROWS", rows)
    random = np.random.default_rng(int(beta))
    vectors_ND = random.standard_normal((200, 8)).astype(np.float32)
    vectors_ND[20:50] = vectors_ND[20]  # more copies than there are spare candidates
    vectors_ND[150:] = vectors_ND[:50] + 0.05 * random.standard_normal((50, 8)).astype(np.float32)
    vectors_ND /= np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    anchor_A, weights = np.arange(0, 200, 3), GradientWeights(0.1, beta)
    found = by_columns.neighbourhood_by_columns(vectors_ND, anchor_A, K, weights)
    wanted = neighbourhood(vectors_ND, Comparison(np.full(200, -1), anchor_A, K, weights))
    assert found.row_AK.tolist() == wanted.row_AK.tolist()
    assert found.similarity_AK == pytest.approx(wanted.similarity_AK, abs=1e-14)
    assert found.share_AK == pytest.approx(wanted.share_AK, rel=2e-5, abs=1e-7)


def test_a_small_index_has_one_part_with_every_anchor(tmp_path: Path) -> None:
    """Up to 200,000 images nothing has changed: all of it is the audit's."""
    index = index_of(tmp_path / "out", some_labels(), **HARD)
    (whole,), audit = list(hardest_negatives(index, K)), index.audit(k=K).pairs
    assert whole.is_whole
    assert not CandidatePool.grows(index)
    assert (whole.negative_AK == audit.negative_AK).all()
    assert np.array_equal(np.asarray(whole.share_AK), np.asarray(audit.share_AK))
    (pool,) = CandidatePool.growing(index)
    assert pool.acquire({}, 50) == CandidatePool(index, index.audit(k=10)).acquire({}, 50)


def test_the_pool_grows_into_the_one_of_the_audit(large: Index) -> None:
    """The last pool asks what one of the audit asks, in that order; earlier ones say that more pairs come."""
    pools, audit = list(CandidatePool.growing(large)), CandidatePool(large, large.audit(k=10))
    assert CandidatePool.grows(large)
    assert [len(pool) for pool in pools] == sorted({len(pool) for pool in pools})
    for pool in pools:
        asked, wanted = pool.acquire({}, 30), audit.acquire({}, 30)
        assert any("more are being found" in note for note in asked.notes) == (not pool.is_whole)
        if pool.is_whole:
            assert [each.pair for each in asked] == [each.pair for each in wanted]
            assert [each.probability for each in asked] == pytest.approx([each.probability for each in wanted])
    assert [each.pair for each in CandidatePool(large).acquire({}, 30)] == [each.pair for each in audit.acquire({}, 30)]


def test_vectors_are_read_where_they_lie(large: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass gets the array of the mapped file and no copy of it, and multiplies that."""
    assert np.shares_memory(large.vector_index.in_order(), large.vector_index.in_order())
    monkeypatch.setattr(VectorIndex, "vectors", _refused)
    assert len(list(hardest_negatives(large, K))) == 3


def test_parts_come_from_the_cache(large: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process compares nothing, and finds the same to the last bit."""
    monkeypatch.setattr(kept, "WORTH", 0)
    first = list(hardest_negatives(large, K))
    monkeypatch.setattr(hardest, "neighbourhood_by_columns", _refused)
    for a, b in zip(first, hardest_negatives(Index.open(large.path), K), strict=True):
        assert (a.negative_AK == b.negative_AK).all()
        assert np.array_equal(np.asarray(a.share_AK), np.asarray(b.share_AK))


def test_vectors_that_are_not_of_unit_norm_are_refused(large: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A NaN would silently be nobody's neighbour."""
    vectors_ND = large.vectors()
    vectors_ND[7, 0] = np.nan
    monkeypatch.setattr(VectorIndex, "in_order", lambda self: vectors_ND)
    with pytest.raises(ArtefactError, match="1 of 60 vectors"):
        next(_parts(large))


def _parts(index: Index) -> Iterator[Hardest]:
    return hardest_negatives(index, K)


def _refused(*arguments: Any) -> Any:
    raise AssertionError("this would copy or compare")
