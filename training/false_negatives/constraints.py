"""What people have said of pairs of images, as a training reads it.

# A anchors, M candidates, N training images

Answers reach a training as sets of content hashes (`LinkConstraints`), and are turned into rows of its images once (`PairConstraints`).
They come from eyes and not from labels; a script that answers from labels is an oracle, and must say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.contrastive import Terms
from samekind.training.objectives.similarity import Contrast

Pair = tuple[str, str]
_PAIRS = ("same", "duplicates", "different", "contradictions")


@dataclass(frozen=True)
class LinkConstraints:
    """What the current verdicts come to; images are content hashes, pairs are in alphabetical order.

    Attributes:
        kinds: sets of images that are of one kind: joined by `same` or `duplicate`, directly or through others, without contradiction.
        same: the pairs that were called so, or duplicates, within these kinds.
        duplicates: pairs of the very same thing.
        different: pairs that are of different kinds.
        contradictions: those of them that others join all the same; what joins them is in none of the `kinds`.
        wrong_labels: images whose own label was called wrong; no pairs, for it is the anchor's label that such an answer is about.
    """

    kinds: tuple[frozenset[str], ...]
    same: frozenset[Pair]
    duplicates: frozenset[Pair]
    different: frozenset[Pair]
    contradictions: frozenset[Pair]
    wrong_labels: frozenset[str]

    @property
    def digest(self) -> str:
        """Names what a training reads of them; the order in which they were given does not matter."""
        read = [
            sorted(map(sorted, self.kinds)),
            *(sorted(pairs) for pairs in (self.same, self.duplicates, self.different)),
        ]
        if self.contradictions:  # an answer that others contradict is not heard
            read.append(sorted(self.contradictions))
        return hashlib.sha256(json.dumps(read).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """All fields by name as sorted lists, ready for JSON."""
        pairs = {name: sorted(map(list, getattr(self, name))) for name in _PAIRS}
        return {"kinds": sorted(map(sorted, self.kinds)), **pairs, "wrong_labels": sorted(self.wrong_labels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LinkConstraints:
        """What `to_dict` has written.

        Raises:
            KeyError, TypeError, ValueError: it has not.
        """
        pairs = {name: frozenset((str(a), str(b)) for a, b in values[name]) for name in _PAIRS}
        kinds = tuple(frozenset(map(str, kind)) for kind in values["kinds"])
        return cls(kinds=kinds, **pairs, wrong_labels=frozenset(map(str, values["wrong_labels"])))


class PairConstraints(nn.Module):
    """Answers about the images of one training.

    Args:
        groups: the answers.
        hashes: content hash of each of the N training images, in the order of their rows. Of images with the same content, each is meant.

    Attributes:
        unit: `(N,)` int64; images with the same number are of one kind, an image of which nothing is known has one of its own.
        used: how many answers are about images of this training: `same`, `different`, `duplicates` and, as sets, `kinds`.
        left_out: answers about images that are not among them, and `contradictions`.
    """

    unit: Tensor
    apart: Tensor
    duplicate: Tensor

    def __init__(self, groups: LinkConstraints, hashes: Sequence[str]) -> None:
        super().__init__()
        rows: dict[str, list[int]] = {}
        for row, sha256 in enumerate(hashes):
            rows.setdefault(sha256, []).append(row)
        unit = np.arange(len(hashes))
        kinds = [sorted(row for image in kind for row in rows.get(image, [])) for kind in groups.kinds]
        for kind in kinds:
            unit[kind] = kind[0] if kind else 0
        different = groups.different - groups.contradictions
        answers = {"same": sorted(groups.same), "different": sorted(different), "duplicates": sorted(groups.duplicates)}
        found = {
            name: np.array([(i, j) for a, b in pairs for i in rows.get(a, []) for j in rows.get(b, [])]).reshape(-1, 2)
            for name, pairs in answers.items()
        }
        self.count = len(hashes)
        self.used = {name: sum(a in rows and b in rows for a, b in pairs) for name, pairs in answers.items()}
        self.left_out = {
            "not_trained_on": sum(len(pairs) for name, pairs in answers.items() if name != "duplicates")
            - self.used["same"] - self.used["different"],
            "contradictions": len(groups.contradictions),
        }  # fmt: skip
        self.used["kinds"] = sum(len(kind) > 1 for kind in kinds)
        # One pair of rows an answer, however many copies of the images there are: a detector that learns hears it once.
        told = [
            (rows[a][0], rows[b][0])
            for name in ("same", "different")
            for a, b in answers[name]
            if a in rows and b in rows
        ]
        self.answered_P2 = torch.tensor(told, dtype=torch.int64).reshape(-1, 2)
        self.answers_P = np.arange(len(told)) < self.used["same"]
        self.register_buffer("unit", torch.from_numpy(unit), persistent=False)
        apart = unit[found["different"]] if len(found["different"]) else found["different"]
        self.register_buffer("apart", self._keys(apart), persistent=False)
        self.register_buffer("duplicate", self._keys(found["duplicates"]), persistent=False)

    def same(self, contrast: Contrast) -> Tensor:
        """`(A, M)` bool, negatives of the anchor's own kind, by an answer or by what follows from several."""
        anchor, candidate = self._units(contrast)
        return (anchor[:, None] == candidate[None, :]) & contrast.is_negative

    def different(self, contrast: Contrast) -> Tensor:
        """`(A, M)` bool, negatives of another kind, by an answer or because an image of the same kind was called so."""
        anchor, candidate = self._units(contrast)
        return self._among(self.apart, anchor, candidate) & contrast.is_negative

    def duplicates(self, contrast: Contrast) -> Tensor:
        """`(A, M)` bool, negatives that show the very same thing."""
        index = contrast.anchor_index, contrast.candidate_index.clamp(min=0)
        return self._among(self.duplicate, *index) & contrast.is_negative

    def spare(self, suspects: FalseNegativePrediction, contrast: Contrast) -> FalseNegativePrediction:
        """No detector suspects what was called different."""
        different = self.different(contrast)
        return FalseNegativePrediction(suspects.flagged & ~different, suspects.probability.masked_fill(different, 0.0))

    def settle(self, terms: Terms, contrast: Contrast, *, attract: bool) -> Terms:
        """What was called the same is no negative any more, and with `attract` a positive; duplicates never are negatives."""
        same = self.same(contrast)
        gone = same | self.duplicates(contrast)
        if not gone.any():
            return terms
        pulled = terms.pulled
        if attract:
            pulled = same.float() if pulled is None else torch.where(same, 1.0, pulled)
        return replace(terms, kept=terms.kept & ~gone, pulled=pulled)

    def _units(self, contrast: Contrast) -> tuple[Tensor, Tensor]:
        """Kinds of anchors and candidates; an empty slot of a queue (index −1) is no negative, whatever it has here."""
        return self.unit[contrast.anchor_index], self.unit[contrast.candidate_index.clamp(min=0)]

    def _keys(self, pairs_P2: np.ndarray) -> Tensor:
        """Sorted numbers of the pairs, each in both orders."""
        both = np.concatenate([pairs_P2, pairs_P2[:, ::-1]]).astype(np.int64)
        return torch.from_numpy(np.unique(both[:, 0] * self.count + both[:, 1]))

    def _among(self, keys: Tensor, anchor: Tensor, candidate: Tensor) -> Tensor:
        asked = anchor[:, None] * self.count + candidate[None, :]
        if not len(keys):
            return torch.zeros_like(asked, dtype=torch.bool)
        return keys[torch.searchsorted(keys, asked).clamp(max=len(keys) - 1)] == asked
