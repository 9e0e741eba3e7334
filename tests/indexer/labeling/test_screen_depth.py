"""How far screens look: further after answers that were mostly *same*, and less far after others."""

from __future__ import annotations

import pytest

from samekind.indexer.labeling.screen_pool import LEAST_DEPTH, MOST_DEPTH, screen_depth
from samekind.indexer.labeling.verdicts import Verdict


def screens(*same: int, of: int = 20, verdict: str = "different") -> list[Verdict]:
    """A screen for each number of images called the same, a minute apart."""
    return [
        Verdict(
            f"{number:064x}",
            f"{1000 + number * of + image:064x}",
            "same" if image < count else verdict,
            when=f"2026-11-26T12:{number:02}:00+00:00",
            screen=f"screen {number}",
        )
        for number, count in enumerate(same)
        for image in range(of)
    ]


@pytest.mark.parametrize(
    ("same", "depth"),
    [
        ((), 40),
        ((10,), 40),
        ((11,), 60),
        ((6,), 40),
        ((5,), 27),
        ((20, 20, 20), 135),
        ((20, 5), 40),
        ((0,) * 9, LEAST_DEPTH),
        ((20,) * 30, MOST_DEPTH),
        ((*(0,) * 9, 20), 30),
    ],
)
def test_depth_follows_the_shares_of_same(same: tuple[int, ...], depth: int) -> None:
    """Between 30 and 50 % nothing changes; it never leaves 20 to 600."""
    assert screen_depth(screens(*same)) == depth


def test_only_answers_on_screens_count_and_only_same_and_different() -> None:
    """Pairs are chosen otherwise; *unsure* says nothing about how far a class reaches."""
    pairs = [Verdict(f"{number:064x}", f"{number + 50:064x}", "same") for number in range(40)]
    assert screen_depth(pairs) == 40
    assert screen_depth(screens(6, verdict="unsure")) == 60
    assert screen_depth([*screens(20), *pairs]) == 60


def test_the_order_is_that_of_the_times() -> None:
    """Not the order in which the table gives them."""
    told = screens(*(20,) * 20, 0)
    assert screen_depth(told[::-1]) == screen_depth(told) == 400


def test_a_screen_of_many_images_looks_as_far_as_it_must() -> None:
    """Never at fewer images than it shows; else the size changes nothing."""
    assert screen_depth([], 12) == screen_depth([], 24) == 40
    assert screen_depth([], 60) == 60
    assert screen_depth(screens(*(0,) * 9), 24) == 24
