"""Batch norm over a batch that lies in parts on several threads, with the statistics of the whole.

Each part gives mean and variance of its own rows, and all combine them in the same order, so that every part has the same numbers. The
gradient needs two sums over the batch, which are combined likewise. What is left works on a part alone, in torch's own kernels: those
of evaluation, which take statistics as given.
"""

# C channels; statistics are (C,)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from samekind.training.engine.streams.meeting import Meeting

_ARGUMENTS = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
"""Of `functional.batch_norm`, in order."""


class SharedBatchNorm(TorchFunctionMode):
    """For as long as it is entered, every batch norm in training mode that this thread meets takes the statistics of all parts.

    A mode, not a module, so that it reaches the norms of any library; it holds for the thread that enters it.

    Args:
        meeting: of the threads.
        part: number of this thread's part. The first keeps the running statistics.
    """

    def __init__(self, meeting: Meeting, part: int) -> None:
        super().__init__()
        self._meeting, self._part = meeting, part

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is functional.batch_norm:
            asked = {**dict(zip(_ARGUMENTS, args, strict=False)), **(kwargs or {})}
            if asked.get("training"):
                return self._batch_norm(asked)
        return func(*args, **(kwargs or {}))

    def _batch_norm(self, asked: dict[str, Any]) -> Tensor:
        """What `functional.batch_norm` in training mode returns for a whole batch: this part of it."""
        rows, weight, bias = asked["input"], asked.get("weight"), asked.get("bias")
        channels, dtype = rows.shape[1], torch.float64 if rows.dtype == torch.float64 else torch.float32
        weight = torch.ones(channels, dtype=dtype) if weight is None else weight
        bias = torch.zeros(channels, dtype=dtype) if bias is None else bias
        mean, var, count = self._statistics(rows.detach(), dtype)
        if self._part == 0 and asked["running_mean"] is not None:
            with torch.no_grad():
                asked["running_mean"].lerp_(mean, asked.get("momentum", 0.1))
                asked["running_var"].lerp_(var * (count / (count - 1)), asked.get("momentum", 0.1))
        whole = _Whole(mean, var, asked.get("eps", 1e-5), count, self._sum)
        output: Tensor = _Normalised.apply(rows, weight, bias, whole)
        return output

    def _statistics(self, rows: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, int]:
        """Mean and variance over all parts, and the number of values that a channel has in them."""
        channels = rows.shape[1]
        # Half precision would be their precision, too, without running statistics to be kept in a greater one.
        own = torch.ops.aten.batch_norm_update_stats(
            rows, rows.new_zeros(channels, dtype=dtype), rows.new_zeros(channels, dtype=dtype), 0.0
        )
        parts = self._meeting.exchange(self._part, (*(value.double() for value in own), rows.numel() // channels))
        count = sum(number for _, _, number in parts)
        mean = sum(value * number for value, _, number in parts) / count
        var = sum((value + (center - mean) ** 2) * number for center, value, number in parts) / count
        return mean.to(dtype), var.to(dtype), count

    def _sum(self, *values: Tensor) -> list[Tensor]:
        """Sums over all parts."""
        parts = self._meeting.exchange(self._part, values)
        return [torch.stack(value).double().sum(0).to(value[0].dtype) for value in zip(*parts, strict=True)]


class _Whole(NamedTuple):
    """What a part knows of all parts.

    Attributes:
        mean, var: of each channel.
        eps: added to the variance.
        values: of a channel, how many.
        add: sums of tensors over all parts.
    """

    mean: Tensor
    var: Tensor
    eps: float
    values: int
    add: Callable[..., list[Tensor]]


class _Normalised(torch.autograd.Function):
    """A part, normalised by statistics to which all parts belong; the gradient goes through those as well."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, whole: _Whole) -> Tensor:
        ctx.save_for_backward(rows, weight)
        ctx.whole = whole
        output: Tensor = torch.native_batch_norm(rows, weight, bias, whole.mean, whole.var, False, 0.0, whole.eps)[0]
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (rows, weight), (mean, var, eps, values, add) = ctx.saved_tensors, ctx.whole
        direct, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], rows, weight, mean, var, None, None, False, eps, [True, True, True]
        )
        all_by_weight, all_by_bias = add(by_weight, by_bias)
        # What the mean and the variance take back is linear in the rows: a batch norm with other weights.
        scale = -weight * (var + eps).rsqrt() / values
        back = torch.native_batch_norm(rows, scale * all_by_weight, scale * all_by_bias, mean, var, False, 0.0, eps)
        return direct.add_(back[0]), by_weight, by_bias, None
