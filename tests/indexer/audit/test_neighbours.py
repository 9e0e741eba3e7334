"""The pass over all pairs, where there are more rows than fit into one look."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.indexer.audit import neighbours
from samekind.indexer.audit.comparison import Comparison
from samekind.indexer.audit.greatest import greatest
from samekind.indexer.audit.neighbours import neighbourhood
from samekind.training.diagnostics.gradient_weights import GradientWeights
from tests import oracles


@given(st.integers(1, 12), st.integers(700, 2000), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_the_greatest_by_chunks_are_those_of_a_sort(count: int, columns: int, seed: int) -> None:
    """Values and where they stand, equal ones among them; columns that fill no chunk count, too."""
    random = np.random.default_rng(seed)
    value_BN = torch.from_numpy(random.integers(0, 500, (3, columns)).astype(np.float32))
    value_BN[0, -1] = 1000.0
    found, column_BM = greatest(value_BN, count)
    assert torch.equal(found, value_BN.sort(dim=1, descending=True).values[:, :count])
    assert torch.equal(value_BN.gather(1, column_BM), found)
    assert all(len(set(row)) == count for row in column_BM.tolist())
    assert int(column_BM[0, 0]) == columns - 1


@pytest.mark.parametrize("threads", [1, 3])
def test_many_rows_agree_with_a_count_by_loop(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """Neighbours and shares of the gradient, in several blocks by several threads, each of which keeps its memory."""
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", 16 * 1500)
    random = np.random.default_rng(0)
    vectors = random.normal(size=(1500, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    anchors, classes = np.array([3, 400, 401, 1499, *range(700, 720)]), random.integers(-1, 4, 1500)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = neighbourhood(vectors, Comparison(classes, anchors, 2, GradientWeights(0.2, 1.0)))
    finally:
        torch.set_num_threads(before)
    for a, anchor in enumerate(anchors.tolist()):
        others = np.delete(np.arange(1500), anchor)
        similarity = (vectors.astype(np.float64) * vectors[anchor]).sum(1)
        nearest = others[np.lexsort((others, -similarity[others]))][:2]
        assert found.row_AK[a].tolist() == nearest.tolist()
        np.testing.assert_allclose(found.similarity_AK[a], similarity[nearest], atol=1e-12)
        share = oracles.negative_shares(similarity, anchor, 0.2, 1.0)
        np.testing.assert_allclose(found.share_AK[a], share[nearest], rtol=1e-5)
        known, same = classes >= 0, classes == classes[anchor]
        expected = share[same & known].sum() / share[known].sum() if classes[anchor] >= 0 else np.nan
        np.testing.assert_allclose(found.false_share_A[a], expected, rtol=1e-5)
