"""Peak memory of a training step by effective batch, with the network in chunks and the loss in blocks of rows.

    python -m benchmarks.effective_batch

Each size runs in a fresh process. The images themselves (uint8, both views) have to exist and are given aside; what is left should not grow
with the batch: the goal is that a step with 8,192 images needs at most 1.3 times what a step with 512 needs.

Memory is the high-water mark of the process' resident set, Python and torch included. On Linux it is VmHWM and not `ru_maxrss`: the
latter is inherited from the process that started this one.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from samekind.comparison.machine import processor
from samekind.training.engine.grad_cache import backward_in_chunks, project_in_chunks
from samekind.training.engine.row_blocks import backward_in_row_blocks, rows_per_block
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.projection import ProjectionNetwork
from samekind.training.objectives.contrastive import softmax_loss
from samekind.training.objectives.similarity import Contrast, in_batch_rows
from samekind.training.objectives.terms import plain_terms

SIZES = (512, 2048, 8192)
GOAL = 1.3
TEMPERATURE, BETA, TAU_PLUS = 0.2, 1.0, 0.1
MIB = 2**20


@dataclass(frozen=True)
class Measurement:
    """One step.

    Attributes:
        batch: images of the effective batch, two views each.
        peak_bytes: high-water mark of the process.
        start_bytes: the mark before the step, images not counted: Python, torch and the network.
        image_bytes: of the views as uint8.
        block_rows: anchors a block of the loss.
        seconds: of the step.
        loss: that it found.
    """

    batch: int
    peak_bytes: int
    start_bytes: int
    image_bytes: int
    block_rows: int
    seconds: float
    loss: float

    @property
    def own_bytes(self) -> int:
        """Peak without the images."""
        return self.peak_bytes - self.image_bytes


def measure(batch: int, *, chunk: int = 256, width: int = 32) -> Measurement:
    """Takes one step in a fresh process.

    Args:
        batch: images of the effective batch.
        chunk: views a forward pass.
        width: of the small ResNet.

    Raises:
        CalledProcessError: the step failed; what it wrote to standard error is passed on.
    """
    command = [sys.executable, "-m", "benchmarks.effective_batch"]
    options = ["--step", str(batch), "--chunk", str(chunk), "--width", str(width)]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([*command, *options], cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    return Measurement(**json.loads(done.stdout))


def main() -> None:
    """Prints what was measured where, then one line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--chunk", type=int, default=256)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(asdict(_step(arguments.step, arguments.chunk, arguments.width))))
        return
    print(
        f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}; resnet-small of width {arguments.width}, "
        f"28×28 grey, chunks of {arguments.chunk} views, float32, seed 0, n = 1"
    )
    print(
        f"{'images':>7} {'peak':>9} {'of it images':>13} {'rest':>9} {'ratio':>6} {'step alone':>11} {'rows a block':>13} {'seconds':>8}"
    )
    rest = 0
    for size in arguments.sizes:
        found = measure(size, chunk=arguments.chunk, width=arguments.width)
        rest = rest or found.own_bytes
        step_bytes = found.own_bytes - found.start_bytes
        print(
            f"{size:>7,} {found.peak_bytes / MIB:>5,.0f} MiB {found.image_bytes / MIB:>9.1f} MiB {found.own_bytes / MIB:>5,.0f} MiB "
            f"{found.own_bytes / rest:>6.2f} {step_bytes / MIB:>7,.0f} MiB {found.block_rows:>13,} {found.seconds:>8.1f}"
        )


def _step(batch: int, chunk: int, width: int) -> Measurement:
    torch.manual_seed(0)
    spec = EncoderSpec("resnet-small", image_size=28, channels=1, dim=0, mean=(0.3,), std=(0.3,), width=width)
    encoder = Encoder(spec)
    network = ProjectionNetwork(encoder, hidden=512, out=128).train()
    optimizer = torch.optim.AdamW(network.parameters())
    views = [torch.randint(0, 256, (batch, 1, 28, 28), dtype=torch.uint8) for _ in range(2)]
    index = torch.arange(batch).repeat(2)
    rows = rows_per_block(2 * batch)
    image_bytes = sum(part.nbytes for part in views)
    start_bytes, start = peak_bytes() - image_bytes, time.perf_counter()
    project = partial(_project, encoder, network)
    projections, states = project_in_chunks(network, views, chunk, project=project)
    loss = backward_in_row_blocks(
        lambda block: in_batch_rows(projections, index, block), _hard, [projections], num_anchors=2 * batch,
        block_rows=rows, observe=lambda block: None,
    )  # fmt: skip
    assert projections.grad is not None
    backward_in_chunks(network, views, projections.grad, states, chunk, project=project)
    optimizer.step()
    seconds = time.perf_counter() - start
    return Measurement(batch, peak_bytes(), start_bytes, image_bytes, min(rows, 2 * batch), seconds, loss.item())


def _project(encoder: Encoder, network: ProjectionNetwork, views: Tensor) -> Tensor:
    projection: Tensor = network(encoder.normalise(views))
    return projection


def _hard(contrast: Contrast) -> tuple[Tensor, Tensor]:
    terms = plain_terms(contrast, beta=BETA, temperature=TEMPERATURE)
    return softmax_loss(terms, temperature=TEMPERATURE, tau_plus=TAU_PLUS), terms.contrasted


def peak_bytes() -> int:
    """High-water mark of this process' resident set."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
