"""Queue, momentum, whitening, schedule, bound, tracker and k-NN: each against its definition."""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from samekind.core.errors import InputError
from samekind.training.diagnostics.accuracy import knn_accuracy
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.engine.schedule import warmup_cosine
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.models.key_queue import KeyQueue
from samekind.training.models.momentum import MomentumEncoder
from samekind.training.models.whitening import SPREAD_FLOOR, Whitening, directions_worth_keeping, discount
from samekind.training.objectives.mi_bound import info_nce_bound
from samekind.training.objectives.similarity import Contrast
from samekind.training.runtime.devices import use_bfloat16
from samekind.training.training_set import label_numbers
from tests.training import slow_loops


@given(size=st.integers(1, 9), pushes=st.lists(st.integers(1, 20), max_size=8))
def test_the_queue_is_a_deque(size: int, pushes: list[int]) -> None:
    """Whatever is pushed, wrapping or larger than the queue, it holds what `deque(maxlen=size)` holds."""
    queue, model = KeyQueue(size, 2), deque[int](maxlen=size)
    counter = 0
    for count in pushes:
        numbers = torch.arange(counter, counter + count)
        queue.push(numbers[:, None].float().expand(-1, 2), numbers)
        model.extend(numbers.tolist())
        counter += count
    held = queue.index[queue.index >= 0].tolist()
    assert sorted(held) == sorted(model)
    filled = queue.index >= 0
    assert queue.keys[filled, 0].long().tolist() == held
    oldest_first = torch.roll(queue.index, -int(queue.position)).tolist()
    assert [number for number in oldest_first if number >= 0] == list(model)


def test_the_key_encoder_is_an_exponential_average() -> None:
    """After n steps against a fixed network the distance to it has shrunk by m^n; no gradient reaches it."""
    linear = torch.nn.Linear(2, 2)
    online = torch.nn.Sequential(linear)
    key = MomentumEncoder(online, 0.9)
    start = linear.weight.detach().clone()
    with torch.no_grad():
        linear.weight.add_(1.0)
    for _ in range(5):
        key.follow(online)
    torch.testing.assert_close(key.network.get_parameter("0.weight"), start + 1 - 0.9**5)
    assert not any(p.requires_grad for p in key.parameters())


def test_full_whitening_makes_the_covariance_the_identity() -> None:
    """Exponent 0.5 gives uncorrelated directions of (nearly) equal variance; the mean goes to 0."""
    torch.manual_seed(0)
    feature = torch.randn(4000, 3) @ torch.tensor([[1.0, 0.5, 0], [0, 1.0, 0.3], [0, 0, 0.7]]) + 5
    whitening = Whitening(3, 3)
    whitening.fit(feature, 0.5)
    out = whitening(feature)
    covariance = torch.cov(out.T) / torch.cov(out.T)[0, 0]
    torch.testing.assert_close(covariance, torch.eye(3), atol=0.01, rtol=0)
    torch.testing.assert_close(out.mean(0), torch.zeros(3), atol=1e-4, rtol=0)


def test_whitening_keeps_the_loudest_directions() -> None:
    """With D < F the directions of largest variance stay, loudest first."""
    torch.manual_seed(0)
    feature = torch.randn(1000, 4) * torch.tensor([0.1, 3.0, 0.2, 2.0])
    whitening = Whitening(4, 2)
    whitening.fit(feature, 0.0)
    assert whitening.matrix.abs().argmax(0).tolist() == [1, 3]


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_directions_in_which_views_differ_count_less(turn: float) -> None:
    """Divided by √(variance + floor), whichever way the axes lie; a spread that is the same everywhere only centres."""
    torch.manual_seed(0)
    axes = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    rows = torch.randn(50, 2)
    centred = rows - rows.mean(0)
    scaled = centred / torch.tensor([4.0 + SPREAD_FLOOR * 4, 0.04 + SPREAD_FLOOR * 4]).sqrt()
    expected = torch.nn.functional.normalize(scaled, dim=1) @ axes.T
    torch.testing.assert_close(discount(rows @ axes.T, axes @ torch.diag(torch.tensor([4.0, 0.04])) @ axes.T), expected)
    torch.testing.assert_close(discount(rows, torch.eye(2)), torch.nn.functional.normalize(centred, dim=1))
    assert discount(rows, torch.zeros(2, 2)).isfinite().all()


