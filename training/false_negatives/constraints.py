"""Pairwise annotations of images as constraints of a training.

# A anchors, M candidates, N training images

Annotations reach a training as sets of content hashes (`LinkConstraints`), and are turned into rows of its images once
(`PairConstraints`). They come from eyes and not from labels; a script that answers from labels is an oracle, and must say so.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast
from samekind.training.objectives.terms import Terms

Pair = tuple[str, str]
Rows = Mapping[str, list[int]]

_PAIRS = {
    "same": "must_link",
    "duplicates": "duplicates",
    "different": "cannot_link",
    "contradictions": "contradictions",
}
"""Names on disk of the fields that hold pairs."""
_RENAMED = {"kinds": "must_link_groups", "same": "must_link", "different": "cannot_link"}


@dataclass(frozen=True)
class LinkConstraints:
    """Must-link and cannot-link constraints that follow from the current verdicts; images are content hashes, pairs in alphabetical order.

    Attributes:
        must_link_groups: sets of images of the same class: joined by `same` or `duplicate`, directly or through others, without
            contradiction.
        must_link: the pairs within these groups that were called `same` or `duplicate`.
        duplicates: pairs that show the very same thing.
        cannot_link: pairs of different classes.
        contradictions: those of them that other verdicts join all the same; what joins them is in none of the groups.
        wrong_labels: images whose own label was called wrong; no pairs, for it is the anchor's label that such an answer is about.
    """

    must_link_groups: tuple[frozenset[str], ...]
    must_link: frozenset[Pair]
    duplicates: frozenset[Pair]
    cannot_link: frozenset[Pair]
    contradictions: frozenset[Pair]
    wrong_labels: frozenset[str]

    if not TYPE_CHECKING:  # a type checker would take any name for one of these

        def __getattr__(self, name: str) -> Any:
            """The names of release 0.1, which the next release drops."""
            current = _RENAMED.get(name)
            if current is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            warnings.warn(f"LinkConstraints.{name} is now LinkConstraints.{current}", DeprecationWarning, stacklevel=2)
            return getattr(self, current)

    @property
    def digest(self) -> str:
        """Identity of what a training reads of them; the order in which they were given does not matter."""
        read = [
            sorted(map(sorted, self.must_link_groups)),
            *(sorted(pairs) for pairs in (self.must_link, self.duplicates, self.cannot_link)),
        ]
        if self.contradictions:  # a training ignores a verdict that others contradict
            read.append(sorted(self.contradictions))
        return hashlib.sha256(json.dumps(read).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """All fields as sorted lists by their names on disk, ready for JSON."""
        pairs = {key: sorted(map(list, getattr(self, name))) for key, name in _PAIRS.items()}
        groups = sorted(map(sorted, self.must_link_groups))
        return {"kinds": groups, **pairs, "wrong_labels": sorted(self.wrong_labels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LinkConstraints:
        """Reads what `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        pairs = {name: frozenset((str(a), str(b)) for a, b in values[key]) for key, name in _PAIRS.items()}
        groups = tuple(frozenset(map(str, group)) for group in values["kinds"])
        return cls(must_link_groups=groups, **pairs, wrong_labels=frozenset(map(str, values["wrong_labels"])))


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
