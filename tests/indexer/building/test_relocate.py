"""A corpus that has moved: the artefact finds it again if its content is there, and says so in one line if it is not."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import ArtefactError, CorpusError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.indexer.building.relocate import relocate
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.storage.places import name_within
from samekind.indexer.storage.recorded_corpus import load_recorded_corpus, recorded_choices
from samekind.training.runtime.artefact import META, read_meta, write_json
from tests.indexer.helpers import FakeEncoder, save_encoder


def pictures(folder: Path, seed: int = 0) -> Path:
    """Two classes of four pictures, 120 px."""
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            coarse = np.random.default_rng([seed, number, len(label), ord(label[0])]).integers(
                0, 256, (4, 4, 3), dtype=np.uint8
            )
            Image.fromarray(coarse).resize((120, 120), Image.Resampling.BICUBIC).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """An index of `tmp_path/photos` that was made from a training on it."""
    corpus = Corpus.from_folder(pictures(tmp_path / "photos"))
    folder = tmp_path / "artefact"
    save_encoder(FakeEncoder(), folder)
    build_index(corpus, FakeEncoder(), folder)
    meta = read_meta(folder)
    write_json(
        folder / META, {**meta, "corpus": {"content_hash": corpus.content_hash, "num_images": 8, **corpus.source}}
    )
    return folder


def width_of(encoded: bytes) -> int:
    """Of an encoded picture: 120 of the file, 96 of the thumbnail."""
    with Image.open(io.BytesIO(encoded)) as image:
        return image.width


def test_pictures_hits_and_recorded_corpus_are_found_in_the_new_place(artefact: Path, tmp_path: Path) -> None:
    """Before, the thumbnail and one line that names the command; afterwards the file, its address, and no row is written anew."""
    moved = shutil.move(tmp_path / "photos", tmp_path / "elsewhere" / "pictures with blanks")
    assert width_of(Index.open(artefact).picture("cat/1.png")) == 96
    with pytest.raises(CorpusError, match="is no longer at") as caught:
        load_recorded_corpus(artefact, read_meta(artefact)["corpus"], [], NoProgress())
    assert f"samekind relocate {artefact} NEWPLACE" in caught.value.hint
    before = Manifest.read(artefact).state
    found = relocate(artefact, moved)
    assert (found.compared, found.found, found.now) == (8, 8, str(moved))
    index = Index.open(artefact)
    assert width_of(index.picture("cat/1.png")) == 120
    assert index.row("cat/1.png")["uri"] == f"{moved}/cat/1.png"
    assert index.search_id("cat/1.png", k=1).hits[0].uri.startswith(f"{moved}/")
    notes: list[str] = []
    assert len(load_recorded_corpus(artefact, read_meta(artefact)["corpus"], notes, NoProgress())) == 8
    assert notes == []
    assert index.manifest["corpora"][0]["source"] == str(moved)
    assert Manifest.read(artefact).state == before
    assert index.verify().ok
    again = build_index(Corpus.from_folder(moved), FakeEncoder(), artefact)
    assert len(again) == 8
    assert [entry["key"] for entry in again.manifest["corpora"]] == ["photos"]


def test_it_can_move_twice_and_relocating_again_changes_nothing(artefact: Path, tmp_path: Path) -> None:
    """The place of the manifest decides, not the one before."""
    for name in ("second", "third"):
        moved = shutil.move(tmp_path / ("photos" if name == "second" else "second"), tmp_path / name)
        relocate(artefact, moved)
    kept = (artefact / META).read_bytes(), Manifest.read(artefact)
    relocate(artefact, moved)
    assert ((artefact / META).read_bytes(), Manifest.read(artefact)) == kept
    assert Index.open(artefact).row("dog/0.png")["uri"] == str(tmp_path / "third" / "dog" / "0.png")


@pytest.mark.parametrize("place", ["missing", "empty", "others", "few"])
def test_a_place_that_does_not_fit_is_refused(artefact: Path, tmp_path: Path, place: str) -> None:
    """Nothing there, no image, other images of the same names, and too few of them: one line, and nothing is changed."""
    if place != "missing":
        (tmp_path / "new").mkdir()
    if place == "others":
        pictures(tmp_path / "new", seed=1)
    if place == "few":
        (tmp_path / "new" / "cat").mkdir()
        for number in range(3):
            shutil.copy(tmp_path / "photos" / "cat" / f"{number}.png", tmp_path / "new" / "cat")
    kept = (artefact / META).read_bytes(), Manifest.read(artefact)
    count = 3 if place == "few" else 0
    message = "there is nothing at" if place == "missing" else f"of 8 compared, {count} are there with the same content"
    with pytest.raises(CorpusError, match=message) as caught:
        relocate(artefact, tmp_path / "new")
    assert caught.value.hint
    assert ((artefact / META).read_bytes(), Manifest.read(artefact)) == kept


def test_some_missing_images_are_counted(artefact: Path, tmp_path: Path) -> None:
    """Most of them are enough; a pipe in the place of one is not waited for."""
    moved = shutil.move(tmp_path / "photos", tmp_path / "new")
    (tmp_path / "new" / "cat" / "0.png").unlink()
    os.mkfifo(tmp_path / "new" / "cat" / "0.png")
    found = relocate(artefact, moved)
    assert (found.compared, found.found) == (8, 7)


def test_of_several_corpora_the_right_one_moves(artefact: Path, tmp_path: Path) -> None:
    """Told by content; rows of the other one stay where they are."""
    build_index(Corpus.from_folder(pictures(tmp_path / "more", seed=2)), FakeEncoder(), artefact)
    moved = shutil.move(tmp_path / "more", tmp_path / "away")
    assert relocate(artefact, moved).before == str(tmp_path / "more")
    index = Index.open(artefact)
    assert index.row("cat/0.png")["uri"] == str(tmp_path / "photos" / "cat" / "0.png")
    assert index.row("more/cat/0.png")["uri"] == str(tmp_path / "away" / "cat" / "0.png")
    assert read_meta(artefact)["corpus"]["corpus"] == str(tmp_path / "photos")


def test_a_trained_encoder_without_an_index_learns_it_too(artefact: Path, tmp_path: Path) -> None:
    """By the hash over all images; another corpus is refused, and so is an artefact that names none."""
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("encoder.safetensors", META):
        shutil.copy(artefact / name, bare)
    moved = shutil.move(tmp_path / "photos", tmp_path / "new")
    with pytest.raises(CorpusError, match="does not hold the images"):
        relocate(bare, pictures(tmp_path / "others", seed=3))
    relocate(bare, moved)
    assert read_meta(bare)["corpus"]["corpus"] == str(moved)
    meta = json.loads((bare / META).read_text())
    write_json(bare / META, {**meta, "corpus": {}})
    with pytest.raises(ArtefactError, match="names no corpus"):
        relocate(bare, moved)


@pytest.mark.parametrize(
    ("id_", "uri", "key", "name"),
    [
        ("cat/0.png", "/a/photos/cat/0.png", "photos", "cat/0.png"),
        ("photos/cat/0.png", "/a/photos/cat/0.png", "photos", "cat/0.png"),  # another corpus had the id
        ("photos/0.png", "/a/photos/photos/0.png", "photos", "photos/0.png"),  # a folder of the corpus' own name
        ("photos-2/0.png", "/b/photos/0.png", "photos-2", "0.png"),
        ("0.png", "/a/photos/1.png", "photos", None),
        ("caf\u00e9/0.png", "/a/photos/cafe\u0301/0.png", "photos", "cafe\u0301/0.png"),  # as the disk has it
        ("train/00000", "digits://train/00000", "digits", None),
    ],
)
def test_the_name_within_the_corpus(id_: str, uri: str, key: str, name: str | None) -> None:
    """Of ids with and without the corpus' name before them, and of images that are no files."""
    assert name_within({"id": id_, "uri": uri, "corpus": key}) == name


