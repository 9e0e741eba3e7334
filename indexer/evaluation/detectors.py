"""Evaluation of every detector of false negatives on one trained encoder.

# A images of the sample, each of them anchor and candidate

All ordered pairs of a seeded sample of the training images are scored, and scores are held against the labels, which no detector but
`oracle` has seen. Figures are micro-averaged over pairs: a mean over anchors would count one without any false negative as found in full.

All of them see the same space, the gently whitened features in which training looks for neighbours (`detection_space`):
`threshold` with eight augmented views of each anchor, as in its paper, `quantile` with thresholds that have converged to the sample's
quantiles, `combined` with the mean of each image and sixteen augmented views, those that compare images with all that were trained on. The
average precision takes the raw score without any cut. Precision, recall and F1 take the detector's own operating point, which was made
for the projections and the batch of a training: here they only say how far it carries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.data.types.preprocessing import preprocessing_of
from samekind.data.types.same_class import ANY
from samekind.indexer.evaluation.detector_report import DetectorReport, Scores, Truth, detector_figures
from samekind.indexer.evaluation.pair_scores import PairSample
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.people.current_answers import current_answers
from samekind.indexer.storage.recorded_corpus import load_recorded_corpus
from samekind.training.config.false_negatives import AUTO, DETECTORS
from samekind.training.config.presets import preset
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.base_rate import AutoPrior, estimate_prior
from samekind.training.false_negatives.build_detector import build_detector, describe_images
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.guide import build_guide
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.features.feature_encoder import FeatureEncoder, Trainable
from samekind.training.features.training_features import load_training_features
from samekind.training.models.encoder import Encoder
from samekind.training.runtime.artefact import read_meta
from samekind.training.training_set import TrainingImages, load_training_images, training_corpus

IMAGES = 2000
RANDOM = "random"
NO_LABELS = "The corpus has no labels, so nobody can say which pairs are false."
_SEED = 0

Makers = dict[str, Callable[[], Detector | None]]


def evaluate_detectors(
    path: str | Path,
    *,
    images: int = IMAGES,
    guide: str = "",
    guide_weights: str = "",
    progress: Progress | None = None,
) -> DetectorReport:
    """Evaluates every detector on the pairs of some training images of an artefact.

    Args:
        path: the artefact; no index is needed.
        images: size of the sample, at least 2.
        guide: for the detector `guide`, as in `TrainConfig`; without one it is left out.
        guide_weights: checkpoint file of the guide.
        progress: shows bars.

    Raises:
        ArtefactError: there is no encoder, or it does not say which corpus it was trained on.
        CorpusError: the corpus cannot be loaded.
        InputError: `images` is below 2.
        MissingDependencyError: the guide's checkpoint is not there.
    """
    if images < 2:
        raise InputError(f"images must be at least 2, got {images}")
    progress = progress or NoProgress()
    notes: list[str] = []
    folder = Path(path)
    meta = read_meta(folder)
    loaded = Encoder.load(folder)
    corpus = load_recorded_corpus(folder, meta.get("corpus") or {}, notes, progress)
    if corpus.labels is None:  # before minutes are spent
        return DetectorReport(None, 0, 0, [], [*notes, NO_LABELS])
    config = _config(meta)
    if loaded.source and not meta.get("config"):  # a frozen model, which nobody has trained
        training, encoder = _as_for_an_adapter(corpus, config, loaded, progress)
    else:
        training, encoder = _trained_on(corpus, config, loaded, progress)
    if config.prior == AUTO or not meta.get("config"):
        prior = AutoPrior(**meta["prior"]) if "prior" in meta else estimate_prior(training)
        config = replace(config, prior=prior.share)
        notes.append(prior.line)
    rows = _sample(training, images)
    labels = None if training.labels is None else training.labels[training.fit][rows]
    false, known = _truth(np.full(len(rows), -1) if labels is None else labels)
    if not known.any():
        notes.append(NO_LABELS)
        if corpus.label_rule == ANY:
            notes[-1] = (
                "Images that share a label are of the same class (any): detectors are measured by exact labels only."
            )
        elif labels is not None:
            notes[-1] = "Fewer than two images of the sample have a label, so nobody can say which pairs are false."
        return DetectorReport(None, len(rows), 0, [], notes)
    makers = _makers(config, training, guide, guide_weights)
    if not guide:
        notes.append("guide was left out: name a second encoder with --guide.")
    answers = PairConstraints(link_constraints(current_answers(folder).values()), training.hashes)
    if len(answers.is_same_P):
        notes.append(f"{len(answers.is_same_P):,} verdicts correct the probabilities of combined.")
    predictions = _predictions(makers, answers, partial(PairSample.of, encoder, config, training, rows), progress)
    evaluated = [
        detector_figures(name, scores[known], predicted, known, false[known], seconds)
        for name, scores, predicted, seconds in predictions
    ]
    return DetectorReport(float(false[known].mean()), len(rows), int(known.sum()), evaluated, notes)


def _trained_on(
    corpus: Corpus, config: TrainConfig, encoder: Encoder, progress: Progress
) -> tuple[TrainingImages, Trainable]:
    """The images as the run saw them, and the part of the encoder that it trained."""
    chosen = training_corpus(corpus, config)
    if encoder.adapter is not None:
        return load_training_features(chosen, config, encoder, progress), FeatureEncoder(encoder)
    return load_training_images(chosen, config, progress, preprocessing_of(encoder.spec)), encoder


def _as_for_an_adapter(
    corpus: Corpus, config: TrainConfig, encoder: Encoder, progress: Progress
) -> tuple[TrainingImages, Trainable]:
    """The images of an index on a pretrained model as `samekind train` would see them: by cached features in the space of the index.

    Detectors ask for up to 24 views of an image, which would take a large backbone minutes; an adapter that changes nothing has 4 to draw
    them from, computed once, and those of a later training.
    """
    adapted = preset("adapter")
    encoder.add_adapter(1)
    return _trained_on(corpus, replace(config, views=adapted.views, strength=adapted.strength), encoder, progress)


def _config(meta: dict[str, Any]) -> TrainConfig:
    """The run's settings, as far as they say which images were trained on and what detectors assume."""
    known = {name: value for name, value in (meta.get("config") or {}).items() if name in TrainConfig.field_names()}
    changes = {"objective": "info_nce", "treatment": "eliminate", "detector": "threshold", "detector_point": None}
    return TrainConfig(
        **{**known, **changes, "guide": "", "guide_weights": "", "effective_batch": None, "queue_size": 0}
    )


