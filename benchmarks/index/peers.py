"""Ways to index unit vectors, each with one effort that is raised until it finds enough."""

from __future__ import annotations

import importlib
import shutil
import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.vector_index import VectorIndex

Vectors = NDArray[np.float32]
K = 10


class Peer(Protocol):
    """One way."""

    efforts: list[int]
    """What is tried until recall suffices, least first."""

    def build(self, vectors_ND: Vectors, threads: int) -> None:
        """Indexes vectors in row order."""

    def look(self, effort: int) -> None:
        """Sets the effort of searches."""

    def search(self, query_QD: Vectors) -> NDArray[np.int64]:
        """`(Q, 10)` rows."""

    def bytes(self) -> int:
        """Size on disk."""


_DOUBLING = [2**n for n in range(15)]


class Product:
    """What `samekind index` builds of many rows, or a kind that is named, with float64 rescoring; it has found its effort itself."""

    def __init__(self, factory: str = "") -> None:
        self.factory, self.efforts = factory, [0]

    def build(self, vectors_ND: Vectors, threads: int) -> None:
        """Recall is measured and reached in building."""
        dim, rows = vectors_ND.shape[1], len(vectors_ND)
        batches = [vectors_ND]
        if self.factory:
            self.space = VectorIndex.build_kind(lambda: batches, dim, rows, self.factory)
        else:
            self.space = VectorIndex.build(lambda: batches, dim, rows, exact_limit=0)

    def look(self, effort: int) -> None:
        """Twice as far for each step, where its own measurement was too hopeful."""
        for name, value in self.space.parameters.items() if effort else ():
            self.space.set_parameters({name: 2 * value})

    def search(self, query_QD: Vectors) -> NDArray[np.int64]:
        """By the array-level call."""
        return self.space.search_batch(query_QD, K)[1]

    def bytes(self) -> int:
        """Of its file."""
        return self.space.file_bytes


class Faiss:
    """FAISS by itself."""

    def __init__(self, factory: str) -> None:
        self.factory, self.efforts = factory, [0] if factory == "Flat" else _DOUBLING[4:]

    def build(self, vectors_ND: Vectors, threads: int) -> None:
        """With FAISS' defaults."""
        self.index = faiss.index_factory(vectors_ND.shape[1], self.factory, faiss.METRIC_INNER_PRODUCT)
        self.index.add(vectors_ND)

    def look(self, effort: int) -> None:
        """`efSearch`."""
        if effort:
            self.index.hnsw.efSearch = effort

    def search(self, query_QD: Vectors) -> NDArray[np.int64]:
        """As it is."""
        found: NDArray[np.int64] = self.index.search(query_QD, K)[1]
        return found

    def bytes(self) -> int:
        """Of its file."""
        return int(faiss.serialize_index(self.index).nbytes)


class Hnswlib:
    """hnswlib with M 16 and ef_construction 200, its defaults."""

    efforts = _DOUBLING[4:]

    def build(self, vectors_ND: Vectors, threads: int) -> None:
        """With its own threads."""
        library: Any = importlib.import_module("hnswlib")
        self.index = library.Index(space="ip", dim=vectors_ND.shape[1])
        self.index.init_index(max_elements=len(vectors_ND))
        self.index.set_num_threads(threads)
        self.index.add_items(vectors_ND)

    def look(self, effort: int) -> None:
        """`ef`."""
        self.index.set_ef(effort)

    def search(self, query_QD: Vectors) -> NDArray[np.int64]:
        """Its batch call."""
        return np.asarray(self.index.knn_query(query_QD, k=K)[0], dtype=np.int64)

    def bytes(self) -> int:
        """Of its file."""
        return int(self.index.index_file_size())


class Usearch:
    """usearch with its defaults in float32."""

    efforts = _DOUBLING[4:]

    def build(self, vectors_ND: Vectors, threads: int) -> None:
        """With its own threads."""
        library: Any = importlib.import_module("usearch.index")
        self.threads = threads
        self.index = library.Index(ndim=vectors_ND.shape[1], metric="ip", dtype="f32")
        self.index.add(np.arange(len(vectors_ND)), vectors_ND, threads=threads)

    def look(self, effort: int) -> None:
        """`expansion_search`."""
        self.index.expansion_search = effort

    def search(self, query_QD: Vectors) -> NDArray[np.int64]:
        """Its batch call."""
        found = self.index.search(query_QD, K, threads=self.threads)
        return np.asarray(found.keys, dtype=np.int64).reshape(len(query_QD), -1)

    def bytes(self) -> int:
        """Of its file."""
        return int(self.index.serialized_length)


class LanceDB:
    """LanceDB's own IVF_PQ with its defaults, ten candidates scored again for each hit, one query after the other."""

    efforts = _DOUBLING[4:11]

    def build(self, vectors_ND: Vectors, threads: int) -> None:
        """A table in a temporary folder, and its index."""
        import lancedb
        import pyarrow as pa

        self.folder = Path(tempfile.mkdtemp(prefix="lance-"))
        vector = pa.FixedSizeListArray.from_arrays(pa.array(vectors_ND.ravel()), vectors_ND.shape[1])
        rows = pa.table({"row": np.arange(len(vectors_ND)), "vector": vector})
        self.table: Any = lancedb.connect(self.folder).create_table("vectors", rows)
        self.table.create_index(metric="cosine", vector_column_name="vector", index_type="IVF_PQ")

    def look(self, effort: int) -> None:
        """`nprobes`."""
        self.nprobes = effort

    def search(self, query_QD: Vectors) -> NDArray[np.int64]:
        """One query after the other."""
        return np.stack([self._one(query_D) for query_D in query_QD])

    def _one(self, query_D: Vectors) -> NDArray[np.int64]:
        asked = self.table.search(query_D).distance_type("cosine").nprobes(self.nprobes).refine_factor(10).limit(K)
        found = asked.select(["row"]).to_arrow()["row"].to_numpy()
        return np.pad(found, (0, K - len(found)), constant_values=-1)

    def bytes(self) -> int:
        """Of its folder; the folder goes."""
        size = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        shutil.rmtree(self.folder)
        return size


PEERS: dict[str, Any] = {
    "samekind index": Product,
    "samekind IVF-Flat": Product,
    "faiss Flat": lambda: Faiss("Flat"),
    "faiss HNSW32": lambda: Faiss("HNSW32"),
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "lancedb IVF_PQ": LanceDB,
}


def peer(name: str, rows: int) -> Peer:
    """One of `PEERS` for so many rows."""
    if name == "samekind IVF-Flat":
        return Product(f"IVF{round(rows**0.5)},Flat")
    made: Peer = PEERS[name]()
    return made
