"""Measures which of the negatives that the objective met were false. It and the fixed probe alone read labels in training, and only count.

A few anchors of every batch are measured, against the very similarities, masks and gradients that the objective used. Ranks count from
the hardest negative. Shares of the gradient are sums over anchors divided by each other, so an anchor with a greater loss counts for
more; probe and audit take the mean of the anchors' own shares. A pair with an unknown label is unknown: it is counted neither as a true
nor as a false negative.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.training.diagnostics.figures import BATCH_RANKS, lift_by_rank, ratio
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast

ANCHORS_PER_BATCH = 64
_UNREAD = 32  # batches


@dataclass
class FalseNegativeTracker:
    """Counts over one epoch.

    What a batch adds stays on its device for a few batches: reading it at once would make the step wait.

    Attributes:
        labels: `(N,)` int64 class of each training image, −1 where unknown; `None` without labels, and then nothing is counted.
        start: sums of an epoch that is resumed.
    """

    labels: NDArray[np.int64] | None
    start: dict[str, float] = field(default_factory=dict)
    _batches: list[dict[str, Tensor]] = field(default_factory=list, init=False)
    _on_device: Tensor | None = field(default=None, init=False)

    @property
    def totals(self) -> dict[str, float]:
        """Running sums by name, floats so that they survive JSON exactly."""
        for batch in self._batches:
            for name, value in zip(batch, torch.stack(list(batch.values())).tolist(), strict=True):
                self.start[name] = self.start.get(name, 0.0) + value
        self._batches.clear()
        return self.start

    @torch.no_grad()
    def update(self, contrast: Contrast, gradient_AM: Tensor, suspects: FalseNegativePrediction | None = None) -> None:
        """Adds one batch.

        Args:
            contrast: of the batch.
            gradient_AM: `(A, M)` derivative of the loss by each similarity.
            suspects: the detector's prediction, if one was asked; the rates count all negatives that it was asked about.
        """
        if self.labels is None:
            return
        labels = self._labels_on(contrast.candidate_index.device)
        self._batches.append({})
        rows = slice(0, ANCHORS_PER_BATCH)
        anchor = labels[contrast.anchor_index[rows]]
        candidate = labels[contrast.candidate_index.clamp(min=0)]
        known = contrast.is_negative[rows] & (anchor[:, None] >= 0) & (candidate[None, :] >= 0)
        false = known & (anchor[:, None] == candidate[None, :])
        self._count("pairs", known, false)
        weight = gradient_AM[rows].clamp(min=0).double()
        self._add("gradient", (weight * known).sum(), (weight * false).sum())
        self._add("anchors", known.any(1).sum())
        if suspects is not None:
            flagged = suspects.flagged[rows]
            self._count("flagged", known & flagged, false & flagged)
            self._count("judged", known, false)
        self._count_hardest(contrast.candidate[rows], contrast.is_negative[rows], known, false)
        if len(self._batches) >= _UNREAD:
            _ = self.totals

    def _labels_on(self, device: torch.device) -> Tensor:
        """The labels, copied once."""
        if self._on_device is None or self._on_device.device != device:
            self._on_device = torch.from_numpy(self.labels).to(device)
        return self._on_device

    def _count_hardest(self, candidate: Tensor, is_negative: Tensor, known: Tensor, false: Tensor) -> None:
        similarity = candidate.masked_fill(~is_negative, -torch.inf)
        depth = min(BATCH_RANKS[-1], similarity.shape[1])
        hardest = similarity.topk(depth, dim=1).indices
        fewest = is_negative.sum(1).min()
        for rank in BATCH_RANKS:
            if rank <= depth:
                top, everywhere = hardest[:, :rank], rank <= fewest
                self._count(f"top{rank}", known.gather(1, top) & everywhere, false.gather(1, top) & everywhere)

    def record(self) -> dict[str, object]:
        """The epoch's figures; `None` where nothing was known.

        Returns:
            `base_rate`, `false_negative_rate` and `lift` by rank, `gradient_share`, `num_anchors` and, of the detector, `precision` and
            `recall`, as in `metrics.jsonl`.
        """
        base = self._rate("pairs")
        rates = {str(rank): self._rate(f"top{rank}") for rank in BATCH_RANKS}
        unknown = base is None
        return {
            "base_rate": base,
            "false_negative_rate": None if unknown else rates,
            "lift": None if unknown else lift_by_rank(rates, base),
            "gradient_share": self._rate("gradient"),
            "detector": self._detector_record(),
            "num_anchors": int(self.totals.get("anchors", 0)),
        }

    def _detector_record(self) -> dict[str, float | None] | None:
        """Agreement of the flags with the labels; `None` while no detector was asked."""
        if "judged" not in self.totals:
            return None
        recall = ratio(self.totals["flagged_false"], self.totals["judged_false"])
        return {"precision": self._rate("flagged"), "recall": recall}

    def _count(self, name: str, known: Tensor, false: Tensor) -> None:
        self._add(name, known.sum(), false.sum())

    def _add(self, name: str, total: Tensor, false: Tensor | None = None) -> None:
        """Sums of this batch, as float64: counts are exact in it."""
        self._batches[-1][name] = total.double()
        if false is not None:
            self._batches[-1][name + "_false"] = false.double()

    def _rate(self, name: str) -> float | None:
        return ratio(self.totals.get(name + "_false", 0.0), self.totals.get(name, 0.0))
