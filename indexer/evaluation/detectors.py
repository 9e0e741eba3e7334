"""How well each detector finds false negatives: all judged alike, on one trained encoder.

# A images of the sample, each of them anchor and candidate; D dimension; V altered views

All ordered pairs of a seeded sample of the training images are scored, and scores are held against the labels, which no detector but
`oracle` has seen. Figures are micro-averaged over pairs: a mean over anchors would count one without any false negative as found in full.

All of them see the same space, the gently whitened features in which training looks for neighbours (`detection_space`):
`threshold` with eight altered views of each anchor, as in its paper, `quantile` with thresholds that have converged to the sample's
quantiles, `combined` with the mean of each image and sixteen altered views, those that compare images with all that were trained on. The
average precision takes the raw score without any cut. Precision, recall and F1 take the detector's own operating point, which was made
for the projections and the batch of a training: here they only say how far it carries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.views.policies import policy_for
from samekind.data.views.two_view import TwoViewTransform
from samekind.indexer.labeling.verdicts import VerdictTable, grouped
from samekind.indexer.storage.recorded_corpus import load_recorded_corpus
from samekind.training.config.false_negatives import DETECTORS
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.bag_of_patches import describe_patches
from samekind.training.false_negatives.build_detector import build_detector
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detection_space import DetectionSpace, detection_space
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.batch import Quantile, Threshold
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.false_negatives.detectors.pairs import drawn_rows
from samekind.training.false_negatives.guide import build_guide
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.models.encoder import Encoder
from samekind.training.models.whitening import discount
from samekind.training.objectives.similarity import Contrast
from samekind.training.runtime.artefact import read_meta
from samekind.training.training_set import TrainingImages, load_training_images, training_corpus

IMAGES = 2000
SUPPORT_VIEWS = 8
RECALLS = 50  # points of a curve
BINS = 15  # of the calibration error
RANDOM = "random"
_SEED = 0

Scores = NDArray[np.float32]
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class DetectorFigures:
    """How well one detector does; `None` where a figure is undefined.

    Attributes:
        detector: its name; `random` draws scores, `oracle` knows the labels.
        average_precision: of the raw score over all pairs; for `random` it is the base rate.
        precision: of the pairs that it flags at its operating point, the share that is false.
        recall: of the false pairs, the share that it flags.
        f1: harmonic mean of the two.
        calibration_error: expected calibration error of its probabilities, 15 bins of equal width.
        seconds: it took.
        curve: precision at recalls from 0.02 to 1.
    """

    detector: str
    average_precision: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    calibration_error: float | None
    seconds: float
    curve: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class DetectorReport:
    """All detectors on one encoder.

    Attributes:
        base_rate: share of the labelled pairs that are of one class; `None` without labels.
        num_images: of the sample.
        num_pairs: ordered pairs with both labels known.
        detectors: one entry each.
        notes: what a reader must know about these figures.
    """

    base_rate: float | None
    num_images: int
    num_pairs: int
    detectors: list[DetectorFigures]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The figures as `--json` prints them."""
        return asdict(self)


