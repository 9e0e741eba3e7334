"""Pairwise annotations of images as constraints of a training.

# A anchors, M candidates, N training images

Annotations reach a training as sets of content hashes (`LinkConstraints`), and are turned into rows of its images once
(`PairConstraints`). They come from eyes and not from labels; a script that answers from labels is an oracle, and must say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from samekind.training.false_negatives.links import LinkConstraints, Pair
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast
from samekind.training.objectives.terms import Terms

Rows = Mapping[str, list[int]]


class PairConstraints(nn.Module):
    """Pairwise annotations of the images of one training.

    Args:
        constraints: by content hash.
        hashes: content hash of each of the N training images, in the order of their rows. Of images with the same content, each is meant.

    Attributes:
        unit: `(N,)` int64; images of the same must-link group have the same number, an image without annotation has one of its own.
        used: number of annotations of images of this training, by their names on disk: `same`, `different`, `duplicates` and, as sets,
            `kinds`.
        left_out: number of annotations of images that are not among them, and of `contradictions`.
        annotated_P2: `(P, 2)` int64 rows of the pairs that were called the same or different, one for each annotation.
        is_same_P: `(P,)` bool, those that were called the same.
    """

    unit: Tensor
    cannot_link_keys: Tensor
    duplicate_keys: Tensor

    def __init__(self, constraints: LinkConstraints, hashes: Sequence[str]) -> None:
        super().__init__()
        rows: dict[str, list[int]] = {}
        for row, sha256 in enumerate(hashes):
            rows.setdefault(sha256, []).append(row)
        groups = [
            sorted(row for image in group for row in rows.get(image, [])) for group in constraints.must_link_groups
        ]
        pairs = {
            "same": sorted(constraints.must_link),
            "different": sorted(constraints.cannot_link - constraints.contradictions),
            "duplicates": sorted(constraints.duplicates),
        }
        self.count = len(hashes)
        self._count_used(pairs, groups, rows, len(constraints.contradictions))
        # One pair of rows an annotation, however many copies of the images there are: a detector that learns counts it once.
        found = [(rows[a][0], rows[b][0]) for name in ("same", "different") for a, b in _within(rows, pairs[name])]
        self.annotated_P2 = torch.tensor(found, dtype=torch.int64).reshape(-1, 2)
        self.is_same_P = np.arange(len(found)) < self.used["same"]
        unit = _units(groups, self.count)
        self.register_buffer("unit", torch.from_numpy(unit), persistent=False)
        cannot_link = unit[_row_pairs(rows, pairs["different"])]
        self.register_buffer("cannot_link_keys", self._keys(cannot_link), persistent=False)
        self.register_buffer("duplicate_keys", self._keys(_row_pairs(rows, pairs["duplicates"])), persistent=False)

    def must_link(self, contrast: Contrast) -> Tensor:
        """`(A, M)` bool, negatives of the anchor's own class, by an annotation or by what follows from several."""
        anchor, candidate = self._units(contrast)
        return (anchor[:, None] == candidate[None, :]) & contrast.is_negative

    def cannot_link(self, contrast: Contrast) -> Tensor:
        """`(A, M)` bool, negatives of another class, by an annotation of them or of images that they must link with."""
        anchor, candidate = self._units(contrast)
        return self._among(self.cannot_link_keys, anchor, candidate) & contrast.is_negative

    def duplicates(self, contrast: Contrast) -> Tensor:
        """`(A, M)` bool, negatives that show the very same thing."""
        index = contrast.anchor_index, contrast.candidate_index.clamp(min=0)
        return self._among(self.duplicate_keys, *index) & contrast.is_negative

    def clear_cannot_link(self, prediction: FalseNegativePrediction, contrast: Contrast) -> FalseNegativePrediction:
        """Pairs that cannot link are no false negatives, whatever a detector predicts."""
        cannot_link = self.cannot_link(contrast)
        probability = prediction.probability.masked_fill(cannot_link, 0.0)
        return FalseNegativePrediction(prediction.flagged & ~cannot_link, probability)

    def apply_constraints(self, terms: Terms, contrast: Contrast, *, attract: bool) -> Terms:
        """Pairs that must link are no negatives any more, and with `attract` positives; duplicates never are negatives."""
        must_link = self.must_link(contrast)
        gone = must_link | self.duplicates(contrast)
        if not gone.any():
            return terms
        weight = terms.positive_weight
        if attract:
            weight = must_link.to(terms.candidate.dtype) if weight is None else torch.where(must_link, 1.0, weight)
        return replace(terms, negative_mask=terms.negative_mask & ~gone, positive_weight=weight)

    def _count_used(
        self, pairs: Mapping[str, list[Pair]], groups: list[list[int]], rows: Rows, contradictions: int
    ) -> None:
        self.used = {name: len(_within(rows, listed)) for name, listed in pairs.items()}
        missing = sum(len(pairs[name]) - self.used[name] for name in ("same", "different"))
        self.left_out = {"not_trained_on": missing, "contradictions": contradictions}
        self.used["kinds"] = sum(len(group) > 1 for group in groups)

    def _units(self, contrast: Contrast) -> tuple[Tensor, Tensor]:
        """Groups of anchors and candidates; an empty slot of a queue (index −1) is no negative, whatever it has here."""
        return self.unit[contrast.anchor_index], self.unit[contrast.candidate_index.clamp(min=0)]

    def _keys(self, pairs_P2: NDArray[np.int64]) -> Tensor:
        """Sorted numbers of the pairs, each in both orders."""
        both = np.concatenate([pairs_P2, pairs_P2[:, ::-1]]).astype(np.int64)
        return torch.from_numpy(np.unique(both[:, 0] * self.count + both[:, 1]))

    def _among(self, keys: Tensor, anchor: Tensor, candidate: Tensor) -> Tensor:
        asked = anchor[:, None] * self.count + candidate[None, :]
        if not len(keys):
            return torch.zeros_like(asked, dtype=torch.bool)
        return keys[torch.searchsorted(keys, asked).clamp(max=len(keys) - 1)] == asked


def _units(groups: list[list[int]], count: int) -> NDArray[np.int64]:
    """`(N,)` the first row of each image's group, its own row if it is in none."""
    unit = np.arange(count)
    for group in groups:
        unit[group] = group[0] if group else 0
    return unit


def _within(rows: Rows, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs of which both images are in the training."""
    return [(a, b) for a, b in pairs if a in rows and b in rows]


def _row_pairs(rows: Rows, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """`(P, 2)` rows of all copies of the images of these pairs."""
    found = [(i, j) for a, b in _within(rows, pairs) for i in rows[a] for j in rows[b]]
    return np.array(found, dtype=np.int64).reshape(-1, 2)
