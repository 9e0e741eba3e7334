"""FAISS over unit vectors: exact inner product up to 200,000 rows, re-ranked codes in lists beyond; on all GPUs where they can.

FAISS proposes and float64 decides: a few more candidates than asked for are scored again in double precision and ordered by similarity,
then by row. The order therefore depends neither on the index type nor on threads, batch size or SIMD, equal rows come in table order, and
brute force agrees on ids as well as on values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from samekind.indexer.search.ann.factories import (
    FLAT,
    build_factory,
    default_factory,
    factory_of,
    memory_bytes,
    parameters_of,
    set_parameters,
)
from samekind.indexer.search.ann.faiss_search import as_far, on_gpus, only_rows
from samekind.indexer.search.ann.inverted_lists import in_lists, listed_rows, map_lists, sampled_rows, tune_lists
from samekind.indexer.search.ann.recall import RECALL, Truth, reach
from samekind.indexer.search.ann.rescoring import Similarities, looked_further, nearest_of, ranked, stored_vectors
from samekind.indexer.search.faiss_files import file_bytes, read_index, write_index
from samekind.indexer.search.faiss_library import faiss, faiss_threads
from samekind.indexer.search.unit_vectors import Float32, Rows
from samekind.training.runtime.side_by_side import side_by_side

# N rows, Q queries, D dimension, K hits

_SPARE, _GPU_K, _QUERIES, _PROPOSALS = 4, 2048, 256, 1 << 16
_SLACK = 1e-5  # more than float32 can be wrong by
EXACT_LIMIT, BLOCK = 200_000, 1 << 14


class VectorIndex:
    """Unit vectors in table order.

    Args:
        index: a FAISS inner-product index that holds them.
        ann_recall: measured overlap with exact search, 1 for an exact index.
    """

    def __init__(self, index: Any, ann_recall: float = 1.0) -> None:
        self._index = index
        self._gpu, self._stored = on_gpus(index), stored_vectors(index)
        self._wanted: str | None = None  # a kind that this is to become when its vectors stand
        self._listed: list[Rows] = []  # or the lists that it is to keep then, but for the rows that have moved
        self._moved = np.empty(0, np.int64)
        self.ann_recall = ann_recall

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Dimension D."""
        return int(self._index.d)

    @property
    def exact(self) -> bool:
        """True if every row is compared."""
        return isinstance(self._index, faiss.IndexFlat)

    @property
    def kind(self) -> str:
        """FAISS' name for the index: `Flat` or `IVF1024,PQ64x4fs,RFlat`, say."""
        return self._wanted or factory_of(self._index)

    @property
    def parameters(self) -> dict[str, int]:
        """How far a search looks, by FAISS' names: `nprobe`, `efSearch`, `k_factor_rf`; empty for an exact index."""
        return parameters_of(self._index)

    @property
    def file_bytes(self) -> int:
        """Size of the file that `save` writes."""
        return file_bytes(self._index)

    @property
    def memory_bytes(self) -> int:
        """Bytes that a search goes through: the file, less the vectors that only re-ranking reads."""
        return memory_bytes(self._index, self.file_bytes)

    @classmethod
    def build(
        cls, batches: Callable[[], Iterable[Float32]], dim: int, rows: int, exact_limit: int = EXACT_LIMIT
    ) -> VectorIndex:
        """Builds an index of the kind that suits the number of rows.

        Args:
            batches: gives the vectors in table order, `(n, D)` float32 each; asked twice for an approximate index.
            dim: dimension D.
            rows: how many vectors there will be.
            exact_limit: above this many rows the index is approximate.

        Raises:
            InputError: a vector is not finite or not of unit norm.
        """
        return cls.build_kind(batches, dim, rows, FLAT if rows <= exact_limit else default_factory(dim, rows))

    @classmethod
    def build_kind(
        cls, batches: Callable[[], Iterable[Float32]], dim: int, rows: int, factory: str, recall: float = RECALL
    ) -> VectorIndex:
        """Builds an index of a kind, and lets it look as far as it must.

        Args:
            batches: gives the vectors in table order, `(n, D)` float32 each; asked twice for an approximate index.
            dim: dimension D.
            rows: how many vectors there will be.
            factory: FAISS' name for it.
            recall: of the ten nearest other rows, on a sample of the rows.

        Raises:
            InputError: a vector is not finite or not of unit norm.
        """
        index = cls(build_factory(factory, batches, dim, rows))
        index._reach(recall)
        return index

    def mapped(self, apply: Callable[[Float32], Float32]) -> VectorIndex:
        """The same rows in another space, in memory; an approximate index is yet to be `tuned`, and has the same lists then, if it has any.

        Args:
            apply: gives unit vectors `(n, D)` for unit vectors `(n, D)`; called by several threads at once.
        """
        if isinstance(self._index, faiss.IndexIVFFlat):
            return VectorIndex(map_lists(self._index, apply), self.ann_recall)
        mapped = self._mapped_rows(apply)
        mapped._listed = listed_rows(self._index)
        return mapped

    def _mapped_rows(self, apply: Callable[[Float32], Float32]) -> VectorIndex:
        """Exact until it is tuned: codes can not be moved."""
        starts = range(0, len(self), BLOCK)
        blocks = partial(side_by_side, lambda start: apply(self._block(start)), starts)
        mapped = VectorIndex.build(blocks, self.dim, len(self), len(self))
        mapped._wanted = self._wanted or (None if self.exact else self.kind)
        return mapped

    def move(self, rows: Rows, vectors_ND: Float32) -> None:
        """Gives some rows other unit vectors; not for an index that was loaded from a file, and before it is `tuned`."""
        if self.exact:
            self._moved = np.union1d(self._moved, rows)
            if self._stored is not None:
                self._stored[rows] = vectors_ND
        elif len(rows):
            self._index.update_vectors(np.ascontiguousarray(rows), np.ascontiguousarray(vectors_ND))
        self._gpu = on_gpus(self._index)

    def tune(self) -> None:
        """Measures the recall of an approximate index, and lets it look further until that suffices."""
        if self._listed:  # new codes would take three times as long, and the next answers want others
            self.__dict__.update(VectorIndex(*in_lists(self.in_order(), self._listed, self._moved, RECALL)).__dict__)
        elif self._wanted is not None:
            made = VectorIndex.build_kind(lambda: [self.vectors()], self.dim, len(self), self._wanted)
            self.__dict__.update(made.__dict__)
        elif isinstance(self._index, faiss.IndexIVFFlat):
            self.ann_recall = tune_lists(self._index, self._index.nprobe)

    def tune_on(self, truth: Truth, recall: float) -> None:
        """Lets an approximate index look as far as it must to find enough for some queries, and no further."""
        self.ann_recall = 1.0 if self.exact else reach(self._index, truth, self.search_batch, recall)

    def set_parameters(self, parameters: Mapping[str, int]) -> None:
        """Sets how far a search looks; see `parameters`."""
        set_parameters(self._index, parameters)

    def _reach(self, recall: float) -> None:
        """The same by rows of the index, the own row of each left out."""
        if self.exact:
            return
        if self._stored is None:
            self.ann_recall = tune_lists(self._index, recall=recall)
            return
        own = sampled_rows(len(self), _QUERIES)
        self.tune_on(Truth.of(self._stored, self._stored[own], own), recall)

    def _block(self, start: int) -> Float32:
        """Some vectors in table order, from one on, of an index that holds them so."""
        assert self._stored is not None
        return self._stored[start : start + BLOCK]

    @classmethod
    def load(cls, path: Path, ann_recall: float) -> VectorIndex:
        """Maps an index file into memory.

        Args:
            path: the file.
            ann_recall: as measured when it was built; the file does not hold it, the manifest does.

        Raises:
            ArtefactError: the file is missing or no FAISS index.
        """
        index = read_index(path)
        if isinstance(index, faiss.IndexIVF):
            index.make_direct_map()
        return cls(index, ann_recall)

    def save(self, path: Path) -> None:
        """Writes the index file by a temporary file and a rename.

        Raises:
            ArtefactError: it cannot be written.
        """
        write_index(self._index, path)

    def vectors(self, rows: Rows | None = None) -> Float32:
        """`(N, D)` float32 in table order, or those of `rows`; a copy."""
        if self._stored is not None:
            return self._stored.copy() if rows is None else self._stored[rows]
        rows = np.arange(len(self)) if rows is None else rows
        if len(rows) == 0:
            return np.empty((0, self.dim), np.float32)
        return cast(Float32, self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64)))

    def in_order(self) -> Float32:
        """`(N, D)` float32 in table order, for reading only: where they lie, or a copy if they lie otherwise."""
        return self.vectors() if self._stored is None else self._stored

    def search(self, query_QD: Float32, k: int, rows: Rows | None = None) -> list[tuple[Similarities, Rows]]:
        """The same as `search_batch`, for each query its similarities `(K,)` and its rows `(K,)`."""
        return list(zip(*self.search_batch(query_QD, k, rows), strict=True))

    def search_batch(self, query_QD: Float32, k: int, rows: Rows | None = None) -> tuple[Similarities, Rows]:
        """The k nearest rows of each query, as arrays.

        Args:
            query_QD: `(Q, D)` float32 of unit norm.
            k: hits wanted, ≥ 1; lowered to the number of rows searched.
            rows: search only these (distinct, ascending); all if left out.

        Returns:
            `(Q, K)` float64 cosines in [-1, 1], descending, and `(Q, K)` int64 rows; equal similarities in row order.
        """
        total = len(self) if rows is None else len(rows)
        k = min(k, total)
        if k == 0 or not len(query_QD):
            return np.empty((len(query_QD), k)), np.empty((len(query_QD), k), np.int64)
        if rows is not None and not self.exact:
            found = [nearest_of(query_D, self.vectors, rows, k) for query_D in query_QD]
            return np.stack([similarity for similarity, _ in found]), np.stack([row for _, row in found])
        width = min(total, k + _SPARE)
        proposed_QW, row_QW = self._faiss(query_QD, width, rows, as_far(self._index, k, width))
        similarity_QK, row_QK = ranked(query_QD, self.vectors, row_QW, k)
        self._widen(query_QD, rows, (proposed_QW, row_QW), (similarity_QK, row_QK))
        return similarity_QK, row_QK

    def _widen(
        self,
        query_QD: Float32,
        rows: Rows | None,
        proposed: tuple[Float32, Rows],
        ranks: tuple[Similarities, Rows],
    ) -> None:
        """Ranks again where the proposal was too narrow: exact, where what lies outside it is not clearly farther than the k-th hit.

        What an approximate index looks into may hold fewer rows than asked for (FAISS fills up with −1); then it looks into everything.
        """
        (found_QW, row_QW), (similarity_QK, row_QK) = proposed, ranks
        k, total = row_QK.shape[1], len(self) if rows is None else len(rows)
        if not self.exact:
            self._fill(query_QD, row_QW, ranks)
            return
        narrow = np.flatnonzero(found_QW[:, k - 1] - found_QW[:, -1] <= _SLACK)
        width = row_QW.shape[1]
        while len(narrow) and width < total:
            width = min(total, 4 * width)
            step = max(1, _PROPOSALS // width)
            close = []
            for part in np.split(narrow, range(step, len(narrow), step)):
                found_PW, row_PW = self._faiss(query_QD[part], width, rows)
                similarity_QK[part], row_QK[part] = ranked(query_QD[part], self.vectors, row_PW, k)
                close.append(found_PW[:, k - 1] - found_PW[:, -1] <= _SLACK)
            narrow = narrow[np.concatenate(close)]

    def _fill(self, query_QD: Float32, row_QW: Rows, ranks: tuple[Similarities, Rows]) -> None:
        """Lets an approximate index look further for the queries that it found fewer than k rows for, in the end at every row."""
        similarity_QK, row_QK = ranks
        k = row_QK.shape[1]
        short, further = np.flatnonzero(row_QW[:, k - 1] < 0), 8
        while len(short):
            row_SW = looked_further(self._index, np.ascontiguousarray(query_QD[short]), row_QW.shape[1], further)
            similarity_QK[short], row_QK[short] = ranked(query_QD[short], self.vectors, row_SW, k)
            short, further = short[row_QK[short, -1] < 0], 8 * further

    def _faiss(self, query_QD: Float32, width: int, rows: Rows | None, far: Any = None) -> tuple[Float32, Rows]:
        query_QD = np.ascontiguousarray(query_QD, dtype=np.float32)
        if self._gpu is not None and rows is None and width <= _GPU_K:
            return cast(tuple[Float32, Rows], self._gpu.search(query_QD, width))
        with faiss_threads(1 if len(query_QD) == 1 else None):  # alone, it is bound by memory: two took 3 times as long
            found: tuple[Float32, Rows] = self._index.search(query_QD, width, params=far or only_rows(rows, len(self)))
        return found
