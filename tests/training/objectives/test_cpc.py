"""Predictive coding: nothing leaks, the positive is no negative, and the figures are those of a slow loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from samekind.core.errors import InputError
from samekind.training.config.objective import CPC_CONTEXTS
from samekind.training.diagnostics.accuracy import knn_accuracy
from samekind.training.models.patches import PatchEncoder
from samekind.training.objectives.contrastive import mean_over_anchors, softmax_loss
from samekind.training.objectives.cpc import ContextNetwork, CpcNetwork
from samekind.training.objectives.mi_bound import bound_of_logits
from samekind.training.objectives.similarity import Contrast
from samekind.training.objectives.terms import plain_terms
from tests.training.patch_networks import images, network


def seeded(seed: int = 0) -> torch.Generator:
    """A generator."""
    return torch.Generator().manual_seed(seed)


def contrast_of(cpc: CpcNetwork, count: int, seed: int = 0) -> Contrast:
    """The contrast of noise images numbered from 100 on."""
    return cpc.contrast(images(count), torch.arange(100, 100 + count), seeded(seed))[0]


def loss_of(contrast: Contrast) -> Tensor:
    """The objective `cpc`: InfoNCE at temperature 1."""
    return mean_over_anchors(softmax_loss(plain_terms(contrast), temperature=1.0), contrast.is_negative.any(1))


@pytest.mark.parametrize("context", CPC_CONTEXTS)
@pytest.mark.parametrize("row", range(5))
def test_a_context_knows_its_row_and_those_above_only(context: str, row: int) -> None:
    """Other codes below row r leave the contexts down to r as they were, bit by bit; another code in row r changes them."""
    torch.manual_seed(0)
    reader = ContextNetwork(8, context).train()
    codes = torch.randn(2, 6, 6, 8)
    below, own = codes.clone(), codes.clone()
    below[:, row + 1 :] += 1
    own[0, row, 2] += 1
    before = reader(codes)
    assert before.shape == codes.shape
    assert torch.equal(reader(below)[:, : row + 1], before[:, : row + 1])
    assert not torch.equal(reader(own)[0, row, 2], before[0, row, 2])
    assert not torch.equal(reader(own)[0, row + 1], before[0, row + 1])
    torch.testing.assert_close(reader(own)[1], before[1])


@pytest.mark.parametrize("context", CPC_CONTEXTS)
def test_pixels_below_do_not_reach_a_context(context: str) -> None:
    """Through the whole network: pixels that no patch of rows ≤ r holds leave c_r as it was."""
    cpc = network(context=context).train()
    before = images(2)
    after = before.clone()
    after[:, :, 4 + 8 :] += 1  # row 1 ends with pixel 11
    torch.testing.assert_close(cpc(after)[1][:, :2], cpc(before)[1][:, :2], rtol=0, atol=0)
    assert not torch.equal(cpc(after)[1][:, 2], cpc(before)[1][:, 2])


def test_masked_convolutions_see_the_neighbouring_columns() -> None:
    """The whole of row r may be used: a code to the right of a context's column changes it."""
    reader = ContextNetwork(8)
    codes = torch.randn(1, 6, 6, 8)
    other = codes.clone()
    other[0, 3, 4] += 1
    assert not torch.equal(reader(other)[0, 3, 2], reader(codes)[0, 3, 2])


Key = tuple[int, int, int, int]


def by_hand(cpc: CpcNetwork, count: int) -> dict[Key, list[float]]:
    """`zᵀ W_k c / √D` of every prediction (image, row, column, k) with every cell, cells row by row, in loops."""
    codes, context = (t.detach().double().numpy() for t in cpc(images(count)))
    grid, dim = codes.shape[1], codes.shape[3]
    logits = {}
    for k, predictor in enumerate(cpc.predictors, 1):
        weight = predictor.get_parameter("weight").detach().double().numpy()
        for image, row, column in np.ndindex(count, grid - k, grid):
            told = [float(np.sum(weight[i] * context[image, row, column])) for i in range(dim)]
            logits[image, row, column, k] = [
                sum(z * p for z, p in zip(cell, told, strict=True)) / math.sqrt(dim) for cell in codes.reshape(-1, dim)
            ]
    return logits


def target_of(key: Key, grid: int = 4) -> int:
    """The number of the cell that a prediction is about: k rows below its context, in the same column of the same image."""
    image, row, column, k = key
    return (image * grid + row + k) * grid + column


