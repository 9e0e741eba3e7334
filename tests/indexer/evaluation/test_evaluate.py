"""Figures of an artefact against set arithmetic, and what happens without labels, test images or an index."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from samekind.core.errors import ArtefactError
from samekind.data.corpus import Corpus
from samekind.data.sources.registry import load_corpus
from samekind.data.types.splits import Split
from samekind.indexer.evaluation import figures
from samekind.indexer.evaluation.evaluate import evaluate_artefact
from samekind.indexer.evaluation.figures import evaluate_vectors
from samekind.indexer.evaluation.kept_evaluation import kept_evaluation
from samekind.indexer.evaluation.retrieval import hit_rate_at_1, map_at_r
from samekind.indexer.index import build_index
from samekind.tables import evaluation_text
from tests import oracles
from tests.indexer.adaptation.worlds import answered_world
from tests.indexer.helpers import FakeEncoder, arrays_corpus, pictures, save_encoder


def _clumps(count: int, seed: int = 0, noise: float = 0.8) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    classes = random.integers(0, 3, count)
    points = np.eye(3, 8)[classes] + noise * random.normal(size=(count, 8))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32), classes


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bank=st.integers(1, 60), queries=st.integers(1, 20))
def test_hit_rate_and_map_at_r_equal_a_loop_over_sorted_neighbours(seed: int, bank: int, queries: int) -> None:
    """Also for a query whose class the bank lacks: a miss for the hit rate, left out of MAP@R."""
    vectors, classes = _clumps(bank + queries, seed)
    args = vectors[:bank], classes[:bank], vectors[bank:], classes[bank:]
    hits, precisions = [], []
    for query, number in zip(vectors[bank:], classes[bank:], strict=True):
        rows, _ = oracles.nearest(vectors[:bank], query, bank)
        hits.append(classes[rows[0]] == number)
        relevant = int((classes[:bank] == number).sum())
        if relevant:
            precisions.append(oracles.average_precision_at_r([classes[row] == number for row in rows], relevant))
    assert hit_rate_at_1(*args) == pytest.approx(np.mean(hits))
    found = map_at_r(*args)
    assert found == (pytest.approx(np.mean(precisions)) if precisions else None)


def test_bank_is_train_queries_are_test_and_the_rest_is_left_out() -> None:
    """Validation rows and rows without label count nowhere."""
    vectors, classes = _clumps(200, noise=0.3)
    splits = ["test" if i % 4 == 0 else "validation" if i % 4 == 1 else "train" for i in range(200)]
    labels: list[str | None] = [None if i % 10 == 0 else f"class {c}" for i, c in enumerate(classes)]
    result = evaluate_vectors(vectors, splits, labels)
    assert result.num_train == sum(s == "train" and x is not None for s, x in zip(splits, labels, strict=True))
    assert result.num_test == sum(s == "test" and x is not None for s, x in zip(splits, labels, strict=True))
    assert (result.knn_k, result.notes) == (20, [])
    for figure in (result.knn_accuracy, result.linear_accuracy, result.hit_rate_at_1, result.map_at_r):
        assert figure is not None
        assert 0.6 < figure <= 1.0


def test_a_test_row_never_votes_on_test_rows() -> None:
    """Test images that lie beside train images of another class are all wrong, though their own kind is nearer."""
    near, far = np.eye(2, dtype=np.float32)
    vectors = np.stack([near, near, near, far])
    result = evaluate_vectors(vectors, ["train", "test", "test", "train"], ["a", "b", "b", "b"])
    assert (result.knn_accuracy, result.hit_rate_at_1, result.map_at_r) == (0.0, 0.0, 0.0)
    assert result.knn_k == 2


@pytest.mark.parametrize(
    ("labels", "splits", "reason"),
    [
        (None, ["train", "test"], "no labels"),
        ([None, None], ["train", "test"], "no labels"),
        (["a", "b"], ["train", "train"], "no test images"),
        (["a", "b"], ["test", "test"], "no train images"),
        (["a", None], ["train", "test"], "no labelled test images"),
    ],
)
def test_what_cannot_be_known_is_null_and_a_sentence_says_why(
    labels: list[str | None] | None, splits: list[str], reason: str
) -> None:
    """Never NaN, never an error."""
    result = evaluate_vectors(np.eye(2, dtype=np.float32), splits, labels)
    assert result.knn_accuracy is result.linear_accuracy is result.hit_rate_at_1 is result.map_at_r is None
    assert len(result.notes) == 1
    assert reason in result.notes[0]
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_single_class_needs_no_fit() -> None:
    """All right, and the linear probe does not fail for want of a second class."""
    result = evaluate_vectors(np.eye(4, dtype=np.float32), ["train", "train", "test", "test"], ["a"] * 4)
    assert (result.knn_accuracy, result.linear_accuracy, result.hit_rate_at_1, result.map_at_r) == (1.0, 1.0, 1.0, 1.0)


def test_large_corpora_are_sampled_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two notes, and the same figures twice."""
    monkeypatch.setattr(figures, "MAP_QUERIES", 20)
    monkeypatch.setattr(figures, "LINEAR_VALUES", 50 * 8)
    vectors, classes = _clumps(300)
    splits = ["test" if i % 4 == 0 else "train" for i in range(300)]
    labels: list[str | None] = [str(c) for c in classes]
    result = evaluate_vectors(vectors, splits, labels)
    assert [note.split()[0] for note in result.notes] == ["map_at_r", "linear_accuracy"]
    assert result == evaluate_vectors(vectors, splits, labels)


