"""The bound on mutual information by the number of candidates, with the best critic that there is."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from samekind.ideas.gaussian_pair import GaussianPair
from samekind.training.objectives.mi_bound import bound_of_logits


def bound_by_candidates(pair: GaussianPair, counts: Sequence[int], anchors: int = 2048, seed: int = 0) -> list[float]:
    """The mean bound in nats at each number of candidates, over the same drawn pairs.

    Args:
        pair: gives the pairs and the critic, their log density ratio.
        counts: candidates an anchor, the positive among them; each at least 1 and at most `anchors`.
        anchors: pairs that are drawn.
        seed: of the draw.
    """
    x, y = pair.draw(anchors, torch.Generator().manual_seed(seed))
    found = []
    for count in counts:
        batches = [
            (x[start : start + count], y[start : start + count]) for start in range(0, anchors - count + 1, count)
        ]
        found.append(sum(bound_of_logits(pair.critic(*batch)) for batch in batches) / len(batches))
    return found
