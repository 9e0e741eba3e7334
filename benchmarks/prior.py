"""Priors without labels against the truth, on subsets of labelled photos with few and many, equal and unequal classes.

    python -m benchmarks.prior grocery160.npz clothing160.npz cifar10_jpeg.npz

Features of a frozen model, train splits (at most 4,000 photos each). Every set is whitened as an index of it would be; then the share of
same-class pairs is estimated, and `combined` says probabilities with a prior of 0.1, with the estimate and with the true share. A line a
set: classes, true share, estimate, and the three calibration errors (docs/decisions/0023).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import samekind as sk
from samekind.console import Console
from samekind.core.progress import NoProgress
from samekind.data.views.policies import policy_for
from samekind.indexer.evaluation.detector_report import calibration_error
from samekind.training.config.false_negatives import ASSUMED_PRIOR
from samekind.training.false_negatives.base_rate import estimate_base_rate
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.features.cache import FeatureCache
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.models.pretrained.whiten import whitening_for
from samekind.training.models.whitening import whitened
from samekind.training.training_set import label_numbers

MOST, ANCHORS = 4000, 1200
CLASSES = (5, 8, 10, 20, 40, 81)
FEWEST = 100  # photos of a set


class Photos(NamedTuple):
    """Photos of one set: `(N, F)` features and `(N,)` class numbers."""

    name: str
    feature_NF: NDArray[np.float32]
    label_N: NDArray[np.int64]

    @property
    def base_rate(self) -> float:
        """Share of all pairs that are of the same class."""
        sizes = np.bincount(self.label_N)
        return float((sizes * (sizes - 1)).sum() / (len(self.label_N) * (len(self.label_N) - 1)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a line a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", help="labelled corpora: names, folders or packs")
    parser.add_argument("--encoder", default="lite0")
    asked = parser.parse_args(arguments)
    print("set                      photos classes   true   auto  factor  calibration error with 0.1, auto, true")
    for name in asked.corpora:
        whole = load(name, asked.encoder)
        for photos in subsets(whole):
            print(line_of(photos), flush=True)


def load(name: str, model: str) -> Photos:
    """A corpus' training photos as a frozen model sees them."""
    corpus = sk.load_corpus(name)
    train = corpus.split("train")
    rows = np.sort(np.random.default_rng(0).permutation(len(train))[:MOST])
    some, encoder = train.subset(rows.tolist()), resolve_encoder(model)
    policy = policy_for(some.name, encoder.spec.channels, "medium")
    features = FeatureCache(encoder, some, policy, 0, 0).features(Console(as_json=False).progress)
    labels = label_numbers(some.labels, sorted(corpus.classes))
    assert labels is not None, "the corpus has no labels"
    return Photos(corpus.name, features[:][:, 0].astype(np.float32), labels)


def subsets(whole: Photos) -> Iterator[Photos]:
    """Seeded choices of classes, with their photos, and with sizes in proportion to 1 / rank."""
    sizes = np.bincount(whole.label_N)
    for count in sorted({min(count, len(sizes)) for count in CLASSES}):
        random = np.random.default_rng(count)
        chosen = random.permutation(len(sizes))[:count]
        largest = chosen[np.argsort(-sizes[chosen], kind="stable")]
        unequal = np.maximum(2, sizes[largest[0]] / np.arange(1, count + 1)).astype(int)
        for kind, most in (("as they are", sizes[largest]), ("1/rank", np.minimum(unequal, sizes[largest]))):
            rows = [
                random.permutation(np.flatnonzero(whole.label_N == c))[:m] for c, m in zip(largest, most, strict=True)
            ]
            row = np.sort(np.concatenate(rows))
            if len(row) >= FEWEST:
                yield Photos(f"{whole.name}, {kind}", whole.feature_NF[row], whole.label_N[row])


def line_of(photos: Photos) -> str:
    """One line of the table."""
    feature_NF = photos.feature_NF
    vector_ND = whitened(whitening_for(feature_NF, None, NoProgress()), feature_NF)
    true = photos.base_rate
    auto = estimate_base_rate(vector_ND) or ASSUMED_PRIOR
    errors = [calibration(vector_ND, photos.label_N, prior) for prior in (ASSUMED_PRIOR, auto, true)]
    figures = " ".join(f"{error:.3f}" for error in errors)
    classes = len(np.unique(photos.label_N))
    return f"{photos.name:24} {len(feature_NF):6} {classes:7} {true:6.4f} {auto:6.4f} {auto / true:7.2f}  {figures}"


def calibration(vector_ND: NDArray[np.float32], label_N: NDArray[np.int64], prior: float) -> float:
    """Calibration error of `combined` over the pairs of some images."""
    detector = Combined(vector_ND, vector_ND.shape[1], prior)
    detector.refresh(vector_ND)
    rows = np.sort(np.random.default_rng(3).permutation(len(vector_ND))[:ANCHORS])
    anchors = torch.from_numpy(rows)
    probability = detector.probability(detector.pair_scores(anchors, anchors)).numpy()
    pairs = ~np.eye(len(rows), dtype=bool)
    error = calibration_error(probability[pairs], (label_N[rows][:, None] == label_N[rows][None, :])[pairs])
    assert error is not None, "a set has pairs"
    return error


if __name__ == "__main__":
    main()
