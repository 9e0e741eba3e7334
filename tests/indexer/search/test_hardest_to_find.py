"""Vectors that codes cannot tell apart: the index looks as far as it may, and its file opens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samekind.indexer.search.ann.factories import greatest, set_parameters
from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.vector_index import VectorIndex


def test_a_file_opens_however_far_its_index_looks(tmp_path: Path) -> None:
    """FAISS writes more candidates a hit than it reads: a build of a million vectors ended in a file that nobody could open."""
    vectors = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    space = VectorIndex.build_kind(lambda: [vectors], 8, 3000, "IVF20,PQ4x4fs,RFlat", 0.5)
    space.set_parameters({"k_factor_rf": greatest(space._index, "k_factor_rf")})
    space.save(tmp_path / "index.faiss")
    assert VectorIndex.load(tmp_path / "index.faiss", space.ann_recall).parameters == space.parameters
    set_parameters(space._index, {"k_factor_rf": 2048})
    faiss.write_index(space._index, str(tmp_path / "further.faiss"))
    with pytest.raises(RuntimeError, match="k_factor"):  # once FAISS reads it, the limit can go
        faiss.read_index(str(tmp_path / "further.faiss"))
