"""`verify`: every kind of damage is found, named with its remedy, and the remedy helps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.indexer.storage import fingerprints
from samekind.indexer.storage.layout import INDEX_FILE, MANIFEST, ROWS_FILE, TABLE_FOLDER
from samekind.indexer.storage.rows import Rows
from samekind.indexer.storage.table import ImageTable
from samekind.indexer.verification import PARTS, verify
from samekind.training.runtime.artefact import META, WEIGHTS
from tests.indexer.builds import check_consistent
from tests.indexer.helpers import FakeEncoder, arrays_corpus

TABLE = str(TABLE_FOLDER)


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples so small that the files of a test are larger, as those of a real index are."""
    monkeypatch.setattr(fingerprints, "_BLOCK_BYTES", 16)
    monkeypatch.setattr(fingerprints, "_BLOCKS", 3)


@pytest.fixture
def built(artefact: Path, sampled: None) -> Path:
    """A finished index."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    return artefact


class Lines(NoProgress):
    """Keeps what a build says."""

    seen: ClassVar[list[str]] = []

    def print(self, line: str) -> None:
        """Keeps a line."""
        self.seen.append(line)


def flip(file: Path, at: int) -> None:
    """Flips a bit of one byte."""
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))


def data_file(folder: Path) -> Path:
    """The one file of the table's data."""
    (file,) = (folder / TABLE_FOLDER / "data").iterdir()
    return file


