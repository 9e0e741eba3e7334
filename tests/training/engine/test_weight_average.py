"""The average of the weights: its closed form, its buffers, and that a network has it only for as long as it is lent."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samekind.training.engine.weight_average import average_of, averaged, keep_average


def network(value: float) -> nn.BatchNorm1d:
    """One weight, one statistic and one counter of this value."""
    norm = nn.BatchNorm1d(1)
    set_to(norm, value)
    return norm


@torch.no_grad()
def set_to(norm: nn.BatchNorm1d, value: float) -> None:
    """Fills the weight and the buffers."""
    assert norm.running_mean is not None
    assert norm.num_batches_tracked is not None
    for tensor in (norm.weight, norm.running_mean, norm.num_batches_tracked):
        tensor.fill_(value)


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_the_average_of_a_line_in_closed_form(decay: float) -> None:
    """Weights 1, 2, 3 …: each step keeps `min(decay, (1 + n) / (10 + n))`, so the average is Σ value · (1 − keep) · Π later keeps."""
    online = network(0.0)
    average = average_of(online, decay)
    keep = [0.0, *(min(decay, (1 + n) / (10 + n)) for n in range(1, 12))]
    for step in range(12):
        set_to(online, step + 1.0)
        average.update_parameters(online)
    later = [torch.tensor(keep[step + 1 :], dtype=torch.float64).prod().item() for step in range(12)]
    expected = sum((step + 1) * (1 - keep[step]) * later[step] for step in range(12))
    state = average.module.state_dict()
    assert state["weight"].item() == pytest.approx(expected, rel=1e-5)
    assert state["running_mean"].item() == pytest.approx(expected, rel=1e-5)
    assert state["num_batches_tracked"].item() == 12, "a counter is counted, not averaged"


def test_what_does_not_move_stays_to_the_bit() -> None:
    """So frozen weights are the same in the average."""
    online = network(0.1)
    average = average_of(online, 0.99)
    for _ in range(50):
        average.update_parameters(online)
    assert torch.equal(average.module.state_dict()["weight"], online.weight)


def test_a_network_has_its_average_only_for_as_long_as_it_is_lent() -> None:
    """Also when what happens there fails; `keep_average` is for good, and no average leaves it alone."""
    online = network(1.0)
    average = average_of(online, 0.5)
    average.update_parameters(online)
    set_to(online, 3.0)
    with pytest.raises(KeyError) as caught, averaged(online, average):
        raise KeyError(online.weight.item(), online.state_dict()["running_mean"].item())
    assert caught.value.args == (1.0, 1.0)
    assert (online.weight.item(), online.state_dict()["running_mean"].item()) == (3.0, 3.0)
    with averaged(online, None):
        assert online.weight.item() == 3.0
    keep_average(online, average)
    assert online.weight.item() == 1.0
