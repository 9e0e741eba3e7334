"""One training step, and everything that a step changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from samekind.core.errors import SamekindError
from samekind.data.loader import Batch
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.engine.grad_cache import backward_in_chunks, project_in_chunks
from samekind.training.engine.loss import Loss, mean_loss
from samekind.training.engine.row_blocks import backward_in_row_blocks, rows_per_block
from samekind.training.engine.schedule import warmup_cosine
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.models.encoder import Encoder, ProjectionNetwork
from samekind.training.models.key_queue import KeyQueue
from samekind.training.models.momentum import MomentumEncoder
from samekind.training.models.patches import PatchEncoder
from samekind.training.objectives.cpc import CpcNetwork
from samekind.training.objectives.gather import gather_with_gradient, own_rows, sum_over_processes
from samekind.training.objectives.mi_bound import info_nce_bound
from samekind.training.objectives.similarity import Contrast, against_keys, against_keys_rows, in_batch_rows
from samekind.training.runtime.devices import autocast, choose_device, use_bfloat16
from samekind.training.runtime.processes import accelerator_on


class Trainer:
    """Network, optimiser and, if asked for, key encoder and queue.

    Args:
        config: the run's settings.
        encoder: whose backbone is trained, in place.
        total_steps: of the whole run, for the schedule.
        loss: the run's objective with its treatment.
    """

    def __init__(self, config: TrainConfig, encoder: Encoder, total_steps: int, loss: Loss) -> None:
        self.config = config
        self.encoder = encoder
        self.total_steps = total_steps
        device = choose_device(config.device)
        self.accelerator = accelerator_on(device)
        device = self.accelerator.device
        self.bfloat16 = use_bfloat16(config.precision, device)
        self.loss = loss
        network = build_network(config, encoder.to(device))
        self.modules = nn.ModuleDict({"network": network, "loss": loss})
        self.optimizer = torch.optim.AdamW(
            _parameter_groups(self.modules, config.weight_decay), lr=config.learning_rate
        )
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
        self.optimizer.zero_grad()
        take = self._backward_in_chunks if self.config.effective_batch else self._backward
        loss, bound = take(batch, step, tracker)
        self._share_gradients()
        self.optimizer.step()
        return {"loss": loss, "mi_bound": bound}

    def _backward(self, batch: Batch, step: int, tracker: FalseNegativeTracker) -> tuple[float, float]:
        """Loss and bound; leaves the gradient in the parameters."""
        contrast, bound = self._contrast(batch)
        contrast.candidate.retain_grad()
        verdict = self.loss(contrast, self.progress(step))
        loss = mean_loss(verdict)
        _check_finite(loss, step)
        self.accelerator.backward(loss)
        assert contrast.candidate.grad is not None
        tracker.update(contrast, contrast.candidate.grad, verdict.prediction)
        tracker.probe(contrast, contrast.candidate.grad)
        return loss.item(), bound

    def _backward_in_chunks(self, batch: Batch, step: int, tracker: FalseNegativeTracker) -> tuple[float, float]:
        """The same in the memory of `batch_size` images: the network in chunks, the loss in blocks of anchors."""
        views: list[Tensor] = [batch.view_1] if "queue" in self.modules else [batch.view_1, batch.view_2]
        project, chunk = partial(self._project, self.network), self.config.batch_size * len(views)
        leaf, states = project_in_chunks(self.network, views, chunk, project=project)
        union, make_block, bound = self._blocks(batch, leaf)
        observe = _Observer(tracker)

        def per_anchor(contrast: Contrast) -> tuple[Tensor, Tensor]:
            verdict = self.loss(contrast, self.progress(step))
            observe.prediction = verdict.prediction
            return verdict.loss, verdict.contrasted

        learned = [p for p in self.loss.parameters() if p.requires_grad]
        rows = rows_per_block(make_block(slice(0, 1)).candidate.shape[1])
        loss = backward_in_row_blocks(
            make_block, per_anchor, [union, *learned], num_anchors=len(leaf), block_rows=rows, observe=observe
        )
        _check_finite(loss, step)
        gradient = _of_own(union, leaf)
        backward = self.accelerator.backward
        backward_in_chunks(self.network, views, gradient, states, chunk, project=project, backward=backward)
        return loss.item(), bound

    def _blocks(self, batch: Batch, leaf: Tensor) -> tuple[Tensor, Callable[[slice], Contrast], float]:
        """The projections that the loss reads, what makes the contrast of a slice of anchors, and the bound on mutual information."""
        temperature, index = self.config.temperature, batch.index.to(leaf.device)
        if "queue" not in self.modules:
            view_1, view_2 = leaf.detach().chunk(2)
            union = torch.cat([gather_with_gradient(view_1), gather_with_gradient(view_2)]).requires_grad_()
            all_index, own = gather_with_gradient(index).repeat(2), own_rows(len(index), index.device)

            def make_block(rows: slice) -> Contrast:
                return in_batch_rows(union, all_index, own[rows])

            return union, make_block, info_nce_bound(view_1, view_2, temperature)
        key_encoder, queue = self._key_encoder_and_queue()
        project = partial(self._project, key_encoder)
        keys = project_in_chunks(key_encoder, batch.view_2, self.config.batch_size, project=project)[0].detach()
        all_keys, all_index = torch.cat([keys, queue.keys]), torch.cat([index, queue.index])
        queue.push(gather_with_gradient(keys), gather_with_gradient(index))
        bound = info_nce_bound(leaf.detach(), keys, temperature)
        return leaf, partial(against_keys_rows, leaf, all_keys, all_index), bound

    def progress(self, step: int) -> float:
        """Where a 0-based step stands in the run: 0 at the first, 1 at the last (and at the only one)."""
        return step / (self.total_steps - 1) if self.total_steps > 1 else 1.0

    def learning_rate(self, step: int) -> float:
        """Learning rate at a 0-based step."""
        return self.config.learning_rate * warmup_cosine(step, self.total_steps, self.config.warmup)

    def _contrast(self, batch: Batch) -> tuple[Contrast, float]:
        """What the objective sees of a batch, and the bound on mutual information between its views."""
        temperature, device = self.config.temperature, self.encoder.get_buffer("mean").device
        index = batch.index.to(device)
        network = self.modules["network"]
        if isinstance(network, CpcNetwork):
            with autocast(device, self.bfloat16):
                return network.contrast(self.encoder.normalise(batch.view_1), index)
        if "queue" not in self.modules:
            view_1, view_2 = self._project(self.network, torch.cat([batch.view_1, batch.view_2])).chunk(2)
            union = torch.cat([gather_with_gradient(view_1), gather_with_gradient(view_2)])
            all_index, own = gather_with_gradient(index).repeat(2), own_rows(len(index), index.device)
            return in_batch_rows(union, all_index, own), info_nce_bound(view_1, view_2, temperature)
        key_encoder, queue = self._key_encoder_and_queue()
        anchors, keys = self._project(self.network, batch.view_1), self._project(key_encoder, batch.view_2)
        contrast = against_keys(anchors, keys, index, queue.keys.clone(), queue.index.clone())
        queue.push(gather_with_gradient(keys), gather_with_gradient(index))
        return contrast, info_nce_bound(anchors, keys, temperature)

    def _share_gradients(self) -> None:
        """The mean over processes for the objective's own scalars, which no wrapper takes care of as it does for the network."""
        if self.accelerator.num_processes > 1:
            for parameter in self.loss.parameters():
                if parameter.grad is not None:
                    parameter.grad = self.accelerator.reduce(parameter.grad, reduction="mean")

    def _key_encoder_and_queue(self) -> tuple[MomentumEncoder, KeyQueue]:
        """Both, the key encoder moved on by one step."""
        key_encoder, queue = self.modules["key_encoder"], self.modules["queue"]
        assert isinstance(key_encoder, MomentumEncoder)
        assert isinstance(queue, KeyQueue)
        key_encoder.follow(self.modules["network"])
        return key_encoder, queue

    def _project(self, network: nn.Module, views: Tensor) -> Tensor:
        images = self.encoder.normalise(views)
        with autocast(images.device, self.bfloat16):
            projection: Tensor = network(images)
        return projection


