"""The learned normalisation of noise-contrastive estimation: one scalar that a softmax would compute and a binary loss must learn."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from samekind.training.objectives.checks import check_temperature
from samekind.training.objectives.contrastive import binary_loss
from samekind.training.objectives.gather import gather_with_gradient
from samekind.training.objectives.terms import Terms

FORMS = ("partition", "sigmoid")


class NoiseContrast(nn.Module):
    """The objective `nce`, with its learned scalars: give its parameters to the optimizer.

    Args:
        form: `partition` has `f = s/τ − log Z − log(N·q)` with log Z learned and q = 1/M uniform over M images (so the noise is known);
            `sigmoid` has `f = t·s + b` with both learned, and needs no noise model.
        temperature: τ > 0; of `sigmoid` where the scale `t = 1/τ` starts.
        num_images: M ≥ 1, over which the noise is uniform.

    Raises:
        ValueError: an unknown form, or a number out of range.

    log Z starts at `log(M · mean e)` of the first batch (of its first block of rows, where the batch is worked through in blocks), and the
    bias of `sigmoid` at `−log N`, the log odds of one positive among N: from elsewhere the first epochs would only move it there.

    Source:
        Gutmann and Hyvärinen 2010; arXiv 1805.01978, section 3.2; pairwise sigmoid, arXiv 2303.15343.
    """

    started: Tensor

    def __init__(self, form: str, temperature: float, num_images: int) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"unknown form {form!r}, choose one of {', '.join(FORMS)}")
        check_temperature(temperature)
        if num_images < 1:
            raise ValueError(f"num_images must be at least 1, got {num_images}")
        self.form = form
        self.temperature = temperature
        self.log_images = math.log(num_images)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)), requires_grad=form == "sigmoid")
        self.offset = nn.Parameter(torch.tensor(0.0))  # log Z, or minus the bias
        self.register_buffer("started", torch.tensor(False))
        self._knows_start = (
            False  # asked of the buffer once, and after it was loaded: every time, a GPU would have to be waited for
        )
        self.register_load_state_dict_post_hook(_forget_start)  # type: ignore[no-untyped-call]

    def forward(self, terms: Terms) -> Tensor:
        """`(A,)` float loss per anchor, 0 for an anchor without negatives."""
        if not self._knows_start:
            if not self.started:
                self._start(terms)
            self._knows_start = bool(self.started)
        log_noise = terms.log_count - self.log_images if self.form == "partition" else torch.zeros_like(terms.log_count)
        return binary_loss(terms, scale=self.log_scale.exp(), shift=self.offset + log_noise)

    @torch.no_grad()
    def _start(self, terms: Terms) -> None:
        logits = terms.candidate / self.temperature
        if not terms.negative_mask.any():
            return
        # gathered: the same in all processes, and what one with all images would find
        if self.form == "sigmoid":
            self.offset.copy_(gather_with_gradient(terms.log_count[terms.contrasted].mean().reshape(1)).mean())
        else:
            sums = gather_with_gradient(logits[terms.negative_mask].logsumexp(0).reshape(1))
            count = gather_with_gradient(terms.negative_mask.sum().reshape(1)).sum()
            self.offset.copy_(self.log_images + (sums.logsumexp(0) - math.log(int(count))))
        self.started.fill_(True)


def _forget_start(module: nn.Module, keys: object) -> None:
    assert isinstance(module, NoiseContrast)
    module._knows_start = False
