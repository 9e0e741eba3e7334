"""Hard negatives that no image has: mixes of the hardest ones (MoCHi)."""

# A anchors, M candidates, D dimension of the projection, H hardest, S mixes

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from samekind.training.objectives.checks import check_shape
from samekind.training.objectives.terms import Terms

HARDEST = 64
PAIR_MIXES = 64
ANCHOR_MIXES = 16


def mix_hardest(terms: Terms, vector_MD: Tensor, generator: torch.Generator | None = None) -> Terms:
    """Appends mixes of each anchor's hardest negatives, and of the anchor with them, as further negatives.

    A mix `α a + (1 − α) b`, brought to unit norm, has a similarity to the anchor that follows from those of `a` and `b` and from their
    cosine, so it is never built. The gradient flows into the anchor and, within a batch, into what was mixed, but not into the norm. Of
    a mix with the anchor itself the anchor's share stays below one half.

    Args:
        terms: of one batch; only its negatives are mixed.
        vector_MD: `(M, D)` unit-norm candidates.
        generator: of the choices, on the CPU; the global one if left out.

    Returns:
        Terms with `PAIR_MIXES + ANCHOR_MIXES` more candidates (fewer hardest than `HARDEST` if there are fewer candidates). Where
        negatives are weighted, a mix has the geometric mean of its parts' weights.

    Raises:
        ValueError: there is not one vector a candidate.

    Source:
        arXiv 2010.01028, equations 4 to 6.
    """
    check_shape("vector_MD", vector_MD, (terms.candidate.shape[1], *vector_MD.shape[1:]))
    count = min(HARDEST, terms.candidate.shape[1])
    masked = terms.candidate.masked_fill(~terms.negative_mask, -torch.inf)
    hardest = masked.detach().topk(count, dim=1).indices
    usable = terms.negative_mask.gather(1, hardest)
    (first, second, partner), (alpha, own) = _draw(len(hardest), count, generator, hardest.device)
    a, b, c = (hardest.gather(1, choice) for choice in (first, second, partner))
    vectors = vector_MD.detach()
    cosine = (vectors[a] * vectors[b]).sum(-1)
    with_anchor = terms.candidate.gather(1, c)
    mixed = torch.cat(
        [
            _mixed(terms.candidate.gather(1, a), terms.candidate.gather(1, b), alpha, cosine),
            _mixed(torch.ones_like(with_anchor), with_anchor, own, with_anchor.detach()),
        ],
        dim=1,
    )
    is_negative = torch.cat([usable.gather(1, first) & usable.gather(1, second), usable.gather(1, partner)], dim=1)
    return _append(terms, mixed, is_negative, (a, b, c))


def _draw(
    rows: int, count: int, generator: torch.Generator | None, device: torch.device
) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Places of the parts among the `count` hardest of each row, two of a pair and one of a mix with the anchor; and both mixes' shares."""

    def place(mixes: int) -> Tensor:
        return torch.randint(count, (rows, mixes), generator=generator).to(device)

    def share(mixes: int) -> Tensor:
        return torch.rand((rows, mixes), generator=generator).to(device)

    first, second, alpha = place(PAIR_MIXES), place(PAIR_MIXES), share(PAIR_MIXES)
    partner, own = place(ANCHOR_MIXES), share(ANCHOR_MIXES) / 2
    return (first, second, partner), (alpha, own)


def _mixed(first: Tensor, second: Tensor, alpha: Tensor, cosine: Tensor) -> Tensor:
    """Similarity of the anchor to `α a + (1 − α) b` of unit norm, from those to `a` and `b`."""
    norm = (alpha**2 + (1 - alpha) ** 2 + 2 * alpha * (1 - alpha) * cosine).clamp(min=1e-6).sqrt()
    return (alpha * first + (1 - alpha) * second) / norm


def _append(terms: Terms, mixed: Tensor, is_negative: Tensor, parts: tuple[Tensor, Tensor, Tensor]) -> Terms:
    a, b, c = parts
    weight = None
    if terms.log_weight is not None:
        old = terms.log_weight
        weight = torch.cat([old, (old.gather(1, a) + old.gather(1, b)) / 2, old.gather(1, c)], dim=1)
    positive = None
    if terms.positive_weight is not None:
        positive = torch.cat([terms.positive_weight, torch.zeros_like(mixed)], dim=1)
    # Negatives and mixes together stand for the mixes and for all that the negatives stood for: both alike make up for what was eliminated.
    number = is_negative.sum(1).to(mixed.dtype).clamp(min=1e-9)
    return replace(
        terms,
        candidate=torch.cat([terms.candidate, mixed], dim=1),
        negative_mask=torch.cat([terms.negative_mask, is_negative], dim=1),
        log_weight=weight,
        log_count=torch.logaddexp(terms.log_count, number.log()),
        positive_weight=positive,
    )
