"""One training step, and everything that a step changes."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from torch import Tensor, nn

from data.errors import InputError, SamekindError
from data.loader import Batch
from training.config import TrainConfig
from training.encoder import Encoder, ProjectionNetwork
from training.key_queue import KeyQueue
from training.momentum import MomentumEncoder
from training.mutual_information import info_nce_bound
from training.objectives import hard, info_nce
from training.precision import autocast, choose_device, use_bfloat16
from training.schedule import warmup_cosine
from training.similarity import Contrast, against_keys, in_batch
from training.tracker import FalseNegativeTracker


class Trainer:
    """Network, optimiser and, if asked for, key encoder and queue.

    Args:
        config: the run's settings.
        encoder: whose backbone is trained, in place.
        total_steps: of the whole run, for the schedule.
    """

    def __init__(self, config: TrainConfig, encoder: Encoder, total_steps: int) -> None:
        self.config = config
        self.encoder = encoder
        self.total_steps = total_steps
        device = choose_device(config.device)
        self.accelerator = _accelerator(device)
        self.bfloat16 = use_bfloat16(config.precision, device)
        network = ProjectionNetwork(encoder.to(device), config.projector_hidden, config.projector_dim).to(device)
        self.optimizer = torch.optim.AdamW(_parameter_groups(network, config.weight_decay), lr=config.learning_rate)
        self.modules = nn.ModuleDict({"network": network})
        if config.queue_size:
            self.modules["key_encoder"] = MomentumEncoder(network, config.key_momentum)
            self.modules["queue"] = KeyQueue(config.queue_size, config.projector_dim)
        self.modules.to(device).train()
        self.network = self.accelerator.prepare(network)

    def step(self, batch: Batch, step: int, tracker: FalseNegativeTracker) -> dict[str, float]:
        """Takes one step.

        Args:
            batch: two views of B images.
            step: 0-based number of this step in the run.
            tracker: is shown what the objective saw.

        Returns:
            `loss` and `mi_bound` of this batch.

        Raises:
            SamekindError: the loss is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(step)
        contrast, bound = self._contrast(batch)
        contrast.candidate.retain_grad()
        loss = self._objective(contrast)
        if not torch.isfinite(loss):
            raise SamekindError(
                f"the loss became {loss.item()} at step {step}",
                hint="lower --learning-rate or raise --temperature, and start anew with --force",
            )
        self.optimizer.zero_grad()
        self.accelerator.backward(loss)
        self.optimizer.step()
        assert contrast.candidate.grad is not None
        tracker.update(contrast, contrast.candidate.grad)
        return {"loss": loss.item(), "mi_bound": bound}

    def learning_rate(self, step: int) -> float:
        """Learning rate at a 0-based step."""
        return self.config.learning_rate * warmup_cosine(step, self.total_steps, self.config.warmup)

    def _contrast(self, batch: Batch) -> tuple[Contrast, float]:
        """What the objective sees of a batch, and the bound on mutual information between its views."""
        temperature, device = self.config.temperature, self.encoder.get_buffer("mean").device
        index = batch.index.to(device)
        if "queue" not in self.modules:
            view_1, view_2 = self._project(self.network, torch.cat([batch.view_1, batch.view_2])).chunk(2)
            return in_batch(view_1, view_2, index), info_nce_bound(view_1, view_2, temperature)
        key_encoder, queue = self.modules["key_encoder"], self.modules["queue"]
        assert isinstance(key_encoder, MomentumEncoder)
        assert isinstance(queue, KeyQueue)
        key_encoder.follow(self.modules["network"])
        anchors, keys = self._project(self.network, batch.view_1), self._project(key_encoder, batch.view_2)
        contrast = against_keys(anchors, keys, index, queue.keys.clone(), queue.index.clone())
        queue.push(keys, index)
        return contrast, info_nce_bound(anchors, keys, temperature)

    def _project(self, network: nn.Module, views: Tensor) -> Tensor:
        images = self.encoder.normalise(views)
        with autocast(images.device, self.bfloat16):
            projection: Tensor = network(images)
        return projection

    def _objective(self, contrast: Contrast) -> Tensor:
        config = self.config
        if config.objective == "info_nce":
            return info_nce(contrast, temperature=config.temperature)
        return hard(contrast, temperature=config.temperature, beta=config.beta, tau_plus=config.tau_plus)


def _accelerator(device: torch.device) -> Accelerator:
    """An accelerator on this device; accelerate keeps one state a process, which must be let go of when the device changes."""
    if PartialState._shared_state and PartialState().device.type != device.type:
        AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=device.type == "cpu")
    if accelerator.num_processes > 1:  # each would train on the same batches and write the same files
        raise InputError(
            f"training runs in one process, not in {accelerator.num_processes}",
            hint="start it without accelerate launch",
        )
    return accelerator


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weights decay; biases and norms (one axis) do not."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