def test_a_file_of_labels_in_the_folder_moves_with_it(tmp_path: Path) -> None:
    """The index and a trained encoder without one look for it in the new place."""
    photos, artefact, bare = pictures(tmp_path / "photos"), tmp_path / "artefact", tmp_path / "bare"
    (photos / "l.csv").write_text("file_name,label,fine\ncat/0.png,a,b\ndog/0.png,c,d\n")
    corpus = Corpus.from_folder(photos, labels="l.csv:fine")
    save_encoder(FakeEncoder(), artefact)
    write_json(
        artefact / META, {**read_meta(artefact), "corpus": {"content_hash": corpus.content_hash, **corpus.source}}
    )
    shutil.copytree(artefact, bare)
    build_index(corpus, FakeEncoder(), artefact)
    moved = shutil.move(photos, tmp_path / "new")
    for folder in (artefact, bare):
        relocate(folder, moved)
        assert read_meta(folder)["corpus"]["labels"] == f"{moved}/l.csv:fine"
        assert recorded_choices(folder, moved) == {"labels": f"{moved}/l.csv:fine"}
        notes: list[str] = []
        assert load_recorded_corpus(folder, read_meta(folder)["corpus"], notes, NoProgress()).classes == ["b", "d"]
        assert notes == []


def test_pictures_of_a_file_of_several_are_found(tmp_path: Path) -> None:
    """By the file's content and the picture's number."""
    scans, artefact = tmp_path / "scans", tmp_path / "artefact"
    scans.mkdir()
    for name in ("a", "b"):
        pages = [Image.effect_noise((40, 40), 50) for _ in range(3)]
        pages[0].save(scans / f"{name}.tif", save_all=True, append_images=pages[1:])
    save_encoder(FakeEncoder(), artefact)
    build_index(Corpus.from_folder(scans, frames="all"), FakeEncoder(), artefact)
    moved = shutil.move(scans, tmp_path / "new")
    assert relocate(artefact, moved).found == 6
    assert Index.open(artefact).row("b.tif#3")["uri"] == f"{moved}/b.tif#3"


def test_a_file_renamed_in_the_new_place_takes_its_row_along(artefact: Path, tmp_path: Path) -> None:
    """Also while the old folder is still there: rows keep its address."""
    copied = shutil.copytree(tmp_path / "photos", tmp_path / "new")
    relocate(artefact, copied)
    (copied / "cat/0.png").rename(copied / "cat/renamed.png")
    index = build_index(Corpus.from_folder(copied), FakeEncoder(), artefact)
    assert len(index) == 8
    assert "cat/0.png" not in index.ids
