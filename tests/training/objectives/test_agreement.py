"""The objectives against implementations that are not ours, in values and in gradients, in float64.

NT-Xent, supervised contrastive loss and a memory of keys are those of pytorch-metric-learning, predictive coding is PyTorch's
cross-entropy. For decoupled, debiased and hard there is no package with the published form: their formulas are written here from the
papers, one pair at a time. Where conventions differ, the test says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning.losses import CrossBatchMemory, NTXentLoss, SelfSupervisedLoss, SupConLoss
from torch import Tensor
from torch.nn import functional

from samekind.objectives import (
    against_keys,
    cpc,
    debiased,
    decoupled,
    hard,
    info_nce,
    mean_over_anchors,
    plain_terms,
    softmax_loss,
    supervised,
)
from samekind.training.models.key_queue import KeyQueue

# τ ≥ 0.12 keeps logits less than 20 apart: beyond that PyTorch's softplus is a straight line, an error of 2e-9.
BATCHES = {"rows": st.integers(2, 7), "seed": st.integers(0, 50), "temperature": st.floats(0.12, 2)}


def drawn(*shape: int, seed: int) -> Tensor:
    """Seeded float64 embeddings of any length."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def assert_agree(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], *inputs: Tensor) -> None:
    """The same value, and the same gradient for each input."""
    found = []
    for loss in (ours, theirs):
        leaves = [each.clone().requires_grad_() for each in inputs]
        value = loss(*leaves)
        found.append((value.detach(), *torch.autograd.grad(value, leaves)))
    assert found[0][0].dtype == torch.float64
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)
    assert all(gradient.abs().sum() > 0 for gradient in found[0][1:])


