"""Everything about a run that stays the same while it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from samekind.core.cores import usable_cores
from samekind.core.progress import Progress
from samekind.data.loader import ViewLoader
from samekind.data.types.rows import ChosenRows
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.probe import Probe
from samekind.training.engine.loss import Loss
from samekind.training.features.feature_encoder import Trainable
from samekind.training.features.views import view_maker
from samekind.training.runtime.checkpoint_copy import CheckpointCopy
from samekind.training.training_set import TrainingImages


@dataclass(frozen=True)
class RunContext:
    """A run that is under way.

    Attributes:
        config: its settings.
        images: that it trains on.
        out: folder of its artefact.
        digest: names it, in checkpoints too.
        accelerator: of this process.
        progress: shows bars and lines.
        probe: anchors that are measured after every epoch; `None` for none.
        copy: of the checkpoint, elsewhere; `None` for none, and in all processes but the first.
    """

    config: TrainConfig
    images: TrainingImages
    out: Path
    digest: str
    accelerator: Accelerator
    progress: Progress
    probe: Probe | None = None
    copy: CheckpointCopy | None = None

    @property
    def is_first(self) -> bool:
        """True for the process that measures and writes."""
        return bool(self.accelerator.is_main_process)

    @property
    def processes(self) -> int:
        """Number of processes that share a batch."""
        return int(self.accelerator.num_processes)

    @property
    def loader_workers(self) -> int:
        """As configured; otherwise one process that makes views beside the one that trains, more where there are cores to spare, and none
        where views are only taken from the cache.
        """
        if self.config.workers is not None:
            return self.config.workers
        if self.images.views is not None:
            return 0
        return max(1, min(8, usable_cores() - 1))


def view_loader(context: RunContext, encoder: Trainable, loss: Loss) -> ViewLoader:
    """The batches of this process."""
    config, images = context.config, context.images
    loader = ViewLoader(
        ChosenRows(images.viewed, images.fit),
        view_maker(images, config, encoder.spec),
        config.images_a_step,
        config.seed,
        context.loader_workers,
        share=(context.accelerator.process_index, context.processes),
        groups=None if loss.constraints is None else loss.constraints.unit.numpy(),
    )
    if context.accelerator.device.type == "cuda":
        loader.pin()
    return loader
