import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from samekind.training.engine.streams.choose import kept_streams
from samekind.training.engine.streams.meeting import Meeting
from samekind.training.engine.streams.network import StreamedNetwork, draws_random_numbers
from samekind.training.models.backbones import SmallResNet
from samekind.training.models.projection import Projector
from samekind.training.run.train import train
from samekind.training.runtime.artefact import WEIGHTS
from tests.training.runs import config, corpus, interrupted_at, without_times


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """A test may change their number."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def network(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    """Backbone and projector, with ten batch norms."""
    torch.manual_seed(0)
    backbone = SmallResNet(3, 8, 2, 2)
    return nn.Sequential(backbone, Projector(backbone.feature_dim, 32, 16)).to(dtype)


def views(count: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Noise that is far from centred."""
    torch.manual_seed(1)
    return (3 * torch.randn(count, 3, 16, 16, dtype=dtype) + 5).to(memory_format=torch.channels_last)


def loss_of(projection_ND: Tensor) -> Tensor:
    """Every row weighs on every other, as in a contrast."""
    unit = functional.normalize(projection_ND, dim=1)
    return (unit @ unit.T).logsumexp(1).square().sum()


@pytest.mark.parametrize(("streams", "count"), [(2, 24), (3, 23), (4, 9)])
def test_streams_compute_what_the_whole_batch_does(streams: int, count: int) -> None:
    """Projections, gradients and running statistics are those of the network on the whole batch, however it is divided; after two steps,
    and in evaluation as well.
    """
    whole, parted = network(), network()
    streamed = StreamedNetwork(parted, streams)
    for _ in range(2):
        for module in (whole, streamed):
            module.zero_grad()
        expected, found = whole(views(count)), streamed(views(count))
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)
        loss_of(expected).backward()
        loss_of(found).backward()
        for own, other in zip(parted.parameters(), whole.parameters(), strict=True):
            torch.testing.assert_close(own.grad, other.grad, rtol=1e-7, atol=1e-9)
            assert other.grad is not None
            for parameter in (own, other):
                parameter.data -= 1e-3 * other.grad
        for kept, expected in zip(parted.buffers(), whole.buffers(), strict=True):
            torch.testing.assert_close(kept, expected)
    with torch.no_grad():
        torch.testing.assert_close(streamed.eval()(views(count)), whole.eval()(views(count)))


def test_gradients_do_not_depend_on_threads() -> None:
    """To the last bit, in half precision too."""
    found = []
    for threads in (1, 2, 2):
        torch.set_num_threads(threads)
        trained = network(torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            projection = StreamedNetwork(trained, 2)(views(64, torch.float32))
        with_one = torch.get_num_threads()
        torch.set_num_threads(1)
        loss_of(projection.float()).backward()
        torch.set_num_threads(with_one)
        found.append([projection.detach(), *(p.grad for p in trained.parameters()), *trained.buffers()])
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True) if a is not None and b is not None)


