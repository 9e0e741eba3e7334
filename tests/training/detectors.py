"""Every detector at once, for tests that must hold for each of them, and images whose classes are plain to see."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.batch import Posterior, Quantile, RelativeMargin, Threshold
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.false_negatives.detectors.neighbourhood import Neighbourhood
from samekind.training.false_negatives.detectors.pairs import Cluster, Guide, Oracle, Reciprocal, Relation
from samekind.training.objectives.similarity import Contrast, in_batch


def unit(rows: int, seed: int = 0, dim: int = 8) -> Tensor:
    """Seeded unit-norm rows."""
    return torch.nn.functional.normalize(torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def blobs(per_class: int, classes: int = 3, noise: float = 0.25) -> tuple[Tensor, NDArray[np.int64]]:
    """Unit-norm rows around well separated centres, and their labels."""
    labels = np.repeat(np.arange(classes), per_class)
    centres = torch.eye(classes, 8)[torch.from_numpy(labels)]
    return torch.nn.functional.normalize(centres + noise * unit(len(labels), 5), dim=1), labels


def blob_batch() -> tuple[Contrast, Tensor]:
    """Two near views of blobs, and which pairs are of one class."""
    rows, labels = blobs(8)
    other = torch.nn.functional.normalize(rows + 0.1 * unit(len(rows), 6), dim=1)
    twice = torch.from_numpy(np.tile(labels, 2))
    return in_batch(rows, other, torch.arange(len(rows))), twice[:, None] == twice[None, :]


def all_detectors(rows: Tensor, labels: NDArray[np.int64]) -> dict[str, Detector]:
    """One of each by its name, with thresholds that suit blobs; refreshed."""
    count, described = len(rows), rows.numpy()
    made: dict[str, Detector] = {
        "threshold": Threshold(),
        "quantile": Quantile(count, 0.3),
        "posterior": Posterior(0.3),
        "relative_margin": RelativeMargin(-0.2),
        "guide": Guide(described, np.full(count, 0.9, np.float32), -0.2),
        "cluster": Cluster(count, 3, 0),
        "reciprocal": Reciprocal(count, 7),
        "oracle": Oracle(labels),
        "neighbourhood": Neighbourhood(described, 3, 6),
        "relation": Relation(described, rows.shape[1], 0.3),
        "combined": Combined(described, rows.shape[1], 0.3),
    }
    for detector in made.values():
        detector.refresh(described)
    return made
