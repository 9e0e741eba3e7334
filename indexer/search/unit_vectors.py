"""Vectors of unit norm: which ones are not, and the error for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError

Float32 = NDArray[np.float32]
Rows = NDArray[np.int64]


def not_unit(vectors_ND: Float32) -> Rows:
    """Rows whose vector is not finite or not of unit norm, ascending."""
    with np.errstate(over="ignore", invalid="ignore"):
        norm = np.sqrt(np.einsum("nd,nd->n", vectors_ND, vectors_ND))  # `np.linalg.norm` would make a copy of all
    return np.flatnonzero(~(np.abs(norm - 1) < 1e-3))


def check_unit(vectors_ND: Float32, what: str = "the encoder") -> None:
    """Makes sure that vectors are finite and of unit norm.

    Raises:
        InputError: they are not; the message names `what` made them.
    """
    bad = not_unit(vectors_ND)
    if len(bad):
        norm = np.linalg.norm(vectors_ND[bad[0]])
        raise InputError(
            f"{what} gave {len(bad)} of {len(vectors_ND)} vectors that are not of unit norm (the first has norm {norm:.3g})",
            hint="the training has diverged: train again with --force and a higher --temperature or a lower --beta",
        )
