"""Vectors as Parquet and `.npy`: what goes out comes in again, and what is wrong with a file is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import samekind as sk
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.vector_files import VectorRows, ids_file, read_vector_file, write_vector_file
from tests.indexer.helpers import FakeEncoder, arrays_corpus


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """60 rows."""
    return build_index(arrays_corpus(), FakeEncoder(), tmp_path_factory.mktemp("vectors") / "index")


def test_parquet_holds_what_the_index_holds(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every column in table order, vectors bit for bit, over several row groups; any reader of Parquet can read them."""
    monkeypatch.setattr("samekind.indexer.storage.vector_files._ROW_GROUP", 25)
    sk.export_vectors(index.path, tmp_path / "v.parquet")
    table = pq.read_table(tmp_path / "v.parquet")
    assert table["id"].to_pylist() == index.ids
    for name in ("label", "split", "uri", "sha256"):
        assert table[name].to_pylist() == index.rows.column(name)
    np.testing.assert_array_equal(np.array(table["vector"].to_pylist(), dtype=np.float32), index.vectors())
    back = read_vector_file(tmp_path / "v.parquet")
    assert back.ids == index.ids
    assert back.texts["label"] == index.labels
    assert back.made_by == index.manifest["encoder"]
    np.testing.assert_array_equal(back.vectors, index.vectors())


def test_npy_holds_vectors_and_a_text_file_the_ids(index: Index, tmp_path: Path) -> None:
    """`numpy.load` and a line an id, in one order."""
    sk.export_vectors(index, tmp_path / "v.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), index.vectors())
    assert (tmp_path / "v.ids.txt").read_text().splitlines() == index.ids
    back = read_vector_file(tmp_path / "v.npy")
    assert back.ids == index.ids
    np.testing.assert_array_equal(back.vectors, index.vectors())


def test_ids_may_be_anything_that_fits_the_file(tmp_path: Path) -> None:
    """Blanks, umlauts and an empty name survive both ways; an id of two lines is only for Parquet."""
    odd = ["a b ", "Größe/ß.jpg", ""]
    for name in ("v.parquet", "v.npy"):
        write_vector_file(tmp_path / name, VectorRows(odd, np.eye(3, dtype=np.float32), {}))
        assert read_vector_file(tmp_path / name).ids == odd
    two_lines = VectorRows(["a\nb"], np.ones((1, 2), np.float32), {})
    write_vector_file(tmp_path / "w.parquet", two_lines)
    assert read_vector_file(tmp_path / "w.parquet").ids == ["a\nb"]
    with pytest.raises(sk.InputError, match="several lines"):
        write_vector_file(tmp_path / "w.npy", two_lines)
    assert not (tmp_path / "w.npy").exists()


def test_uri_stands_for_the_id_and_lists_for_vectors(tmp_path: Path) -> None:
    """As others write them: lists of float64, numbers as ids."""
    pq.write_table(pa.table({"uri": ["x", "y"], "vector": [[1.0, 0.5], [0.0, 2.0]]}), tmp_path / "v.parquet")
    rows = read_vector_file(tmp_path / "v.parquet")
    assert (rows.ids, rows.texts) == (["x", "y"], {"uri": ["x", "y"]})
    np.testing.assert_array_equal(rows.vectors, [[1.0, 0.5], [0.0, 2.0]])
    pq.write_table(pa.table({"id": [7, 8], "vector": [[1.0], [0.0]], "label": [3, None]}), tmp_path / "n.parquet")
    assert read_vector_file(tmp_path / "n.parquet").ids == ["7", "8"]
    assert read_vector_file(tmp_path / "n.parquet").texts == {"label": ["3", None]}


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"id": ["a"]}, "needs the columns"),
        ({"vector": [[1.0]]}, "needs the columns"),
        ({"id": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}, "differ in length: 1, 2"),
        ({"id": ["a", "b"], "vector": [[1.0], None]}, "1 rows have no vector"),
        ({"id": ["a"], "vector": [1.0]}, "expected a list of numbers"),
        ({"id": ["a", None], "vector": [[1.0], [2.0]]}, "1 row has no id"),
        ({"id": pa.array([b"\xff"]).cast(pa.string(), safe=False), "vector": [[1.0]]}, "the column id is not UTF-8"),
    ],
)
def test_a_parquet_file_of_another_shape_is_refused(tmp_path: Path, columns: dict[str, Any], says: str) -> None:
    """Missing columns, ragged or missing vectors, numbers instead of lists."""
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    with pytest.raises(sk.InputError, match=says):
        read_vector_file(tmp_path / "v.parquet")


@pytest.mark.parametrize("about", [b"{foreign", b"[1]", b'"x"', b"{}"])
def test_what_others_wrote_under_our_key_is_no_concern(tmp_path: Path, about: bytes) -> None:
    """It may be no JSON, or no object; the vectors are then of an unknown encoder."""
    table = pa.table({"id": ["a"], "vector": [[1.0]]}).replace_schema_metadata({b"samekind": about})
    pq.write_table(table, tmp_path / "v.parquet")
    rows = read_vector_file(tmp_path / "v.parquet")
    assert (rows.ids, rows.made_by) == (["a"], "")


def test_files_under_another_name_are_told_apart(tmp_path: Path) -> None:
    """An archive, Python objects, text, and a header that is torn: what it is and what to write, without NumPy's advice."""
    archive, pickled, text, torn = (tmp_path / f"{name}.npy" for name in ("archive", "pickled", "text", "torn"))
    with archive.open("wb") as stream:
        np.savez(stream, a=np.eye(2))
    np.save(pickled, np.array([[1, None]], dtype=object), allow_pickle=True)
    text.write_text("[[1.0]]")
    whole = tmp_path / "whole.npy"
    np.save(whole, np.eye(2))
    torn.write_bytes(whole.read_bytes().replace(b"(2, 2)", b"(2, ((", 1))
    for file, says in (
        (archive, r"is an archive \(\.npz\)"),
        (pickled, "holds Python objects"),
        (text, r"text\.npy is no \.npy file$"),
        (torn, r"torn\.npy is no \.npy file"),
    ):
        with pytest.raises(sk.InputError, match=says) as caught:
            read_vector_file(file)
        assert "np.save" in caught.value.hint
        assert "\n" not in str(caught.value)
        assert "pickle" not in str(caught.value).replace(str(file), "")


def test_files_that_cannot_be_read_or_written_are_refused(index: Index, tmp_path: Path) -> None:
    """Missing, torn, of another kind, without ids, into a folder that is not there."""
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    (tmp_path / "torn.npy").write_bytes(b"\x93NUMPY torn")
    np.save(tmp_path / "bare.npy", np.eye(2))
    for name, says in (
        ("torn.parquet", "cannot be read as Parquet"),
        ("torn.npy", r"no \.npy file"),
        ("bare.npy", r"needs its ids in .*bare\.ids\.txt"),
        ("none.npy", "no such file"),
        ("v.csv", r"\.parquet or \.npy"),
    ):
        with pytest.raises(sk.InputError, match=says):
            read_vector_file(tmp_path / name)
    with pytest.raises(sk.InputError, match=r"\.parquet or \.npy"):
        sk.export_vectors(index, tmp_path / "v.csv")
    with pytest.raises(sk.ArtefactError, match="no folder"):
        sk.export_vectors(index, tmp_path / "nowhere" / "v.npy")
    assert ids_file(Path("a/v.npy")) == Path("a/v.ids.txt")