def test_the_positives_are_all_predictions_of_the_slow_loop() -> None:
    """With room for all, the anchors are every (image, row, column, k) on the grid once, with the loop's logits."""
    cpc = network(max_anchors=10_000)
    contrast = contrast_of(cpc, 2)
    expected = [row[target_of(key)] for key, row in by_hand(cpc, 2).items()]
    assert len(expected) == 2 * 4 * (3 + 2 + 1)
    np.testing.assert_allclose(np.sort(contrast.positive.detach().numpy()), np.sort(expected), rtol=1e-4, atol=1e-5)
    assert torch.bincount(contrast.anchor_index - 100).tolist() == [24, 24]


def test_with_all_cells_as_candidates_only_the_target_is_no_negative() -> None:
    """One False a row, and there the logit is the positive's; candidates name each image G² times."""
    contrast = contrast_of(network(), 3)
    assert contrast.candidate.shape == (72, 48)
    assert (~contrast.is_negative).sum(1).tolist() == [1] * 72
    torch.testing.assert_close(contrast.candidate[~contrast.is_negative], contrast.positive)
    masked = (~contrast.is_negative).int().argmax(1)
    assert torch.equal(contrast.candidate_index[masked], contrast.anchor_index)
    assert torch.bincount(contrast.candidate_index - 100).tolist() == [16, 16, 16]


def test_logits_and_loss_are_those_of_the_slow_loop() -> None:
    """Each row of the matrix is one prediction's with every cell but for their order, its positive the target's; so is the loss."""
    cpc = network(max_anchors=9)
    contrast = contrast_of(cpc, 2)
    loops = by_hand(cpc, 2)
    losses = []
    for anchor, row in enumerate(contrast.candidate.detach().numpy()):
        key = min(loops, key=lambda key: abs(loops[key][target_of(key)] - contrast.positive[anchor].item()))
        expected = loops[key]
        own = expected[target_of(key)]
        assert contrast.anchor_index[anchor] == 100 + key[0]
        assert contrast.positive[anchor].item() == pytest.approx(own, rel=1e-4, abs=1e-5)
        for image in (0, 1):
            mine = (contrast.candidate_index == 100 + image).numpy()
            np.testing.assert_allclose(
                np.sort(row[mine]), np.sort(expected[16 * image : 16 * image + 16]), rtol=1e-4, atol=1e-5
            )
        losses.append(-math.log(math.exp(own) / sum(math.exp(logit) for logit in expected)))
    assert loss_of(contrast).item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_draw_is_the_generators() -> None:
    """The same state gives the same contrast and bound, another state another choice; sizes are capped."""
    cpc = network(max_anchors=7, max_candidates=9)
    first, again, other = contrast_of(cpc, 3), contrast_of(cpc, 3), contrast_of(cpc, 3, seed=1)
    assert first.candidate.shape == (7, 9)
    for name in ("positive", "candidate", "is_negative", "anchor_index", "candidate_index"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.positive, other.positive)
    assert not torch.equal(first.candidate_index, other.candidate_index)
    assert (~first.is_negative).sum(1).max() <= 1


@pytest.mark.parametrize("context", CPC_CONTEXTS)
@pytest.mark.parametrize("count", [1, 2])
def test_few_images(context: str, count: int) -> None:
    """One or two images give a finite loss, a gradient down to the stem and a bound of at most log B."""
    cpc = network(context=context)
    contrast, bound = cpc.contrast(images(count), torch.arange(count), seeded())
    loss = loss_of(contrast)
    loss.backward()
    assert torch.isfinite(loss)
    assert bound <= math.log(count)
    for name, parameter in cpc.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    stem = cpc.backbone.network[0]
    assert isinstance(stem, nn.Conv2d)
    assert stem.weight.grad is not None
    assert stem.weight.grad.abs().sum() > 0


def test_steps_are_clipped_to_the_grid() -> None:
    """A grid of two rows leaves one step; nonsense is refused."""
    assert network(size=12, steps=3).steps == 1
    assert network(steps=9).steps == 3
    with pytest.raises(InputError, match="steps must be at least 1, got 0"):
        network(steps=0)
    with pytest.raises(InputError, match="unknown context 'lstm'"):
        network(context="lstm")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_low_precision_stays_finite(dtype: torch.dtype, scale: float) -> None:
    """Autocast around it, blank to glaring images: float32 logits, finite loss and gradient."""
    cpc = network()
    with torch.autocast("cpu", dtype=dtype):
        contrast, bound = cpc.contrast(scale * images(3), torch.arange(3), seeded())
    loss = loss_of(contrast)
    loss.backward()
    assert contrast.candidate.dtype == contrast.positive.dtype == torch.float32
    assert torch.isfinite(contrast.candidate).all()
    assert math.isfinite(bound)
    assert torch.isfinite(torch.cat([p.grad.flatten() for p in cpc.parameters() if p.grad is not None])).all()