@pytest.mark.parametrize(("per_class", "said"), [(9, True), (10, False)])
def test_a_vote_in_which_a_class_cannot_have_half_is_said(per_class: int, said: bool) -> None:
    """Of 20 that vote, 9 training images a class are a minority even if all of them are the nearest; of other sizes the median counts."""
    sizes = [per_class] * 4 + [3, 40]
    labels: list[str | None] = [name for name, size in zip("abcdef", sizes, strict=True) for _ in range(size + 1)]
    splits = [split for size in sizes for split in ["train"] * size + ["test"]]
    vectors, _ = _clumps(len(labels))
    notes = evaluate_vectors(vectors, splits, labels, linear=False).notes
    assert [f"at most {per_class} training images" in note for note in notes] == [True] * said


def _artefact(folder: Path, corpus: Corpus) -> Path:
    recorded = {"name": corpus.name, "corpus": None, "content_hash": corpus.content_hash}
    save_encoder(FakeEncoder(), folder, corpus=recorded, training={"epochs": 4})
    return folder


def test_the_index_gives_the_vectors_of_the_corpus_that_was_trained_on(tmp_path: Path) -> None:
    """Another corpus in the same index is left out; the epoch is the last of the history."""
    corpus = arrays_corpus(name="trained")
    folder = _artefact(tmp_path / "a", corpus)
    build_index(corpus, FakeEncoder(), folder).add(arrays_corpus(30, seed=9, name="added"))
    result = evaluate_artefact(folder)
    assert (result.num_train, result.num_test, result.epoch) == (48, 12, 4)
    (folder / "metrics.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n')
    assert evaluate_artefact(folder).epoch == 2
    vectors = FakeEncoder().embed(pictures(60)[..., None])
    expected = replace(evaluate_vectors(vectors, corpus.splits, corpus.labels), epoch=4)
    assert result.knn_accuracy == expected.knn_accuracy
    assert result.hit_rate_at_1 == expected.hit_rate_at_1


def test_without_an_index_and_without_a_source_the_error_says_what_to_do(tmp_path: Path) -> None:
    """Arrays in memory cannot be loaded again."""
    with pytest.raises(ArtefactError, match="which corpus") as caught:
        evaluate_artefact(_artefact(tmp_path, arrays_corpus()))
    assert "samekind index" in caught.value.hint


def test_an_index_of_other_images_is_used_with_a_note_where_the_corpus_is_not_at_hand(tmp_path: Path) -> None:
    """Better than nothing, and said."""
    folder = _artefact(tmp_path, arrays_corpus(name="gone"))
    build_index(arrays_corpus(40, seed=3, name="here"), FakeEncoder(), folder)
    result = evaluate_artefact(folder)
    assert result.num_train + result.num_test == 40
    assert any("not at hand" in note for note in result.notes)


def _trained_on_folder(folder: Path, corpus: Corpus, given: Corpus | None = None) -> Path:
    """An artefact whose training was given `given`, a part of `corpus`."""
    given = given or corpus
    recorded = {"name": corpus.name, **corpus.source, "content_hash": given.content_hash, "num_images": len(given)}
    save_encoder(FakeEncoder(), folder, corpus=recorded, training={"epochs": 4})
    return folder


def _put(folder: Path, names: range) -> Corpus:
    for i in names:
        (folder / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures(40)[i]).save(folder / "ab"[i % 2] / f"{i:02d}.png")
    return Corpus.from_folder(folder)


@pytest.fixture
def reloading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoder of the artefact is the fake one."""
    monkeypatch.setattr("samekind.training.models.encoder.Encoder.load", lambda _: _Embedding())


class _Embedding(FakeEncoder):
    def embed(self, images: NDArray[np.uint8], progress: object = None) -> NDArray[np.float32]:
        """As `Encoder.embed`."""
        return super().embed(images)


@pytest.mark.usefixtures("reloading")
@pytest.mark.parametrize("indexed", [False, True])
def test_a_folder_that_has_changed_since_the_training_is_said(tmp_path: Path, indexed: bool) -> None:
    """With how many images there were and are; also where the index knows the grown folder."""
    corpus = _put(tmp_path / "photos", range(20))
    folder = _trained_on_folder(tmp_path / "artefact", corpus)
    assert evaluate_artefact(folder).notes == []
    grown = _put(tmp_path / "photos", range(20, 36))
    if indexed:
        build_index(grown, FakeEncoder(), folder)
    result = evaluate_artefact(folder)
    assert result.num_train + result.num_test == 36
    [note] = result.notes
    assert "changed since the training (20 images then, 36 now)" in note


@pytest.mark.usefixtures("reloading")
def test_a_run_that_was_given_one_split_raises_no_alarm(tmp_path: Path) -> None:
    """`train(corpus.split("train"))`: the source names the whole folder, which has not changed. The same for `limit`."""
    corpus = _put(tmp_path / "photos", range(20))
    result = evaluate_artefact(_trained_on_folder(tmp_path / "split", corpus, corpus.split("train")))
    assert (result.num_train + result.num_test, result.notes) == (20, [])
    limited = load_corpus(tmp_path / "photos", limit=8)
    assert evaluate_artefact(_trained_on_folder(tmp_path / "limit", limited)).notes == []


@pytest.mark.usefixtures("reloading")
def test_copies_across_splits_are_told_without_an_index(tmp_path: Path) -> None:
    """By content: two of the test images are training images, too, under other names."""
    _put(tmp_path / "photos" / "train", range(16))
    _put(tmp_path / "photos" / "test", range(14, 24))
    folder = _trained_on_folder(tmp_path / "artefact", Corpus.from_folder(tmp_path / "photos"))
    (note,) = evaluate_artefact(folder).notes
    assert note.startswith("2 test images have the same content as a training image: a leak")


@pytest.mark.usefixtures("reloading")
def test_an_index_that_lacks_rows_of_the_corpus_is_not_taken_for_it(tmp_path: Path) -> None:
    """After a removal the corpus is loaded again; where it is not at hand, the figures are of the rows that are left, and said to be: for
    the pages they are none.
    """
    corpus = _put(tmp_path / "photos", range(20))
    folder = _trained_on_folder(tmp_path / "artefact", corpus)
    whole = evaluate_artefact(folder)
    index = build_index(corpus, FakeEncoder(), folder)
    index.remove(index.ids[:6])
    assert kept_evaluation(folder, index.manifest["encoder"]).figures == {}  # there was no index then
    assert evaluate_artefact(folder) == whole
    assert kept_evaluation(folder, index.manifest["encoder"]).figures["num_test"] == whole.num_test
    shutil.rmtree(tmp_path / "photos")
    left = evaluate_artefact(folder)
    assert kept_evaluation(folder, index.manifest["encoder"]).figures == {}
    assert left.num_train + left.num_test == 14
    assert "holds 14 rows of the training's corpus of 20 images" in left.notes[0]


def test_an_adapted_space_has_figures_of_its_own(tmp_path: Path) -> None:
    """Those of the vectors that searches compare, beside those of the encoder, which stay as they are; undone, they are gone."""
    index = answered_world(tmp_path)
    before = evaluate_artefact(tmp_path)
    assert before.adapted is None
    assert index.adapt().adapted
    after = evaluate_artefact(tmp_path)
    assert after.adapted is not None
    found = evaluate_vectors(index.adapted_vectors(), index.splits, index.labels)
    assert after.adapted == {name: getattr(found, name) for name in ("knn_accuracy", "hit_rate_at_1", "map_at_r")}
    assert (after.map_at_r, after.knn_accuracy) == (before.map_at_r, before.knn_accuracy)
    assert after.adapted["map_at_r"] > before.map_at_r  # type: ignore[operator]
    shown = evaluation_text(after.to_dict())
    assert shown.splitlines()[0].split() == ["figure", "value", "adapted"]
    assert "test images that they were about gain most" in shown
    assert "adapted" not in evaluation_text(before.to_dict())
    index.undo_adaptation()
    assert evaluate_artefact(tmp_path) == before


def test_a_missing_artefact_is_named(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(ArtefactError, match="does not exist"):
        evaluate_artefact(tmp_path / "nowhere")


def test_splits_of_arrays_are_those_given() -> None:
    """The oracle above relies on it."""
    splits: list[Split] = ["train", "test"]
    assert Corpus.from_arrays(pictures(2), ["a", "b"], splits).splits == splits
