"""Share of all pairs that are of the same class, from answers about pairs that were drawn for it.

The pairs that `acquire_pairs` asks about are each image's hardest: nothing follows from them about all pairs. Here near ones are drawn more
often, since nearly all *same* pairs are among them, but each with a known probability; an answer counts by its inverse.

# C contents, D dimension, B pairs of a block
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.labeling.constraint_closure import ConstraintClosure
from samekind.indexer.labeling.contents import Contents
from samekind.indexer.labeling.verdicts import VerdictTable
from samekind.training.false_negatives.links import Pair

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

MOST_CONTENTS = 20_000
ENOUGH_ANSWERS = 20
_BLOCK = 64
_FLAT = 0.02
"""Share of the contents among which an anchor's partners are about equally likely; of 0, 10 neighbours and this, the steadiest interval."""
_DEVIATIONS = 1.96  # 95 %


@dataclass(frozen=True)
class BaseRate:
    """An estimate with its interval.

    Attributes:
        share: of all pairs, in (0, 1); `None` with fewer than 20 answers or none of *same*.
        low, high: of an interval of about 95 %; `None` beside it.
        num_answers: answers behind it; *unsure* is none.
    """

    share: float | None
    low: float | None
    high: float | None
    num_answers: int


def base_rate(index: OpenedIndex) -> BaseRate:
    """Share of all pairs of training images that are of the same class, by the verdicts on the pairs of `acquire_pairs(…, order="share")`.

    It is what `samekind train --prior` asks for.

    Args:
        index: the opened index.
    """
    return base_rate_of(share_draws(index, Contents(index)), ConstraintClosure(VerdictTable(index.path).current()))


def share_draws(index: OpenedIndex, contents: Contents) -> Iterator[tuple[Pair, float]]:
    """Pairs of training contents in the order `share`, with their weights, without end; of more than 20,000 a seeded choice."""
    content_C = np.flatnonzero(contents.is_trained_N[contents.row_C])
    content_C = np.sort(np.random.default_rng(31).permutation(content_C)[:MOST_CONTENTS])
    if len(content_C) < 2:
        return
    for first, second, weight in drawn_pairs(index.vectors(contents.row_C[content_C])):
        a, b = sorted(contents.sha256_C[content_C[[first, second]]].tolist())
        yield (a, b), weight


def drawn_pairs(vector_CD: NDArray[np.float32], seed: int = 0) -> Iterator[tuple[int, int, float]]:
    """An endless sequence of two places and a weight, the same each time: the mean of weight × *same* estimates the share without bias.

    The anchor is drawn evenly, its partner by rank r with a probability in proportion to 1 / (r + C / 50).

    Args:
        vector_CD: unit-norm, of at least two contents.
        seed: of the draws.

    Source:
        Importance sampling; Horvitz & Thompson, J. Am. Stat. Assoc. 47, 1952.
    """
    others = len(vector_CD) - 1
    probability = 1 / (np.arange(1, others + 1) + _FLAT * len(vector_CD))
    probability /= probability.sum()
    random = np.random.default_rng((seed, 31))
    while True:
        anchor_B = random.integers(0, len(vector_CD), _BLOCK)
        rank_B = random.choice(others, _BLOCK, p=probability)
        for anchor, rank in zip(anchor_B.tolist(), rank_B.tolist(), strict=True):
            cosine_C = vector_CD @ vector_CD[anchor]
            cosine_C[anchor] = -np.inf  # itself is the last
            yield anchor, int(np.argsort(-cosine_C, kind="stable")[rank]), float(1 / (others * probability[rank]))


def base_rate_of(draws: Iterable[tuple[Pair, float]], closure: ConstraintClosure) -> BaseRate:
    """The estimate from the answers about the first of these pairs, up to the first that nobody has answered.

    Whatever is answered behind it was not drawn, but asked for another reason or concluded: mostly *same* ones.

    Args:
        draws: pairs with their weights, in the order in which they are asked about.
        closure: the present verdicts.
    """
    weighted = []
    for pair, weight in draws:
        if pair not in closure:
            break
        if (is_same := closure.answer(pair)) is not None:
            weighted.append(weight * is_same)
    count, share = len(weighted), float(np.mean(weighted)) if weighted else 0.0
    if count < ENOUGH_ANSWERS or not share:
        return BaseRate(None, None, None, count)
    factor = float(np.exp(_DEVIATIONS * np.std(weighted, ddof=1) / count**0.5 / share))
    return BaseRate(min(share, 1.0), share / factor, min(share * factor, 1.0), count)
