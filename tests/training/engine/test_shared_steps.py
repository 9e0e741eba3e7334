"""Steps of two processes against those of one with the whole batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, distributed, nn

from samekind.data.loader import Batch
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.engine.loss import Loss
from samekind.training.engine.schedule import Schedule
from samekind.training.engine.trainer import Trainer
from samekind.training.features.feature_encoder import Trainable
from samekind.training.runtime.processes import accelerator_on
from tests.training.runs import config

WORLD, IMAGES, STEPS, DIM = 2, 24, 3, 8
SETTINGS: dict[str, dict[str, Any]] = {
    "info_nce": {"objective": "info_nce"},
    "hard": {"objective": "hard"},
    "in chunks": {"objective": "hard", "batch_size": 4, "effective_batch": IMAGES},
    "nce": {"objective": "nce"},
    "queue": {"objective": "info_nce", "queue_size": 2 * IMAGES},
}


class TinyEncoder(nn.Module):
    """Without norms, which see their own process' part of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(DIM, 16), nn.Tanh(), nn.Linear(16, 6))
        self.dim = self.feature_dim = 6

    def normalise(self, views: Tensor) -> Tensor:
        """As they are."""
        return views


def batches(rank: int, world: int) -> list[Batch]:
    """The part of each step's images that is this process'."""
    generator, found = torch.Generator().manual_seed(1), []
    for step in range(STEPS):
        first = torch.randn(IMAGES, DIM, generator=generator)
        second = first + 0.3 * torch.randn(first.shape, generator=generator)
        rows = slice(rank * IMAGES // world, (rank + 1) * IMAGES // world)
        found.append(Batch(first[rows], second[rows], (torch.arange(IMAGES) + IMAGES * step)[rows]))
    return found


def trained(name: str, rank: int = 0, world: int = 1) -> list[dict[str, Any]]:
    """Loss and gradients of every step."""
    torch.manual_seed(0)
    settings = config(precision="float32", projector_dim=0, **{"batch_size": IMAGES, **SETTINGS[name]})
    loss = Loss(settings, IMAGES * STEPS, None)
    encoder = cast("Trainable", TinyEncoder())
    trainer = Trainer(settings, encoder, loss, Schedule(STEPS, 1e-3, 0.0), accelerator_on(torch.device("cpu")))
    assert trainer.accelerator.num_processes == world
    found = []
    for step, batch in enumerate(batches(rank, world)):
        value = trainer.step(batch, step, FalseNegativeTracker(None))["loss"]
        gradients = [parameter.grad.clone() for parameter in trainer.modules.parameters() if parameter.grad is not None]
        found.append({"loss": float(value), "gradients": gradients})
    return found


@pytest.mark.slow
@pytest.mark.long
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    """Loss (the mean over both) and gradients (in both alike) of three steps in float32 are those of one process with all images:
    each contrasts its own with everybody's, in one graph, in chunks, and with a queue.
    """
    root = Path(__file__).parents[3]
    environment = {
        **os.environ, "PYTHONPATH": str(root),
        "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(WORLD)]
    subprocess.run([*command, __file__, str(tmp_path)], env=environment, cwd=root, check=True, timeout=240)
    ranks = [torch.load(tmp_path / f"{rank}.pt") for rank in range(WORLD)]
    for name in SETTINGS:
        for step, expected in enumerate(trained(name)):
            found = [steps[name][step] for steps in ranks]
            assert sum(each["loss"] for each in found) / WORLD == pytest.approx(expected["loss"], rel=1e-5), name
            for each in found:
                torch.testing.assert_close(each["gradients"], expected["gradients"], rtol=1e-3, atol=1e-6)
            assert max(gradient.abs().max() for gradient in expected["gradients"]) > 1e-3


def work(folder: Path) -> None:
    """One of the processes."""
    torch.set_num_threads(1)
    rank = int(os.environ["RANK"])
    torch.save({name: trained(name, rank, WORLD) for name in SETTINGS}, folder / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    work(Path(sys.argv[1]))