def flip_in_table(folder: Path, value: bytes) -> None:
    """Flips a bit in the middle of a value as it stands in the table's data."""
    content = data_file(folder).read_bytes()
    assert content.count(value) == 1
    flip(data_file(folder), content.index(value) + len(value) // 2)


def test_a_whole_index_is_whole_and_nothing_is_written(built: Path) -> None:
    """A line a part; verdicts on images that the index does not hold are counted and are no damage."""
    sha256 = Index.open(built).row("train/00000")["sha256"]
    VerdictTable(built).add([Verdict(sha256, "b" * 64, "same")])
    before = {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    found = Index.open(built).verify()
    assert found.ok
    assert [part.part for part in found.parts] == [*PARTS, META]
    assert {part.part: part.message for part in found.parts} == {
        WEIGHTS: "the encoder of the vectors",
        ROWS_FILE: "60 rows",
        INDEX_FILE: "60 vectors of dim 16",
        TABLE: f"60 rows, vectors of unit norm, equal to {ROWS_FILE} and {INDEX_FILE}",
        "verdicts": "1 verdict, 1 about images that the index does not hold",
        META: "as it was written",
    }
    assert {path: path.read_bytes() for path in built.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", [WEIGHTS, ROWS_FILE, INDEX_FILE])
def test_a_flipped_bit_that_opening_does_not_see_is_found_and_mended(built: Path, name: str) -> None:
    """Only the file itself is damaged; what the others say of each other is still compared."""
    whole, size = (built / name).read_bytes(), (built / name).stat().st_size
    flip(built / name, size // 2 - 40)
    Index.open(built)
    (damaged,) = verify(built).damaged
    assert damaged.part == name
    if name == WEIGHTS:
        assert "put the right file back" in damaged.hint
        (built / name).write_bytes(whole)
    else:
        assert "run: samekind index --corpus noise" in damaged.hint
        encoder = FakeEncoder()
        build_index(arrays_corpus(), encoder, built, Lines())
        assert encoder.embedded == 0
        assert any("rebuilt from the table" in line for line in Lines.seen)
    assert verify(built).ok
    Lines.seen.clear()
    build_index(arrays_corpus(), FakeEncoder(), built, Lines())
    assert not any("rebuilt" in line for line in Lines.seen)
    assert (built / name).read_bytes() == whole


def test_bits_that_changed_in_the_table_are_found(built: Path) -> None:
    """A vector, a row's text, a thumbnail: whole files do not agree with it, and the remedy restores the table."""
    index = Index.open(built)
    values = {
        f"the vector of row 7 is not that of {INDEX_FILE}": index.vectors()[7].tobytes(),
        "the thumbnail of row 9 is no picture": index.thumbnails(index.ids[9:10])[0],
    }
    for complaint, value in values.items():
        whole = data_file(built).read_bytes()
        flip_in_table(built, value)
        Index.open(built)
        (damaged,) = verify(built).damaged
        assert damaged.part == TABLE
        assert complaint in damaged.message
        assert f"delete {built / TABLE_FOLDER} and run: samekind index" in damaged.hint
        data_file(built).write_bytes(whole)
        assert verify(built).ok


def test_rows_that_are_not_the_tables_are_found(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table whose text has changed in a file of the same name and size."""
    rows = ImageTable(built).rows()
    labels = rows["label"].to_pylist()
    changed = rows.set_column(rows.column_names.index("label"), "label", [["Bug", *labels[1:]]])
    monkeypatch.setattr(ImageTable, "rows", lambda self: changed)
    (damaged,) = verify(built).damaged
    assert (damaged.part, damaged.message.partition(": ")[2]) == (TABLE, f"its rows are not those of {ROWS_FILE}")


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        (ROWS_FILE, lambda folder: (folder / ROWS_FILE).write_bytes((folder / ROWS_FILE).read_bytes()[:-30])),
        (INDEX_FILE, lambda folder: (folder / INDEX_FILE).unlink()),
        (INDEX_FILE, lambda folder: flip(folder / INDEX_FILE, 0)),
        (WEIGHTS, lambda folder: (folder / WEIGHTS).unlink()),
        (TABLE, lambda folder: data_file(folder).unlink()),
        (TABLE, lambda folder: shutil.rmtree(folder / TABLE_FOLDER)),
        (TABLE, lambda folder: ImageTable(folder).delete(["train/00000"])),
    ],
)
def test_what_is_missing_cut_off_or_of_another_kind_is_refused_at_opening_and_named_by_verify(
    built: Path, part: str, damage: Callable[[Path], object]
) -> None:
    """One line at opening; the very part by `verify`, and no other."""
    damage(built)
    with pytest.raises(ArtefactError) as caught:
        Index.open(built)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    (damaged,) = verify(built).damaged
    assert damaged.part == part
    assert damaged.hint
    assert "\n" not in damaged.message


def test_damaged_verdicts_are_a_part_of_their_own(built: Path) -> None:
    """The index is whole all the same."""
    VerdictTable(built).add([Verdict("a" * 64, "b" * 64, "same")])
    for file in (built / "db" / "verdicts.lance" / "data").iterdir():
        file.unlink()
    (damaged,) = verify(built).damaged
    assert damaged.part == "verdicts"
    assert "put back a copy" in damaged.hint


def test_an_index_that_is_not_finished_is_not_verified(built: Path) -> None:
    """There is nothing to compare with."""
    (built / MANIFEST).unlink()
    with pytest.raises(ArtefactError, match="unfinished"):
        verify(built)


def test_vectors_that_are_not_of_unit_norm_are_found_where_nothing_else_shows_them(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The FAISS file is gone too, so that only the norm can tell."""
    (built / INDEX_FILE).unlink()
    batches = ImageTable.vector_batches
    monkeypatch.setattr(
        ImageTable, "vector_batches", lambda self: (np.where(np.arange(16) == 3, 2, block) for block in batches(self))
    )
    found = {part.part: part for part in verify(built).damaged}
    assert set(found) == {INDEX_FILE, TABLE}
    assert "the vector of row 0 is not of unit norm" in found[TABLE].message


def test_what_the_remedy_leaves_is_consistent(built: Path) -> None:
    """The table is deleted as the hint says, and everything is indexed again."""
    data_file(built).unlink()
    shutil.rmtree(built / TABLE_FOLDER)
    check_consistent(build_index(arrays_corpus(), FakeEncoder(), built))
    assert verify(built).ok


def test_a_flipped_offset_is_refused_where_the_rows_are_read(tmp_path: Path) -> None:
    """Between two samples opening does not see it; a read beyond the buffer would end the process."""
    file = tmp_path / ROWS_FILE
    texts = pa.table({name: pa.array([f"{name}-{i}" for i in range(200)]) for name in ("id", "uri")})
    Rows(texts).write(file)
    offsets = texts["uri"].combine_chunks().buffers()[1].to_pybytes()
    content = bytearray(file.read_bytes())
    content[content.index(offsets) + 4 * 100 + 3] ^= 0x40
    file.write_bytes(bytes(content))
    with pytest.raises(ArtefactError, match="cannot read"):
        Rows.read(file)


@pytest.mark.parametrize(("field", "value"), [("index", None), ("index", []), ("rows_file", "x"), ("weights", "x")])
def test_a_damaged_field_of_the_manifest_is_one_line_and_is_mended(built: Path, field: str, value: object) -> None:
    """What stands for a file is no object: the index is rebuilt by the command that the hint names."""
    manifest = json.loads((built / MANIFEST).read_text())
    (built / MANIFEST).write_text(json.dumps({**manifest, field: value}))
    for read in (Index.open, verify):
        with pytest.raises(ArtefactError, match="is damaged") as caught:
            read(built)
        assert "samekind index" in caught.value.hint
    build_index(arrays_corpus(), FakeEncoder(), built)
    assert verify(built).ok


def test_an_index_that_is_written_meanwhile_is_not_called_damaged(built: Path) -> None:
    """The remedy of a damaged table is to delete it: nobody is told that because somebody else was removing a row."""
    with pytest.MonkeyPatch.context() as patch:

        def removed_meanwhile(*args: object, **options: object) -> None:
            patch.undo()
            Index.open(built).remove(["train/00000"])

        patch.setattr("samekind.indexer.verification.check_weights", removed_meanwhile)
        with pytest.raises(ArtefactError, match="has changed since it was opened"):
            verify(built)
    assert verify(built).ok


def test_a_verdict_that_is_none_is_a_part_of_its_own(built: Path) -> None:
    """Rows that somebody else wrote into the table of verdicts end neither the other checks nor in a traceback."""
    table = VerdictTable(built)
    table.add([Verdict("a" * 64, "b" * 64, "same", "anna")])
    import lancedb

    lancedb.connect(built / "db").open_table("verdicts").update(values={"anchor_sha256": "garbage"})
    (damaged,) = verify(built).damaged
    assert damaged.part == "verdicts"
    assert "put back a copy" in damaged.hint
