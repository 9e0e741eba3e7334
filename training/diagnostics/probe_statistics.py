"""Figures of one look at the probe, summed by the anchors' class (`training.diagnostics.figures`).

The same for every look, whatever the anchors are compared with. Ranks are cumulative: of an anchor's k hardest negatives, the share that
is false. Rates divide sums of pairs; the share of the gradient is the mean over anchors of each anchor's own share, as in the audit. A pair
with an unknown label keeps its rank and is counted neither as true nor as false.
"""

# A anchors, K hardest negatives of each, P classes that anchors have, R ranks

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.training.diagnostics.figures import RANKS, false_negatives, lift_by_rank, ratio

PAIRED = 10
"""Hardest negatives of an anchor that class × class counts."""
NAMED = 20
"""Pairs that are named."""
MOST_CLASSES = MOST_CELLS = 100
_REPEATS = 8  # in a batch, two views of each image make a pair of images up to eight pairs of views


@dataclass(frozen=True)
class Seen:
    """Some anchors and their negatives.

    Attributes:
        anchor_A: `(A,)` int64 image of each anchor, all of known class.
        negative_AK: `(A, K)` int64 images of its hardest negatives, hardest first; −1 where there are fewer.
        similarity_AK: `(A, K)` float32.
        known_A: `(A,)` int64 negatives of known class among all.
        false_A: `(A,)` int64 false ones among these.
        share_A: `(A,)` float64 share of the gradient on known negatives that false ones draw; NaN where undefined.
    """

    anchor_A: NDArray[np.int64]
    negative_AK: NDArray[np.int64]
    similarity_AK: NDArray[np.float32]
    known_A: NDArray[np.int64]
    false_A: NDArray[np.int64]
    share_A: NDArray[np.float64]