def test_logits_start_at_variance_one() -> None:
    """Untrained logits neither vanish nor saturate: the loss is near the log of the number of candidates."""
    contrast = contrast_of(network(), 16)
    assert 0.3 < contrast.candidate.std().item() < 1.5
    assert loss_of(contrast).item() == pytest.approx(math.log(256), abs=1.0)


def test_the_bound_is_the_loops_and_capped() -> None:
    """`log B − L` in a loop; a perfect prediction gives log B, an uninformative one 0."""
    logits = torch.randn(5, 5, generator=seeded())
    rows = logits.double().numpy()
    slow = math.log(5) + np.mean([rows[i, i] - math.log(np.exp(rows[i]).sum()) for i in range(5)])
    assert bound_of_logits(logits) == pytest.approx(slow, rel=1e-5)
    assert bound_of_logits(100 * torch.eye(5)) == pytest.approx(math.log(5))
    assert bound_of_logits(100 * torch.eye(5)) <= math.log(5)
    assert bound_of_logits(torch.zeros(5, 5)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("column", [0, 1])
def test_the_bound_contrasts_one_place_over_the_images(column: int) -> None:
    """On a grid of two rows there is one step at two columns: the bound is the loop's at the column that was drawn."""
    cpc = network(size=12)
    batch = images(6, size=12)
    codes, context = (t.detach() for t in cpc(batch))
    predictor = cpc.predictors[0]
    logits = predictor(context[:, 0, column]) @ codes[:, 1, column].T / 4
    expected = bound_of_logits(logits.detach())
    drawn = {round(cpc.contrast(batch, torch.arange(6), seeded(seed))[1], 5) for seed in range(8)}
    assert len(drawn) == 2
    assert min(abs(bound - expected) for bound in drawn) < 1e-4


def stripes(count: int) -> tuple[Tensor, np.ndarray]:
    """Gratings of four directions, any phase, in noise: what lies below follows from what lies above, if the direction is known."""
    random = np.random.default_rng(0)
    kind = np.arange(count) % 4
    angle = (kind * np.pi / 4)[:, None, None]
    y, x = np.mgrid[:20, :20]
    phase = random.uniform(0, 2 * np.pi, (count, 1, 1))
    wave = np.sin(0.9 * (np.cos(angle) * x + np.sin(angle) * y) + phase)
    pictures = wave + random.normal(0, 1.0, wave.shape)
    return torch.from_numpy(pictures[:, None]).float(), kind


def accuracy(backbone: PatchEncoder, pictures: Tensor, kind: np.ndarray) -> float:
    """The k-NN accuracy of the last quarter among the rest."""
    with torch.no_grad():
        feature = nn.functional.normalize(backbone(pictures), dim=1).numpy()
    cut = len(kind) * 3 // 4
    found = knn_accuracy(feature[:cut], kind[:cut], feature[cut:], kind[cut:], k=5)
    assert found is not None
    return found


@pytest.mark.parametrize("context", CPC_CONTEXTS)
def test_training_learns_what_lies_below(context: str) -> None:
    """Thirty steps: the loss falls well under the log of the candidates, the bound rises, k-NN beats the untrained encoder."""
    pictures, kind = stripes(240)
    torch.manual_seed(0)
    cpc = CpcNetwork(PatchEncoder(1, 8, 20, 1), context=context)
    untrained = accuracy(cpc.backbone, pictures, kind)
    optimizer = torch.optim.AdamW(cpc.parameters(), lr=3e-3)
    draw = seeded()
    losses, bounds = [], []
    for _ in range(30):
        index = torch.randperm(180, generator=draw)[:24]
        contrast, bound = cpc.contrast(pictures[index], index, draw)
        loss = loss_of(contrast)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        bounds.append(bound)
    assert np.mean(losses[-5:]) < math.log(24 * 16) - 1
    assert np.mean(bounds[-5:]) > 0.3
    assert accuracy(cpc.backbone, pictures, kind) > untrained + 0.1
