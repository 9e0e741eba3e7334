"""Figures of the bare features beside those of the embeddings."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepare_corpus
from samekind.data.types.preprocessing import preprocessing_of
from samekind.indexer.building import pretrained
from samekind.indexer.evaluation import without_whitening
from samekind.indexer.evaluation.detectors import evaluate_detectors
from samekind.indexer.evaluation.evaluate import evaluate_artefact
from samekind.indexer.evaluation.figures import evaluate_vectors, linear_accuracy
from samekind.indexer.evaluation.without_whitening import record_figures
from samekind.indexer.index import Index, build_index
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.whitening import unit_rows
from samekind.training.runtime.artefact import META
from samekind.training.runtime.lock import exclusive

NAMES = ("knn_accuracy", "hit_rate_at_1", "map_at_r")


def bare_encoder(name: str = "", progress: Progress | None = None, crops: int = 1) -> Encoder:
    """Random weights, small and the same each time; stands in for a pretrained model."""
    torch.manual_seed(0)
    spec = EncoderSpec("resnet-small", image_size=16, channels=3, dim=0, mean=(0.5,) * 3, std=(0.2,) * 3, width=4)
    encoder = Encoder(spec).eval()
    encoder.source = "lite0"
    return encoder


@pytest.fixture(autouse=True)
def small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a model stands for the small one."""
    monkeypatch.setattr(pretrained, "resolve_encoder", bare_encoder)


def draw(path: Path, number: int) -> None:
    """Noise around the colour of the picture's class."""
    rng = np.random.default_rng(number)
    colour = np.array([(150, 110, 120), (115, 140, 120)][number % 2])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(colour + rng.normal(0, 60, (16, 16, 3)), 0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Sixty pictures in two classes, a third of them for testing."""
    for number in range(60):
        split = "test" if number % 3 == 0 else "train"
        draw(tmp_path / "pictures" / split / "ab"[number % 2] / f"{number:02d}.png", number)
    return Corpus.from_folder(tmp_path / "pictures")


def expected(corpus: Corpus) -> dict[str, float | None]:
    """The figures of features that were computed by hand."""
    encoder = bare_encoder()
    features = encoder.features(prepare_corpus(corpus, preprocessing_of(encoder.spec)))
    figures = evaluate_vectors(unit_rows(torch.from_numpy(features)), corpus.splits, corpus.labels, linear=False)
    assert figures.linear_accuracy is None
    return {name: figures.to_dict()[name] for name in NAMES}


def test_they_are_recorded_while_the_index_is_built(corpus: Corpus, tmp_path: Path) -> None:
    """The figures of the features, not those of the embeddings, which stand beside them."""
    index = build_index(corpus, "lite0", tmp_path / "out")
    evaluation = evaluate_artefact(tmp_path / "out")
    assert evaluation.without_whitening == pytest.approx(expected(corpus))
    own = evaluate_vectors(index.vectors(), index.splits, index.labels).to_dict()
    assert {name: evaluation.to_dict()[name] for name in NAMES} == {name: own[name] for name in NAMES}
    assert evaluation.without_whitening != {name: own[name] for name in NAMES}


def test_those_of_another_state_of_the_index_are_not_told(corpus: Corpus, tmp_path: Path) -> None:
    """After images were added they are unknown, until they are asked for; the embeddings come from the index without embedding anything."""
    out = tmp_path / "out"
    build_index(corpus, "lite0", out)
    draw(tmp_path / "pictures" / "test" / "a" / "new.png", 61)
    grown = Corpus.from_folder(tmp_path / "pictures")
    build_index(grown, "lite0", out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "load", None)
        evaluation = evaluate_artefact(out)
    assert (evaluation.without_whitening, evaluation.num_test) == (None, 21)
    assert ["--bare" in note for note in evaluation.notes] == [True]
    asked = evaluate_artefact(out, bare=True)
    assert asked.without_whitening == pytest.approx(expected(grown))
    assert asked.notes == []


def test_they_are_written_under_the_lock_only(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody else writes the artefact, `meta.json` stays theirs, and the index that was built is good without the figures."""
    out = tmp_path / "out"
    index = build_index(corpus, "lite0", out)
    features = np.eye(len(index), dtype=np.float32)
    before = (out / META).read_bytes()
    monkeypatch.setattr(without_whitening, "_PATIENCE", 0.0)
    with exclusive(out):
        record_figures(index, features)
    assert (out / META).read_bytes() == before
    record_figures(index, features)
    assert (out / META).read_bytes() != before


def test_detectors_see_each_image_and_four_views_of_it_once(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen model is asked for features that a cache keeps, not for the 24 views an image that detectors draw."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    index = build_index(corpus, "lite0", tmp_path / "out")
    seen: list[int] = []
    original = Encoder.feature

    def feature(self: Encoder, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return original(self, images)

    monkeypatch.setattr(Encoder, "feature", feature)
    report = evaluate_detectors(tmp_path / "out")
    assert report.num_images > 30
    assert sum(seen) == 5 * index.splits.count("train")
    assert evaluate_detectors(tmp_path / "out").base_rate == report.base_rate
    assert sum(seen) == 5 * index.splits.count("train")


def test_where_there_is_nothing_to_compare_nothing_is_recorded(corpus: Corpus, tmp_path: Path) -> None:
    """No whitening, no labels, or a build that was interrupted and had to do without its memory."""
    build_index(corpus, "lite0", tmp_path / "plain", whitening=0)
    assert evaluate_artefact(tmp_path / "plain").without_whitening is None
    flat = tmp_path / "flat"
    shutil.copytree(tmp_path / "pictures" / "train" / "a", flat)
    build_index(Corpus.from_folder(flat), "lite0", tmp_path / "unlabelled")
    assert evaluate_artefact(tmp_path / "unlabelled").without_whitening is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained, "KEPT", 59)
        build_index(corpus, "lite0", tmp_path / "large")
    assert len(Index.open(tmp_path / "large")) == 60
    assert evaluate_artefact(tmp_path / "large").without_whitening is None


def _one_telling_direction(count: int, dim: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`(2 · count, dim)` rows of two classes that the first direction tells apart; the others hold next to nothing."""
    random = np.random.default_rng(0)
    classes = np.arange(2 * count) % 2
    rows = (random.normal(size=(2 * count, dim)) * 1e-3).astype(np.float32)
    rows[:, 0] = np.where(classes == 1, 1.0, -1.0) + random.normal(size=2 * count) * 0.8
    return rows, classes


def test_a_probe_of_few_rows_makes_no_direction_louder_than_it_is() -> None:
    """Each divided by its own deviation, 199 directions of noise would drown the one that tells (0.65); the best there is has 0.9."""
    rows, classes = _one_telling_direction(60, 200)
    assert linear_accuracy(rows[:60], classes[:60], rows[60:], classes[60:], []) > 0.85


def test_a_probe_of_many_rows_does_not_care_how_loud_a_direction_is() -> None:
    """With eight rows a direction each has a scale of its own, as in every release."""
    rows, classes = _one_telling_direction(400, 40)
    loud = rows * np.geomspace(1, 1e3, 40, dtype=np.float32)
    quiet, scaled = (linear_accuracy(x[:400], classes[:400], x[400:], classes[400:], []) for x in (rows, loud))
    assert quiet == scaled
