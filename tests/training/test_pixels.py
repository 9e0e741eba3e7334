"""Encoder input in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import ImageError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.data.loader import ViewLoader
from samekind.data.prepared import prepare_corpus
from samekind.data.types.preprocessing import Preprocessing
from samekind.data.types.rows import ChosenRows
from samekind.data.views.two_view import TwoViewTransform
from samekind.training import pixels
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.pixels import pixel_file, training_pixels
from samekind.training.run.train import train
from samekind.training.runtime import array_file
from samekind.training.runtime.artefact import WEIGHTS
from samekind.training.runtime.cache_folder import cache_entries
from samekind.training.runtime.rows_on_disk import RowsOnDisk
from samekind.training.training_set import load_training_images
from tests.training.runs import Lines, config, corpus, interrupted_at, slow, without_times

INPUT = Preprocessing(12, 3)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is larger than nothing goes to disk."""
    monkeypatch.setattr(array_file, "IN_MEMORY", 0)


@pytest.fixture
def photos(tmp_path: Path) -> Corpus:
    """Forty files of different sizes, some grey."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(40):
        shape = (10 + i, 20) if i % 3 == 0 else (15, 9 + i, 3)
        Image.fromarray(np.random.default_rng(i).integers(0, 256, shape, dtype=np.uint8)).save(folder / f"{i:02}.png")
    return Corpus.from_folder(folder)


@pytest.mark.parametrize("preprocessing", [INPUT, Preprocessing(8, 1, "lanczos", crop=0.9)])
def test_disk_and_memory_hold_the_same(photos: Corpus, preprocessing: Preprocessing, on_disk: None) -> None:
    """Every byte, of files and of arrays."""
    for given in (photos, corpus()):
        stored = training_pixels(given, preprocessing, NoProgress())
        assert isinstance(stored, RowsOnDisk)
        assert np.array_equal(stored[:], prepare_corpus(given, preprocessing))


def test_small_ones_stay_in_memory_and_large_ones_are_told(photos: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the very byte; one line says how large the file is and where."""
    lines, size = Lines(), 40 * 12 * 12 * 3
    monkeypatch.setattr(array_file, "IN_MEMORY", size)
    assert isinstance(training_pixels(photos, INPUT, lines), np.ndarray)
    assert (lines.lines, cache_entries()) == ([], [])
    monkeypatch.setattr(array_file, "IN_MEMORY", size - 1)
    training_pixels(photos, INPUT, lines)
    file = pixel_file(photos, INPUT).entry.file
    assert lines.lines == [f"pixels of 40 images of 12 px, computed once: 17 kB in {file}"]
    assert [entry.file for entry in cache_entries()] == [file]


