"""The closed form: what it must be without answers, with all of them, and in between."""

from __future__ import annotations

import numpy as np
import pytest

from samekind.training.answers import metric
from samekind.training.answers.metric import Total, Within, adapted_map, mapped, unit_in_blocks
from tests.indexer.adaptation.worlds import DIM, TOLD, vectors_of

CLASSES = np.arange(600) % 6
VECTORS = vectors_of(CLASSES)
GROUPS = [VECTORS[number == CLASSES][:20] for number in range(6)]


def scaled(map_DD: np.ndarray) -> np.ndarray:
    """A map without its scale, which no cosine sees."""
    return np.asarray(map_DD / np.trace(map_DD))


@pytest.mark.parametrize("groups", [[], [VECTORS[:1]], [np.repeat(VECTORS[:1], 5, axis=0)]])
def test_groups_that_say_nothing_change_nothing(groups: list[np.ndarray]) -> None:
    """None, single images, and equal vectors."""
    np.testing.assert_array_equal(adapted_map(Total(VECTORS), Within.of(groups, DIM)), np.eye(DIM))


def test_a_prior_that_outweighs_the_answers_leaves_every_space_as_it_is() -> None:
    """Whatever its covariance: that is how the prior is made."""
    stretched = VECTORS * np.geomspace(1, 5, DIM)
    groups = [group * np.geomspace(1, 5, DIM) for group in GROUPS]
    found = adapted_map(Total(stretched), Within.of(groups, DIM), strength=1e12)
    np.testing.assert_allclose(scaled(found), np.eye(DIM) / DIM, atol=1e-6)


def test_without_a_prior_the_metric_is_the_difference_of_the_inverse_covariances() -> None:
    """G = W⁻¹ − T⁻¹, computed here from its definition."""
    vectors = np.random.default_rng(1).normal(size=(4000, 5)) * [3, 2.5, 2, 1.5, 1.2]
    groups = [np.random.default_rng(number).normal(size=(40, 5)) for number in range(50)]
    within = sum((group - group.mean(0)).T @ (group - group.mean(0)) for group in groups) / (50 * 39)
    expected = np.linalg.inv(within) - np.linalg.inv(np.cov(vectors.T, bias=True))
    found = adapted_map(Total(vectors), Within.of(groups, 5), strength=1e-9)
    np.testing.assert_allclose(scaled(found @ found), scaled(expected), atol=1e-6)


def test_directions_that_vary_within_classes_count_less_and_less() -> None:
    """The more answers, the more of the map is in the directions that tell classes apart."""
    shares = [
        np.square(adapted_map(Total(VECTORS), Within.of([g[:size] for g in GROUPS], DIM), 100.0))[:TOLD].sum()
        / np.square(adapted_map(Total(VECTORS), Within.of([g[:size] for g in GROUPS], DIM), 100.0)).sum()
        for size in (2, 5, 20)
    ]
    assert TOLD / DIM < shares[0] < shares[1] < shares[2]


def test_scatter_is_about_the_mean_of_each_group() -> None:
    """And its freedom is one less than the images of each."""
    group, far = np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([[10.0, 0.0], [14.0, 0.0], [12.0, 0.0]])
    within = Within.of([group, far], 2)
    np.testing.assert_allclose(within.scatter_DD, [[8.0, 0.0], [0.0, 2.0]])
    assert within.freedom == 3


@pytest.mark.parametrize(("rows", "size"), [(8, 3), (600, 90)])
def test_fewer_images_than_dimensions_and_groups_larger_than_them(rows: int, size: int) -> None:
    """The map stays finite, symmetric and positive."""
    found = adapted_map(Total(VECTORS[:rows]), Within.of([VECTORS[CLASSES == 0][:size]], DIM))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, found.T, atol=1e-12)
    assert np.linalg.eigvalsh(found)[0] > 0


def test_a_constant_direction_does_no_harm() -> None:
    """Vectors given by others may have some."""
    flat = np.concatenate([VECTORS, np.zeros((len(VECTORS), 2))], axis=1)
    groups = [np.concatenate([group, np.zeros((len(group), 2))], axis=1) for group in GROUPS]
    assert np.isfinite(adapted_map(Total(flat), Within.of(groups, DIM + 2))).all()


def test_a_prior_holds_the_share_that_is_asked_for() -> None:
    """tr(W₀ T⁻¹) / D."""
    total = Total(VECTORS)
    for share in (0.05, 0.5, 0.9):
        assert np.sum(total.prior(share) * total.inverse_DD) / DIM == pytest.approx(share, rel=1e-6)


def test_what_is_summed_in_blocks_is_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The covariance of all vectors, and the scatter of groups of all sizes."""
    centred = VECTORS - VECTORS.mean(axis=0, dtype=np.float64)
    groups = [VECTORS[start : start + size] for start, size in [(0, 2), (5, 40), (50, 1), (60, 3), (90, 7)]]
    scatter = sum((g - g.mean(0, dtype=np.float64)).T @ (g - g.mean(0, dtype=np.float64)) for g in groups)
    monkeypatch.setattr(metric, "BLOCK", 37)
    np.testing.assert_allclose(Total(VECTORS).inverse_DD, np.linalg.inv(centred.T @ centred / len(VECTORS)), rtol=1e-9)
    np.testing.assert_allclose(Within.of(groups, DIM).scatter_DD, scatter, rtol=1e-9, atol=1e-12)


def test_vectors_are_mapped_one_by_one() -> None:
    """In whatever blocks that is done; equal vectors stay equal, and none are none."""
    map_DD = np.random.default_rng(0).normal(size=(DIM, DIM)).astype(np.float32)
    slow = [vector.astype(np.float64) @ map_DD.astype(np.float64) for vector in VECTORS]
    expected = np.array([vector / np.linalg.norm(vector) for vector in slow])
    np.testing.assert_allclose(mapped(VECTORS, map_DD), expected, atol=1e-7)
    in_blocks = unit_in_blocks(VECTORS, lambda block: block.mul_(2), block=7)
    np.testing.assert_allclose(in_blocks, VECTORS, atol=1e-7)
    same = mapped(np.repeat(VECTORS[:1], 2100, axis=0), map_DD)
    np.testing.assert_array_equal(same, np.repeat(mapped(VECTORS[:1], map_DD), 2100, axis=0))
    assert mapped(VECTORS[:0], map_DD).shape == (0, DIM)
