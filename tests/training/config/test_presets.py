"""Presets where there are answers, and what they refuse."""

from __future__ import annotations

import pytest

from samekind.core.errors import InputError
from samekind.training.config.presets import implied_preset, preset, with_answers


def test_an_adapter_with_answers_learns_faster() -> None:
    """Unless a rate is asked for; whatever else is trained keeps its own."""
    assert preset("adapter", **with_answers("adapter", {"epochs": 3})).learning_rate == 3e-4
    assert preset("adapter").learning_rate == 1e-4
    assert preset("adapter", **with_answers("adapter", {"learning_rate": 2e-4})).learning_rate == 2e-4
    assert preset("adapter", **with_answers("adapter", {"train": "last-2"})).learning_rate == 1e-3
    assert (
        preset("small", **with_answers("small", {"learning_rate": None})).learning_rate == preset("small").learning_rate
    )


def test_whoever_says_where_to_start_from_trains_an_adapter() -> None:
    """Without naming it, as far as the backbone is not another's."""
    assert implied_preset({"start_from": "frozen", "train": None}) == "adapter"
    assert implied_preset({"start_from": "frozen", "backbone": "resnet-small"}) == "small"
    assert implied_preset({"start_from": None}) is None


@pytest.mark.parametrize("shape", [{"width": 8}, {"stem_stride": 2}])
def test_shapes_of_the_small_network_are_of_no_other(shape: dict[str, int]) -> None:
    """An architecture with random weights would ignore them; that of CPC has them."""
    for random in ("timm/resnet18@none", "open_clip/RN50@none"):
        with pytest.raises(InputError, match=r"settings of resnet-small, and the backbone is .*@none"):
            preset("small", backbone=random, **shape)
    assert preset("small", objective="cpc", **shape).backbone == "patches-small"
