"""Wrong labels and duplicates of CIFAR-10 against what people found there: precision at 50, and recall at precision 0.9.

    python -m benchmarks.audit_truth artifacts/cifar10 --truth FOLDER

`FOLDER` holds `labelerrors_cifar10_mturk.json` (cleanlab/label-errors: test images suspected of a wrong label, each with five votes) and
`cifair_duplicates_cifar10.csv`, `cifair_duplicates_cifar10_test.csv` (cvjena/cifair: test–train and test–test pairs, 1 near-duplicate, 2
very similar). The artefact is an index of CIFAR-10, both splits.

*Labels.* The judged images are ranked by our suspicion, and by the rankings of `benchmarks.label_errors` beside it; a label counts as wrong
if fewer than three of five votes are for it. All judged images had been suspected by another classifier, so a second figure tells the wrong
ones from the test images that nobody suspected: the area under the ROC curve.
*Duplicates.* Pairs with a test image are ranked by the agreement of their pixels. The files name duplicates only: a pair that they do not
name was never shown to a person or was found to be different, which of the two is not told. It counts as wrong here, so precision is a
lower bound; pairs of two training images were never looked for and are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import samekind as sk
from benchmarks.label_errors import rankings
from samekind.comparison.machine import processor
from samekind.indexer.curation.label_predictions import Predictions, class_numbers, label_predictions
from samekind.indexer.curation.near_duplicates import near_candidates, zoomed

WRONG_BELOW, FIRST = 3, 50
PRECISION = 0.9
ERRORS = "labelerrors_cifar10_mturk.json"
PAIRS = {"train": "cifair_duplicates_cifar10.csv", "test": "cifair_duplicates_cifar10_test.csv"}
NEAR_DUPLICATE = 1


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefact", type=Path)
    parser.add_argument("--truth", type=Path, required=True)
    arguments = parser.parse_args()
    index = sk.Index.open(arguments.artefact)
    print(json.dumps({"machine": _machine(), **_measured(index, arguments.truth)}, indent=1))


def _measured(index: sk.Index, truth: Path) -> dict[str, Any]:
    started = time.perf_counter()
    class_N = class_numbers(index)
    predictions = label_predictions(index, class_N, np.flatnonzero(class_N >= 0))
    predicted = time.perf_counter()
    labels = labels_found(index, predictions, json.loads((truth / ERRORS).read_text()))
    content_N = np.unique(np.array(index.rows.column("sha256")), return_inverse=True)[1]
    compared = time.perf_counter()
    candidates = zoomed(index, near_candidates(index, content_N)[0])
    ended = time.perf_counter()
    pairs = duplicates_found(index, candidates.row_P2, known_pairs(truth, index), candidates.score_P)
    by_cosine = duplicates_found(index, candidates.row_P2, known_pairs(truth, index), candidates.similarity_P)
    judged = json.loads((truth / ERRORS).read_text())
    return {
        "labels_by_ranking": {
            name: ranked(index, score, judged) for name, score in rankings(index.vectors().astype(np.float64), class_N)
        },
        "labels": {**labels, "seconds": round(predicted - started, 1)},
        "duplicates": {**pairs, "seconds": round(ended - compared, 1)},
        "duplicates_by_cosine": by_cosine,
    }


def labels_found(index: sk.Index, predictions: Predictions, judged: list[dict[str, Any]]) -> dict[str, Any]:
    """How the judged images rank by suspicion, among themselves and among the whole test split."""
    place = {int(row): j for j, row in enumerate(predictions.row_J)}
    judged_J = np.array([place[index.rows.position_of(f"test/{each['id']:05d}")] for each in judged])
    wrong = np.array([each["mturk"]["given"] < WRONG_BELOW for each in judged])
    order = np.argsort(-predictions.score_J[judged_J], kind="stable")
    test_J = np.array([index.splits[int(row)] == "test" for row in predictions.row_J])
    above = np.array([int((predictions.score_J[test_J] > predictions.score_J[j]).sum()) + 1 for j in judged_J])
    return {
        "judged": len(judged),
        "wrong": int(wrong.sum()),
        "base_rate": float(wrong.mean()),
        f"precision_at_{FIRST}": float(wrong[order[:FIRST]].mean()),
        "average_precision": average_precision(wrong[order], int(wrong.sum())),
        "test_images": int(test_J.sum()),
        "suspected_in_test": int((predictions.is_issue_J & test_J).sum()),
        "wrong_and_suspected": int(predictions.is_issue_J[judged_J[wrong]].sum()),
        "median_rank_in_test": {
            "wrong": float(np.median(above[wrong])),
            "judged_right": float(np.median(above[~wrong])),
        },
        "wrong_among_first_1000_of_test": int((above[wrong] <= 1000).sum()),
    }


def ranked(index: sk.Index, score_N: NDArray[np.float64], judged: list[dict[str, Any]]) -> dict[str, float]:
    """How a suspicion of every image ranks the judged ones, and tells the wrong ones from those that nobody suspected."""
    row_E = np.array([index.rows.position_of(f"test/{each['id']:05d}") for each in judged])
    wrong = np.array([each["mturk"]["given"] < WRONG_BELOW for each in judged])
    first = wrong[np.argsort(-score_N[row_E], kind="stable")]
    others = np.setdiff1d(np.flatnonzero([split == "test" for split in index.splits]), row_E)
    told = np.concatenate([score_N[row_E[wrong]], score_N[others]])
    return {
        f"precision_at_{FIRST}": float(first[:FIRST].mean()),
        "average_precision": average_precision(first, int(wrong.sum())),
        "auc_against_unsuspected": float(roc_auc_score(np.arange(len(told)) < wrong.sum(), told)),
    }


def known_pairs(truth: Path, index: sk.Index) -> dict[tuple[int, int], int]:
    """Judgment by pair of rows, the first the smaller one."""
    known = {}
    for split, name in PAIRS.items():
        with (truth / name).open(encoding="utf-8", newline="") as stream:
            for line in csv.DictReader(stream):
                ids = (f"test/{int(line['TestID']):05d}", f"{split}/{int(line['TrainID']):05d}")
                a, b = sorted(index.rows.position_of(id_) for id_ in ids)
                known[a, b] = int(line["Judgment"])
    return known


def duplicates_found(
    index: sk.Index, row_P2: NDArray[np.int64], known: dict[tuple[int, int], int], score_P: NDArray[np.float64]
) -> dict[str, Any]:
    """How the known pairs rank among all candidates with a test image."""
    is_test = np.array([split == "test" for split in index.splits])
    with_test = np.flatnonzero(is_test[row_P2].any(axis=1))
    order = with_test[np.argsort(-score_P[with_test], kind="stable")]
    judgment = np.array([known.get((int(a), int(b)), 0) for a, b in row_P2[order]])
    strict = sum(value == NEAR_DUPLICATE for value in known.values())
    first = order[judgment == 0][:60]
    return {
        "known": len(known),
        "known_near_duplicates": strict,
        "candidates": len(order),
        "known_among_candidates": float((judgment > 0).sum() / len(known)),
        "with_very_similar": recall_at_precision(judgment > 0, len(known), score_P[order]),
        # "very similar" is neither right nor wrong here
        "near_duplicates_only": recall_at_precision(
            judgment[judgment != 2] == NEAR_DUPLICATE, strict, score_P[order[judgment != 2]]
        ),
        "precision_at_100": float((judgment[:100] > 0).mean()),
        "precision_at_300": float((judgment[:300] > 0).mean()),
        "first_unnamed": [
            [index.ids[a], index.ids[b], round(float(s), 4)]
            for (a, b), s in zip(row_P2[first], score_P[first], strict=True)
        ],
    }


def recall_at_precision(hit: NDArray[np.bool_], total: int, score: NDArray[np.float64]) -> dict[str, Any]:
    """The greatest recall of a ranked list where its precision is still 0.9, and the score there; recall 0 if it never is.

    Args:
        hit: in the order of the list.
        total: hits that there are, in the list or not.
        score: of the list, falling.
    """
    found = np.cumsum(hit)
    good = np.flatnonzero(found >= PRECISION * np.arange(1, len(hit) + 1))
    last = int(good[-1]) if len(good) else None
    return {
        f"recall_at_precision_{PRECISION}": 0.0 if last is None else float(found[last] / total),
        "score_there": None if last is None else float(score[last]),
        "average_precision": average_precision(hit, total),
    }


def average_precision(hit: NDArray[np.bool_], total: int) -> float:
    """Mean over all `total` hits of the precision where each stands; 0 for one that is not in the list."""
    precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
    return float(precision[hit].sum() / total)


def _machine() -> str:
    return f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}; nothing is random"


if __name__ == "__main__":
    main()