def evaluate_detectors(
    path: str | Path,
    *,
    images: int = IMAGES,
    guide: str = "",
    guide_weights: str = "",
    progress: Progress | None = None,
) -> DetectorReport:
    """Judges every detector on the pairs of some training images of an artefact.

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
    encoder = Encoder.load(folder)
    corpus = load_recorded_corpus(folder, meta.get("corpus") or {}, notes, progress)
    config = _config(meta)
    training = load_training_images(training_corpus(corpus, config), config, progress)
    rows = _sample(training, images)
    labels = None if training.labels is None else training.labels[training.fit][rows]
    false, known = _truth(np.full(len(rows), -1) if labels is None else labels)
    if not known.any():
        notes.append("The corpus has no labels, so nobody can say which pairs are false.")
        if labels is not None:
            notes[-1] = "Fewer than two images of the sample have a label, so nobody can say which pairs are false."
        return DetectorReport(None, len(rows), 0, [], notes)
    makers = _makers(config, training, guide, guide_weights)
    if not guide:
        notes.append("guide was left out: name a second encoder with --guide.")
    answers = PairConstraints(grouped(VerdictTable(folder).current().values()), training.hashes)
    if len(answers.answers_P):
        notes.append(f"{len(answers.answers_P):,} verdicts correct the probabilities of combined.")
    judged = [
        figures(name, scores[known], suspects, known, false[known], seconds)
        for name, scores, suspects, seconds in _all_scores(makers, answers, config, encoder, training, rows, progress)
    ]
    return DetectorReport(float(false[known].mean()), len(rows), int(known.sum()), judged, notes)


def figures(
    name: str, scores_P: Scores, suspects: FalseNegativePrediction, known_AA: Truth, false_P: Truth, seconds: float
) -> DetectorFigures:
    """The figures of one detector.

    Args:
        name: its name.
        scores_P: scores of the P known pairs.
        suspects: its flags and probabilities of all pairs, `(A, A)`.
        known_AA: which pairs are known.
        false_P: which of the known pairs are of one class.
        seconds: it took.
    """
    flagged, probability = suspects.flagged.numpy()[known_AA], suspects.probability.numpy()[known_AA]
    hits, flags, falses = int((flagged & false_P).sum()), int(flagged.sum()), int(false_P.sum())
    precision, recall = hits / flags if flags else None, hits / falses if falses else None
    average, curve = _precision_and_recall(scores_P, false_P) if falses else (None, [])
    return DetectorFigures(
        detector=name,
        average_precision=average,
        precision=precision,
        recall=recall,
        f1=2 * hits / (flags + falses) if flags + falses else None,
        calibration_error=calibration_error(probability, false_P),
        seconds=round(seconds, 2),
        curve=curve,
    )


def calibration_error(probability_P: Scores, false_P: Truth, bins: int = BINS) -> float | None:
    """Expected calibration error: the mean distance of the bins' mean probability from their share of false pairs, by their sizes.

    Args:
        probability_P: in [0, 1].
        false_P: bool.
        bins: of equal width.

    Source:
        Guo et al., arXiv 1706.04599, equation 3.
    """
    if not len(probability_P):
        return None
    number = np.minimum((probability_P * bins).astype(np.int64), bins - 1)
    said = np.bincount(number, weights=probability_P, minlength=bins)
    true = np.bincount(number, weights=false_P, minlength=bins)
    return float(np.abs(said - true).sum() / len(probability_P))


def _config(meta: dict[str, Any]) -> TrainConfig:
    """The run's settings, as far as they say which images were trained on and what detectors assume."""
    known = {name: value for name, value in (meta.get("config") or {}).items() if name in TrainConfig.field_names()}
    changes = {"objective": "info_nce", "treatment": "eliminate", "detector": "threshold", "detector_point": None}
    return TrainConfig(
        **{**known, **changes, "guide": "", "guide_weights": "", "effective_batch": None, "queue_size": 0}
    )


def _makers(
    config: TrainConfig, training: TrainingImages, guide: str, guide_weights: str
) -> dict[str, Callable[[], Detector | None]]:
    """What builds each detector; the guide is built at once, so that what cannot be had is said before minutes are spent."""
    describe = cache(partial(describe_patches, training.pixels[training.fit], seed=config.seed))  # two of them ask
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
    """Which pairs are of one class, and of which pairs that is known; no image is its own pair."""
    known = (labels_A[:, None] >= 0) & (labels_A[None, :] >= 0) & ~np.eye(len(labels_A), dtype=bool)
    return labels_A[:, None] == labels_A[None, :], known


@torch.no_grad()
def _all_scores(
    makers: dict[str, Callable[[], Detector | None]],
    answers: PairConstraints,
    config: TrainConfig,
    encoder: Encoder,
    training: TrainingImages,
    rows: NDArray[np.int64],
    progress: Progress,
) -> Iterator[tuple[str, Scores, FalseNegativePrediction, float]]:
    """Name, scores, flags and probabilities, and seconds of every detector; the space that all share is not counted."""
    with progress.task("judging detectors", len(makers) + 2) as task:
        space = detection_space(encoder, training)
        transform = _transform(encoder, config, training)
        support = _contrasts(space, transform, config, training, rows)
        task.advance()
        yield RANDOM, *_at_random(len(rows), config.prior), 0.0
        task.advance()
        for name, make in makers.items():
            task.note(name)
            started = time.perf_counter()
            detector = make()
            assert detector is not None
            if detector.support_views:
                needed = np.union1d(rows, drawn_rows(len(training.fit)))
                detector.refresh(_with_support(space, transform, training, needed, detector.support_views))
            else:
                detector.refresh(space.embeddings)
            if isinstance(detector, Combined):
                detector.learn(answers)
            scores = detector_scores(detector, support)
            yield name, scores.numpy(), detector.decide(scores, support[0]), time.perf_counter() - started
            task.advance()


