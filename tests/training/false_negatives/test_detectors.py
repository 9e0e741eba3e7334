"""The detectors against slow loops, by what they must and must not flag."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from samekind.core.errors import CorpusError
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.batch import (
    Posterior,
    Quantile,
    RelativeMargin,
    Threshold,
    bcl_posterior,
)
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.false_negatives.detectors.pairs import (
    Cluster,
    Guide,
    Oracle,
    Reciprocal,
    Relation,
    towards_neighbours,
)
from samekind.training.objectives.similarity import Contrast, against_keys, in_batch
from tests.training import slow_loops


def unit(rows: int, seed: int = 0, dim: int = 8) -> Tensor:
    """Seeded unit-norm rows."""
    return torch.nn.functional.normalize(torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def blobs(per_class: int, classes: int = 3, noise: float = 0.25) -> tuple[Tensor, np.ndarray]:
    """Unit-norm rows around well separated centres, and their labels."""
    labels = np.repeat(np.arange(classes), per_class)
    centres = torch.eye(classes, 8)[torch.from_numpy(labels)]
    return torch.nn.functional.normalize(centres + noise * unit(len(labels), 5), dim=1), labels


def blob_batch() -> tuple[Contrast, Tensor]:
    """Two near views of blobs, and which pairs are of one class."""
    rows, labels = blobs(8)
    other = torch.nn.functional.normalize(rows + 0.1 * unit(len(rows), 6), dim=1)
    twice = torch.from_numpy(np.tile(labels, 2))
    return in_batch(rows, other, torch.arange(len(rows))), twice[:, None] == twice[None, :]


def all_detectors(rows: Tensor, labels: np.ndarray) -> list[Detector]:
    """One of each, refreshed."""
    count = len(rows)
    made: list[Detector] = [
        Threshold(), Quantile(count, 0.3), Posterior(0.3), RelativeMargin(-0.2), Guide(rows.numpy(), np.full(count, 0.9, np.float32), -0.2),
        Cluster(count, 3, 0), Reciprocal(count, 7), Oracle(labels), Relation(rows.numpy(), rows.shape[1], 0.3),
        Combined(rows.numpy(), rows.shape[1], 0.3),
    ]  # fmt: skip
    for detector in made:
        detector.refresh(rows.numpy())
    return made


@pytest.mark.parametrize("number", range(10))
def test_each_finds_classes_that_are_plain_to_see(number: int) -> None:
    """Where classes are blobs, flags are right more often than not, probabilities rank them, and nothing else is flagged."""
    contrast, same = blob_batch()
    rows, labels = blobs(8)
    detector = all_detectors(rows, labels)[number]
    suspects = detector(contrast)
    false = same & contrast.is_negative
    assert not (suspects.flagged & ~contrast.is_negative).any()
    assert (suspects.probability[~contrast.is_negative] == 0).all()
    assert ((suspects.probability >= 0) & (suspects.probability <= 1)).all()
    assert suspects.probability[false].mean() > suspects.probability[contrast.is_negative & ~same].mean() + 0.1
    if suspects.flagged.any():
        assert (suspects.flagged & false).sum() > 0.8 * suspects.flagged.sum()
    assert suspects.probability.requires_grad is False


@pytest.mark.parametrize("number", range(10))
def test_each_works_against_a_queue(number: int) -> None:
    """Candidates that are no anchors, and slots that are empty."""
    rows, labels = blobs(8)
    detector = all_detectors(rows, labels)[number]
    index = torch.tensor([0, 9, 17])
    queue_index = torch.tensor([1, 10, -1, 0])
    contrast = against_keys(rows[index], rows[index], index, rows[queue_index.clamp(min=0)], queue_index)
    suspects = detector(contrast)
    assert suspects.flagged.shape == (3, 7)
    assert not suspects.flagged[:, 5].any()  # an empty slot
    assert not suspects.flagged[0, 6]  # the anchor's own image


def test_the_oracle_is_exact_and_needs_labels() -> None:
    """Unknown labels make no pair."""
    contrast, same = blob_batch()
    labels = blobs(8)[1]
    assert torch.equal(Oracle(labels)(contrast).flagged, same & contrast.is_negative)
    unknown = Oracle(np.full(len(labels), -1))
    assert not unknown(contrast).flagged.any()
    with pytest.raises(CorpusError, match="needs labels"):
        Oracle(None)


def test_threshold_flags_at_most_ten_and_hears_both_views() -> None:
    """FNC's top ten, and the greater of the two similarities."""
    view = unit(1).repeat(30, 1)  # all alike
    contrast = in_batch(view, view + 0.0, torch.arange(30))
    tied = replace(contrast, candidate=contrast.candidate + torch.arange(60) * 1e-4)
    assert (Threshold(0.5)(tied).flagged.sum(1) <= 10).all()
    first, second = unit(4, 1), unit(4, 2)
    contrast = in_batch(first, second, torch.arange(4))
    scores = Threshold().scores(contrast)
    torch.testing.assert_close(scores[:4], torch.maximum(contrast.candidate[:4], contrast.candidate[4:]))


