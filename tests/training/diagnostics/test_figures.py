"""The figures of false negatives against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from samekind.app.view_models.charts import RANK_STYLES
from samekind.indexer.report.epochs import RANKS as REPORTED_RANKS
from samekind.training.diagnostics import figures


def test_of_nothing_there_is_no_ratio() -> None:
    """`None` and not NaN, also of 0.0; nothing of something is 0."""
    assert (figures.ratio(3, 4), figures.ratio(0, 5), figures.ratio(0, 0), figures.ratio(0.0, 0.0)) == (
        0.75,
        0.0,
        None,
        None,
    )


def test_a_pair_is_false_true_or_unknown() -> None:
    """Equal classes, different ones, and whatever has no class on either side; anchors against a row of negatives."""
    flags = figures.false_negatives(np.array([[0], [1], [-1]]), np.array([0, 1, -1]))
    assert flags.tolist() == [[1, 0, -1], [0, 1, -1], [-1, -1, -1]]
    assert flags.dtype == np.int8


def test_the_rate_leaves_unknown_pairs_out() -> None:
    """Two of three known pairs; of no known pair there is none."""
    assert figures.false_negative_rate(np.array([[1, 0], [-1, 1]], np.int8)) == 2 / 3
    assert figures.false_negative_rate(np.array([-1, -1], np.int8)) is None
    assert figures.false_negative_rate(np.zeros(0, np.int8)) is None


@pytest.mark.parametrize(("classes", "images"), [(1, 2), (1, 7), (3, 1), (10, 6)])
def test_the_base_rate_of_equal_classes(classes: int, images: int) -> None:
    """C classes of m images: (m − 1) / (Cm − 1), in all and of each class; images without label change neither."""
    expected = (images - 1) / (classes * images - 1)
    assert figures.base_rate(np.repeat(np.arange(classes), images)) == pytest.approx(expected, abs=1e-15)
    assert figures.base_rate(np.repeat(np.arange(-1, classes), images)) == pytest.approx(expected, abs=1e-15)
    assert figures.class_base_rate(images, classes * images) == pytest.approx(expected, abs=1e-15)


def test_the_base_rate_is_the_mean_of_its_classes() -> None:
    """Of unequal classes, each anchor counting once."""
    sizes = np.array([1, 4, 11])
    of_classes = [figures.class_base_rate(size, 16) or 0.0 for size in sizes.tolist()]
    assert figures.base_rate(np.repeat(np.arange(3), sizes)) == pytest.approx(np.average(of_classes, weights=sizes))


@pytest.mark.parametrize("labels", [[], [-1, -1], [0], [0, -1]])
def test_below_two_labelled_images_there_is_no_base_rate(labels: list[int]) -> None:
    """No pair, no rate."""
    assert figures.base_rate(np.array(labels, np.int64)) is None
    assert figures.class_base_rate(1, sum(label >= 0 for label in labels)) is None


def test_lift_is_the_rate_in_base_rates() -> None:
    """1 where the hardest are like all, 1 / base where all are false; nothing where one is undefined or nothing is false."""
    assert (figures.lift(0.25, 0.25), figures.lift(1.0, 0.25), figures.lift(0.0, 0.25)) == (1.0, 4.0, 0.0)
    assert (figures.lift(None, 0.25), figures.lift(0.25, None), figures.lift(0.0, 0.0)) == (None, None, None)
    assert figures.lift_by_rank({"1": 0.5, "10": None}, 0.25) == {"1": 2.0, "10": None}


def test_an_anchor_whose_known_negatives_draw_nothing_has_no_share() -> None:
    """It is left out of the mean; an anchor without false negatives counts as 0."""
    shares = figures.gradient_shares(np.array([1.0, 0.0, 0.0]), np.array([4.0, 2.0, 0.0]))
    assert shares[:2].tolist() == [0.25, 0.0]
    assert math.isnan(shares[2])
    assert figures.mean_defined(shares) == 0.125
    assert figures.mean_defined(shares[2:]) is None
    assert figures.mean_defined(shares[:0]) is None


def test_reports_and_charts_name_the_ranks_of_the_epoch_records() -> None:
    """Ascending, some of the probe's, and the keys that `metrics.jsonl` had since its first version."""
    keys = [str(rank) for rank in figures.BATCH_RANKS]
    assert keys == ["1", "10", "100"] == list(REPORTED_RANKS) == list(RANK_STYLES)
    assert set(figures.BATCH_RANKS) < set(figures.RANKS)
    assert list(figures.RANKS) == sorted(figures.RANKS)
