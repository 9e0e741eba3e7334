"""Range and shape checks of everything that takes tensors or numbers from outside."""

from __future__ import annotations

import math

from torch import Tensor


def check_temperature(temperature: float) -> None:
    """Raises `ValueError` unless τ is finite and positive."""
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature must be finite and above 0, got {temperature}")


def check_hardness(beta: float) -> None:
    """Raises `ValueError` unless β is finite and not negative."""
    if not (math.isfinite(beta) and beta >= 0):
        raise ValueError(f"beta must be finite and at least 0, got {beta}")


def check_class_prior(tau_plus: float) -> None:
    """Raises `ValueError` unless τ⁺ lies in [0, 1)."""
    if not 0 <= tau_plus < 1:
        raise ValueError(f"tau_plus must lie in [0, 1), got {tau_plus}")


def check_shape(name: str, tensor: Tensor, expected: tuple[int, ...]) -> None:
    """Raises `ValueError` unless the tensor has the expected shape."""
    if tuple(tensor.shape) != expected:
        raise ValueError(f"{name} must have shape {expected}, got {tuple(tensor.shape)}")


def check_rows(name: str, tensor: Tensor) -> None:
    """Raises `ValueError` unless the tensor holds one embedding a row, `(B, D)` of a floating dtype."""
    if tensor.ndim != 2 or not tensor.is_floating_point():
        raise ValueError(f"{name} must be a (B, D) floating-point tensor, got {tuple(tensor.shape)} of {tensor.dtype}")
