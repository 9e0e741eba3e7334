"""What tests of whole runs share: a small corpus, settings for a second, a run that is interrupted, and what must be equal after it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.data.loader import Batch
from samekind.training.config.presets import preset
from samekind.training.config.train_config import TrainConfig
from samekind.training.engine.trainer import Trainer

TIMES = {"seconds", "pairs_per_second"}


class Lines(NoProgress):
    """Keeps the lines that it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def print(self, line: str) -> None:
        """Keeps it."""
        self.lines.append(line)


def corpus(labelled: bool = True, count: int = 80) -> Corpus:
    """Three classes of noisy blobs, 16 px; the last quarter is test."""
    random = np.random.default_rng(0)
    kinds = np.arange(count) % 3
    images = random.integers(0, 60, (count, 16, 16))
    for row, kind in zip(images, kinds, strict=True):
        row[4 * kind : 4 * kind + 6, 3:9] += 150
    splits = ["train"] * (count * 3 // 4) + ["test"] * (count - count * 3 // 4)
    labels = [f"kind {kind}" for kind in kinds] if labelled else None
    return Corpus.from_arrays(images.astype(np.uint8), labels, splits, name="blobs", source={"corpus": "nowhere"})  # type: ignore[arg-type]


def config(**overrides: Any) -> TrainConfig:
    """Small enough for a second."""
    settings = {
        "epochs": 2,
        "batch_size": 16,
        **({} if "backbone" in overrides else {"width": 4}),  # which only resnet-small has
        "projector_hidden": 16,
        "projector_dim": 8,
        "workers": 0,
        "device": "cpu",
    }
    return preset("smoke", **{**settings, **overrides})


def without_times(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All that must be equal between two runs."""
    return [{key: value for key, value in record.items() if key not in TIMES} for record in history]


@contextmanager
def interrupted_at(step: int) -> Iterator[None]:
    """Sends this process a Ctrl-C while step number `step` of the run inside is being taken; the run must end by it."""
    take = Trainer.step

    def interrupted(self: Trainer, batch: Batch, number: int, *rest: Any) -> dict[str, Tensor]:
        if number == step:
            os.kill(os.getpid(), signal.SIGINT)
        return take(self, batch, number, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            yield


def slow(*values: Any) -> list[Any]:
    """Further cases of the same kind, for the slow tests."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
