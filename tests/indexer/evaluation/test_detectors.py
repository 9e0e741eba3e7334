"""Figures of detectors against loops over pairs; a real encoder evaluated with and without labels."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.indexer.evaluation import detectors
from samekind.indexer.evaluation.detector_report import RECALLS, calibration_error, detector_figures
from samekind.indexer.evaluation.detectors import evaluate_detectors
from samekind.indexer.evaluation.pair_scores import detector_scores
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.training.config.false_negatives import DETECTORS
from samekind.training.false_negatives.base_rate import AutoPrior
from samekind.training.false_negatives.detectors.batch import Posterior, Quantile, RelativeMargin, Threshold
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast
from samekind.training.run.train import train
from samekind.training.runtime.artefact import META
from tests import oracles
from tests.training.runs import config
from tests.training.runs import corpus as blobs


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 12), levels=st.integers(1, 30))
def test_figures_are_loops_over_pairs(seed: int, count: int, levels: int) -> None:
    """Average precision with ties, precision, recall and F1 over known pairs alone, cosines below 0 included."""
    random = np.random.default_rng(seed)
    scores = (random.integers(-levels, levels + 1, (count, count)) / levels).astype(np.float32)
    known, false = random.random((count, count)) < 0.8, random.random((count, count)) < 0.3
    flagged = random.random((count, count)) < 0.3
    suspects = FalseNegativePrediction(torch.from_numpy(flagged), torch.from_numpy(flagged.astype(np.float32)))
    found = detector_figures("some", scores[known], suspects, known, false[known], 0.0)
    pairs = [(float(s), bool(f), bool(m)) for s, f, m in zip(scores[known], false[known], flagged[known], strict=True)]
    hits = sum(f and m for _, f, m in pairs)
    falses, flags = sum(f for _, f, _ in pairs), sum(m for _, _, m in pairs)
    assert found.precision == (hits / flags if flags else None)
    assert found.recall == (hits / falses if falses else None)
    assert found.f1 == (pytest.approx(2 * hits / (flags + falses)) if flags + falses else None)
    expected = oracles.average_precision([(s, f) for s, f, _ in pairs])
    assert found.average_precision == (None if expected is None else pytest.approx(expected))
    assert len(found.curve) == (RECALLS if falses else 0)
    if falses:  # at a recall of 1 the threshold is the least score of a false pair
        least = min(s for s, f, _ in pairs if f)
        assert found.curve[-1]["precision"] == pytest.approx(falses / sum(s >= least for s, _, _ in pairs))


def test_the_calibration_error_by_hand() -> None:
    """Two bins: 0.1 said of three of which one is false, 0.9 said of two that both are: (3·|0.1 − 1/3| + 2·|0.9 − 1|) / 5."""
    said = np.array([0.1, 0.1, 0.1, 0.9, 0.9], np.float32)
    false = np.array([True, False, False, True, True])
    assert calibration_error(said, false) == pytest.approx((3 * (1 / 3 - 0.1) + 2 * 0.1) / 5)
    assert calibration_error(np.array([0.0, 1.0], np.float32), np.array([False, True])) == 0.0
    assert calibration_error(said[:0], false[:0]) is None


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of seconds."""
    folder = tmp_path_factory.mktemp("run")
    train(blobs(), config(epochs=4), folder)
    return folder


def reload(monkeypatch: pytest.MonkeyPatch, corpus: Corpus) -> None:
    """The corpus that the artefact names."""
    monkeypatch.setattr(detectors, "load_recorded_corpus", lambda *_: corpus)


def test_every_detector_is_evaluated_on_one_encoder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels know all, chance knows the base rate, what looks at images knows more, and the same call says the same."""
    reload(monkeypatch, blobs())
    report = evaluate_detectors(run, images=30)
    by_name = {entry.detector: entry for entry in report.detectors}
    assert list(by_name) == ["random", *(name for name in DETECTORS if name != "guide")]
    assert "guide" in report.notes[0]
    assert (report.num_images, report.num_pairs) == (30, 30 * 29)
    oracle, chance = by_name["oracle"], by_name["random"]
    assert (oracle.average_precision, oracle.precision, oracle.recall, oracle.f1) == (1.0, 1.0, 1.0, 1.0)
    assert oracle.calibration_error == 0.0
    assert report.base_rate is not None
    assert chance.average_precision == pytest.approx(report.base_rate, abs=0.1)
    for name in ("threshold", "quantile", "relation", "combined"):
        average = by_name[name].average_precision
        assert average is not None
        assert average > report.base_rate + 0.1, name
    again = evaluate_detectors(run, images=30)
    assert [e.average_precision for e in again.detectors] == [e.average_precision for e in report.detectors]
    everything = report.to_dict()
    assert all(math.isfinite(point["precision"]) for entry in everything["detectors"] for point in entry["curve"])


def test_pairs_of_unknown_label_count_nowhere(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labelled images are taken first; what is unknown makes no pair."""
    whole = blobs()
    labels = [label if i % 3 else None for i, label in enumerate(whole.labels or [])]
    images = np.stack([np.asarray(whole.image(i)) for i in range(len(whole))])
    reload(monkeypatch, Corpus.from_arrays(images, labels, whole.splits, name="blobs", source=whole.source))
    report = evaluate_detectors(run, images=20)
    assert (report.num_images, report.num_pairs) == (20, 20 * 19), (
        "two thirds are labelled, enough for all of the sample"
    )
    more = evaluate_detectors(run, images=50)
    assert more.num_images == 50
    assert report.num_pairs < more.num_pairs < 50 * 49
    assert more.detectors[-1].average_precision == 1.0


