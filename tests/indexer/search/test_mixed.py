"""Mixes of likes and unlikes: Rocchio's closed form, equal say of words and images, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import samekind as sk
from samekind.indexer.index import Index, build_index
from samekind.indexer.search.mixed import UNLIKE_WEIGHT, mixed
from samekind.indexer.search.results import SearchResult
from tests.indexer.helpers import FakeEncoder, arrays_corpus, pictures, save_encoder


def _search(index: Index, query: Any, k: int = 60, **options: Any) -> SearchResult:
    result = index.search(query, k=k, **options)
    assert isinstance(result, SearchResult)
    return result


def _rocchio(
    like: NDArray[np.float32], weights: Sequence[float], unlike: NDArray[np.float32], gamma: float
) -> NDArray[np.float64]:
    total = np.zeros(like.shape[1])
    for vector, weight in zip(like, weights, strict=True):
        total += weight / sum(weights) * vector.astype(np.float64)
    for vector in unlike:
        total -= gamma / len(unlike) * vector.astype(np.float64)
    return np.asarray(total / np.sqrt((total**2).sum()))


def test_images_ids_and_vectors_are_rocchios_mean(index: Index, tmp_path: Path) -> None:
    """Any kinds of images in one query, with weights and unlikes, equal the closed form over the whole index."""
    path = tmp_path / "three.png"
    Image.fromarray(pictures(60)[3]).save(path)
    rows = index.vectors()
    mix = sk.Mix(
        path, index.ids[7], rows[9], weights=[2, 1, 0.5], unlike=[index.ids[20], pictures(60)[21]], unlike_weight=0.7
    )
    query = _rocchio(rows[[3, 7, 9]], [2, 1, 0.5], rows[[20, 21]], 0.7)
    found = _search(index, mix)
    similarity = dict(zip(index.ids, rows @ query, strict=True))
    assert [hit.id for hit in found] == sorted(index.ids, key=lambda id_: -similarity[id_])
    np.testing.assert_allclose([hit.similarity for hit in found], [similarity[hit.id] for hit in found], atol=1e-6)


def test_one_like_is_that_query(index: Index) -> None:
    """Nothing else, and γ = 0, change nothing; the weight of a lone part does not count."""
    alone = _search(index, index.ids[5])
    for mix in (sk.Mix(index.ids[5]), sk.Mix(index.ids[5], weights=[9], unlike=[index.ids[6]], unlike_weight=0)):
        found = _search(index, mix)
        assert [hit.id for hit in found] == [hit.id for hit in alone]
        np.testing.assert_allclose([hit.similarity for hit in found], [hit.similarity for hit in alone], atol=1e-6)


def test_a_list_of_mixes_is_several_queries(index: Index) -> None:
    """A mix among other queries answers as it does alone."""
    queries: list[Any] = [index.ids[0], sk.Mix(index.ids[1], index.ids[2]), index.ids[3]]
    several = index.search(queries, k=5)
    assert [result.hits for result in several] == [_search(index, each, 5).hits for each in queries]


def test_exclude_self_leaves_out_every_image_of_the_mix(index: Index) -> None:
    """Likes and unlikes alike, by content."""
    mix = sk.Mix(index.ids[1], pictures(60)[2], unlike=[index.ids[3]])
    found = {hit.id for hit in _search(index, mix, exclude_self=True)}
    assert found == set(index.ids) - {index.ids[1], index.ids[2], index.ids[3]}


def test_unlike_pushes_away(index: Index) -> None:
    """More γ, less similar to the unlike and nothing gained in likeness to the like."""
    a, b = index.ids[10], index.ids[11]
    similarities = []
    for gamma in (0.0, 0.25, 0.5, 1.0):
        found = {hit.id: hit.similarity for hit in _search(index, sk.Mix(a, unlike=[b], unlike_weight=gamma))}
        similarities.append((found[b], found[a]))
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0][0] > similarities[-1][0] + 0.1


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 0.5)])
def test_words_and_images_have_a_say_by_their_weights(weights: tuple[float, float]) -> None:
    """The share of each in what moves the scores over the index is its weight, however narrow the band of the words' cosines is; the
    order is that of summed z-scores.
    """
    random = np.random.default_rng(0)
    rows = random.normal(size=(500, 32)) * np.linspace(2, 0.05, 32)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    word = np.eye(32)[31] + 0.1 * random.normal(size=32)  # along directions in which the images hardly differ
    parts = np.stack([word / np.linalg.norm(word), rows[0]]).astype(np.float32)
    query = mixed(sk.Mix(sk.Text("shoe"), "image.png", weights=weights), parts, rows).astype(np.float64)
    scores = rows.astype(np.float64) @ parts.T.astype(np.float64)
    assert scores[:, 0].std() < 0.5 * scores[:, 1].std()
    summed = ((scores - scores.mean(axis=0)) / scores.std(axis=0)) @ np.array(weights)
    assert list(np.argsort(-summed)) == list(np.argsort(-(rows @ query)))
    plain = scores @ np.array(weights)
    assert list(np.argsort(-summed)[:20]) != list(np.argsort(-plain)[:20])


def test_words_alone_are_not_scaled() -> None:
    """Several texts and no image are Rocchio's mean of their vectors."""
    random = np.random.default_rng(0)
    parts = random.normal(size=(3, 8))
    parts = (parts / np.linalg.norm(parts, axis=1, keepdims=True)).astype(np.float32)
    mix = sk.Mix(sk.Text("a"), sk.Text("b"), unlike=[sk.Text("c")])
    np.testing.assert_allclose(
        mixed(mix, parts, parts), _rocchio(parts[:2], [1, 1], parts[2:], UNLIKE_WEIGHT), atol=1e-6
    )


