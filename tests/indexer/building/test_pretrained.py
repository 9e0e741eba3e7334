"""An index on a pretrained encoder: fitted once, never embedding twice, and the same encoder from then on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from samekind.core.errors import ArtefactError, CorpusError, InputError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.indexer.building import embed, forecast, pretrained
from samekind.indexer.building.engines.engine import Loaded
from samekind.indexer.building.pretrained import RememberingEncoder
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.table import ImageTable
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained import whiten
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.runtime.artefact import WEIGHTS, read_meta
from tests.indexer.builds import Lines, crash_at


def photo(number: int) -> Image.Image:
    """A colour picture of 100 to 160 px, smooth as photos are."""
    rng = np.random.default_rng(number)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return small.resize((100 + 10 * (number % 7), 110), Image.Resampling.BICUBIC)


def put(folder: Path, *numbers: int) -> Corpus:
    """The folder with these pictures more, every fourth of them in the split `test`."""
    for number in numbers:
        path = folder / ("test" if number % 4 == 3 else "train") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(number).save(path)
    return Corpus.from_folder(folder)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures; not to be changed."""
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    put(folder, *range(12))
    return folder


@pytest.fixture(scope="module")
def built(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact of an index on `lite0`; not to be changed."""
    out = tmp_path_factory.mktemp("artefacts") / "photos"
    build_index(Corpus.from_folder(photos), "lite0", out)
    return out


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that a backbone has seen since."""
    seen: list[int] = []
    original: Callable[[Encoder, torch.Tensor], torch.Tensor] = Encoder.feature

    def feature(self: Encoder, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return original(self, images)

    monkeypatch.setattr(Encoder, "feature", feature)
    return seen


def test_an_image_finds_itself(built: Path, photos: Path) -> None:
    """From its file, through a fresh encoder, in a batch of one: similarity 1 up to rounding, and nobody else that near."""
    index = Index.open(built)
    assert (len(index), index.dim) == (12, 1280)
    for file in sorted(photos.rglob("*.png"))[::3]:
        first, second = index.search(file, k=2)
        assert Path(first.uri) == file.resolve()
        assert first.similarity > 1 - 1e-5
        assert second.similarity < 0.999


def test_the_whitening_is_that_of_the_training_split(built: Path, photos: Path) -> None:
    """Fitted by hand to the features of the training images alone, it gives the vectors of the index."""
    corpus = Corpus.from_folder(photos)
    encoder = resolve_encoder("lite0")
    features = np.concatenate([_features(encoder, corpus.image(row)) for row in range(len(corpus))])
    train = np.array([split == "train" for split in corpus.splits])
    encoder.renew_whitening(1280, features[train], 0.1)
    index = Index.open(built)
    order = [index.rows.position[id_] for id_ in corpus.ids]
    np.testing.assert_allclose(encoder.embed_features(features), index.vectors()[order], atol=1e-4)


@pytest.mark.parametrize("most", [8, 9])
def test_directions_are_dropped_where_images_outnumber_them(
    most: int, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine training images are more than eight directions, and not more than nine: then all stay, for images that come later."""
    monkeypatch.setattr(whiten, "DIRECTIONS", most)
    assert build_index(Corpus.from_folder(photos), "lite0", tmp_path).dim == (8 if most == 8 else 1280)


def test_one_image_or_the_same_twice_is_no_special_case(photos: Path, tmp_path: Path) -> None:
    """There is nothing to fit a whitening to, so the features stay as they are; what is added later is told apart."""
    folder = tmp_path / "photos"
    index = build_index(put(folder, 0), "lite0", tmp_path / "out")
    assert index.search(photo(0), k=1)[0].similarity > 1 - 1e-5
    shutil.copy(folder / "train" / "00.png", folder / "train" / "copy.png")
    index = build_index(Corpus.from_folder(folder), "lite0", tmp_path / "twice")
    assert index.search(photo(0), k=2)[1].similarity > 1 - 1e-5
    index = build_index(put(folder, 5, 6), "lite0", tmp_path / "twice")
    assert index.search(photo(5), k=2)[1].similarity < 0.99


def test_no_image_goes_through_the_model_twice(photos: Path, tmp_path: Path, passes: list[int]) -> None:
    """Nine were seen for the whitening, three are left for the index; the same command again sees none."""
    build_index(Corpus.from_folder(photos), "lite0", tmp_path)
    assert sum(passes) == 12
    build_index(Corpus.from_folder(photos), "lite0", tmp_path)
    assert sum(passes) == 12


def test_more_images_keep_the_encoder(built: Path, photos: Path, tmp_path: Path, passes: list[int]) -> None:
    """The same command on the grown folder: old vectors and weights stay, only the new images are embedded, and they find themselves."""
    out, folder = tmp_path / "artefact", tmp_path / "photos"
    shutil.copytree(built, out)
    shutil.copytree(photos, folder)
    before = Index.open(built)
    index = build_index(put(folder, 20, 21, 23), "lite0", out)
    assert len(index) == 15
    assert sum(passes) == 3
    assert (out / WEIGHTS).read_bytes() == (built / WEIGHTS).read_bytes()
    rows = [index.rows.position[id_] for id_ in before.ids]
    np.testing.assert_array_equal(index.vectors()[rows], before.vectors())
    assert index.search(photo(21), k=1)[0].similarity > 1 - 1e-5


def test_an_index_that_has_outgrown_its_whitening_says_how_to_renew_it(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the number of training images that neighbours are trusted at, whenever some are added; not below it, and not if asked for."""
    monkeypatch.setattr(pretrained, "ENOUGH", 12)
    monkeypatch.setattr(whiten, "ENOUGH", 12)
    folder, out = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(photos, folder)  # nine to train on

    def said(corpus: Corpus, out: Path = out, whitening: float | None = None) -> list[str]:
        lines = Lines()
        build_index(corpus, "lite0", out, lines, whitening=whitening)
        return [line for line in lines.said if "a new index" in line]

    assert said(Corpus.from_folder(folder)) == []
    assert said(put(folder, 12, 13)) == []
    (line,) = said(put(folder, 14, 16))
    assert "there are 13" in line
    assert line.endswith(f"samekind index --corpus {folder} --encoder lite0 --out {out}-again")
    assert said(Corpus.from_folder(folder)) == []
    assert said(Corpus.from_folder(folder), tmp_path / "new") == []
    shutil.copytree(photos, tmp_path / "others")
    assert said(Corpus.from_folder(tmp_path / "others"), tmp_path / "chosen", 0.2) == []
    assert said(put(tmp_path / "others", 12, 13, 14, 16), tmp_path / "chosen") == []


def test_a_corpus_without_training_images_is_not_told_as_one(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whitening is fitted to all of its images then, and every line on it says so."""
    monkeypatch.setattr(pretrained, "ENOUGH", 14)
    monkeypatch.setattr(whiten, "ENOUGH", 14)
    folder, lines = tmp_path / "photos", Lines()
    shutil.copytree(photos, folder)
    for corpus in (Corpus.from_folder(folder), put(folder, 12, 13)):
        build_index(replace(corpus, splits=["test"] * len(corpus)), "lite0", tmp_path / "out", lines)
    first, second = (line for line in lines.said if "whitening" in line)
    assert first.endswith("among 12 images, none of which is for training")
    assert "fewer than 14 images, none of which is for training, now there are 14" in second


@pytest.mark.parametrize("call", [1, 3])
def test_a_build_that_was_killed_resumes(
    call: int, built: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before each of its writes: the same command ends with the encoder and, up to rounding, the vectors of a build in one go."""
    monkeypatch.setattr(embed, "CHUNK", 4)
    monkeypatch.setattr(embed, "_BATCH", 4)
    corpus = Corpus.from_folder(photos)
    with crash_at(ImageTable, "append", call):
        build_index(corpus, "lite0", tmp_path)
    index = build_index(corpus, "lite0", tmp_path)
    assert (tmp_path / WEIGHTS).read_bytes() == (built / WEIGHTS).read_bytes()
    np.testing.assert_allclose(index.vectors(), Index.open(built).vectors(), atol=1e-5)


def test_another_model_in_the_same_folder_is_refused(built: Path, photos: Path, tmp_path: Path) -> None:
    """One line, and what is there stays as it is, though architecture and sizes are the same."""
    out = tmp_path / "artefact"
    shutil.copytree(built, out)
    with pytest.raises(ArtefactError, match="holds another encoder than small") as caught:
        _pretend(out, "small", photos)
    assert "another --out" in caught.value.hint
    assert len(Index.open(out)) == 12


def test_without_whitening_the_vectors_are_the_features(photos: Path, tmp_path: Path) -> None:
    """Exponent 0: 1,280 dimensions, cosines of the bare model."""
    index = build_index(Corpus.from_folder(photos), "lite0", tmp_path, whitening=0)
    assert index.dim == 1280
    corpus = Corpus.from_folder(photos)
    bare = _features(resolve_encoder("lite0"), corpus.image(4))[0]
    vector = index.vectors()[index.rows.position[corpus.ids[4]]]
    np.testing.assert_allclose(vector, bare / np.linalg.norm(bare), atol=1e-5)


def test_two_crops_are_those_of_corpus_query_and_added_images(photos: Path, tmp_path: Path) -> None:
    """An image finds itself from its file; what is added later is embedded likewise, and another number of crops is refused."""
    folder, out = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(photos, folder)
    build_index(Corpus.from_folder(folder), "lite0", out, whitening=0, crops=2)
    grown = put(folder, 12)
    with pytest.raises(InputError, match=f"encoder of {out} takes 2 crops of an image and keeps to it, not 1"):
        build_index(grown, "lite0", out, crops=1)
    assert read_meta(out)["encoder"]["crops"] == 2
    index = build_index(grown, out, out)
    assert len(index) == 13
    both = resolve_encoder("lite0", crops=2).transform([photo(0), photo(12)])
    for number, vector in zip((0, 12), both, strict=True):
        file = next(folder.rglob(f"{number:02d}.png"))
        first = index.search(file, k=1)[0]
        assert Path(first.uri) == file.resolve()
        assert first.similarity > 1 - 1e-5
        np.testing.assert_allclose(index.vectors()[index.rows.position[first.id]], vector, atol=1e-5)


def test_a_folder_of_which_nothing_can_be_read_any_more_is_one_line(tmp_path: Path) -> None:
    """Files that were damaged after the folder was listed leave nothing to fit a whitening to."""
    corpus = put(tmp_path / "photos", 0, 1)
    for row in range(2):
        Path(corpus.uri(row)).write_bytes(b"")
    with pytest.raises(CorpusError, match="no image of photos can be read"):
        build_index(corpus, "lite0", tmp_path / "out")
    assert not (tmp_path / "out" / WEIGHTS).exists()


def test_what_is_remembered_is_not_computed_again(passes: list[int]) -> None:
    """The vectors of the encoder itself, in any order, for known images and new ones; only the new ones pass through the model."""
    images = np.random.default_rng(0).integers(0, 256, (7, 64, 64, 3), dtype=np.uint8)
    loaded = [Loaded(pixels, 64, 64, b"thumbnail") for pixels in images]
    encoder = resolve_encoder("lite0", image_size=64)
    features, expected = encoder.features(images), encoder.embed(images)
    remembering = RememberingEncoder(encoder, forecast.Forecast(3, NoProgress()))
    passes.clear()
    np.testing.assert_array_equal(remembering.learn(list("abcd"), loaded[:4]), features[:4])
    assert passes == [4]
    known, rows = [remembering.recall(content) for content in "abcdefg"], [6, 2, 0, 5, 2, 3]
    assert known[4:] == [None] * 3
    vectors = remembering.embed_loaded([known[row] or loaded[row] for row in rows])
    np.testing.assert_allclose(vectors, expected[rows], atol=1e-6)
    assert passes == [4, 2]
    assert [each.pixels.size for each in known if each is not None] == [0] * 4
    remembering.embed_loaded([known[1] or loaded[1]])
    assert passes == [4, 2]
    np.testing.assert_allclose(remembering.embedded, features[[*rows, 1]], atol=1e-5)
    assert (remembering.dim, remembering.spec, remembering.fingerprint) == (1280, encoder.spec, encoder.fingerprint)


def test_no_image_is_decoded_twice(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos of a telephone take longer to decode than to embed."""
    corpus, decoded = Corpus.from_folder(photos), []
    original = Corpus.image

    def image(self: Corpus, row: int) -> Image.Image:
        decoded.append(row)
        return original(self, row)

    monkeypatch.setattr(Corpus, "image", image)
    index = build_index(corpus, "lite0", tmp_path)
    assert sorted(decoded) == list(range(12))
    assert all(index.thumbnails(index.ids))


def _features(encoder: Encoder, image: Image.Image) -> np.ndarray:
    from samekind.data.decode import prepare
    from samekind.data.types.preprocessing import preprocessing_of

    return encoder.features(prepare(image, preprocessing_of(encoder.spec))[None])


def _pretend(out: Path, name: str, photos: Path) -> None:
    """Asks for the folder with the same architecture and other weights."""
    other = resolve_encoder("lite0")
    with torch.no_grad():
        next(iter(other.backbone.parameters())).mul_(1.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained, "resolve_encoder", lambda _, progress, crops: other)
        pretrained.pretrained_encoder(name, Corpus.from_folder(photos), out, 0.5, NoProgress())
