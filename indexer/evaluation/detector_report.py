"""Figures of detectors against labels, micro-averaged over pairs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.training.false_negatives.treatments import FalseNegativePrediction

RECALLS = 50  # points of a curve
BINS = 15  # of the calibration error

Scores = NDArray[np.float32]
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class DetectorFigures:
    """Figures of one detector; `None` where a figure is undefined.

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


def detector_figures(
    name: str, scores_P: Scores, predicted: FalseNegativePrediction, known_AA: Truth, false_P: Truth, seconds: float
) -> DetectorFigures:
    """The figures of one detector.

    Args:
        name: its name.
        scores_P: scores of the P known pairs.
        predicted: its flags and probabilities of all pairs, `(A, A)`.
        known_AA: `True` for known pairs.
        false_P: `True` for those of the known pairs that are of the same class.
        seconds: it took.
    """
    flagged, probability = predicted.flagged.numpy()[known_AA], predicted.probability.numpy()[known_AA]
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
