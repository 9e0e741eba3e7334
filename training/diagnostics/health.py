"""Health of a space of embeddings, without labels: has it collapsed, and do views of an image lie together while images lie apart?

Everything takes arrays of rows and knows nothing of images. A run measures the unit-norm features *before* whitening: whitening makes the
variances of all directions alike, so that behind it even a collapsed encoder has a high rank.
"""

# N rows, D dimension

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32] | NDArray[np.float64]

ALPHA, T = 2, 2
"""Exponent of alignment and factor of uniformity, those of the paper's figures."""
DEAD_SHARE = 0.01
LEAST_RANK, LEAST_SHARE_OF_POSSIBLE, LEAST_SHARE_OF_FIRST = 1.5, 0.05, 0.1
"""Below the largest of these an effective rank is a collapse. Healthy runs had 25 to 65 % of the possible rank, untrained ones 18 to 80."""

Health = dict[str, float | None]
"""Figures of `health_of` by name."""


def effective_rank(row_ND: Rows) -> float:
    """Number of directions that the rows really use: exp of the entropy of their normalised singular values.

    Args:
        row_ND: `(N, D)` embeddings, N ≥ 1.

    Returns:
        From 1 (all rows lie on one line) to min(N, D) (all directions alike); 0 where all rows are zero.

    Source:
        RankMe, arXiv 2210.02885, equation 1; its ε is 0 here, for an entropy needs none.
    """
    row = np.asarray(row_ND, dtype=np.float64)
    gram = row @ row.T if len(row) < row.shape[1] else row.T @ row
    singular = np.sqrt(np.linalg.eigvalsh(gram).clip(min=0))
    share = singular[singular > 0] / max(singular.sum(), np.finfo(np.float64).tiny)
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 0.0


def alignment(view_1_ND: Rows, view_2_ND: Rows) -> float:
    """Mean of ‖x − y‖^α over pairs of augmented views: 0 where both views of every image are one point, at most 4.

    Args:
        view_1_ND: `(N, D)` unit-norm embeddings of one view of each image.
        view_2_ND: `(N, D)` of another view of the same images.

    Source:
        arXiv 2005.10242, equation 4, with α = 2.
    """
    return float((np.linalg.norm(view_1_ND - view_2_ND, axis=1) ** ALPHA).mean(dtype=np.float64))


def uniformity(row_ND: Rows) -> float:
    """Log of the mean of exp(−t ‖x − y‖²) over all pairs of two rows: 0 where all rows are one point, −2t where they are orthogonal.

    Args:
        row_ND: `(N, D)` unit-norm embeddings, N ≥ 2.

    Source:
        arXiv 2005.10242, equation 5, with t = 2.
    """
    row = np.asarray(row_ND, dtype=np.float64)
    norm = (row**2).sum(1)
    potential = np.exp(-T * (norm[:, None] + norm - 2 * row @ row.T).clip(min=0))
    np.fill_diagonal(potential, 0)
    return float(np.log(potential.sum() / (len(row) * (len(row) - 1))))


def dead_dimensions(row_ND: Rows) -> float:
    """Share of dimensions that are the same in all rows.

    Args:
        row_ND: `(N, D)` unit-norm embeddings.

    Returns:
        Share in [0, 1] of the dimensions whose standard deviation over the rows is below 1 % of 1/√D, which is the root mean square of an
        entry of a unit-norm row and so the deviation that a dimension of an isotropic space has.
    """
    deviation = row_ND.std(0, dtype=np.float64)
    return float((deviation < DEAD_SHARE / np.sqrt(row_ND.shape[1])).mean())


def health_of(row_ND: Rows, view_1_MD: Rows, view_2_MD: Rows) -> Health:
    """All figures by name.

    Args:
        row_ND: `(N, D)` unit-norm embeddings of images, N ≥ 2.
        view_1_MD: `(M, D)` those of one augmented view of M images, which may be others.
        view_2_MD: `(M, D)` those of another view of the same.

    Returns:
        `effective_rank`, `possible_rank` (the most that it can be, min(N, D)), `alignment`, `uniformity` and `dead_dimensions`; `None` but
        for the possible rank where an embedding is not finite.
    """
    measured: Health = {"effective_rank": None, "possible_rank": min(row_ND.shape), "alignment": None}
    measured |= {"uniformity": None, "dead_dimensions": None}
    if all(np.isfinite(rows).all() for rows in (row_ND, view_1_MD, view_2_MD)):
        measured |= {"effective_rank": effective_rank(row_ND), "alignment": alignment(view_1_MD, view_2_MD)}
        measured |= {"uniformity": uniformity(row_ND), "dead_dimensions": dead_dimensions(row_ND)}
    return measured


def collapse_line(history: Sequence[Mapping[str, Any]]) -> str:
    """What is to be said of the last epoch's space if it has collapsed and the one before had not; empty otherwise.

    Args:
        history: the run's epoch records; those of older versions have no `health`.
    """
    healths: list[Health] = [record["health"] for record in history if record.get("health")]
    if not healths or not is_collapsed(healths[-1], healths[0]):
        return ""
    if len(healths) > 1 and is_collapsed(healths[-2], healths[0]):
        return ""  # that was said when it happened
    rank = healths[-1]["effective_rank"]
    found = "features are not finite" if rank is None else f"features have an effective rank of {rank:.1f}"
    before = f", {_shown(healths[0])} after epoch 1" if len(healths) > 1 else ""
    return (
        f"collapse: {found} (of at most {healths[-1]['possible_rank']}{before}), so images are hardly told apart; if it stays so, start "
        "over with --force and a lower --learning-rate, a larger --batch-size or a milder --treatment"
    )


def is_collapsed(health: Health, first: Health) -> bool:
    """True if the effective rank is tiny beside the possible one or beside that of the first epoch, or not even finite."""
    rank, begun = health["effective_rank"], first["effective_rank"] or 0.0
    least = max(LEAST_RANK, LEAST_SHARE_OF_POSSIBLE * (health["possible_rank"] or 0), LEAST_SHARE_OF_FIRST * begun)
    return rank is None or rank < least


def _shown(health: Health) -> str:
    return "not finite" if health["effective_rank"] is None else f"{health['effective_rank']:.0f}"
