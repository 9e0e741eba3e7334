"""Images in Parquet files are those that a folder of the same files would give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from samekind.core.errors import CorpusError, ImageError, InputError
from samekind.data.corpus import Corpus
from samekind.data.sources.registry import load_corpus
from samekind.indexer.building.relocate import relocate
from samekind.indexer.index import Index, build_index
from tests.indexer.builds import check_consistent, write_pictures
from tests.indexer.helpers import FakeEncoder, save_encoder

NAMES = [f"{'cat' if i % 2 else 'dog'}__{i:02d}" for i in range(11)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eleven grey pictures in two classes, and a photo."""
    path = tmp_path / "photos"
    write_pictures(path, **{name: i for i, name in enumerate(NAMES)})
    colours = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(colours).save(path / "cat" / "photo.jpg")
    return path


def write(
    path: Path, folder: Path, group: int = 4, metadata: dict[str, str] | None = None, **columns: list[Any]
) -> Path:
    """A folder's files in a Parquet file, in the order of its ids; columns replace those of image and label."""
    files = sorted((file for file in folder.rglob("*.*")), key=lambda file: file.relative_to(folder).as_posix())
    images = [{"bytes": file.read_bytes(), "path": file.relative_to(folder).as_posix()} for file in files]
    told = {"image": images, "label": [file.parent.name for file in files], **columns}
    table = pa.table({name: values for name, values in told.items() if values})
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(table.replace_schema_metadata(metadata), path, row_group_size=group)
    return path


def test_it_is_the_corpus_of_the_folder(folder: Path, tmp_path: Path) -> None:
    """Ids, labels, splits, hashes and pixels, whatever the groups of rows are; in any order of asking."""
    expected = Corpus.from_folder(folder)
    for group in (1, 5, 100):
        corpus = load_corpus(write(tmp_path / "photos.parquet", folder, group))
        assert (corpus.ids, corpus.labels, corpus.splits) == (expected.ids, expected.labels, expected.splits)
        assert [corpus.sha256(i) for i in range(12)] == [expected.sha256(i) for i in range(12)]
        assert corpus.channels == expected.channels == 3
        for i in (11, 0, 7, 3, 8, 2):
            np.testing.assert_array_equal(np.asarray(corpus.image(i)), np.asarray(expected.image(i)))
        assert load_corpus(**corpus.source).content_hash == corpus.content_hash


def test_an_index_of_it_is_that_of_the_folder(folder: Path, tmp_path: Path) -> None:
    """Vectors, thumbnails and all; what is in the index by its content is not embedded again, and what is gone is known."""
    (folder / "cat" / "photo.jpg").unlink()  # a fake encoder's thumbnails are its input
    for name in ("out", "other"):
        save_encoder(FakeEncoder(), tmp_path / name)
    file, out = write(tmp_path / "photos.parquet", folder), tmp_path / "out"
    index = build_index(load_corpus(file), FakeEncoder(), out)
    expected = build_index(Corpus.from_folder(folder), FakeEncoder(), tmp_path / "other")
    assert index.ids == expected.ids
    np.testing.assert_array_equal(index.vectors(), expected.vectors())
    check_consistent(index)
    encoder = FakeEncoder()
    (folder / "dog" / "00.png").unlink()
    write_pictures(folder, eel__1=30)
    grown = build_index(load_corpus(write(file, folder)), encoder, out)
    assert encoder.embedded == 1
    assert grown.gone(load_corpus(file)) == ["dog/00.png"]
    assert {*grown.ids} == {*load_corpus(file).ids, "dog/00.png"}


def test_an_artefact_is_told_where_its_files_lie_now(folder: Path, tmp_path: Path) -> None:
    """A folder of Parquet files is compared by what is in them."""
    data, out = tmp_path / "data", tmp_path / "out"
    write(data / "train-0.parquet", folder)
    save_encoder(FakeEncoder(), out)
    build_index(load_corpus(data), FakeEncoder(), out)
    data.rename(tmp_path / "moved")
    found = relocate(out, tmp_path / "moved")
    assert (found.found, found.compared) == (12, 12)
    assert Index.open(out).manifest["corpora"][0]["source"] == str(tmp_path / "moved")


def test_plain_bytes_and_numbered_classes(folder: Path, tmp_path: Path) -> None:
    """A column of bytes has no paths, so file and row name an image; Hugging Face's list of classes names numbers, and -1 is none."""
    encoded = [file.read_bytes() for file in sorted(folder.rglob("*.png"))]
    features = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    numbers = [0, 1, -1, None] + [1] * 7
    metadata = {"huggingface": json.dumps(features)}
    corpus = load_corpus(write(tmp_path / "x.parquet", folder, metadata=metadata, image=encoded, label=numbers))
    assert corpus.ids[:2] == ["000000", "000001"]
    assert corpus.labels == ["cat", "dog", None, None] + ["dog"] * 7
    assert load_corpus(write(tmp_path / "y.parquet", folder, image=encoded, label=numbers)).labels[:2] == ["0", "1"]  # type: ignore[index]
    assert load_corpus(write(tmp_path / "z.parquet", folder, image=encoded, label=[])).labels is None


