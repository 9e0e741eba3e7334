"""Eigenvalues of symmetric matrices, whatever they look like."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

# D dimension


def symmetric_eigen(symmetric_DD: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues `(D,)`, ascending, and eigenvectors `(D, D)` as columns.

    In torch, which `side_by_side` keeps to one core: beside other processes NumPy's threads take 30 times the work. On one thread it
    gives up on covariances that are nearly all zeros, as those of thirty coarse pictures are; NumPy's is another, and takes these.
    """
    try:
        values_D, axes_DD = torch.linalg.eigh(symmetric_DD)
    except LinAlgError:
        values_D, axes_DD = (
            torch.from_numpy(each).to(symmetric_DD) for each in np.linalg.eigh(symmetric_DD.cpu().numpy())
        )
    return values_D, axes_DD
