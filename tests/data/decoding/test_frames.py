"""Files of several pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import ImageError, InputError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.data.decode import decode_image
from samekind.data.decoding.pictures import file_and_frame
from samekind.data.sources.registry import load_corpus
from tests.data.decoding.samples import encoded, frames, halves

KINDS = {
    "tif": frames("TIFF"),
    "gif": frames("GIF", duration=50),
    "webp": frames("WEBP", lossless=True, duration=50),
    "png": frames("PNG", duration=50),
    "avif": frames("AVIF", quality=100),
}


def reds(corpus: Corpus) -> list[int]:
    """Red in the middle of each image."""
    return [int(np.asarray(corpus.image(i).convert("RGB"))[20, 20, 0]) for i in range(len(corpus))]


class Said(NoProgress):
    """A progress that remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def print(self, line: str) -> None:
        """Keeps the line."""
        self.lines.append(line)


@pytest.mark.parametrize("extension", KINDS)
def test_the_first_picture_is_read_and_that_is_told(tmp_path: Path, extension: str) -> None:
    """Without being asked for the others: one image of the file's own hash and id, and a line that counts such files."""
    (tmp_path / f"x.{extension}").write_bytes(KINDS[extension])
    (tmp_path / "one.png").write_bytes(encoded(halves(), "PNG"))
    said = Said()
    corpus = Corpus.from_folder(tmp_path, progress=said)
    assert corpus.ids == ["one.png", f"x.{extension}"]
    assert abs(reds(corpus)[1] - 60) <= 2
    assert said.lines[1:] == ["1 file has more than one picture: the first is read (--frames all reads each)"]


@pytest.mark.parametrize("extension", KINDS)
def test_all_pictures_are_images_of_their_own(tmp_path: Path, extension: str) -> None:
    """Ids, hashes, pixels and splits: each has its own, but those of one file are in one split; the path with its number decodes to it."""
    file = tmp_path / f"x.{extension}"
    file.write_bytes(KINDS[extension])
    (tmp_path / "one.png").write_bytes(encoded(halves(), "PNG"))
    corpus = Corpus.from_folder(tmp_path, frames="all")
    assert corpus.ids == ["one.png", *(f"x.{extension}#{n}" for n in (1, 2, 3))]
    assert max(abs(a - b) for a, b in zip(reds(corpus)[1:], (60, 120, 180), strict=True)) <= 3
    assert len({corpus.sha256(i) for i in range(4)}) == 4
    assert len(set(corpus.splits[1:])) == 1
    assert np.array_equal(np.asarray(decode_image(corpus.uri(3))), np.asarray(corpus.image(3)))
    assert load_corpus(**corpus.source).content_hash == corpus.content_hash
    with pytest.raises(ImageError, match=r"no picture number 9"):
        decode_image(f"{file}#9")


def test_a_file_of_one_picture_stays_one(tmp_path: Path) -> None:
    """`all` changes neither id nor hash of an ordinary file."""
    (tmp_path / "x.png").write_bytes(encoded(halves(), "PNG"))
    assert Corpus.from_folder(tmp_path, frames="all").content_hash == Corpus.from_folder(tmp_path).content_hash


def test_smaller_copies_of_a_page_are_no_pictures(tmp_path: Path) -> None:
    """A pyramid holds one picture: pages that call themselves reduced, and masks, are left out."""
    page = Image.new("RGB", (8, 8), "red")
    small, mask = Image.new("RGB", (4, 4), "red"), Image.new("L", (8, 8))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    mask.encoderinfo = {"tiffinfo": {254: 4}}
    content = encoded(page, "TIFF", save_all=True, append_images=[small, mask, page])
    (tmp_path / "x.tif").write_bytes(content)
    assert Corpus.from_folder(tmp_path, frames="all").ids == ["x.tif#1", "x.tif#4"]


def test_a_picture_that_is_damaged_is_listed_alone(tmp_path: Path) -> None:
    """The others of its file are read."""
    content = bytearray(frames("TIFF", 3, compression="tiff_adobe_deflate"))
    with Image.open(io.BytesIO(bytes(content))) as image:
        image.seek(1)
        offset, count = image.tag_v2[273][0], image.tag_v2[279][0]  # type: ignore[attr-defined]
    content[offset : offset + count] = bytes(count)
    (tmp_path / "x.tif").write_bytes(content)
    corpus = Corpus.from_folder(tmp_path, frames="all")
    assert corpus.ids == ["x.tif#1", "x.tif#3"]
    assert [file.path for file in corpus.skipped] == ["x.tif#2"]


def test_a_file_that_is_called_like_a_picture_of_another(tmp_path: Path) -> None:
    """`x.tif#2` is a file if there is one; without any file it stays a name."""
    (tmp_path / "x.tif").write_bytes(KINDS["tif"])
    assert file_and_frame(tmp_path / "x.tif#2") == (tmp_path / "x.tif", 2)
    (tmp_path / "x.tif#2").write_bytes(encoded(halves(), "PNG"))
    assert file_and_frame(tmp_path / "x.tif#2") == (tmp_path / "x.tif#2", None)
    assert file_and_frame("nothing#2") == (Path("nothing#2"), None)


def test_frames_is_first_or_all(tmp_path: Path) -> None:
    """Anything else is refused before a file is opened."""
    with pytest.raises(InputError, match="frames must be one of first, all, got 'last'"):
        Corpus.from_folder(tmp_path, frames="last")


def test_the_second_picture_of_a_camera_jpeg_is_no_image(tmp_path: Path) -> None:
    """MPO: a preview or the other eye; the file is a photo."""
    content = encoded(halves(), "MPO", save_all=True, append_images=[halves(16, 16)])
    (tmp_path / "x.jpg").write_bytes(content)
    corpus = Corpus.from_folder(tmp_path, frames="all")
    assert (corpus.ids, corpus.notes[1:]) == (["x.jpg"], ())


def test_tables_and_lists_name_files_and_so_all_of_their_pictures(tmp_path: Path) -> None:
    """Each picture of a file has the label and the split that the file has, also where only its name is given."""
    for name in ("a", "b"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{name}.tif").write_bytes(frames("TIFF", 2 + (name == "b")))
    (tmp_path / "labels.csv").write_text("file_name,label\na.tif,cat\nb.tif,dog\n")
    (tmp_path / "train.txt").write_text("in/a.tif\n")
    (tmp_path / "test.txt").write_text("in/b.tif\n")
    corpus = Corpus.from_folder(tmp_path, frames="all", labels="labels.csv")
    assert corpus.labels == ["cat"] * 2 + ["dog"] * 3
    assert corpus.splits == ["train"] * 2 + ["test"] * 3


def test_a_file_wins_over_the_picture_that_is_called_like_it(tmp_path: Path) -> None:
    """Ids are unique, and the picture that gives way is listed."""
    (tmp_path / "x.tif").write_bytes(KINDS["tif"])
    (tmp_path / "x.tif#2").write_bytes(encoded(halves(), "PNG"))
    corpus = Corpus.from_folder(tmp_path, frames="all")
    assert sorted(corpus.ids) == ["x.tif#1", "x.tif#2", "x.tif#3"]
    assert [(file.path, file.reason) for file in corpus.skipped] == [("x.tif#2", "a file is called so")]
