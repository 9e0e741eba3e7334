"""What is in an artefact belongs to whoever made it: other programs read it without samekind."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import samekind as sk
from samekind.core.errors import InputError
from samekind.indexer.index import Index
from samekind.indexer.search import neighbour_graph

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "files.md"


def test_the_examples_of_the_documentation_run_without_samekind(index: Index, tmp_path: Path) -> None:
    """Plain faiss, lancedb and pyarrow: the same rows, vectors and nearest image. What the page says is what is run here."""
    sk.export_vectors(index, tmp_path / "photos.parquet")
    sk.export_neighbours(index, tmp_path / "neighbours.parquet", k=10)
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "photos").symlink_to(index.path)
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    blocks = [block for block in blocks if "duckdb" not in block and "polars" not in block]
    assert len(blocks) == 3
    check = "import sys; assert 'samekind' not in sys.modules; print(ids[row], len(vectors), len(bags), len(edges))"
    code = "\n".join([*blocks, check])
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-4:] == [index.ids[0], "60", "20", "600"]


def test_the_table_has_the_vectors_of_the_index_file(index: Index) -> None:
    """Row i of one is row i of the other."""
    import faiss
    import lancedb

    flat = faiss.read_index(str(index.path / "index.faiss"))
    table = lancedb.connect(str(index.path / "db")).open_table("images").to_arrow()
    assert table["id"].to_pylist() == index.ids
    np.testing.assert_array_equal(np.stack(table["vector"].to_numpy()), flat.reconstruct_n(0, flat.ntotal))


def test_the_graph_has_the_neighbours_of_brute_force(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every image's nearest others, without itself, over several blocks; of two images, each has the other."""
    monkeypatch.setattr(neighbour_graph, "_AT_ONCE", 25)
    assert sk.export_neighbours(index.path, tmp_path / "knn.parquet", k=3) == 180
    table = pq.read_table(tmp_path / "knn.parquet")
    similarity = index.vectors().astype(np.float64) @ index.vectors().astype(np.float64).T
    np.fill_diagonal(similarity, -2)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :3]
    assert table["id"].to_pylist() == [id_ for id_ in index.ids for _ in range(3)]
    assert table["neighbour"].to_pylist() == [index.ids[row] for row in nearest.ravel()]
    assert table["rank"].to_pylist() == [1, 2, 3] * 60
    expected = np.take_along_axis(similarity, nearest, axis=1).ravel()
    np.testing.assert_allclose(table["similarity"].to_numpy(), expected, atol=1e-6)
    assert sk.export_neighbours(index, tmp_path / "all.parquet", k=500) == 60 * 59


def test_copies_are_neighbours_of_each_other(tmp_path: Path) -> None:
    """An image is left out of its own neighbours by its row and not by its similarity."""
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    copies = sk.index_vectors(vectors, ["a", "b", "c", "d"], tmp_path / "out")
    sk.export_neighbours(copies, tmp_path / "knn.parquet", k=2)
    table = pq.read_table(tmp_path / "knn.parquet")
    assert table["neighbour"].to_pylist() == ["b", "c", "a", "c", "a", "b", "a", "b"]


def test_a_graph_that_makes_no_sense_is_refused(index: Index, tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(InputError, match="k must be at least 1"):
        sk.export_neighbours(index, tmp_path / "knn.parquet", k=0)
    with pytest.raises(InputError, match=r"\.parquet file"):
        sk.export_neighbours(index, tmp_path / "knn.csv")
    assert not list(tmp_path.iterdir())