@given(u=st.floats(0.001, 0.999), prior=st.floats(0.01, 0.4), alpha=st.floats(0.5, 1.0))
def test_the_posterior_is_the_slow_bisection(u: float, prior: float, alpha: float) -> None:
    """The stable root of the quadratic, also where α = ½ makes it linear."""
    got = bcl_posterior(torch.tensor([[u]], dtype=torch.float64), prior, alpha).item()
    assert got == pytest.approx(slow_loops.bcl_posterior(u, prior, alpha), abs=1e-6)


def test_the_posterior_without_knowledge_is_the_prior() -> None:
    """α = ½: a rank says nothing."""
    got = bcl_posterior(torch.rand(3, 5), 0.2, 0.5)
    torch.testing.assert_close(got, torch.full((3, 5), 0.2))


@pytest.mark.parametrize("prior", [0.01, 0.1, 0.3])
def test_the_posterior_flags_the_share_that_it_assumes(prior: float) -> None:
    """Its own operating point is the prior, not one half, which no rank may reach."""
    contrast = in_batch(unit(200, 1), unit(200, 2), torch.arange(200))
    flagged = Posterior(prior)(contrast).flagged.sum() / contrast.is_negative.sum()
    assert flagged.item() == pytest.approx(prior, abs=0.004)


def test_a_threshold_starts_where_its_batch_says() -> None:
    """The first visit leaves λ at the batch's quantile: Adam's first step would move it by 0.05 for nothing."""
    contrast = in_batch(unit(60, 1), unit(60, 2), torch.arange(60))
    detector = Quantile(60, 0.1)
    flagged = detector(contrast).flagged.sum(1).reshape(2, 60).float().mean(0) / 118
    assert flagged.mean().item() == pytest.approx(0.1, abs=0.01)
    assert flagged.std().item() < 0.03


def test_quantile_learns_the_share_that_it_was_asked_for() -> None:
    """Started away from it, λ moves until a share α of the negatives lies above; both views of an image share one λ."""
    contrast = in_batch(unit(40, 1), unit(40, 2), torch.arange(40))
    detector = Quantile(40, 0.2)
    detector(contrast)
    started = detector.image_threshold.clone()
    detector.image_threshold.fill_(0.9)
    for _ in range(300):
        detector(contrast)
    above = (contrast.candidate > detector.image_threshold[contrast.anchor_index][:, None]) & contrast.is_negative
    assert above.float().sum().item() / contrast.is_negative.sum().item() == pytest.approx(0.2, abs=0.03)
    assert (started - detector.image_threshold).abs().mean() < 0.15  # the first visit had started it near there
    frozen = detector.image_threshold.clone()
    detector.eval()(contrast)
    assert torch.equal(detector.image_threshold, frozen)


def test_relative_margin_and_guide_compare_with_the_positive() -> None:
    """By hand."""
    contrast = Contrast(
        torch.tensor([0.8]), torch.tensor([[0.7, 0.77]]), torch.ones(1, 2, dtype=torch.bool), torch.tensor([0]),
        torch.tensor([1, 2]), torch.zeros(1, 2), torch.zeros(2, 2),
    )  # fmt: skip
    assert RelativeMargin()(contrast).flagged.tolist() == [[False, True]]  # 0.8 − 0.05 · 0.8 = 0.76
    embedding = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.96, 0.28]]).numpy()
    guide = Guide(embedding, np.array([0.9, 0.9, 0.9], dtype=np.float32))
    assert guide(contrast).flagged.tolist() == [[False, True]]


@settings(deadline=None)  # the first call imports SciPy's sparse matrices
@given(seed=st.integers(0, 30), k=st.integers(1, 11))
def test_reciprocal_is_the_slow_sets(seed: int, k: int) -> None:
    """The Jaccard overlap of sets of mutual neighbours."""
    rows = unit(12, seed)
    detector = Reciprocal(12, k)
    detector.refresh(rows.numpy())
    got = detector.pair_scores(torch.arange(12), torch.arange(12)).numpy()
    np.testing.assert_allclose(got, slow_loops.jaccard_of_mutual_neighbours(rows.double().numpy(), k), atol=1e-6)


