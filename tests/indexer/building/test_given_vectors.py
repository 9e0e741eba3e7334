"""An index of vectors that somebody else made: it answers as the index of the encoder does, and says what it cannot do."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import samekind as sk
from samekind.data.corpus import Corpus
from samekind.indexer.index import Index, build_index
from tests.indexer.builds import Lines, crash_at, write_pictures
from tests.indexer.helpers import FakeEncoder, arrays_corpus, kinds, pictures


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index that an encoder made: three kinds of pictures with labels."""
    labels: list[str | None] = [("Bag", "Coat", "Shirt")[i % 3] for i in range(60)]
    corpus = Corpus.from_arrays(kinds(), labels, ["test" if i % 5 == 4 else "train" for i in range(60)])
    return build_index(corpus, FakeEncoder(), tmp_path_factory.mktemp("embedded") / "index")


def given(index: Index, out: Path, scale: float = 4.0, **told: Any) -> Index:
    """The vectors of an index, of another norm, as somebody would bring them."""
    told = {name: index.rows.column(column) for name, column in (("labels", "label"), ("splits", "split"))} | told
    return sk.index_vectors(index.vectors() * scale, index.ids, out, **told)


def test_it_answers_as_the_index_of_the_encoder_does(embedded: Index, tmp_path: Path) -> None:
    """Search by id and by vector, audit, label issues, pairs to label, evaluation: equal figures; every byte verifies."""
    index = given(embedded, tmp_path / "given", sha256=embedded.rows.column("sha256"))
    np.testing.assert_allclose(index.vectors(), embedded.vectors(), atol=1e-6)
    for query in (embedded.ids[7], embedded.vectors()[3]):
        ours, theirs = (each.search([query], k=9)[0] for each in (index, embedded))
        assert [hit.id for hit in ours.hits] == [hit.id for hit in theirs.hits]
    assert index.audit(k=5).false_negative_rate == embedded.audit(k=5).false_negative_rate
    assert [x.id for x in index.label_issues().issues] == [x.id for x in embedded.label_issues().issues]
    pairs, expected = (sk.acquire_pairs(each, count=10) for each in (index, embedded))
    assert [p.anchor_sha256 for p in pairs] == [p.anchor_sha256 for p in expected]
    assert sk.evaluate(tmp_path / "given").knn_accuracy == sk.evaluate(embedded.path).knn_accuracy
    checked = sk.verify(tmp_path / "given")
    assert all(part.ok for part in checked.parts)
    assert "given" in checked.parts[0].message


def test_pictures_of_a_file_share_a_made_split(tmp_path: Path) -> None:
    """Vectors of pages without splits; an id with a number that is no picture's is by itself."""
    ids = [f"{file}.tif#{page}" for file in "abcdefgh" for page in range(1, 6)] + [f"thing#{n}" for n in range(40)]
    index = sk.index_vectors(np.random.default_rng(0).normal(size=(80, 4)), ids, tmp_path / "v")
    split_of = dict(zip(index.ids, index.splits, strict=True))
    assert all(len({split_of[f"{file}.tif#{page}"] for page in range(1, 6)}) == 1 for file in "abcdefgh")
    assert {split_of[f"thing#{n}"] for n in range(40)} == {"train", "test"}


def test_a_query_that_is_an_image_is_refused(embedded: Index, tmp_path: Path) -> None:
    """In one line that says why, and what can be asked instead."""
    index = given(embedded, tmp_path / "given")
    with pytest.raises(sk.ArtefactError, match="vectors that were given, and no encoder") as caught:
        index.search([pictures(1)[0]], k=3)
    assert "--like ID" in caught.value.hint
    with pytest.raises(sk.ArtefactError, match="no encoder"):
        sk.load_encoder(tmp_path / "given")


def test_without_images_there_is_a_grey_square(embedded: Index, tmp_path: Path) -> None:
    """A picture that opens; equal vectors are duplicates, and no others; splits are made as for a folder."""
    vectors = np.concatenate([embedded.vectors(), embedded.vectors()[:1]])
    index = sk.index_vectors(vectors, [f"v{i}" for i in range(61)], tmp_path / "given")
    assert Image.open(io.BytesIO(index.thumbnail("v3"))).size == (32, 32)
    assert [(pair.a, pair.b, pair.kind) for pair in index.duplicates().pairs] == [("v0", "v60", "exact")]
    assert set(index.splits) == {"train", "test"}
    assert index.labels is None
    assert index.row("v0")["uri"] == "vectors://v0"


def test_a_corpus_gives_pictures_labels_and_splits(tmp_path: Path) -> None:
    """By id or by uri, in the order of the vectors, and some of the images only; what is told of labels counts more."""
    write_pictures(tmp_path / "photos", cat__a=1, cat__b=2, dog__c=3)
    corpus = Corpus.from_folder(tmp_path / "photos")
    by_id = sk.index_vectors(np.eye(2), ["dog/c.png", "cat/a.png"], tmp_path / "one", corpus=corpus)
    assert by_id.labels == ["dog", "cat"]
    assert by_id.splits == [corpus.splits[corpus.ids.index(id_)] for id_ in by_id.ids]
    shown = np.array(Image.open(io.BytesIO(by_id.thumbnail("dog/c.png"))))
    np.testing.assert_array_equal(shown, pictures(40, seed=7)[3])
    assert by_id.row("cat/a.png")["sha256"] == corpus.sha256(corpus.ids.index("cat/a.png"))
    uris = [corpus.uri(corpus.ids.index(id_)) for id_ in ("cat/a.png", "cat/b.png")]
    by_uri = sk.index_vectors(np.eye(2), ["x", "y"], tmp_path / "two", corpus=corpus, uris=uris, labels=["tom", None])
    assert by_uri.labels == ["tom", None]
    assert by_uri.ids == ["x", "y"]
    assert by_uri.row("y")["uri"] == uris[1]
    with pytest.raises(sk.InputError, match=r"1 of 2 ids are not in photos, the first is 'no\.png'") as caught:
        sk.index_vectors(np.eye(2), ["cat/a.png", "no.png"], tmp_path / "three", corpus=corpus)
    assert "cat/a.png" in caught.value.hint
    assert not (tmp_path / "three").exists()


