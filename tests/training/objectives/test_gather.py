"""Two processes that gather their negatives against one with the union batch."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from samekind.training.engine.grad_cache import backward_in_chunks, project_in_chunks
from samekind.training.engine.row_blocks import backward_in_row_blocks
from samekind.training.objectives.contrastive import mean_over_anchors, softmax_loss
from samekind.training.objectives.gather import gather_with_gradient, own_rows
from samekind.training.objectives.similarity import Contrast, in_batch, in_batch_rows
from samekind.training.objectives.terms import plain_terms

WORLD, IMAGES = 2, 5
BETAS = {"info_nce": 0.0, "hard": 1.0}
SECONDS = 180  # both import torch, on cores that others may use


class Network(nn.Module):
    """Without norms, in float64, so that only logic can differ."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 4)).double()

    def forward(self, views: Tensor) -> Tensor:
        """`(n, 8)` to `(n, 4)` of unit norm."""
        return functional.normalize(self.layers(views), dim=1)


def union_views() -> tuple[Tensor, Tensor, Tensor]:
    """Two views of all processes' images, and their numbers: rank 0's images first."""
    generator = torch.Generator().manual_seed(1)
    first = torch.randn(WORLD * IMAGES, 8, generator=generator, dtype=torch.float64)
    second = first + 0.3 * torch.randn(first.shape, generator=generator, dtype=torch.float64)
    return first, second, torch.arange(WORLD * IMAGES) * 3


def per_anchor(contrast: Contrast, name: str) -> tuple[Tensor, Tensor]:
    """An objective by name: the loss of each anchor, and whether it counts."""
    terms = plain_terms(contrast, beta=BETAS[name], temperature=0.2)
    loss = softmax_loss(terms, temperature=0.2, tau_plus=0.1 if name == "hard" else 0.0)
    return loss, terms.contrasted


def gradients(network: nn.Module) -> Tensor:
    """All parameters' gradients as one vector."""
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


def with_union(name: str) -> tuple[Tensor, Tensor]:
    """Loss and gradients of one process that has all images."""
    network = Network()
    first, second, index = union_views()
    loss, counts = per_anchor(in_batch(network(first), network(second), index), name)
    mean = mean_over_anchors(loss, counts)
    mean.backward()
    return mean.detach(), gradients(network)


def own_views() -> tuple[Tensor, Tensor, Tensor]:
    """What this process has of the union."""
    start = distributed.get_rank() * IMAGES
    first, second, index = (part[start : start + IMAGES] for part in union_views())
    return first, second, index


def gathered(name: str, network: nn.Module) -> Tensor:
    """This process' loss in one graph; its gradients are in `network` afterwards."""
    first, second, index = own_views()
    view_1, view_2 = network(torch.cat([first, second])).chunk(2)
    union = torch.cat([gather_with_gradient(view_1), gather_with_gradient(view_2)])
    contrast = in_batch_rows(union, gather_with_gradient(index).repeat(2), own_rows(IMAGES))
    loss, counts = per_anchor(contrast, name)
    mean = mean_over_anchors(loss, counts)
    mean.backward()
    return mean.detach()


def gathered_in_chunks(name: str, network: nn.Module) -> Tensor:
    """The same with the network in chunks and the loss in blocks."""
    first, second, index = own_views()
    leaf, states = project_in_chunks(network, [first, second], 3)
    union = torch.cat([gather_with_gradient(view) for view in leaf.chunk(2)])
    index_of_union, own = gather_with_gradient(index).repeat(2), own_rows(IMAGES)
    union_leaf = union.detach().requires_grad_()
    loss = backward_in_row_blocks(
        lambda rows: in_batch_rows(union_leaf, index_of_union, own[rows]),
        lambda contrast: per_anchor(contrast, name),
        [union_leaf],
        num_anchors=len(own),
        block_rows=4,
    )
    union.backward(union_leaf.grad)
    assert leaf.grad is not None
    backward_in_chunks(network, [first, second], leaf.grad, states, 3)
    return loss


def work(folder: Path) -> None:
    """One of the processes: writes its losses and reduced gradients to `folder`."""
    torch.set_num_threads(1)
    rank = int(os.environ["RANK"])
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=WORLD, timeout=timedelta(seconds=SECONDS / 2)
    )
    found: dict[str, object] = {"index": gather_with_gradient(own_views()[2]), "own": own_rows(IMAGES)}
    for name in BETAS:
        for run in (gathered, gathered_in_chunks):
            network = nn.parallel.DistributedDataParallel(Network())
            found[f"{run.__name__} {name}"] = (run(name, network), gradients(network))
    try:
        gather_with_gradient(torch.zeros(1 + rank, 2))
    except ValueError as error:
        found["error"] = str(error)
    torch.save(found, folder / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What each of two processes found. They meet over a file, so no port can be taken, and talk over loopback."""
    folder, root = tmp_path_factory.mktemp("ranks"), Path(__file__).parents[3]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen([sys.executable, __file__, str(folder)], env={**environment, "RANK": str(rank)}, cwd=root)
        for rank in range(WORLD)
    ]
    try:
        assert [process.wait(SECONDS) for process in started] == [0] * WORLD
    finally:
        for process in started:
            process.kill()
            process.wait()
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


@pytest.mark.slow
@pytest.mark.parametrize("name", BETAS)
@pytest.mark.parametrize("run", ["gathered", "gathered_in_chunks"])
def test_processes_find_what_one_would(ranks: list[dict[str, tuple[Tensor, Tensor]]], run: str, name: str) -> None:
    """Mean loss over processes and reduced gradients are those of the union batch, in one graph and in chunks."""
    expected_loss, expected = with_union(name)
    losses = [found[f"{run} {name}"][0] for found in ranks]
    torch.testing.assert_close(torch.stack(losses).mean(), expected_loss, rtol=1e-6, atol=1e-6)
    for found in ranks:
        torch.testing.assert_close(found[f"{run} {name}"][1], expected, rtol=1e-5, atol=1e-6)
    assert expected.abs().max() > 1e-3


@pytest.mark.slow
def test_the_union_is_in_the_order_of_ranks(ranks: list[dict[str, Tensor]]) -> None:
    """Rank 0's rows come first, and `own_rows` finds a process' two views in it."""
    index = union_views()[2]
    for rank, found in enumerate(ranks):
        assert torch.equal(found["index"], index)
        mine = index[rank * IMAGES : (rank + 1) * IMAGES]
        assert torch.equal(index.repeat(2)[found["own"]], mine.repeat(2))


@pytest.mark.slow
def test_unequal_processes_are_refused(ranks: list[dict[str, str]]) -> None:
    """All of them learn of it instead of waiting for each other."""
    assert all("[1, 2] rows" in found["error"] for found in ranks)


def test_one_process_gathers_itself() -> None:
    """Without a process group nothing is copied, and all rows are its own."""
    rows = torch.randn(3, 2, requires_grad=True)
    assert gather_with_gradient(rows) is rows
    assert own_rows(2).tolist() == [0, 1, 2, 3]


if __name__ == "__main__":
    work(Path(sys.argv[1]))