def test_reciprocal_suspects_nobody_without_a_common_neighbour() -> None:
    """Their probability is nothing, not what is left of a sigmoid: most pairs are such, and a faint suspicion of each would add up."""
    contrast, _ = blob_batch()
    detector = Reciprocal(24, 3)
    detector.refresh(blobs(8)[0].numpy())
    strangers = (detector.scores(contrast) == 0) & contrast.is_negative
    assert strangers.float().mean() > 0.3
    probability = detector(contrast).probability
    assert (probability[strangers] == 0).all()
    assert (probability[contrast.is_negative & ~strangers] > 0).all()


def test_relation_is_the_slow_softmax() -> None:
    """Of two descriptions side by side; the expected number of false negatives is dealt out, none to an anchor without negatives."""
    contrast, _ = blob_batch()
    rows, described = blobs(8)[0], unit(24, 3, dim=5)
    detector = Relation(described.numpy(), 12, 0.3)  # more room than the embedding fills
    detector.refresh(rows.numpy())
    lonely = replace(contrast, is_negative=contrast.is_negative & (torch.arange(48) > 0)[:, None])
    suspects = detector(lonely)
    joint = slow_loops.towards_neighbours(np.concatenate([described, rows], axis=1).astype(float) / np.sqrt(2), 10)
    expected = slow_loops.relation(joint, contrast.anchor_index.numpy(), lonely.is_negative.numpy(), 0.03, 0.3)
    np.testing.assert_allclose(suspects.probability.numpy(), expected, atol=2e-2)  # half precision
    assert expected.max() > 0.5 > expected[expected > 0].min()
    assert torch.equal(suspects.flagged, suspects.probability > 0.5)
    assert (suspects.probability.sum(1) <= 0.3 * 46 + 1e-3).all()


@given(count=st.integers(1, 30), neighbours=st.integers(1, 12), seed=st.integers(0, 20))
def test_neighbours_come_closer(count: int, neighbours: int, seed: int) -> None:
    """Against the slow loop, in blocks of any size, among all rows or among a drawn bank."""
    rows = unit(count, seed, dim=6)
    moved = towards_neighbours(rows, neighbours, block=7)
    np.testing.assert_allclose(
        moved.numpy(), slow_loops.towards_neighbours(rows.double().numpy(), neighbours), atol=1e-5
    )
    bank = sorted(np.random.default_rng(11).permutation(count)[:5].tolist())
    expected = slow_loops.towards_neighbours(rows.double().numpy(), neighbours, bank)
    np.testing.assert_allclose(towards_neighbours(rows, neighbours, bank=5, block=7).numpy(), expected, atol=1e-5)


def test_what_detectors_learned_is_part_of_their_state() -> None:
    """A checkpoint that saves the module saves thresholds, clusters and neighbours; labels it does not need."""
    rows, labels = blobs(8)
    contrast, _ = blob_batch()
    for detector in all_detectors(rows, labels):
        before = detector(contrast)
        fresh = all_detectors(unit(24, 99), labels)[
            [type(d) for d in all_detectors(rows, labels)].index(type(detector))
        ]
        fresh.load_state_dict(detector.state_dict())
        if isinstance(detector, Guide):
            continue  # its embeddings are made anew from the guide
        if not isinstance(detector, Quantile):  # which goes on learning
            assert torch.equal(fresh(contrast).flagged, before.flagged)
    assert "labels" not in Oracle(labels).state_dict()


def test_a_checkpoint_of_release_01_holds_the_thresholds_under_their_old_name() -> None:
    """λ is saved as `threshold`, also within a larger module, and comes back from it; a missing one is still an error."""
    saved = torch.nn.ModuleDict({"detector": Quantile(3, 0.1)})
    keys = {"refreshed", "threshold", "visits", "first_moment", "second_moment"}
    state = saved.state_dict()
    assert set(state) == {f"detector.{key}" for key in keys}
    state["detector.threshold"] = torch.tensor([0.1, 0.2, 0.3])
    loaded = Quantile(3, 0.1)
    torch.nn.ModuleDict({"detector": loaded}).load_state_dict(state)
    assert loaded.image_threshold.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert loaded.threshold == 0.0  # of the scores, which are distances from λ
    del state["detector.threshold"]
    with pytest.raises(RuntimeError, match="Missing key"):
        torch.nn.ModuleDict({"detector": loaded}).load_state_dict(state)