def broken(value: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Puts a value into the third vector."""

    def change(vectors: NDArray[Any]) -> NDArray[Any]:
        vectors[2, 1] = value
        return vectors

    return change


@pytest.mark.parametrize(
    ("change", "told", "says"),
    [
        (broken(np.nan), {}, "the vector of 'c' holds NaN"),
        (broken(np.inf), {}, "the vector of 'c' holds NaN or infinity"),
        (broken(1e200), {}, "too large to square"),
        (lambda v: v * [[1], [0], [1]], {}, "the vector of 'b' is zero"),
        (lambda v: v[0], {}, r"shape \(N, D\), got float64 \(4,\)"),
        (lambda v: v[:, :0], {}, r"got float64 \(3, 0\)"),
        (lambda v: v[:0], {}, r"got float64 \(0, 4\)"),
        (lambda v: v.astype(str), {}, "must be numbers"),
        (lambda v: v[:2], {}, "2 vectors and 3 values of ids"),
        (lambda v: v, {"ids": ["a", "b", "b"]}, "the id 'b' stands there twice"),
        (lambda v: v, {"labels": ["x"]}, "3 vectors and 1 values of label"),
        (lambda v: v, {"splits": ["train", "exam", "test"]}, "unknown split 'exam'"),
    ],
)
def test_what_cannot_be_indexed_is_refused_before_anything_is_written(
    tmp_path: Path, change: Callable[[NDArray[Any]], NDArray[Any]], told: dict[str, Any], says: str
) -> None:
    """NaN, zero, wrong shapes and kinds, ids and columns that do not fit: named, and the folder is not made."""
    vectors = change(np.random.default_rng(0).normal(size=(3, 4)))
    with pytest.raises(sk.InputError, match=says):
        sk.index_vectors(vectors, told.pop("ids", ["a", "b", "c"]), tmp_path / "given", **told)
    assert not (tmp_path / "given").exists()


def test_the_same_again_changes_nothing_and_other_labels_keep_the_vectors(embedded: Index, tmp_path: Path) -> None:
    """Nothing is written twice; new labels arrive; other vectors replace all and say nothing of rows that are given up."""
    first, lines = given(embedded, tmp_path / "given").vectors(), Lines()
    given(embedded, tmp_path / "given", scale=0.5, progress=lines)
    assert lines.said == ["nothing new: all 60 images of vectors are in the index"]
    renamed = given(embedded, tmp_path / "given", labels=["Hat"] * 60)
    assert renamed.classes == ["Hat"]
    assert len(renamed) == 60
    np.testing.assert_array_equal(renamed.vectors(), first)
    other = sk.index_vectors(np.eye(4), list("abcd"), tmp_path / "given", progress=(rebuilt := Lines()))
    assert other.ids == list("abcd")
    assert rebuilt.said == []
    turned = sk.index_vectors(np.eye(4)[::-1], list("abcd"), tmp_path / "given")
    np.testing.assert_array_equal(turned.vectors(), np.eye(4)[::-1])


def test_a_build_that_was_killed_goes_on(embedded: Index, tmp_path: Path) -> None:
    """Killed before the index is finished, the same call gives what an undisturbed one gives."""
    from samekind.indexer.storage.table import ImageTable

    with crash_at(ImageTable, "append", after=True):
        given(embedded, tmp_path / "killed")
    again, whole = given(embedded, tmp_path / "killed"), given(embedded, tmp_path / "whole")
    assert again.ids == whole.ids
    np.testing.assert_array_equal(again.vectors(), whole.vectors())


def test_an_encoder_is_not_pushed_aside(tmp_path: Path) -> None:
    """A folder with an encoder keeps it; a folder of given vectors may get one, which replaces them."""
    build_index(arrays_corpus(), FakeEncoder(), tmp_path / "index")
    with pytest.raises(sk.ArtefactError, match="holds an encoder"):
        sk.index_vectors(np.eye(3), list("abc"), tmp_path / "index")
    sk.index_vectors(np.eye(3), list("abc"), tmp_path / "given")
    assert len(build_index(arrays_corpus(), FakeEncoder(), tmp_path / "given")) == 60


def test_a_damaged_index_names_the_command_that_mends_it(tmp_path: Path) -> None:
    """Which is the one with the file of vectors."""
    sk.index_vectors(np.eye(3), list("abc"), tmp_path / "given")
    (tmp_path / "given" / "rows.arrow").unlink()
    with pytest.raises(sk.ArtefactError, match=r"lacks rows\.arrow") as caught:
        Index.open(tmp_path / "given")
    assert "index --vectors FILE" in caught.value.hint
