"""A selection of images as CSV, Parquet and ZIP."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import samekind as sk
from samekind.indexer.curation import selection


@pytest.fixture
def index(tmp_path: Path) -> sk.Index:
    """Six photos of two classes, one of which has a name that a spreadsheet would compute."""
    rng = np.random.default_rng(0)
    for label in ("hat", "=1+1"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number} ü.png")
    corpus = sk.Corpus.from_folder(tmp_path / "photos")
    vectors = rng.normal(size=(len(corpus), 4)).astype(np.float32)
    return sk.index_vectors(vectors, corpus.ids, tmp_path / "art", corpus=corpus)


def test_a_list_has_the_rows_asked_for_and_no_formula(index: sk.Index, tmp_path: Path) -> None:
    """In the order of the ids; what the index does not hold is counted."""
    chosen = [index.ids[4], "gone", index.ids[0]]
    assert sk.export_images(index, chosen, tmp_path / "list.csv") == (2, 0, 1)
    with (tmp_path / "list.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.reader(stream))
    assert lines[0] == ["id", "path", "label", "split", "sha256", "tags"]
    assert [line[4] for line in lines[1:]] == [index.row(id_)["sha256"] for id_ in (index.ids[4], index.ids[0])]
    assert not any(cell.startswith("=") for line in lines for cell in line)


def test_parquet_has_the_vectors_of_the_selection(index: sk.Index, tmp_path: Path) -> None:
    """Those of `index.vectors`, row by row."""
    chosen = index.ids[::-2]
    sk.export_images(index, chosen, tmp_path / "selection.parquet")
    table = pq.read_table(tmp_path / "selection.parquet")
    assert table.column("id").to_pylist() == chosen
    rows = np.array([index.ids.index(id_) for id_ in chosen])
    assert np.array_equal(np.array(table.column("vector").to_pylist(), dtype=np.float32), index.vectors(rows))


def test_an_archive_holds_copies_of_the_files(index: sk.Index, tmp_path: Path) -> None:
    """Byte for byte under names without folders; of one that has changed since, what the index keeps."""
    changed = Path(index.row(index.ids[0])["uri"])
    Image.new("RGB", (8, 8)).save(changed)
    sk.export_images(index, index.ids[:2], tmp_path / "selection.zip")
    with zipfile.ZipFile(tmp_path / "selection.zip") as archive:
        first, second, listed = archive.namelist()
        assert listed == "list.csv"
        assert not any("/" in name or ".." in name for name in archive.namelist())
        assert archive.read(second) == Path(index.row(index.ids[1])["uri"]).read_bytes()
        assert archive.read(first) == index.picture(index.ids[0], selection.LARGEST_SIDE)
        assert archive.read(first) != changed.read_bytes()
        assert len(archive.read(listed).splitlines()) == 3


def test_an_archive_ends_where_its_room_ends(index: sk.Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by size; how many are left out is told."""
    monkeypatch.setattr(selection, "MOST_PICTURES", 4)
    assert sk.export_images(index, index.ids, tmp_path / "a.zip") == (4, 2, 0)
    monkeypatch.setattr(selection, "MOST_BYTES", Path(index.row(index.ids[0])["uri"]).stat().st_size + 10)
    assert sk.export_images(index, index.ids, tmp_path / "b.zip") == (1, 5, 0)


def test_another_kind_of_file_is_refused(index: sk.Index, tmp_path: Path) -> None:
    """One line that names the kinds there are."""
    with pytest.raises(sk.InputError, match=r"\.csv, \.parquet or \.zip"):
        sk.export_images(index, index.ids, tmp_path / "images.txt")
