"""What the table promises, and what LanceDB must keep for it to hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.storage.table import ImageTable, table_schema

DIM = 4


def _rows(start: int, stop: int) -> Any:
    count = stop - start
    texts = {
        name: [f"{name}{i}" for i in range(start, stop)] for name in ("id", "uri", "split", "label", "sha256", "corpus")
    }
    vectors = np.arange(start * DIM, stop * DIM, dtype=np.float32)
    columns = {
        **texts,
        "width": [1] * count,
        "height": [2] * count,
        "thumbnail": [b"%d" % i for i in range(start, stop)],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors), DIM),
    }
    return pa.table(columns).select(table_schema(DIM).names)


@pytest.fixture
def table(tmp_path: Path) -> ImageTable:
    """Rows 0–59 in six appends."""
    table = ImageTable(tmp_path)
    table.create(DIM)
    for start in range(0, 60, 10):
        table.append(_rows(start, start + 10))
    return table


def _numbers(table: ImageTable) -> list[int]:
    return [int(id_[2:]) for id_ in table.rows()["id"].to_pylist()]


def test_rows_vectors_and_filters_keep_the_order_of_appending_through_deletes_and_compaction(table: ImageTable) -> None:
    """Row number, vector and thumbnail belong together for ever: FAISS knows nothing but row numbers."""
    expected = [i for i in range(60) if i not in (0, 13, 14, 59)] + list(range(60, 65))
    table.delete(["id0", "id13", "id14", "id59"])
    table.append(_rows(60, 65))
    for _ in range(2):
        assert _numbers(table) == expected
        vectors = np.concatenate(list(table.vector_batches()))
        np.testing.assert_array_equal(vectors[:, 0], np.array(expected, dtype=np.float32) * DIM)
        assert table.thumbnails([2, 0, 2, 55]) == [b"%d" % expected[i] for i in (2, 0, 2, 55)]
        assert table.ids_where("width = 1 AND id != 'id5'") == [f"id{i}" for i in expected if i != 5]
        table._table.optimize()


def test_every_write_adds_one_version_even_a_write_of_nothing(table: ImageTable) -> None:
    """An interrupted build counts its finished steps by versions."""
    start = table.version
    table.append(_rows(0, 0))
    table.delete(["no such id"])
    table.append(_rows(60, 61))
    table.delete(["id3", "id4"])
    table.delete([])
    assert table.version == start + 5
    assert len(table) == 59


def test_an_earlier_version_can_still_be_read(table: ImageTable) -> None:
    """The plan of an interrupted build is made from the table as it was before."""
    before = table.version
    table.delete(["id1"])
    table.append(_rows(60, 70))
    assert _numbers(table.at(before)) == list(range(60))
    assert len(table) == 69


def test_ids_with_quotes_are_data_not_sql(tmp_path: Path) -> None:
    """A file may be called `it's.png`."""
    table = ImageTable(tmp_path)
    table.create(DIM)
    rows = _rows(0, 3).set_column(0, "id", pa.array(["it's", "') OR ('1' = '1", "plain"]))
    table.append(rows)
    assert table.full_rows(["plain", "it's"])["id"].to_pylist() == ["plain", "it's"]
    table.delete(["') OR ('1' = '1"])
    assert table.rows()["id"].to_pylist() == ["it's", "plain"]


@pytest.mark.parametrize(
    "condition", ["labl = 'Bag'", "label = = 'Bag'", "label = 'Bag", "", "width", "vector = 3", "); DROP TABLE x"]
)
def test_a_bad_condition_is_one_clear_line(table: ImageTable, condition: str) -> None:
    """The message says what was asked and the hint has an example."""
    with pytest.raises(InputError) as caught:
        table.ids_where(condition)
    assert "\n" not in str(caught.value)
    assert repr(condition) in str(caught.value)
    assert "label = 'Bag'" in caught.value.hint


def test_a_missing_table_is_an_artefact_error(tmp_path: Path) -> None:
    """No folder is made by merely looking."""
    with pytest.raises(ArtefactError, match="no table"):
        len(ImageTable(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_workers_that_are_forked_after_a_read_bring_no_warning(tmp_path: Path) -> None:
    """A training that has read verdicts would otherwise start its log with LanceDB's doubts about forks."""
    lines = (
        "import sys, os; from pathlib import Path; from samekind.indexer.storage.database import open_database",
        "open_database(Path(sys.argv[1])).list_tables(); child = os.fork(); child or os._exit(0)",
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines), str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