@pytest.mark.parametrize(
    ("asked", "images", "kept"), [(256, 60_000, 256), (256, 200, 25), (256, 10, 8), (0, 8000, 1000), (4, 60_000, 4)]
)
def test_few_images_keep_few_directions(asked: int, images: int, kept: int) -> None:
    """Never more than an eighth of the images, never fewer than eight unless asked for."""
    assert directions_worth_keeping(asked, images) == kept


def test_whitened_neighbours_of_few_images_stay_neighbours() -> None:
    """200 images around 4 centres in 500 dimensions: a neighbour is of the same centre, and clearly nearer than 0."""
    torch.manual_seed(0)
    kinds = torch.arange(200) % 4
    feature = torch.randn(4, 500)[kinds] * 2 + torch.randn(200, 500)
    whitening = Whitening(500, directions_worth_keeping(256, 200))
    whitening.fit(feature, 0.5)
    embedding = torch.nn.functional.normalize(whitening(feature), dim=1)
    similarity, nearest = (embedding @ embedding.T).fill_diagonal_(-1).max(1)
    assert (kinds[nearest] == kinds).float().mean() > 0.8
    assert similarity.mean() > 0.3


def test_whitening_of_nothing_changes_nothing() -> None:
    """One image, or images all alike, leave the map as it was: no NaN."""
    for feature in (torch.ones(1, 3), torch.ones(5, 3)):
        whitening = Whitening(3, 3)
        whitening.fit(feature, 0.5)
        assert whitening(feature).tolist() == feature.tolist()


def test_the_schedule_rises_to_one_and_falls_towards_zero() -> None:
    """Linear rise over the warm-up, then monotone decay; never 0, so that every step counts."""
    factors = [warmup_cosine(step, 100, 0.1) for step in range(100)]
    assert factors[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert all(a > b for a, b in pairwise(factors[9:]))
    assert 0 < factors[-1] < 0.001
    assert warmup_cosine(0, 1, 0.0) == 1.0


def test_the_bound_is_capped_and_zero_for_nothing_shared() -> None:
    """Identical, well-separated views reach log K; identical rows everywhere share nothing that tells them apart."""
    apart = torch.eye(8)
    assert info_nce_bound(apart, apart, 0.01) == pytest.approx(math.log(8), abs=1e-5)
    alike = torch.nn.functional.normalize(torch.ones(8, 4), dim=1)
    assert info_nce_bound(alike, alike, 0.1) == pytest.approx(0, abs=1e-5)


@given(seed=st.integers(0, 30), classes=st.integers(1, 4), k=st.integers(1, 40))
def test_knn_is_the_slow_vote(seed: int, classes: int, k: int) -> None:
    """Accuracy of the loop with a dictionary, k beyond the bank and negative cosines included."""
    random = np.random.default_rng(seed)
    bank, query = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in (random.normal(size=(30, 4)), random.normal(size=(9, 4)))
    )
    bank_labels, query_labels = random.integers(0, classes, 30), random.integers(0, classes, 9)
    got = knn_accuracy(bank.astype(np.float32), bank_labels, query.astype(np.float32), query_labels, k, 0.1)
    assert got == slow_loops.weighted_knn(bank, bank_labels, query, query_labels, k, 0.1)


def test_knn_without_labels_is_unknown() -> None:
    """Rows of unknown class neither vote nor count; with none known there is no figure."""
    bank = np.eye(3, dtype=np.float32)
    unknown = np.full(3, -1)
    assert knn_accuracy(bank, unknown, bank, unknown) is None
    assert knn_accuracy(bank, np.array([0, 1, -1]), bank, np.array([0, 1, -1]), k=1) == 1.0
    with pytest.raises(InputError, match="at least 1"):
        knn_accuracy(bank, unknown, bank, unknown, k=0)


