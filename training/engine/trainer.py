"""One training step, and everything that a step changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from samekind.data.loader import Batch
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.diagnostics.probe import BatchLook
from samekind.training.engine.batch_contraster import AgainstKeys, BatchContraster, InBatch, Patches
from samekind.training.engine.grad_cache import backward_in_chunks, project_in_chunks
from samekind.training.engine.loss import Loss, LossOutput, mean_loss
from samekind.training.engine.networks import build_network, compile_network, projection_dim
from samekind.training.engine.row_blocks import Block, backward_in_row_blocks, rows_per_block
from samekind.training.engine.schedule import Schedule
from samekind.training.engine.step_figures import check_finite
from samekind.training.engine.streams.choose import choose_streams, kept_streams
from samekind.training.engine.streams.network import StreamedNetwork
from samekind.training.engine.weight_average import average_of, averaged, count_on_cpu, keep_average
from samekind.training.features.feature_encoder import Trainable
from samekind.training.models.key_queue import KeyQueue
from samekind.training.models.momentum import MomentumEncoder
from samekind.training.models.parameter_groups import optimizer_groups
from samekind.training.models.streams import one_thread
from samekind.training.objectives.cpc import CpcNetwork
from samekind.training.runtime import checkpoint
from samekind.training.runtime.checkpoint import Counters
from samekind.training.runtime.devices import autocast, use_bfloat16
from samekind.training.runtime.processes import continue_randomly, random_states
from samekind.training.runtime.random_state import RandomState

Observe = Callable[[Block[LossOutput]], object]


class Trainer:
    """Network, optimiser and, if asked for, key encoder and queue, and an average of the backbone's weights.

    Args:
        config: the run's settings.
        encoder: whose backbone is trained, in place.
        loss: the run's objective with its treatment.
        schedule: of the whole run.
        accelerator: of this process.
    """

    def __init__(
        self, config: TrainConfig, encoder: Trainable, loss: Loss, schedule: Schedule, accelerator: Accelerator
    ) -> None:
        self.config = config
        self.encoder = encoder
        self.loss = loss
        self.schedule = schedule
        self.accelerator = accelerator
        self.bfloat16 = use_bfloat16(config.precision, accelerator.device)
        network = build_network(config, encoder.to(accelerator.device))
        self.modules = nn.ModuleDict({"network": network, "loss": loss})
        assert config.layer_decay is not None
        groups = optimizer_groups(
            self.modules, encoder.backbone, weight_decay=config.weight_decay, layer_decay=config.layer_decay
        )
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate)
        if config.queue_size:
            self.modules["key_encoder"] = MomentumEncoder(network, config.key_momentum)
            self.modules["queue"] = KeyQueue(config.queue_size, projection_dim(config, encoder))
        if config.ema:
            self.modules["average"] = average_of(encoder.backbone, config.ema)
        self.modules.to(accelerator.device).train()
        if self._average is not None:
            count_on_cpu(self._average)
        compile_network(network, config, accelerator.device)
        self._whole_network: nn.Module = accelerator.prepare(network)
        self._take_streams(choose_streams(config, network, accelerator))

    def resume(self, folder: Path, run: str) -> Counters:
        """Restores the checkpoint in `folder`, if there is one, and keeps to number format and streams that the run began with.

        Returns:
            Where the run stands.

        Raises:
            ArtefactError: the checkpoint is damaged or of another run than `run`.
        """
        counters, random = Counters(run), list[RandomState]()
        if checkpoint.exists(folder):
            counters, random = checkpoint.load(folder, run, self.modules, self.optimizer)
            self._take_streams(kept_streams(counters.streams, self.accelerator))
        continue_randomly(self.accelerator, random, (self.config.seed, counters.step))
        counters.streams = self.streams
        if counters.bfloat16 is None:
            counters.bfloat16 = self.bfloat16
        self.bfloat16 = counters.bfloat16
        return counters

    def save(self, folder: Path, counters: Counters) -> None:
        """Writes the checkpoint, if this is the first process; all have to call it.

        Raises:
            ArtefactError: the folder cannot be written.
        """
        random = random_states(self.accelerator)
        counters.processes = self.accelerator.num_processes
        if self.accelerator.is_main_process:
            checkpoint.save(folder, self.modules, self.optimizer, counters, random)

    def _take_streams(self, streams: int) -> None:
        """Computes batches in that many streams from here on."""
        self.streams, self.network = streams, self._in_streams(self._whole_network, streams)
        if "key_encoder" in self.modules:
            self._key_network = self._in_streams(self.modules["key_encoder"], streams)

    @staticmethod
    def _in_streams(network: nn.Module, streams: int) -> nn.Module:
        return StreamedNetwork(network, streams) if streams > 1 else network

    def step(
        self, batch: Batch, step: int, tracker: FalseNegativeTracker, look: BatchLook | None = None
    ) -> dict[str, Tensor]:
        """Takes one step. On a GPU nothing in it waits for the device, but for the look at the probe.

        Args:
            batch: two views of B images.
            step: 0-based number of this step in the run.
            tracker: counts the false negatives among what the objective saw.
            look: the fixed probe's look at the same.

        Returns:
            `loss` and `mi_bound` of this batch: scalars on the device.

        Raises:
            SamekindError: the loss is not finite. On a GPU whoever reads it has to check that.
        """

        def observe(block: Block[LossOutput]) -> None:
            if block.rows.start == 0:  # any few anchors will do for the tracker, while the probe looks for certain ones
                tracker.update(block.contrast, block.gradient, block.output.prediction)
            if look is not None:
                look.update(block.contrast, block.gradient)

        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.learning_rate(step) * group["lr_scale"]
        self.optimizer.zero_grad()
        take = self._backward_in_chunks if self.config.effective_batch else self._backward
        # Beside streams, threads that share the rest of a step would wait for each other again; a large batch has enough to share.
        with one_thread() if self.streams > 1 and not self.config.effective_batch else nullcontext():
            contraster, loss = take(batch, step, observe)
            if isinstance(contraster, AgainstKeys):
                contraster.remember_keys()
            self._share_gradients()
            self.optimizer.step()
            if self._average is not None:
                self._average.update_parameters(self.encoder.backbone)
            return {"loss": loss, "mi_bound": contraster.bound(self.config.temperature)}

    def averaged(self) -> AbstractContextManager[None]:
        """The encoder as the artefact would hold it: with the average of its weights, if there is one."""
        return averaged(self.encoder.backbone, self._average)

    def finish(self) -> None:
        """Gives the encoder what the artefact holds."""
        if self._average is not None:
            keep_average(self.encoder.backbone, self._average)

    @property
    def _average(self) -> AveragedModel | None:
        if "average" not in self.modules:
            return None
        average = self.modules["average"]
        assert isinstance(average, AveragedModel)
        return average

    def _backward(self, batch: Batch, step: int, observe: Observe) -> tuple[BatchContraster, Tensor]:
        """Gradients of a batch at once."""
        contraster = self._contraster(batch)
        contrast = contraster.contrast()
        contrast.candidate.retain_grad()
        output: LossOutput = self.loss(contrast, self.schedule.progress(step))
        loss = mean_loss(output)
        self._check_finite(loss, step)
        self.accelerator.backward(loss)
        assert contrast.candidate.grad is not None
        observe(Block(slice(0, len(contrast.candidate)), contrast, output, contrast.candidate.grad))
        return contraster, loss.detach()

    def _backward_in_chunks(self, batch: Batch, step: int, observe: Observe) -> tuple[BatchContraster, Tensor]:
        """The same in the memory of `batch_size` images: the network in chunks, the loss in blocks of anchors."""
        views = self._anchor_views(batch)
        chunk = self.config.batch_size * len(views)
        project = partial(self._project, self.network)
        projections, states = project_in_chunks(self.network, views, chunk, project=project)
        contraster = self._contrast_views(batch, projections.detach())
        contraster.projected.requires_grad_()
        loss = backward_in_row_blocks(
            contraster.contrast,
            partial(self.loss, progress=self.schedule.progress(step)),
            [contraster.projected, *(p for p in self.loss.parameters() if p.requires_grad)],
            num_anchors=contraster.num_anchors,
            block_rows=rows_per_block(contraster.num_candidates),
            observe=observe,
        )
        self._check_finite(loss, step)
        gradient, backward = contraster.own_gradient(), self.accelerator.backward
        backward_in_chunks(self.network, views, gradient, states, chunk, project=project, backward=backward)
        return contraster, loss

    def _contraster(self, batch: Batch) -> BatchContraster:
        """Projects a batch at once."""
        network = self.modules["network"]
        if isinstance(network, CpcNetwork):
            with autocast(self.accelerator.device, self.bfloat16):
                return Patches(*network.contrast(self.encoder.normalise(batch.view_1), self._index(batch)))
        return self._contrast_views(batch, self._project(self.network, torch.cat(self._anchor_views(batch))))

    def _contrast_views(self, batch: Batch, projections: Tensor) -> InBatch | AgainstKeys:
        """Contrasts the projections of the anchors' views with each other, or with the keys of the second views."""
        if "queue" not in self.modules:
            return InBatch(projections, self._index(batch))
        queue = self.modules["queue"]
        assert isinstance(queue, KeyQueue)
        return AgainstKeys(projections, self._keys(batch), self._index(batch), queue)

    def _keys(self, batch: Batch) -> Tensor:
        """Keys of the second views, by the key encoder after its next step towards the network."""
        key_encoder = self.modules["key_encoder"]
        assert isinstance(key_encoder, MomentumEncoder)
        key_encoder.follow(self.modules["network"])
        project = partial(self._project, self._key_network)
        if not self.config.effective_batch:
            return project(batch.view_2)
        return project_in_chunks(self._key_network, batch.view_2, self.config.batch_size, project=project)[0].detach()

    def _anchor_views(self, batch: Batch) -> list[Tensor]:
        return [batch.view_1] if "queue" in self.modules else [batch.view_1, batch.view_2]

    def _index(self, batch: Batch) -> Tensor:
        return batch.index.to(self.accelerator.device, non_blocking=True)

    def _project(self, network: nn.Module, views: Tensor) -> Tensor:
        images = self.encoder.normalise(views)
        with autocast(images.device, self.bfloat16):
            projection: Tensor = network(images)
        return projection

    def _check_finite(self, loss: Tensor, step: int) -> None:
        """At once where that costs nothing, before anybody counts with it."""
        if loss.device.type == "cpu":
            check_finite(loss.item(), step)

    def _share_gradients(self) -> None:
        """The mean over processes for the objective's own scalars, which no wrapper takes care of as it does for the network."""
        if self.accelerator.num_processes > 1:
            for parameter in self.loss.parameters():
                if parameter.grad is not None:
                    parameter.grad = self.accelerator.reduce(parameter.grad, reduction="mean")
