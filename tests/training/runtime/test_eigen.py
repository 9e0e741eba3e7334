"""Eigenvalues where torch's solver gives up."""

from __future__ import annotations

import pytest
import torch
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from samekind.training.runtime.eigen import symmetric_eigen


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gives_up", [False, True])
def test_a_matrix_is_what_its_eigenvectors_make_of_it(
    monkeypatch: pytest.MonkeyPatch, gives_up: bool, dtype: torch.dtype
) -> None:
    """By either solver: in ascending order, orthogonal, and of the type that was given."""

    def gave_up(_: object) -> None:
        raise LinAlgError("linalg.eigh: The algorithm failed to converge")

    if gives_up:
        monkeypatch.setattr(torch.linalg, "eigh", gave_up)
    rows = torch.randn(9, 6, generator=torch.Generator().manual_seed(0), dtype=dtype)
    matrix = rows.T @ rows
    values, axes = symmetric_eigen(matrix)
    assert (values.dtype, axes.dtype) == (dtype, dtype)
    assert (values.diff() >= 0).all()
    torch.testing.assert_close(axes.T @ axes, torch.eye(6, dtype=dtype), atol=1e-5, rtol=0)
    torch.testing.assert_close((axes * values) @ axes.T, matrix, atol=1e-4, rtol=1e-5)