def test_label_numbers_mark_unknown_ones() -> None:
    """Unknown names and missing labels become −1."""
    assert label_numbers(["b", None, "a", "z"], ["a", "b"]).tolist() == [1, -1, 0, -1]  # type: ignore[union-attr]
    assert label_numbers(None, ["a"]) is None


def contrast_of(similarity: list[list[float]], candidates: list[int]) -> Contrast:
    """A hand-made batch whose first column is the positive."""
    matrix = torch.tensor(similarity)
    anchors = torch.arange(len(matrix))
    index = torch.tensor(candidates)
    return Contrast(
        matrix[:, 0], matrix, anchors[:, None] != index[None, :], anchors, index, torch.zeros(len(matrix), 2), torch.zeros(len(index), 2)
    )  # fmt: skip


def test_the_tracker_counts_by_rank() -> None:
    """Hand-made case: image 0 of class A meets 1 (A), 2 (B), 3 (B); its hardest negative is 2."""
    tracker = FalseNegativeTracker(np.array([0, 0, 1, 1]))
    contrast = contrast_of([[1.0, 0.5, 0.9, 0.1]], [0, 1, 2, 3])
    tracker.update(contrast, torch.tensor([[-5.0, 1.0, 2.0, 1.0]]))
    record = tracker.record()
    assert record["base_rate"] == pytest.approx(1 / 3)
    assert record["false_negative_rate"] == {"1": 0.0, "10": None, "100": None}
    assert record["gradient_share"] == pytest.approx(1 / 4)
    assert record["lift"]["1"] == 0.0  # type: ignore[index]
    assert record["num_anchors"] == 1


def test_the_tracker_leaves_unknown_pairs_out() -> None:
    """An unlabelled candidate is neither a true nor a false negative, but keeps its rank."""
    tracker = FalseNegativeTracker(np.array([0, 0, -1]))
    tracker.update(contrast_of([[1.0, 0.5, 0.9]], [0, 1, 2]), torch.ones(1, 3))
    assert tracker.record()["base_rate"] == 1.0
    assert tracker.record()["false_negative_rate"]["1"] is None  # type: ignore[index]


def test_the_tracker_without_labels_knows_nothing() -> None:
    """Null, never NaN."""
    tracker = FalseNegativeTracker(None)
    tracker.update(contrast_of([[1.0, 0.5]], [0, 1]), torch.ones(1, 2))
    assert tracker.record() == {
        "base_rate": None, "false_negative_rate": None, "lift": None, "gradient_share": None, "detector": None,
        "num_anchors": 0,
    }  # fmt: skip


def test_the_tracker_judges_the_detector() -> None:
    """Precision and recall of the flags among the pairs that are known."""
    tracker = FalseNegativeTracker(np.array([0, 0, 1, 0, -1]))
    contrast = contrast_of([[1.0, 0.5, 0.9, 0.1, 0.3]], [0, 1, 2, 3, 4])
    flagged = torch.tensor([[False, True, True, False, True]])
    tracker.update(contrast, torch.ones(1, 5), FalseNegativePrediction(flagged, flagged.float()))
    assert tracker.record()["detector"] == {"precision": 0.5, "recall": 0.5}


@pytest.mark.parametrize(
    ("can", "tiles", "fast"),
    [
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, False, True),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": False}, False, False),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx512_bf16": True}, False, False),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx512_bf16": True}, True, True),
        ({}, False, False),
    ],
)
def test_which_processors_multiply_bfloat16_faster(
    monkeypatch: pytest.MonkeyPatch, can: dict[str, Any], tiles: bool, fast: bool
) -> None:
    """AMD's with AVX512-BF16 and those with matrix tiles; what is asked for by name holds anywhere."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    device = torch.device("cpu")
    assert use_bfloat16("auto", device) is fast
    assert use_bfloat16("bfloat16", device)
    assert not use_bfloat16("float32", device)