def test_half_precision_stays_near() -> None:
    """Streams under bfloat16 are no further from the exact gradient than the whole batch under bfloat16 is, but for a tenth."""
    exact = network()
    loss_of(exact(views(64))).backward()
    errors = []
    for streams in (1, 2):
        trained = network(torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            projection = (StreamedNetwork(trained, 2) if streams == 2 else trained)(views(64, torch.float32))
        loss_of(projection.float()).backward()
        pairs = [(p.grad, q.grad) for p, q in zip(trained.parameters(), exact.parameters(), strict=True)]
        error = sum(((a.double() - b) ** 2).sum() for a, b in pairs if a is not None and b is not None)
        errors.append(float(error) ** 0.5)
    assert errors[1] < 1.1 * errors[0]


def test_frozen_parts_stay_frozen() -> None:
    """Norms in evaluation take their running statistics, and what is not trained has no gradient."""
    trained = network()
    streamed = StreamedNetwork(trained, 2)
    before = [buffer.clone() for buffer in trained[0].buffers()]
    trained[0].eval().requires_grad_(False)
    streamed = StreamedNetwork(trained, 2)
    loss_of(streamed(views(12))).backward()
    assert all(torch.equal(a, b) for a, b in zip(before, trained[0].buffers(), strict=True))
    assert all(p.grad is None for p in trained[0].parameters())
    assert all(p.grad is not None for p in trained[1].parameters())


def test_streams_have_no_weights_of_their_own() -> None:
    """What an optimiser or a checkpoint finds is the network's."""
    trained = network()
    streamed = StreamedNetwork(trained, 3)
    assert [id(p) for p in streamed.parameters()] == [id(p) for p in trained.parameters()]
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.zero_()
        assert torch.equal(streamed.eval()(views(6)), torch.zeros(6, 16, dtype=torch.float64))


class Fails(nn.Module):
    """Fails where a part's first pixel is negative, before the others can meet it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        """Fails, or normalises."""
        if x[0, 0, 0, 0] < 0:
            raise ValueError("negative")
        normalised: Tensor = self.norm(x).flatten(1)
        return normalised


def test_what_fails_in_one_stream_is_told_and_the_others_do_not_wait() -> None:
    """The error is the one that was raised, and the next batch works."""
    streamed = StreamedNetwork(Fails(), 2)
    bad = torch.ones(4, 3, 2, 2)
    bad[2, 0, 0, 0] = -1
    with pytest.raises(ValueError, match="negative"):
        streamed(bad)
    assert streamed(torch.ones(4, 3, 2, 2)).shape == (4, 12)


def test_a_meeting_hands_everybody_everything_in_order() -> None:
    """Through many rounds, whoever comes first."""
    meeting = Meeting(3)
    found: list[list[list[tuple[int, int]]]] = [[], [], []]

    def take_part(member: int) -> None:
        for turn in range(200):
            found[member].append(meeting.exchange(member, (turn, member)))

    members = [threading.Thread(target=take_part, args=(member,)) for member in range(3)]
    for member in members:
        member.start()
    for member in members:
        member.join()
    assert found == [[[(turn, member) for member in range(3)] for turn in range(200)]] * 3


def test_networks_that_drop_values_are_known() -> None:
    """Threads would draw their random numbers in any order."""
    assert not draws_random_numbers(network())
    assert not draws_random_numbers(nn.Sequential(nn.Dropout(0.0), nn.MultiheadAttention(4, 2)))
    assert draws_random_numbers(nn.Sequential(nn.Dropout(0.1)))
    assert draws_random_numbers(nn.MultiheadAttention(4, 2, dropout=0.1))


@pytest.mark.parametrize("method", [{}, {"queue_size": 64}, {"effective_batch": 64}])
def test_a_run_in_streams_does_not_depend_on_threads(tmp_path: Path, method: dict[str, int]) -> None:
    """Weights and records are the same to the last bit with one thread and with two, also where a run was interrupted and continued by
    somebody who asks for other streams; it keeps those that it began with, and says how many.
    """
    asked = {"batch_size": 32, "epochs": 2, **method}
    images = corpus(count=96)
    torch.set_num_threads(1)
    whole = train(images, config(streams=2, **asked), tmp_path / "whole")
    torch.set_num_threads(2)
    with interrupted_at(1):
        train(images, config(**asked), tmp_path / "parts")
    torch.set_num_threads(1)
    parts = train(images, config(streams=1, **asked), tmp_path / "parts")
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()
    assert without_times(parts.history) == without_times(whole.history)
    assert whole.summary["streams"] == parts.summary["streams"] == 2


def test_what_has_no_use_for_streams_has_one(tmp_path: Path) -> None:
    """Patches are contrasted within a network, and a small batch leaves a stream nothing to do."""
    assert train(corpus(), config(streams=4, batch_size=31), tmp_path / "small").summary["streams"] == 1
    assert train(corpus(), config(streams=2, batch_size=32, objective="cpc"), tmp_path / "cpc").summary["streams"] == 1


@pytest.mark.parametrize(
    ("kept", "processes", "device", "streams"),
    [(2, 1, "cpu", 2), (None, 1, "cpu", 1), (2, 2, "cpu", 1), (2, 1, "cuda", 1)],
)
def test_a_run_keeps_its_streams_where_there_can_be_some(
    kept: int | None, processes: int, device: str, streams: int
) -> None:
    """In one process on a CPU; a checkpoint of an older release names none."""
    accelerator: Any = SimpleNamespace(num_processes=processes, device=torch.device(device))
    assert kept_streams(kept, accelerator) == streams


def test_a_batch_of_fewer_views_than_streams_is_computed_whole() -> None:
    """As a corpus of a few images makes it; gradients reach the weights."""
    plain, streamed = network(), StreamedNetwork(network(), 4)
    few = torch.randn(3, 3, 16, 16, dtype=torch.float64)
    for each in (plain, streamed):
        each(few).sum().backward()
    assert torch.equal(streamed(few), plain(few))
    gradients = [parameter.grad for parameter in streamed.network.parameters()]
    for own, expected in zip(gradients, (parameter.grad for parameter in plain.parameters()), strict=True):
        assert own is not None
        assert expected is not None
        assert torch.equal(own, expected)
