"""Candidates for pairwise annotation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from samekind.training.false_negatives.links import Pair


@dataclass(frozen=True)
class CandidatePair:
    """A pair that a person could annotate.

    Attributes:
        anchor_id, negative_id: the two rows.
        anchor_sha256, negative_sha256: their contents, which differ.
        similarity: cosine in [-1, 1].
        overlap: Jaccard overlap in [0, 1] of both images' k-reciprocal neighbours; `None` where the audit knows those of a sample only.
        gradient_share: share of the anchor's negative gradient that the negative draws; `None` if the run's objective is unknown.
        probability: of being of the same class, in (0, 1); no label took part in it.
        anchor_label, negative_label: class names for those who want to see them, `None` where unknown.
    """

    anchor_id: str
    negative_id: str
    anchor_sha256: str
    negative_sha256: str
    similarity: float
    overlap: float | None
    gradient_share: float | None
    probability: float
    anchor_label: str | None
    negative_label: str | None

    @property
    def pair(self) -> Pair:
        """Both hashes in alphabetical order, as `Verdict.pair`."""
        first, second = sorted((self.anchor_sha256, self.negative_sha256))
        return first, second


@dataclass(frozen=True)
class CandidatePairs(Sequence[CandidatePair]):
    """A list of pairs to annotate and where it comes from.

    Attributes:
        items: the pairs, the one to ask about first at the front.
        num_left: pairs that could still be asked about, these included.
        num_answers: answers that the probabilities were calibrated on; 0 under the prior.
        notes: what a reader must know.
    """

    items: tuple[CandidatePair, ...]
    num_left: int
    num_answers: int
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[CandidatePair]:
        return iter(self.items)

    def __getitem__(self, place: Any) -> Any:
        return self.items[place]
