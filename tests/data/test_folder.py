"""Folders as corpora."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import CorpusError, ImageError
from samekind.data.corpus import Corpus
from samekind.data.sources.registry import load_corpus


def put(root: Path, *names: str, colour: str = "red") -> None:
    """Small images at these paths."""
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4 + i, 4), colour).save(root / name)


def test_class_folders_label_and_ids_are_paths(tmp_path: Path) -> None:
    """The first folder is the label however deep the file lies; the id is the path within the folder."""
    put(tmp_path, "cat/1.png", "cat/deep/er/2.jpg", "dog/1.PNG", "loose.webp")
    corpus = Corpus.from_folder(tmp_path)
    assert dict(zip(corpus.ids, corpus.labels or [], strict=True)) == {
        "cat/1.png": "cat",
        "cat/deep/er/2.jpg": "cat",
        "dog/1.PNG": "dog",
        "loose.webp": None,
    }
    i = corpus.ids.index("dog/1.PNG")
    assert corpus.sha256(i) == hashlib.sha256((tmp_path / "dog/1.PNG").read_bytes()).hexdigest()
    assert Path(corpus.uri(i)) == (tmp_path / "dog/1.PNG").resolve()
    assert corpus.name == tmp_path.name


def test_a_flat_folder_is_unlabelled(tmp_path: Path) -> None:
    """Without class folders there are no labels at all."""
    put(tmp_path, *(f"{i}.png" for i in range(10)))
    corpus = Corpus.from_folder(str(tmp_path))
    assert corpus.labels is None
    assert Counter(corpus.splits).keys() == {"train", "test"}


def test_split_folders_are_splits(tmp_path: Path) -> None:
    """train/val/test on top are splits and the next level is the label; ids keep the whole path."""
    put(tmp_path, "train/a/1.png", "train/b/2.png", "Val/a/3.png", "test/4.png")
    corpus = Corpus.from_folder(tmp_path)
    rows = {
        id_: (split, label) for id_, split, label in zip(corpus.ids, corpus.splits, corpus.labels or [], strict=True)
    }
    assert rows == {
        "train/a/1.png": ("train", "a"),
        "train/b/2.png": ("train", "b"),
        "Val/a/3.png": ("validation", "a"),
        "test/4.png": ("test", None),
    }


def test_one_other_folder_makes_split_names_classes(tmp_path: Path) -> None:
    """`train` beside `plane` is a class, not a split; folders without images do not count."""
    put(tmp_path, "train/1.png", "plane/2.png")
    assert Corpus.from_folder(tmp_path).labels == ["plane", "train"]
    (tmp_path / "plane/2.png").unlink()
    corpus = Corpus.from_folder(tmp_path)
    assert (corpus.labels, corpus.splits) == (None, ["train"])


def test_the_made_split_is_seeded_and_recorded_and_tests_every_class(tmp_path: Path) -> None:
    """The same every time, another one with another seed, and `source` brings each back."""
    put(tmp_path, *(f"{label}/{i:02d}.png" for label in "ab" for i in range(20)))
    corpus, other = Corpus.from_folder(tmp_path), Corpus.from_folder(tmp_path, seed=3)
    assert set(zip(corpus.labels or [], corpus.splits, strict=True)) == {
        (label, split) for label in "ab" for split in ("train", "test")
    }
    assert corpus.splits != other.splits
    for one in (corpus, other):
        assert load_corpus(**one.source).content_hash == one.content_hash


def test_a_folder_that_grows_keeps_its_split(tmp_path: Path) -> None:
    """Nothing that was trained on becomes a test image because files were added before, between and after."""
    put(tmp_path, *(f"{label}/{i:02d}.png" for label in "ab" for i in range(0, 40, 2)))
    before = Corpus.from_folder(tmp_path)
    put(tmp_path, *(f"{label}/{i:02d}.png" for label in "abc" for i in range(1, 40, 2)))
    after = Corpus.from_folder(tmp_path)
    split = dict(zip(after.ids, after.splits, strict=True))
    assert len(after) == 100
    assert [split[id_] for id_ in before.ids] == before.splits


@pytest.mark.parametrize(
    "names", [("Training", "dev", "testing"), ("train", "valid", "test"), ("train", "val", "test")]
)
def test_the_usual_other_names_of_splits_count_too(tmp_path: Path, names: tuple[str, ...]) -> None:
    """The same as in a pack."""
    put(tmp_path, *(f"{name}/{label}/1.png" for name in names for label in "ab"))
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.labels == ["a", "b"] * 3
    assert {id_.split("/")[0]: split for id_, split in zip(corpus.ids, corpus.splits, strict=True)} == dict(
        zip(names, ("train", "validation", "test"), strict=True)
    )


def test_unreadable_files_are_skipped_with_their_reason(tmp_path: Path) -> None:
    """Truncated, empty, mislabelled and foreign files are listed and never fatal; hidden ones are passed over."""
    put(tmp_path, "a/good.png", ".hidden.png", ".git/x.png")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    noise.save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:900])
    (tmp_path / "empty.gif").touch()
    (tmp_path / "text.bmp").write_text("not a bitmap")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.ids == ["a/good.png"]
    assert {file.path: file.reason for file in corpus.skipped} == {
        "cut.jpg": "the file is truncated",
        "empty.gif": "the file is empty (0 bytes)",
        "text.bmp": "text, not an image",
        "notes.txt": "not an image file (.txt)",
        "gone.png": "a link to nowhere",
        "pipe.png": "not a regular file",
    }


def test_nothing_to_read_says_what_was_looked_at(tmp_path: Path) -> None:
    """Missing, empty and useless folders each get one clear line."""
    with pytest.raises(CorpusError, match="does not exist"):
        Corpus.from_folder(tmp_path / "nope")
    with pytest.raises(CorpusError, match="is empty"):
        Corpus.from_folder(tmp_path)
    for i in range(3):
        (tmp_path / f"{i}.txt").write_text("x")
    (tmp_path / "zero.png").touch()
    with pytest.raises(
        CorpusError, match=r"4 files were looked at .*3 × not an image file \(\.txt\); 1 × the file is empty"
    ):
        Corpus.from_folder(tmp_path)
    with pytest.raises(CorpusError, match="is a file"):
        Corpus.from_folder(tmp_path / "0.txt")


def test_link_loops_and_links_to_folders(tmp_path: Path) -> None:
    """A folder that contains itself by a link is read once; a link to a folder elsewhere is followed."""
    put(tmp_path, "set/a/1.png", "elsewhere/2.png")
    (tmp_path / "set/a/loop").symlink_to(tmp_path / "set")
    (tmp_path / "set/b").symlink_to(tmp_path / "elsewhere")
    corpus = Corpus.from_folder(tmp_path / "set")
    assert corpus.ids == ["a/1.png", "b/2.png"]


def test_odd_names(tmp_path: Path) -> None:
    """Spaces, quotes, other scripts and bytes that are no UTF-8 all work, and ids can always be written as UTF-8."""
    put(tmp_path, "it's a/ö ü.png", "운동화/신발 1.png", "%20/#?.png", "a\nb/1.png")
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    Path(os.fsdecode(raw)).write_bytes((tmp_path / "운동화/신발 1.png").read_bytes())
    corpus = Corpus.from_folder(tmp_path)
    assert len(corpus) == 5
    assert {"it's a/ö ü.png", "운동화/신발 1.png", "%20/#?.png", "a\nb/1.png", "\\xff\\xfe.png"} == set(corpus.ids)
    for i in range(len(corpus)):
        corpus.ids[i].encode()
        corpus.uri(i).encode()
        assert corpus.image(i).mode == "RGB"


@pytest.mark.parametrize(("colours", "channels"), [(("grey", "black"), 1), (("grey", "red"), 3)])
def test_a_folder_is_grey_if_every_image_is(tmp_path: Path, colours: tuple[str, ...], channels: int) -> None:
    """RGB files without colour count as grey; one coloured image makes the corpus colour."""
    for i, colour in enumerate(colours):
        put(tmp_path, f"{i}.png", colour=colour)
    assert Corpus.from_folder(tmp_path).channels == channels


def test_one_coloured_pixel_is_seen(tmp_path: Path) -> None:
    """Grey detection looks at every pixel, not at a thumbnail only."""
    pixels = np.full((300, 300, 3), 90, np.uint8)
    pixels[123, 77, 0] = 91
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert Corpus.from_folder(tmp_path).channels == 3


def test_a_file_that_goes_away_is_an_image_error(tmp_path: Path) -> None:
    """Decoding is lazy: a file deleted after reading the folder fails when its image is asked for."""
    put(tmp_path, "1.png")
    corpus = Corpus.from_folder(tmp_path)
    (tmp_path / "1.png").unlink()
    with pytest.raises(ImageError, match="no such file"):
        corpus.image(0)