def detector_scores(detector: Detector, support: Sequence[Contrast]) -> Tensor:
    """`(A, A)` raw scores.

    Args:
        detector: has seen the images in training.
        support: the same images as anchors and candidates, each time with another altered view as the anchors' positive. `threshold` takes
            the greatest score over all of them, everybody else the first.
    """
    if isinstance(detector, Quantile):
        detector.train().scores(support[0])  # the first visit starts the thresholds where they converge to
    detector.eval()
    views = support if isinstance(detector, Threshold) else support[:1]
    return torch.stack([detector.scores(contrast) for contrast in views]).amax(0)


def _transform(encoder: Encoder, config: TrainConfig, training: TrainingImages) -> TwoViewTransform:
    """Alters images as the training did."""
    spec = encoder.spec
    policy = policy_for(training.corpus.name, spec.channels, config.strength)
    return TwoViewTransform(spec.image_size, spec.channels, policy)


def _with_support(
    space: DetectionSpace,
    transform: TwoViewTransform,
    training: TrainingImages,
    rows: NDArray[np.int64],
    views: int,
    block: int = 2048,
) -> NDArray[np.float32]:
    """The space's embeddings, those of `rows` replaced by their mean with altered views of themselves; all without what views change."""
    embeddings = torch.from_numpy(space.embeddings.copy())
    spread = torch.zeros(embeddings.shape[1], embeddings.shape[1])
    for number, some in enumerate(np.split(rows, range(block, len(rows), block))):
        pixels = training.pixels[training.fit[some]]
        seeds = [(_SEED, 24, number, view) for view in range(views)]
        altered = torch.stack([torch.from_numpy(space.embed(transform.batch(pixels, seed)[0])) for seed in seeds])
        embeddings[some] = functional.normalize(embeddings[some] + altered.sum(0), dim=1)
        off_mean = (altered - altered.mean(0)).flatten(0, 1)
        spread += off_mean.T @ off_mean / (views * len(rows))
    discounted: NDArray[np.float32] = discount(embeddings, spread).numpy()
    return discounted


def _contrasts(
    space: DetectionSpace,
    transform: TwoViewTransform,
    config: TrainConfig,
    training: TrainingImages,
    rows: NDArray[np.int64],
) -> list[Contrast]:
    """The sample against itself, once for each altered view that is the anchors' positive."""
    pixels = training.pixels[training.fit[rows]]
    clean = torch.from_numpy(space.embeddings[rows])
    index, similarity, others = torch.from_numpy(rows), clean @ clean.T, ~torch.eye(len(rows), dtype=torch.bool)
    contrasts = []
    for number in range(SUPPORT_VIEWS):
        view = torch.from_numpy(space.embed(transform.batch(pixels, (config.seed, 22, number))[0]))
        contrasts.append(Contrast((clean * view).sum(1), similarity, others, index, index, view, clean))
    return contrasts


def _at_random(count: int, prior: float) -> tuple[Scores, FalseNegativePrediction]:
    """Drawn scores; flags as many as `prior` leads to expect."""
    scores = np.random.default_rng((_SEED, 23)).random((count, count), dtype=np.float32)
    flagged = torch.from_numpy(scores > 1 - prior)
    return scores, FalseNegativePrediction(flagged, torch.full((count, count), prior))


def _precision_and_recall(scores_P: Scores, false_P: Truth) -> tuple[float, list[dict[str, float]]]:
    """Average precision, and the precision at each recall."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(false_P, scores_P)  # recall falls from 1 to 0
    wanted = np.arange(1, RECALLS + 1) / RECALLS
    place = np.searchsorted(recall[::-1], wanted - 1e-9)
    curve = [
        {"recall": round(float(r), 4), "precision": float(precision[::-1][i])}
        for r, i in zip(wanted, place, strict=True)
    ]
    return float(average_precision_score(false_P, scores_P)), curve
