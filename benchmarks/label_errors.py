"""Labels that were replaced at random: how well each ranking finds them.

    python -m benchmarks.label_errors artifacts/photos --split train --seeds 3

Of the labels of one split 5 % are replaced by another class, chosen at random; the images of that split alone then rank each other. Beside
the ranking of `Index.label_issues` stand the votes of 100 neighbours weighted by similarity (at 0.03, which it was before, and 0.1), a
Gaussian per class with one shared covariance, leaving the image out, and the other scores of confident learning by the same
probabilities (`cleanlab` in the names: its own functions, if it is installed; it is no dependency).

Source:
    Confident learning: arXiv 1911.00068.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

import samekind as sk
from samekind.indexer.curation.label_predictions import Predictions, folds, out_of_sample, suspicion
from samekind.training.training_set import label_numbers

SHARE, FIRST = 0.05, 50
VOTERS, COPY = 100, 0.99
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefact", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    index = sk.Index.open(arguments.artefact)
    numbers = label_numbers(index.labels, index.classes)
    assert numbers is not None, "the index has no labels"
    rows = np.flatnonzero((np.array(index.splits) == arguments.split) & (numbers >= 0))
    right = np.unique(numbers[rows], return_inverse=True)[1]
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(arguments.seeds):
        given, wrong = with_errors(right, seed)
        for name, score in rankings(index.vectors(rows).astype(np.float64), given):
            first = wrong[np.argsort(-score, kind="stable")[:FIRST]]
            ties = np.unique(score, return_counts=True)[1].max()
            found.setdefault(name, []).append((average_precision_score(wrong, score), first.mean(), ties))
    table = {name: _summary(np.array(values)) for name, values in found.items()}
    print(json.dumps({"images": len(rows), "classes": int(right.max()) + 1, "rankings": table}, indent=1))


def with_errors(right: Numbers, seed: int) -> tuple[Numbers, NDArray[np.bool_]]:
    """Labels of which a share was replaced by another class, and which."""
    random, classes = np.random.default_rng(seed), int(right.max()) + 1
    chosen = random.permutation(len(right))[: round(SHARE * len(right))]
    given, wrong = right.copy(), np.zeros(len(right), dtype=bool)
    given[chosen] = (given[chosen] + random.integers(1, classes, len(chosen))) % classes
    wrong[chosen] = True
    return given, wrong


def rankings(vectors: Floats, given: Numbers) -> Iterator[tuple[str, Floats]]:
    """Names and suspicions, the greatest first in line."""
    rows = np.arange(len(given))
    share = out_of_sample(vectors, given, folds(given, rows), rows)
    ours = Predictions(rows, given, share)
    yield "ours: logistic regression, five folds, log odds", ours.score_J
    yield "the same, self-confidence", -ours.label_share_J
    yield "the same, margin", ours.suggested_share_J - ours.label_share_J
    if find_spec("cleanlab"):
        quality = import_module("cleanlab.rank").get_label_quality_scores
        for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
            yield f"the same, cleanlab's {method}", -quality(given, share, method=method)
    for temperature in (0.03, 0.1):
        votes = Predictions(rows, given, neighbour_votes(vectors, given, temperature))
        yield (
            f"votes of neighbours at {temperature}, smoothed ratio",
            suspicion(votes.suggested_share_J, votes.label_share_J + 0.02),
        )
    yield "Gaussians, log odds", gaussian_odds(vectors, given)


def neighbour_votes(vectors: Floats, given: Numbers, temperature: float) -> Floats:
    """`(N, C)` shares of the votes of the nearest others, but for copies."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    similarity[similarity >= COPY] = -2
    near = np.argsort(-similarity, axis=1, kind="stable")[:, :VOTERS]
    value = np.take_along_axis(similarity, near, axis=1)
    weight = np.exp((value - value[:, :1]) / temperature) * (value > -2)
    share = np.stack([(weight * (given[near] == number)).sum(axis=1) for number in range(given.max() + 1)], axis=1)
    return np.asarray(share / share.sum(axis=1, keepdims=True))


def gaussian_odds(vectors: Floats, given: Numbers, shrinkage: float = 0.1) -> Floats:
    """`(N,)` log odds of the best other class against the given one, whose mean leaves the image out."""
    count = np.bincount(given)
    mean = np.stack([vectors[given == number].mean(axis=0) for number in range(len(count))])
    rest = vectors - mean[given]
    within = rest.T @ rest / len(vectors)
    within = (1 - shrinkage) * within + shrinkage * np.trace(within) / len(within) * np.eye(len(within))
    root = np.linalg.cholesky(np.linalg.inv(within))
    at, centre = vectors @ root, mean @ root
    log = np.log(count / len(given)) - ((at**2).sum(1)[:, None] - 2 * at @ centre.T + (centre**2).sum(1)) / 2
    left = np.maximum(count[given] - 1, 1)[:, None]
    without = (mean[given] * count[given][:, None] - vectors) / left @ root
    own = np.log(count[given] / len(given)) - ((at - without) ** 2).sum(axis=1) / 2
    np.put_along_axis(log, given[:, None], -np.inf, axis=1)
    return np.asarray(log.max(axis=1) - own)


def _summary(values: Floats) -> dict[str, Any]:
    """Means, and the deviation of the average precision."""
    precision, first, ties = values.T
    return {
        "average_precision": round(float(precision.mean()), 3),
        "deviation": round(float(precision.std(ddof=1)), 3) if len(values) > 1 else None,
        f"precision_at_{FIRST}": round(float(first.mean()), 3),
        "most_of_one_score": int(ties.max()),
    }


if __name__ == "__main__":
    main()