def test_whatever_decides_the_pixels_names_the_file(photos: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image, their order, any part of the preprocessing, another Pillow; labels and names do not."""
    ways = [
        INPUT,
        Preprocessing(13, 3),
        Preprocessing(12, 1),
        Preprocessing(12, 3, "bilinear"),
        Preprocessing(12, 3, crop=0.9),
    ]
    files = [pixel_file(photos, way).digest for way in ways]
    files += [pixel_file(photos.subset(rows), INPUT).digest for rows in ([1, 0, *range(2, 40)], range(39))]
    moved = Corpus("other", photos.ids, photos.references, ["train"] * 40, ["same"] * 40)
    assert pixel_file(moved, INPUT).digest == files[0]
    first = Path(photos.uri(0))
    Image.new("L", (10, 20)).save(first)
    files.append(pixel_file(Corpus.from_folder(first.parent), INPUT).digest)
    monkeypatch.setattr(pixels, "version", lambda name: "0")
    files.append(pixel_file(photos, INPUT).digest)
    assert len(set(files)) == len(files) == 9


@pytest.mark.parametrize("workers", [0, *slow("2")])
def test_batches_are_the_same_from_disk(photos: Corpus, workers: str, on_disk: None) -> None:
    """Both views of every batch, bit for bit, of some of the rows, whoever reads them."""
    rows = np.arange(1, 40, 2)
    sources = prepare_corpus(photos, INPUT), training_pixels(photos, INPUT, NoProgress())
    loaders = [
        ViewLoader(ChosenRows(source, rows), TwoViewTransform(8, 3), 4, seed=3, workers=int(workers))
        for source in sources
    ]
    plain = ViewLoader(prepare_corpus(photos, INPUT)[rows], TwoViewTransform(8, 3), 4, seed=3)
    batches = [list(loader.epoch(1)) for loader in (*loaders, plain)]
    assert len(batches[0]) == 5
    for each in zip(*batches, strict=True):
        for other in each[1:]:
            assert all(a.equal(b) for a, b in zip(each[0], other, strict=True))
    for loader in (*loaders, plain):
        loader.close()


def test_statistics_are_the_same_from_disk(photos: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean and deviation are exact, so that encoders are equal bit for bit; and they are those of the pixels."""
    monkeypatch.setattr("samekind.training.training_set._BLOCK", 7)
    settings, train_split = config(image_size=12), photos.split("train")
    memory = load_training_images(train_split, settings, NoProgress())
    monkeypatch.setattr(array_file, "IN_MEMORY", 0)
    disk = load_training_images(train_split, settings, NoProgress())
    assert (disk.mean, disk.std) == (memory.mean, memory.std)
    values = memory.pixels[:] / 255
    np.testing.assert_allclose(memory.mean, values.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(memory.std, values.std((0, 1, 2)), rtol=1e-12)


SETTINGS = [{}, {"treatment": "soft_attract", "detector": "combined", "treatment_start": 0.0}]


@pytest.mark.parametrize("changes", SETTINGS)
def test_a_run_from_disk_is_the_run_from_memory(changes: dict[str, object], tmp_path: Path) -> None:
    """The same weights byte for byte and the same figures; also after an interruption."""
    settings = config(**changes)
    memory = train(corpus(), settings, tmp_path / "memory")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(array_file, "IN_MEMORY", 0)
        disk = train(corpus(), settings, tmp_path / "disk")
        with interrupted_at(4):
            train(corpus(), settings, tmp_path / "cut")
        cut = train(corpus(), settings, tmp_path / "cut")
    for run in (disk, cut):
        assert (run.out / WEIGHTS).read_bytes() == (memory.out / WEIGHTS).read_bytes()
        assert without_times(run.history) == without_times(memory.history)
    assert [entry.kind for entry in cache_entries()] == ["pixels"]
    assert not cache_entries()[0].in_use


def test_the_whitening_is_fitted_to_a_seeded_choice_of_rows(photos: Corpus, on_disk: None) -> None:
    """Which are read from disk a batch at a time; the map is that of the same rows in memory."""
    encoder = Encoder(EncoderSpec("resnet-small", 12, 3, 8, (0.5,) * 3, (0.25,) * 3, width=4)).eval()
    rows = np.sort(np.random.default_rng((5, 4)).permutation(40)[:30])
    features = encoder.features(prepare_corpus(photos, INPUT)[rows])
    expected = encoder.fitted_whitening(features, 0.5, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samekind.training.models.encoder.WHITENING_ROWS", 30)
        encoder.fit_whitening(training_pixels(photos, INPUT, NoProgress()), 0.5, seed=5)
    assert encoder.whitening.matrix.equal(expected.matrix)
    assert encoder.whitening.mean.equal(expected.mean)


def test_an_image_that_vanished_is_named_and_what_was_written_stays(
    photos: Corpus, on_disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next try decodes the rest, and the whole is as if nothing had happened."""
    monkeypatch.setattr(pixels, "_IMAGES", 8)
    whole, lost = prepare_corpus(photos, INPUT), Path(photos.uri(17))
    away = lost.rename(lost.with_suffix(".away"))
    with pytest.raises(ImageError, match=r"17\.png"):
        training_pixels(photos, INPUT, NoProgress())
    assert pixel_file(photos, INPUT).done == 16
    away.rename(lost)
    for seen in range(16):
        Path(photos.uri(seen)).unlink()
    assert np.array_equal(training_pixels(photos, INPUT, NoProgress())[:], whole)
