"""Anchors of screens: drawn in proportion to what they would stand for, held to a slow loop."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.indexer.labeling import anchors as module
from samekind.indexer.labeling.anchors import Anchors

NONE = np.empty(0, dtype=np.int64)


def clusters(*sizes: int, dim: int = 8) -> NDArray[np.float64]:
    """Images about axes of their own: within a cluster their cosine is 0.9 or so, across none."""
    random, rows = np.random.default_rng(0), list[NDArray[np.float64]]()
    for axis, size in enumerate(sizes):
        noise = np.zeros((size, dim))
        noise[:, len(sizes) :] = random.normal(scale=0.1, size=(size, dim - len(sizes)))
        rows.append(np.eye(dim)[axis] + noise)
    vectors = np.concatenate(rows)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def drawn(vectors: NDArray[np.float64], grouped: NDArray[np.int64] = NONE, draws: int = 3000) -> Counter[int]:
    """How often each image is drawn, over seeds."""
    everything, is_open, num_answers = (
        np.arange(len(vectors)),
        np.ones(len(vectors), dtype=bool),
        np.zeros(len(vectors), dtype=int),
    )
    return Counter(
        Anchors(vectors.__getitem__, everything, grouped, seed).draw(is_open, num_answers) for seed in range(draws)
    )


def test_the_odds_are_what_a_slow_loop_gains() -> None:
    """Over many seeds each is drawn as often as its share of the gain says; members of a group that is known of hardly ever."""
    vectors, grouped = clusters(6, 3, 1), np.array([0, 1])
    gain = np.zeros(len(vectors))
    for candidate in range(len(vectors)):
        for target in range(len(vectors)):
            stood_for = max(0.0, *(max(0.0, float(vectors[g] @ vectors[target])) ** 3 for g in grouped))
            gain[candidate] += max(0.0, max(0.0, float(vectors[candidate] @ vectors[target])) ** 3 - stood_for)
    counts = drawn(vectors, grouped)
    for image, share in enumerate(gain / gain.sum()):
        error = np.sqrt(share * (1 - share) / 3000)
        assert counts[image] / 3000 == pytest.approx(share, abs=5 * error + 1e-9), image


def test_a_large_group_is_asked_about_first_and_outliers_seldom() -> None:
    """Ten images of a kind stand for ten times what a lone one does; each of them is ten times as likely."""
    counts = drawn(clusters(10, 1))
    assert sum(counts[image] for image in range(10)) > 0.97 * 3000


def test_only_open_images_with_the_fewest_answers_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where all is stood for, and where candidates and targets are samples of the corpus."""
    vectors = clusters(5, 5)
    is_open = np.array([True] * 8 + [False] * 2)
    num_answers = np.array([3, 1, 1, 2, 2, 1, 1, 2, 0, 0])
    for grouped in (NONE, np.arange(10)):
        found = {
            Anchors(vectors.__getitem__, np.arange(10), grouped, seed).draw(is_open, num_answers) for seed in range(200)
        }
        assert found == {1, 2, 5, 6}
    monkeypatch.setattr(module, "CANDIDATES", 2)
    monkeypatch.setattr(module, "TARGETS", 3)
    found = {Anchors(vectors.__getitem__, np.arange(10), NONE, seed).draw(is_open, num_answers) for seed in range(200)}
    assert found == {1, 2, 5, 6}


def test_many_images_in_groups_are_compared_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the draws of all at once: memory is bounded where a file has named every image of a large corpus."""
    vectors, grouped = clusters(20, 10, 4), np.arange(0, 34, 2)
    expected, asked = drawn(vectors, grouped, 50), list[int]()
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    monkeypatch.setattr(module, "TARGETS", 8)
    monkeypatch.setattr(module, "CANDIDATES", 8)

    def some(contents: NDArray[np.int64]) -> NDArray[np.float64]:
        asked.append(len(contents))
        return vectors[contents]

    Anchors(some, np.arange(len(vectors)), grouped, 0)
    assert max(asked) == 8
    assert sum(asked) == 8 + len(grouped)
    monkeypatch.undo()
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    assert drawn(vectors, grouped, 50) == expected


def test_one_image_stands_for_another_by_the_cube_of_the_cosine() -> None:
    """And not at all where that is below 0."""
    vectors = np.random.default_rng(1).normal(size=(40, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    anchors = Anchors(vectors.__getitem__, np.arange(40), NONE, seed=0)
    expected = np.array([[max(0.0, float(one @ target)) ** 3 for target in anchors._target_TD] for one in vectors[:9]])
    np.testing.assert_allclose(anchors._alike(np.arange(9)), expected, atol=1e-15)