def _makers(config: TrainConfig, training: TrainingImages, guide: str, guide_weights: str) -> Makers:
    """Builds each detector when called; the guide at once, so that one that is unavailable is reported before minutes are spent."""
    describe = cache(partial(describe_images, training, config.seed))  # two of them ask
    configs = {name: replace(config, detector=name) for name in DETECTORS if name != "guide"}
    made = None
    if guide:
        for name in ("guide", "combined"):
            configs[name] = replace(config, detector=name, guide=guide, guide_weights=guide_weights)
        made = build_guide(configs["guide"], training, None)
    return {
        name: partial(build_detector, configs[name], training, describe=describe, guide=made)
        for name in DETECTORS
        if name in configs
    }


def _sample(training: TrainingImages, count: int) -> NDArray[np.int64]:
    """Seeded rows among those that were trained on, ascending; with labels as far as there are any."""
    rows = np.random.default_rng((_SEED, 21)).permutation(len(training.fit))
    if training.labels is not None:
        rows = rows[np.argsort(training.labels[training.fit][rows] < 0, kind="stable")]
    return np.sort(rows[:count])


def _truth(labels_A: NDArray[np.int64]) -> tuple[Truth, Truth]:
    """`(A, A)` pairs of the same class, and pairs of which that is known; no image is its own pair."""
    known = (labels_A[:, None] >= 0) & (labels_A[None, :] >= 0) & ~np.eye(len(labels_A), dtype=bool)
    return labels_A[:, None] == labels_A[None, :], known


@torch.no_grad()
def _predictions(
    makers: Makers, answers: PairConstraints, prepare: Callable[[], PairSample], progress: Progress
) -> Iterator[tuple[str, Scores, FalseNegativePrediction, float]]:
    """Name, scores, flags and probabilities, and seconds of every detector; the space that all share is not counted."""
    with progress.task("judging detectors", len(makers) + 2) as task:
        sample = prepare()
        _ = sample.contrasts  # made here, on nobody's time
        task.advance()
        yield RANDOM, *sample.at_random(), 0.0
        task.advance()
        for name, make in makers.items():
            task.note(name)
            started = time.perf_counter()
            detector = make()
            assert detector is not None
            scores, predicted = sample.predict(detector, answers)
            yield name, scores, predicted, time.perf_counter() - started
            task.advance()
