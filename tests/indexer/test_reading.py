"""Deep pictures and files of several pictures through an index: rows, queries, uploads, added images, thumbnails, audit."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import ImageError
from samekind.data.corpus import Corpus
from samekind.data.types.reading import Depth, Reading
from samekind.indexer.building.update_plan import TableRow, _still_there
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.manifest import CorpusEntry
from samekind.indexer.storage.recorded_corpus import load_recorded_corpus
from tests.data.decoding.samples import encoded, frames, noise
from tests.indexer.builds import Lines
from tests.indexer.helpers import FakeEncoder, save_encoder


def deep(seed: int, most: int) -> bytes:
    """A 16-bit PNG whose values reach up to `most`."""
    values = np.random.default_rng(seed).integers(0, most + 1, (40, 40)).astype(np.uint16)
    values[0, 0] = most
    return encoded(Image.fromarray(values), "PNG")


def folder_of(folder: Path, contents: dict[str, bytes]) -> Path:
    """Files in a folder."""
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """An encoder with its `meta.json`, as every real one has."""
    save_encoder(FakeEncoder(), tmp_path / "artefact")
    (tmp_path / "artefact" / "meta.json").write_text(json.dumps({"format": 1, "encoder": {}, "corpus": {"name": "x"}}))
    return tmp_path / "artefact"


def seen(index: Index, id_: str) -> Image.Image:
    """The thumbnail of a row; 40 px are kept exactly."""
    return Image.open(io.BytesIO(index.thumbnail(id_)))


def test_query_upload_and_row_of_one_file_agree(tmp_path: Path, artefact: Path) -> None:
    """A file of 12 bits that by itself would be read as 10: as a row, as bytes and as a path it has one vector, that of 12 bits."""
    dim = deep(1, 900)
    folder = folder_of(tmp_path / "scans", {"a.png": deep(0, 4000), "b.png": dim})
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    index = Index.open(artefact, encoder=FakeEncoder())
    assert index.reading.depth == Depth(integers=(0.0, 4095.0))
    for query in (dim, folder / "b.png"):
        hit = index.search(query, k=1).hits[0]
        assert (hit.id, round(hit.similarity, 5)) == ("b.png", 1)
    alone = Index.open(artefact, encoder=FakeEncoder())
    alone.reading = Reading()
    assert alone.search(dim, k=1).hits[0].similarity < 0.99999


def test_added_images_are_read_as_the_index_began(tmp_path: Path, artefact: Path) -> None:
    """Brighter files that come later do not change the scale, and a line says so; the same folder again brings nothing new."""
    folder = folder_of(tmp_path / "scans", {"a.png": deep(0, 4000)})
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    folder_of(folder, {"z.png": deep(2, 60_000)})
    said = Lines()
    index = Index.open(artefact, encoder=FakeEncoder())
    assert index.add(Corpus.from_folder(folder), progress=said) == 1
    assert any("reads deep pictures as 12 bits, these by themselves would be 16 bits" in line for line in said.said)
    assert Index.open(artefact).reading.depth == Depth(integers=(0.0, 4095.0))
    assert np.median(np.asarray(seen(index, "z.png"))) == 255
    assert index.add(Corpus.from_folder(folder)) == 0


def test_a_new_index_forgets_the_old_scale(tmp_path: Path, artefact: Path) -> None:
    """Where there are no rows yet, what `meta.json` brought along from elsewhere does not count."""
    recorded = {"format": 1, "encoder": {}, "corpus": {"reading": {"depth": {"integers": [0, 255], "floats": None}}}}
    (artefact / "meta.json").write_text(json.dumps(recorded))
    folder = folder_of(tmp_path / "photos", {"a.png": encoded(noise(), "PNG")})
    assert build_index(Corpus.from_folder(folder), FakeEncoder(), artefact).reading == Reading()


def test_the_recorded_corpus_has_the_recorded_depth(tmp_path: Path) -> None:
    """`evaluate` reads a folder that has grown as the index reads it."""
    folder = folder_of(tmp_path / "scans", {"a.png": deep(0, 60_000)})
    corpus = Corpus.from_folder(folder, max_pixels=5000)
    reading = {"depth": {"integers": [0, 4095], "floats": None}, "max_pixels": 5000}
    recorded = {**corpus.source, "reading": reading, "content_hash": None}
    loaded = load_recorded_corpus(tmp_path, recorded, [], Lines())
    assert loaded.reading == Reading(max_pixels=5000, depth=Depth(integers=(0.0, 4095.0)))


def test_frames_are_rows(tmp_path: Path, artefact: Path) -> None:
    """Ids like `x.tif#2` work in search, thumbnail, picture, duplicates, removal and adding again; a moved file takes its rows along."""
    content = frames("TIFF")
    shown = [encoded(noise(seed, 200, 200), "PNG") for seed in range(3)]
    folder = folder_of(tmp_path / "scans", {"x.tif": content, **{f"{i}.png": each for i, each in enumerate(shown)}})
    pages = [noise(seed, 6, 4).resize((300, 200), Image.Resampling.BICUBIC) for seed in range(10, 13)]
    folder_of(folder, {"y.tif": encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])})
    build_index(Corpus.from_folder(folder, frames="all"), FakeEncoder(), artefact)
    index = Index.open(artefact, encoder=FakeEncoder())
    assert [id_ for id_ in index.ids if "#" in id_] == [f"{name}.tif#{n}" for name in "xy" for n in (1, 2, 3)]
    assert index.search("y.tif#2", k=1).hits[0].id == "y.tif#2"
    assert index.search(f"{folder}/y.tif#3", k=1).hits[0].id == "y.tif#3"
    assert index.search(folder / "y.tif", k=1).hits[0].id == "y.tif#1"
    hits = index.search(folder / "y.tif", k=9, exclude_self=True).hits
    assert "y.tif#1" not in [hit.id for hit in hits]
    with Image.open(io.BytesIO(index.picture("y.tif#2"))) as picture:
        assert picture.size == (300, 200)
        assert np.abs(np.asarray(picture, dtype=int) - np.asarray(pages[1], dtype=int)).mean() < 10
    assert index.duplicates(count=5) is not None
    (folder / "y.tif").rename(folder / "renamed.tif")
    assert index.add(Corpus.from_folder(folder, frames="all")) == 0
    assert {"renamed.tif#1", "renamed.tif#2", "renamed.tif#3"} <= set(index.ids)
    assert index.remove(["x.tif#2"]) == 1
    assert index.add(Corpus.from_folder(folder, frames="all")) == 1


def test_a_query_that_is_no_image(artefact: Path, tmp_path: Path) -> None:
    """Bytes and paths hear the reason that a corpus would list, and a limit that is set counts for queries."""
    folder = folder_of(tmp_path / "photos", {"a.png": encoded(noise(), "PNG")})
    index = build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    with pytest.raises(ImageError, match="web page"):
        index.search(b"<html></html>")
    index.reading = Reading(max_pixels=100)
    with pytest.raises(ImageError, match="more than 100"):
        index.search(folder / "a.png")


def test_a_frame_is_there_as_long_as_its_file(tmp_path: Path) -> None:
    """A row of `x.tif#2` is no moved one while `x.tif` lies where it lay."""
    (tmp_path / "x.tif").write_bytes(frames("TIFF"))
    row = TableRow("x.tif#2", f"{tmp_path}/x.tif#2", "train", None, "0")
    corpus = CorpusEntry("pages", str(tmp_path), "", 2)
    assert _still_there(row, corpus)
    (tmp_path / "x.tif").unlink()
    assert not _still_there(row, corpus)