def _of_own(union: Tensor, leaf: Tensor) -> Tensor:
    """The gradient of this process' projections, given that of the union of all processes'."""
    assert union.grad is not None
    if union is leaf:
        return union.grad
    first, second = (sum_over_processes(half) for half in union.grad.chunk(2))
    return torch.cat([first, second])


class _Observer:
    """Shows the tracker the first block of a step, since any few anchors will do, and its probe, which looks for certain ones, all."""

    def __init__(self, tracker: FalseNegativeTracker) -> None:
        self.prediction: FalseNegativePrediction | None = None
        self._tracker = tracker
        self._is_first = True

    def __call__(self, contrast: Contrast, gradient_AM: Tensor) -> None:
        if self._is_first:
            self._tracker.update(contrast, gradient_AM, self.prediction)
        self._tracker.probe(contrast, gradient_AM)
        self._is_first = False


def _check_finite(loss: Tensor, step: int) -> None:
    if not torch.isfinite(loss):
        raise SamekindError(
            f"the loss became {loss.item()} at step {step}",
            hint="lower --learning-rate or raise --temperature, and start anew with --force",
        )


def build_network(config: TrainConfig, encoder: Encoder) -> nn.Module:
    """What is trained: a backbone with a projector, or with the predictors of `cpc`."""
    if config.objective == "cpc":
        assert isinstance(encoder.backbone, PatchEncoder)
        return CpcNetwork(encoder.backbone, context=config.cpc_context)
    return ProjectionNetwork(encoder, config.projector_hidden, config.projector_dim)


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weights decay; biases and norms (one axis) do not."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