def pair_by_pair(per_anchor: Callable[[Tensor, list[Tensor]], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Mean over the 2B views of a function of the cosine to the other view and of the cosines to all views of other images."""

    def loss(view_1: Tensor, view_2: Tensor) -> Tensor:
        views = [[x / x.square().sum().sqrt() for x in view] for view in (view_1, view_2)]
        losses = []
        for v, i in [(v, i) for v in (0, 1) for i in range(len(view_1))]:
            positive = (views[v][i] * views[1 - v][i]).sum()
            others = [(views[v][i] * views[w][j]).sum() for w in (0, 1) for j in range(len(view_1)) if j != i]
            losses.append(per_anchor(positive, others))
        return torch.stack(losses).mean()

    return loss


@given(**BATCHES)
def test_info_nce_is_nt_xent(rows: int, seed: int, temperature: float) -> None:
    """Theirs is a mean over positive pairs, and each anchor has one: the same as our mean over anchors."""
    theirs = SelfSupervisedLoss(NTXentLoss(temperature))
    assert_agree(
        lambda a, b: info_nce(a, b, temperature=temperature),
        theirs,
        drawn(rows, 5, seed=seed),
        drawn(rows, 5, seed=seed + 1),
    )


@given(**BATCHES, classes=st.integers(2, 4))
def test_supervised_is_supcon(rows: int, seed: int, temperature: float, classes: int) -> None:
    """Both average over an anchor's positives first, then over anchors. Theirs drops anchors whose loss is exactly 0; none is here."""
    label = torch.arange(rows) % classes
    theirs = SupConLoss(temperature)
    assert_agree(
        lambda a, b: supervised(a, b, label, temperature=temperature),
        lambda a, b: theirs(torch.cat([a, b]), label.repeat(2)),
        drawn(rows, 5, seed=seed),
        drawn(rows, 5, seed=seed + 1),
    )


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_a_queue_is_a_memory_of_keys(temperature: float) -> None:
    """Step by step while the memory fills and after it has wrapped: the keys of this batch, then the newest older ones.

    Their memory of 14 holds this batch's 4 keys among its own, so our queue of older keys has 10. They make older keys of the anchor's own
    image further positives where we leave them out, so here no image comes twice.
    """
    theirs = CrossBatchMemory(NTXentLoss(temperature), embedding_size=5, memory_size=14)
    queue = KeyQueue(10, 5).double()
    enqueued = torch.arange(8) >= 4
    for step in range(7):
        index = torch.arange(4) + 4 * step
        key = functional.normalize(drawn(4, 5, seed=100 + step), dim=1)

        def ours(anchor: Tensor, key: Tensor = key, index: Tensor = index) -> Tensor:
            anchor = functional.normalize(anchor, dim=1)
            terms = plain_terms(against_keys(anchor, key, index, queue.keys, queue.index))
            return mean_over_anchors(softmax_loss(terms, temperature=temperature), terms.contrasted)

        before = theirs.embedding_memory.clone(), theirs.label_memory.clone(), theirs.queue_idx, theirs.has_been_filled

        def memory(
            anchor: Tensor, key: Tensor = key, index: Tensor = index, before: tuple[Tensor, Tensor, int, bool] = before
        ) -> Tensor:
            theirs.embedding_memory, theirs.label_memory = before[0].clone(), before[1].clone()
            theirs.queue_idx, theirs.has_been_filled = before[2], before[3]
            loss: Tensor = theirs(torch.cat([anchor, key]), index.repeat(2), enqueue_mask=enqueued)
            return loss

        assert_agree(ours, memory, drawn(4, 5, seed=step))
        queue.push(key, index)
    assert theirs.has_been_filled


@given(**BATCHES)
def test_decoupled_is_the_papers_formula(rows: int, seed: int, temperature: float) -> None:
    """ArXiv 2110.06848, equation 6 (without its weighting function); the paper sums over anchors, we average."""

    def per_anchor(positive: Tensor, others: list[Tensor]) -> Tensor:
        mass: Tensor = sum(torch.exp(s / temperature) for s in others)  # type: ignore[assignment]
        return -positive / temperature + mass.log()

    assert_agree(
        lambda a, b: decoupled(a, b, temperature=temperature),
        pair_by_pair(per_anchor),
        drawn(rows, 5, seed=seed),
        drawn(rows, 5, seed=seed + 1),
    )


@given(**BATCHES, tau_plus=st.floats(0.01, 0.6))
def test_debiased_is_the_papers_formula(rows: int, seed: int, temperature: float, tau_plus: float) -> None:
    """ArXiv 2007.00224, equations 7 and 8 with one positive sample (M = 1) and Q = N; its lower bound e^(−1/t) included."""

    def per_anchor(positive: Tensor, others: list[Tensor]) -> Tensor:
        count, own = len(others), torch.exp(positive / temperature)
        unlabelled: Tensor = sum(torch.exp(s / temperature) for s in others) / count  # type: ignore[assignment]
        g = ((unlabelled - tau_plus * own) / (1 - tau_plus)).clamp(min=math.exp(-1 / temperature))
        return -torch.log(own / (own + count * g))

    assert_agree(
        lambda a, b: debiased(a, b, temperature=temperature, tau_plus=tau_plus),
        pair_by_pair(per_anchor),
        drawn(rows, 5, seed=seed),
        drawn(rows, 5, seed=seed + 1),
    )


@given(**BATCHES, beta=st.floats(0, 3), tau_plus=st.floats(0, 0.6))
def test_hard_is_the_papers_formula(rows: int, seed: int, temperature: float, beta: float, tau_plus: float) -> None:
    """ArXiv 2010.04592, equation 4, with importance weights `exp(β s / τ)` normalised to mean 1.

    The paper writes `exp(β s)`; its released code has the exponent over the temperature, and so have we. Weights are part of the gradient.
    """

    def per_anchor(positive: Tensor, others: list[Tensor]) -> Tensor:
        count, own = len(others), torch.exp(positive / temperature)
        weight = [torch.exp(beta * s / temperature) for s in others]
        mean_weight = sum(weight) / count
        reweighted = sum(w / mean_weight * torch.exp(s / temperature) for w, s in zip(weight, others, strict=True))
        corrected: Tensor = (reweighted - tau_plus * count * own) / (1 - tau_plus)
        return -torch.log(own / (own + corrected.clamp(min=count * math.exp(-1 / temperature))))

    assert_agree(
        lambda a, b: hard(a, b, temperature=temperature, beta=beta, tau_plus=tau_plus),
        pair_by_pair(per_anchor),
        drawn(rows, 5, seed=seed),
        drawn(rows, 5, seed=seed + 1),
    )


@given(rows=st.integers(2, 7), codes=st.integers(2, 9), seed=st.integers(0, 50), temperature=st.floats(0.5, 2))
def test_predictive_coding_is_cross_entropy(rows: int, codes: int, seed: int, temperature: float) -> None:
    """Over all codes, the predicted one being the class; several predictions may be about one code.

    Logits differ by less than 20: beyond that PyTorch's softplus is a straight line, an error of 2e-9.
    """
    target = torch.arange(rows) % codes
    assert_agree(
        lambda a, b: cpc(a, b, target, temperature=temperature),
        lambda a, b: functional.cross_entropy(a @ b.T / temperature, target),
        0.3 * drawn(rows, 5, seed=seed),
        drawn(codes, 5, seed=seed + 1),
    )
