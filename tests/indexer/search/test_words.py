"""An index on an open_clip encoder answers words: as open_clip would, from a copied folder, whitened or not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray

import samekind as sk
from samekind.indexer.index import Index, build_index
from samekind.indexer.search.results import SearchResult
from samekind.training.models.neutral_captions import NEUTRAL_CAPTIONS
from samekind.training.models.pretrained.text_weights import resolve_text_tower
from tests import tiny_clip
from tests.indexer.builds import Lines

COUNT = len(tiny_clip.corpus())
Built = tuple[Index, Any, sk.Corpus]


@pytest.fixture(scope="module", autouse=True)
def _known(tmp_path_factory: pytest.TempPathFactory) -> Any:
    tiny_clip.register(tmp_path_factory.mktemp("configs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_clip.RESOLVED, tiny_clip.encoder)
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An index as `--encoder open_clip/NAME@FILE` makes it, and open_clip's model."""
    folder = tmp_path_factory.mktemp("words")
    name, model = tiny_clip.checkpoint(folder)
    corpus = tiny_clip.corpus()
    return build_index(corpus, name, folder / "index"), model, corpus


def _one(index: Index, query: Any, k: int = COUNT) -> SearchResult:
    result = index.search(query, k=k)
    assert isinstance(result, SearchResult)
    return result


@torch.no_grad()
def _cosines(model: Any, corpus: sk.Corpus, words: str) -> NDArray[np.float64]:
    """Cosines of every image with a text by open_clip's model alone."""
    pixels = torch.stack([torch.from_numpy(np.array(corpus.image(i))) for i in range(len(corpus))]).permute(0, 3, 1, 2)
    mean, std = (
        torch.tensor(v).reshape(1, 3, 1, 1) for v in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    images = model.encode_image((pixels / 255 - mean) / std, normalize=True)
    texts = model.encode_text(open_clip.get_tokenizer(tiny_clip.PLAIN)([words]), normalize=True)
    return np.asarray((images @ texts.T)[:, 0].double())


def test_hits_and_similarities_are_those_of_open_clip(built: Built) -> None:
    """Without whitening, which is the default there, every cosine is CLIP's own, and the order with it."""
    index, model, corpus = built
    assert index.has_text
    assert index.dim == tiny_clip.DIM
    expected = dict(zip(index.ids, _cosines(model, corpus, "red shoe"), strict=True))
    found = _one(index, sk.Text("red shoe"))
    np.testing.assert_allclose([hit.similarity for hit in found], sorted(expected.values(), reverse=True), atol=1e-6)
    np.testing.assert_allclose([hit.similarity for hit in found], [expected[hit.id] for hit in found], atol=1e-6)
    assert [hit.id for hit in found] != [hit.id for hit in _one(index, sk.Text("sea"))]


def test_words_do_not_load_the_image_tower(built: Built) -> None:
    """A text query needs the text tower alone; an image the image tower alone."""
    index = Index.open(built[0].path)
    index.search(sk.Text("red shoe"))
    assert "encoder" not in vars(index)
    index = Index.open(built[0].path)
    index.search(np.asarray(built[2].image(0)))
    assert "text_tower" not in vars(index)


def test_words_and_images_in_one_call(built: Built) -> None:
    """A list of a text, an image and a mix gives what each gives alone."""
    index, _, corpus = built
    image = np.asarray(corpus.image(3))
    queries: list[Any] = [
        sk.Text("red shoe"),
        image,
        sk.Mix(sk.Text("red shoe"), image, weights=[1, 2], unlike=[sk.Text("sea")]),
        index.ids[4],
    ]
    together = index.search(queries, k=5)
    for each, query in zip(together, queries, strict=True):
        alone = _one(index, query, 5)
        assert [hit.id for hit in each] == [hit.id for hit in alone]
        np.testing.assert_allclose([hit.similarity for hit in each], [hit.similarity for hit in alone], atol=1e-6)


def test_a_copied_folder_answers_and_so_does_an_index_made_with_its_encoder(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the checkpoint is asked nor open_clip's list of models for the text tower."""
    index, _, corpus = built
    copied = Path(shutil.copytree(index.path, tmp_path / "copied"))
    again = build_index(corpus, str(index.path), tmp_path / "again")
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", {})
    wanted = _one(index, sk.Text("red shoe")).hits
    assert _one(Index.open(copied), sk.Text("red shoe")).hits == wanted
    assert again.has_text
    assert [hit.id for hit in _one(Index.open(again.path), sk.Text("red shoe"))] == [hit.id for hit in wanted]


def test_another_text_tower_is_refused_and_found_by_verify(built: Built, tmp_path: Path) -> None:
    """That of an index with other weights, with or without its `meta.json`."""
    index, _, corpus = built
    name, _ = tiny_clip.checkpoint(tmp_path, seed=1)
    other = build_index(corpus, name, tmp_path / "other")
    assert sk.verify(index.path).ok
    assert "text.safetensors" in [part.part for part in sk.verify(index.path).parts]
    copied = Path(shutil.copytree(index.path, tmp_path / "copied"))
    for file in ("text.safetensors", "meta.json"):
        shutil.copy(other.path / file, copied / file)
        with pytest.raises(sk.ArtefactError, match="not the text tower"):
            Index.open(copied).search(sk.Text("red shoe"))
        assert [part.part for part in sk.verify(copied).damaged] == ["text.safetensors"]
    assert len(_one(Index.open(copied), index.ids[0])) == COUNT


@pytest.mark.parametrize("whitening", [0.25, 0.5])
def test_a_whitened_index_answers_about_the_mean_of_neutral_captions(tmp_path: Path, whitening: float) -> None:
    """What is found equals the closed form from the encoder's matrix and the captions' mean; images are whitened as on any encoder."""
    name, _ = tiny_clip.checkpoint(tmp_path)
    index = build_index(tiny_clip.corpus(), name, tmp_path / "index", whitening=whitening)
    tower = resolve_text_tower(name)
    assert tower is not None
    encoder = sk.Encoder.load(index.path)
    assert encoder.whitening.mean.any()
    centred = tower.embed_text(["red shoe"])[0] - tower.embed_text(NEUTRAL_CAPTIONS).mean(axis=0)
    query = centred @ encoder.whitening.matrix.numpy()
    expected = np.sort(index.vectors() @ (query / np.linalg.norm(query)))[::-1]
    found = _one(Index.open(index.path), sk.Text("red shoe"))
    np.testing.assert_allclose([hit.similarity for hit in found], expected, atol=1e-4)


def test_a_text_tower_that_cannot_be_used_costs_nothing_but_words(tmp_path: Path) -> None:
    """Its tokenizer is not on this machine: the index is built for images and says so once."""
    name, _ = tiny_clip.checkpoint(tmp_path, "samekind-tiny-hub-tokenizer")
    lines = Lines()
    index = build_index(tiny_clip.corpus(), name, tmp_path / "index", lines)
    assert [line for line in lines.said if "text queries will be refused" in line and "nobody/nothing" in line]
    assert not index.has_text
    assert len(_one(index, index.ids[0])) == COUNT
    assert not (index.path / "text.safetensors").exists()


def test_bad_words_are_refused(built: Built) -> None:
    """An empty text, and one that the tower would cut off."""
    for words, message in (("", "empty"), ("shoe " * 31, "31 tokens")):
        with pytest.raises(sk.InputError, match=message):
            built[0].search(sk.Text(words))
