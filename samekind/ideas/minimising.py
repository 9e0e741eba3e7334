"""A few numbers that make a loss smallest.

By SciPy: the first step of one of torch's own optimisers imports its compiler, which would be most of the wait for a page.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def minimised(
    loss: Callable[[Tensor], Tensor], shape: tuple[int, ...], *, steps: int, tolerance: float
) -> NDArray[np.float64]:
    """Minimises by L-BFGS, from zeros.

    Args:
        loss: smooth; gives a scalar for float64 of that shape.
        shape: of the numbers sought.
        steps: at most.
        tolerance: the largest part of the gradient that counts as none.

    Returns:
        Float64 of that shape.
    """
    from scipy.optimize import minimize

    def value_and_gradient(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        given = torch.from_numpy(flat.reshape(shape).copy()).requires_grad_()
        value = loss(given)
        (gradient,) = torch.autograd.grad(value, given)
        return value.item(), gradient.numpy().ravel()

    options = {"maxiter": steps, "gtol": tolerance, "ftol": 0.0}
    found = minimize(value_and_gradient, np.zeros(int(np.prod(shape))), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x).reshape(shape)
