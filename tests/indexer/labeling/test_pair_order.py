"""Lists of pairs: half of one class by what is expected, and no image too often."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.labeling.pair_order import LEAST_ALIKE, MOST_PER_IMAGE, mixed, varied

PAIRS = 400


def candidates(seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Ranked places, contents of which each is in a few pairs, and probabilities that are mostly high among the first."""
    random = np.random.default_rng(seed)
    content_P2 = np.stack([random.permutation(PAIRS), PAIRS + random.permutation(PAIRS) // 5], axis=1)
    probability_P = random.uniform(0.05, 0.95, PAIRS)
    return np.argsort(-probability_P - random.uniform(0, 0.3, PAIRS)), content_P2, probability_P


def test_by_calibrated_probabilities_half_is_expected_at_every_length() -> None:
    """The first hundred of the order alone are nearly all of one class; mixed, no beginning of the list is off by a whole pair."""
    ranked, content_P2, probability_P = candidates()
    assert probability_P[varied(ranked, content_P2, 100)].mean() > 0.7
    found = mixed(ranked, content_P2, 100, probability_P, is_calibrated=True)
    assert len(set(found)) == 100
    assert np.abs(np.cumsum(2 * probability_P[found] - 1)).max() < 1
    place = {p: i for i, p in enumerate(ranked.tolist())}
    for side in (True, False):
        places = [place[p] for p in found if bool(probability_P[p] > 0.5) is side]
        assert places == sorted(places), "each side in the order that it came in"


def test_no_image_takes_part_too_often_in_both_sides_together() -> None:
    """Three times, whichever side its pairs are of."""
    ranked, content_P2, probability_P = candidates()
    for is_calibrated in (True, False):
        found = mixed(ranked, content_P2, PAIRS, probability_P, is_calibrated=is_calibrated)
        assert max(Counter(content_P2[found].ravel().tolist()).values()) == MOST_PER_IMAGE


def test_where_one_side_has_no_pair_left_the_other_goes_on() -> None:
    """The list is as long as was asked for."""
    _, content_P2, probability_P = candidates()
    ranked = np.flatnonzero((probability_P > 0.5) | (np.arange(PAIRS) < 8))
    assert len(mixed(ranked, content_P2, 60, probability_P, is_calibrated=True)) == 60


def test_before_calibration_the_answers_so_far_are_evened_out() -> None:
    """After three *same* too many the next three are the least alike, of fewer the more there are; after three *different* the others."""
    ranked, content_P2, probability_P = candidates()
    tenth = np.quantile(probability_P, LEAST_ALIKE)
    after_same = mixed(ranked, content_P2, 3, probability_P, is_calibrated=False, surplus=3)
    assert (probability_P[after_same] <= np.quantile(probability_P, LEAST_ALIKE / 8)).all()
    after_different = mixed(ranked, content_P2, 3, probability_P, is_calibrated=False, surplus=-3)
    assert (probability_P[after_different] > tenth).all()
    calibrated = [mixed(ranked, content_P2, 20, probability_P, is_calibrated=True, surplus=s) for s in (0.0, 9.0)]
    assert calibrated[0] == calibrated[1], "then probabilities tell"