def test_large_bytes_within_structs_are_read(folder: Path, tmp_path: Path) -> None:
    """Other writers of Parquet count the bytes of a column in 64 bits."""
    file = write(tmp_path / "x.parquet", folder)
    table = parquet.read_table(file)
    wide = pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())])
    images = pa.array(table["image"].to_pylist(), wide)
    parquet.write_table(
        table.set_column(table.schema.get_field_index("image"), "image", images), tmp_path / "y.parquet"
    )
    expected, corpus = load_corpus(file), load_corpus(tmp_path / "y.parquet")
    assert corpus.ids == expected.ids
    np.testing.assert_array_equal(np.asarray(corpus.image(3)), np.asarray(expected.image(3)))


@pytest.mark.parametrize(("column", "value"), [("split", "test"), ("id", "a")])
def test_a_column_that_only_some_images_have_is_refused(folder: Path, tmp_path: Path, column: str, value: str) -> None:
    """Not passed over: test images would be trained on, or lose their names."""
    values = [f"{value}{number}" if column == "id" else value for number in range(11)]
    columns: dict[str, Any] = {column: [*values, None]}
    file = write(tmp_path / "train.parquet", folder, **columns)
    with pytest.raises(CorpusError, match=f"1 of 12 images have no value in the column '{column}'"):
        load_corpus(file)


def test_labels_beside_gaps(folder: Path, tmp_path: Path) -> None:
    """Numbers that pandas made fractions of, gaps that are no numbers or no text; several labels an image are refused."""
    file = tmp_path / "photos.parquet"
    numbers = [3.0, float("nan"), None, 2.5, *[3.0] * 8]
    assert load_corpus(write(file, folder, label=numbers)).labels == ["3", None, None, "2.5", *["3"] * 8]
    assert load_corpus(write(file, folder, label=["", "a", *["b"] * 10])).labels == [None, "a", *["b"] * 10]
    with pytest.raises(CorpusError, match="several labels an image"):
        load_corpus(write(file, folder, label=[["a", "b"]] * 12))


@pytest.mark.parametrize("odd", ["", " ", "a\nb", "a\n"])
def test_ids_that_no_list_could_hold_are_refused(odd: str, folder: Path, tmp_path: Path) -> None:
    """In one line."""
    file = write(tmp_path / "photos.parquet", folder, id=[odd, *map(str, range(11))])
    with pytest.raises(CorpusError, match="ids that are empty or of several lines"):
        load_corpus(file)


def test_files_are_called_after_splits(folder: Path, tmp_path: Path) -> None:
    """As a data set lies in a hub; a column says otherwise, and so does one of ids."""
    numbers = [str(number) for number in range(12)]
    data = tmp_path / "data"
    write(
        data / "train-00000-of-00001.parquet",
        folder,
        image=[file.read_bytes() for file in [next(folder.rglob("*.png"))] * 12],
    )
    write(data / "test-00000-of-00001.parquet", folder, id=[])
    corpus = load_corpus(data)
    assert (corpus.splits.count("train"), corpus.splits.count("test")) == (12, 12)
    assert corpus.ids[0] == "test-00000-of-00001/000000"
    assert len(load_corpus(data, split="test")) == 12
    file = write(tmp_path / "x.parquet", folder, id=numbers, split=["val"] * 2 + ["training"] * 10)
    assert (load_corpus(file).ids, load_corpus(file).splits[1:3]) == (numbers, ["validation", "train"])


def test_what_cannot_be_read_is_left_out_and_named(folder: Path, tmp_path: Path) -> None:
    """With file, row and reason; rows keep their places."""
    images: list[Any] = [file.read_bytes() for file in sorted(folder.rglob("*.png"))]
    images[1], images[5] = b"torn", None
    corpus = load_corpus(write(tmp_path / "x.parquet", folder, image=images, label=[]))
    assert [each.path for each in corpus.skipped] == ["x.parquet, row 1", "x.parquet, row 5"]
    assert corpus.skipped[1].reason == "no bytes"
    assert "000004" in corpus.ids
    assert not {"000001", "000005"} & {*corpus.ids}


def test_a_file_that_has_changed_since_is_noticed(folder: Path, tmp_path: Path) -> None:
    """Its images are no longer those that were hashed; and a file that is gone is missed."""
    file = write(tmp_path / "x.parquet", folder)
    corpus = load_corpus(file)
    corpus.image(0)
    write(file, folder, image=[*reversed([each.read_bytes() for each in sorted(folder.rglob("*.*"))])])
    with pytest.raises(ImageError, match="changed since the corpus was read"):
        corpus.image(0)
    file.unlink()
    with pytest.raises(ImageError, match="No such file"):
        corpus.image(0)


def test_what_is_no_corpus_is_refused(folder: Path, tmp_path: Path) -> None:
    """With what was expected. A table beside images is no corpus, but theirs."""
    file = write(tmp_path / "x.parquet", folder, image=list(range(12)))
    with pytest.raises(CorpusError, match="no column 'image' of encoded images, but image, label"):
        load_corpus(file)
    (tmp_path / "y.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(CorpusError, match="cannot be read as Parquet"):
        load_corpus(tmp_path / "y.parquet")
    twice = write(tmp_path / "z.parquet", folder, id=["a"] * 12)
    with pytest.raises(CorpusError, match=r"the id 'a' stands in .* twice"):
        load_corpus(twice)
    wrong = write(tmp_path / "w.parquet", folder, split=["sometimes"] * 12)
    with pytest.raises(CorpusError, match="names the splits sometimes"):
        load_corpus(wrong)
    with pytest.raises(InputError, match="--exclude is for folders"):
        load_corpus(twice, exclude="*.png")
    write(folder / "metadata.parquet", folder)
    assert len(load_corpus(folder)) == 12