class Tally:
    """Sums over blocks of anchors.

    Args:
        labels_F: `(F,)` class number of each image in training, −1 where unknown.
        anchors: images that may be anchors, all of known class.
        state: `state` of an earlier tally over the same images, which this one continues.
    """

    def __init__(
        self, labels_F: NDArray[np.int64], anchors: NDArray[np.int64], state: dict[str, Any] | None = None
    ) -> None:
        self.labels_F = labels_F
        self.class_P = np.unique(labels_F[anchors])
        state, classes = state or {}, len(self.class_P)
        self.anchors_P = np.array(state.get("anchors", np.zeros(classes)), dtype=np.int64)
        self.pairs_P2 = np.array(state.get("pairs", np.zeros((classes, 2))), dtype=np.int64)
        self.share_P2 = np.array(state.get("share", np.zeros((classes, 2))), dtype=np.float64)
        self.ranks_PR2 = np.array(state.get("ranks", np.zeros((classes, len(RANKS), 2))), dtype=np.int64)
        self.cells = Counter({(a, b): count for a, b, count in state.get("cells", ())})
        self.hardest: list[tuple[float, int, int]] = [(s, a, b) for s, a, b in state.get("hardest", ())]

    @property
    def state(self) -> dict[str, Any]:
        """Everything that was summed, exact after a round trip through JSON."""
        return {
            "anchors": self.anchors_P.tolist(),
            "pairs": self.pairs_P2.tolist(),
            "share": self.share_P2.tolist(),
            "ranks": self.ranks_PR2.tolist(),
            "cells": [[*cell, count] for cell, count in self.cells.items()],
            "hardest": [list(pair) for pair in self.hardest],
        }

    def add(self, seen: Seen) -> None:
        """Adds some anchors."""
        class_A = self.labels_F[seen.anchor_A]
        there_AK = seen.negative_AK >= 0
        class_AK = np.where(there_AK, self.labels_F[seen.negative_AK], -1)
        false_AK = false_negatives(class_A[:, None], class_AK)
        place_A = np.searchsorted(self.class_P, class_A)
        np.add.at(self.anchors_P, place_A, seen.known_A > 0)
        np.add.at(self.pairs_P2, place_A, np.stack([seen.known_A, seen.false_A], axis=1))
        defined_A = ~np.isnan(seen.share_A)
        np.add.at(self.share_P2, place_A, np.stack([np.nan_to_num(seen.share_A), defined_A], axis=1))
        for r, rank in enumerate(RANKS):
            if rank <= there_AK.shape[1]:  # and of these the anchors that have that many negatives
                hardest = np.where(there_AK[:, rank - 1, None], false_AK[:, :rank], -1)
                counts = np.stack([(hardest >= 0).sum(1), (hardest == 1).sum(1)], axis=1)
                np.add.at(self.ranks_PR2[:, r], place_A, counts)  # through a view
        self._add_cells(class_A, class_AK[:, :PAIRED])
        self._add_hardest(seen, false_AK == 1)

    def _add_cells(self, class_A: NDArray[np.int64], class_AK: NDArray[np.int64]) -> None:
        known = class_AK >= 0
        anchor = np.broadcast_to(class_A[:, None], class_AK.shape)[known]
        cells, counts = np.unique(np.stack([anchor, class_AK[known]]), axis=1, return_counts=True)
        for (a, b), count in zip(cells.T.tolist(), counts.tolist(), strict=True):
            self.cells[a, b] += count

    def _add_hardest(self, seen: Seen, false_AK: NDArray[np.bool_]) -> None:
        """Keeps the hardest false pairs, each pair of images once."""
        row, rank = np.nonzero(false_AK)
        similarity = seen.similarity_AK[row, rank].astype(float)
        best = np.argsort(-similarity, kind="stable")[: NAMED * _REPEATS]
        anchors, negatives = seen.anchor_A[row[best]].tolist(), seen.negative_AK[row[best], rank[best]].tolist()
        pairs = [*self.hardest, *zip(similarity[best].tolist(), anchors, negatives, strict=True)]
        pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
        once = {frozenset(pair[1:]): pair for pair in reversed(pairs)}
        self.hardest = sorted(once.values(), key=lambda pair: (-pair[0], pair[1], pair[2]))[:NAMED]

    def record(self, classes: Sequence[str], ids: Sequence[str]) -> dict[str, Any]:
        """The figures; `None` where undefined.

        Args:
            classes: names by class number.
            ids: of the images by number.

        Returns:
            `num_anchors` (that have a negative of known class), `base_rate`, `gradient_share`, `false_negative_rate`, `lift` and
            `num_pairs` by rank; `by_class`: the same but the lift, of the 100 classes with most anchors; `class_pairs`: `[anchor's class,
            negative's class, count]` among the 10 hardest, the 100 most frequent; `hardest`: the 20 hardest false pairs by id.
        """
        figures = self._figures(np.arange(len(self.class_P)))
        by_anchors = np.argsort(-self.anchors_P, kind="stable")[:MOST_CLASSES]
        cells = sorted(self.cells.items(), key=lambda item: (-item[1], item[0]))[:MOST_CELLS]
        return {
            **figures,
            "lift": lift_by_rank(figures["false_negative_rate"], figures["base_rate"]),
            "by_class": {
                classes[self.class_P[p]]: self._figures(np.array([p])) for p in by_anchors if self.anchors_P[p]
            },
            "class_pairs": [[classes[a], classes[b], count] for (a, b), count in cells],
            "hardest": [
                {"anchor": ids[a], "negative": ids[b], "similarity": s, "label": classes[self.labels_F[a]]}
                for s, a, b in self.hardest
            ],
        }

    def _figures(self, places: NDArray[np.int64]) -> dict[str, Any]:
        known, false = self.pairs_P2[places].sum(axis=0).tolist()
        share, defined = self.share_P2[places].sum(axis=0).tolist()
        by_rank = dict(zip(map(str, RANKS), self.ranks_PR2[places].sum(axis=0).tolist(), strict=True))
        return {
            "num_anchors": int(self.anchors_P[places].sum()),
            "base_rate": ratio(false, known),
            "gradient_share": ratio(share, defined),
            "false_negative_rate": {rank: ratio(false_here, here) for rank, (here, false_here) in by_rank.items()},
            "num_pairs": {rank: here for rank, (here, _) in by_rank.items()},
        }