def test_only_threshold_looks_at_all_views() -> None:
    """It takes the greatest score; the others see the first view, whatever the rest says."""
    random = torch.Generator().manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(6, 4, generator=random), dim=1)
    views = [torch.nn.functional.normalize(torch.randn(6, 4, generator=random), dim=1) for _ in range(3)]
    index, others = torch.arange(6), ~torch.eye(6, dtype=torch.bool)
    support = [Contrast((rows * v).sum(1), rows @ rows.T, others, index, index, v, rows) for v in views]
    greatest = torch.stack([rows @ rows.T, *(v @ rows.T for v in views)]).amax(0)
    torch.testing.assert_close(detector_scores(Threshold(), support), greatest)
    for detector in (RelativeMargin(), Posterior(0.2), Quantile(6, 0.2)):
        expected = detector_scores(detector, support[:1])
        torch.testing.assert_close(detector_scores(detector, support), expected)
    converged = detector_scores(Quantile(6, 0.2), support)
    assert ((converged > 0) & others).sum(1).tolist() == [1] * 6, "a fifth of five others lies above each threshold"


def test_without_labels_it_is_said(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No figures and a sentence."""
    reload(monkeypatch, blobs(labelled=False))
    report = evaluate_detectors(run, images=30)
    assert (report.base_rate, report.num_pairs, report.detectors) == (None, 0, [])
    assert "no labels" in report.notes[0]
    with pytest.raises(InputError, match="at least 2"):
        evaluate_detectors(run, images=1)


def test_verdicts_of_the_artefact_correct_combined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Answers from labels, by a script: the calibration error shrinks, nothing else of the table moves, and a note says so."""
    folder = tmp_path / "run"
    train(blobs(), config(epochs=4, prior=0.3), folder)  # near the base rate, of which answers say nothing
    reload(monkeypatch, blobs())
    before = {entry.detector: entry for entry in evaluate_detectors(folder, images=30).detectors}
    images = blobs().split("train")
    labels = images.labels
    assert labels is not None
    random = np.random.default_rng(0)
    pairs = {tuple(sorted(random.choice(40, 2, replace=False).tolist())) for _ in range(150)}
    answers = [
        Verdict(images.sha256(i), images.sha256(j), "same" if labels[i] == labels[j] else "different", "oracle")
        for i, j in sorted(pairs)
    ]
    VerdictTable(folder).add(answers)
    report = evaluate_detectors(folder, images=30)
    after = {entry.detector: entry for entry in report.detectors}
    assert any("verdicts correct the probabilities of combined" in note for note in report.notes)
    for name, entry in after.items():
        assert entry.average_precision == before[name].average_precision
        if name != "combined":
            assert replace(entry, seconds=0.0) == replace(before[name], seconds=0.0)
    told, untold = after["combined"].calibration_error, before["combined"].calibration_error
    assert told is not None
    assert untold is not None
    assert told < untold - 0.02


@pytest.mark.parametrize("recorded", [None, AutoPrior(0.25, estimated=True)])
def test_the_prior_of_a_run_on_a_pretrained_encoder_is_what_auto_comes_to(
    recorded: AutoPrior | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Recorded by the run if its detector read it, estimated otherwise; said, and what every probability is made with."""
    train(blobs(), config(backbone="lite0", image_size=32, views=2, adapter_hidden=8, epochs=1), tmp_path)
    if recorded is not None:
        meta = json.loads((tmp_path / META).read_text())
        (tmp_path / META).write_text(json.dumps({**meta, "prior": recorded._asdict()}))
    reload(monkeypatch, blobs())
    monkeypatch.setattr(detectors, "estimate_prior", lambda _: AutoPrior(0.2, estimated=True))
    report = evaluate_detectors(tmp_path, images=30)
    prior = recorded or AutoPrior(0.2, estimated=True)
    assert prior.line in report.notes
    assert report.base_rate is not None
    chance = report.detectors[0]  # says the prior of every pair
    assert chance.calibration_error == pytest.approx(abs(report.base_rate - prior.share), abs=1e-6)
