"""Importance weights that favour the hard negatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def importance_log_weights(candidate_AM: Tensor, *, beta: float, temperature: float) -> Tensor:
    """Log of the unnormalised weight `w = exp(β s / τ)` of each candidate.

    Args:
        candidate_AM: `(A, M)` float cosines in [-1, 1].
        beta: hardness β ≥ 0; 0 gives every candidate the same weight.
        temperature: τ > 0.

    Returns:
        `(A, M)` float log-weights; their scale does not matter, since the objective normalises them per row.

    Source:
        Hard negative sampling, arXiv 2010.04592, equation 4, in the form of its released code.
    """
    return candidate_AM * (beta / temperature)


def last_hardness(settings: Mapping[str, Any]) -> float:
    """β at the last step of a run, which is the one that its trained space comes from; 0 for objectives without hardness.

    Args:
        settings: `TrainConfig`'s by name, of an older release perhaps.

    Raises:
        KeyError: there is no objective, or no β for `hard`.
    """
    if settings["objective"] != "hard":
        return 0.0
    end = settings.get("beta_end")
    return float(settings["beta"] if end is None else end)