def test_an_index_of_one_image_can_be_mixed_with(tmp_path: Path) -> None:
    """No spread, no scale, no division by zero."""
    save_encoder(FakeEncoder(), tmp_path)
    index = build_index(arrays_corpus(1), FakeEncoder(), tmp_path)
    rows = index.vectors()
    assert np.isfinite(mixed(sk.Mix(sk.Text("a"), index.ids[0]), np.concatenate([-rows[:, ::-1], rows]), rows)).all()
    assert _search(index, sk.Mix(index.ids[0], index.ids[0]))[0].similarity == pytest.approx(1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sk.Mix(unlike=["a"]), "something to be like"),
        (lambda: sk.Mix("a", "b", weights=[1]), "as many weights"),
        (lambda: sk.Mix("a", weights=[0]), "positive"),
        (lambda: sk.Mix("a", weights=[-1]), "positive"),
        (lambda: sk.Mix("a", weights=[float("nan")]), "positive"),
        (lambda: sk.Mix("a", weights=cast(Any, ["much"])), "positive"),
        (lambda: sk.Mix("a", unlike="b"), "must be a list"),
        (lambda: sk.Mix("a", unlike=["b"], unlike_weight=-1), "from 0"),
    ],
)
def test_a_mix_that_means_nothing_is_refused(make: Any, message: str) -> None:
    """When it is made, before anything is embedded."""
    with pytest.raises(sk.InputError, match=message):
        make()


def test_queries_that_cannot_be_answered_are_refused(index: Index) -> None:
    """Likes that cancel, a mix in a mix, words where the encoder has no text tower."""
    with pytest.raises(sk.InputError, match="cancel"):
        index.search(sk.Mix(index.ids[0], unlike=[index.ids[0]], unlike_weight=1))
    with pytest.raises(sk.InputError, match="cannot search for Mix"):
        index.search(sk.Mix(sk.Mix(index.ids[0])))
    assert not index.has_text
    for query in (sk.Text("red shoe"), sk.Mix(sk.Text("red shoe"), index.ids[0]), [sk.Text("red shoe")]):
        with pytest.raises(sk.InputError, match="no text tower") as refused:
            index.search(query)
        assert "open_clip/" in refused.value.hint
