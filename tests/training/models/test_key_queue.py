"""The queue of keys and the encoder that fills it."""

from __future__ import annotations

from collections import deque

import torch
from hypothesis import given
from hypothesis import strategies as st

from samekind.training.models.key_queue import KeyQueue
from samekind.training.models.momentum import MomentumEncoder


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
