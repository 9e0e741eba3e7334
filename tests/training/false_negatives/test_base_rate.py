"""The base rate without labels, against the closed form of classes that anybody could tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.training.config.false_negatives import ASSUMED_PRIOR
from samekind.training.false_negatives import base_rate
from samekind.training.false_negatives.base_rate import AutoPrior, estimate_base_rate


def classes(sizes: list[int], noise: float = 0.5, seed: int = 0) -> NDArray[np.float32]:
    """Unit-norm rows around random centres of about unit norm, in random order."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((len(sizes), 64)) / 8
    rows = np.repeat(centres, sizes, axis=0) + noise * random.standard_normal((sum(sizes), 64)) / 8
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return random.permutation(unit).astype(np.float32)


def share_of_pairs(sizes: list[int]) -> float:
    """Of all pairs, those within a class."""
    count = sum(sizes)
    return sum(size * (size - 1) for size in sizes) / (count * (count - 1))


ZIPF = [max(12, round(300 / rank)) for rank in range(1, 21)]


@pytest.mark.parametrize(
    "sizes",
    [[12] * 200, [40] * 50, [100] * 10, [300] * 5, ZIPF, [60] * 3 + [20] * 30],
    ids=["0.5 %", "2 %", "10 %", "20 %", "Zipf", "two sizes"],
)
def test_classes_far_apart_are_counted(sizes: list[int]) -> None:
    """Base rates from 0.5 to 20 %, equal and unequal classes: within a factor of 1.5."""
    found = estimate_base_rate(classes(sizes))
    assert found is not None
    assert found == pytest.approx(share_of_pairs(sizes), rel=0.33)


def test_the_share_does_not_depend_on_the_number_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seeded choice of many images says the same, and the choice is the same each time."""
    rows = classes([120] * 10)
    whole = estimate_base_rate(rows)
    monkeypatch.setattr(base_rate, "MOST_IMAGES", 400)
    some = estimate_base_rate(rows)
    assert some == pytest.approx(whole, rel=0.25)
    assert some != whole
    assert some == estimate_base_rate(rows)


def test_without_groups_there_is_no_estimate() -> None:
    """One cloud, of whose graph communities are made too; and too few images for a graph."""
    assert estimate_base_rate(classes([500])) is None
    assert estimate_base_rate(classes([12] * 5)) is None
    assert estimate_base_rate(classes([13] * 5)) is not None


def test_where_the_estimate_comes_from_is_said() -> None:
    """In one line each."""
    assert "about 1.3% of all pairs" in AutoPrior(0.0134, estimated=True).line
    assert "no groups were found" in AutoPrior(ASSUMED_PRIOR, estimated=False).line
    assert "10.0% is assumed" in AutoPrior(ASSUMED_PRIOR, estimated=False).line
