"""What can be made sure of a step on a GPU without one: no wait for the device, no tensor that is left on the CPU, figures read late."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from samekind.core.errors import SamekindError
from samekind.data.loader import Batch
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.engine.loss import Loss
from samekind.training.engine.schedule import Schedule
from samekind.training.engine.step_figures import StepFigures
from samekind.training.engine.trainer import Trainer
from samekind.training.false_negatives.treatments import TREATMENTS
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.objectives.similarity import in_batch
from samekind.training.run.train import train
from tests.training.runs import config, corpus

LONG = [pytest.mark.slow, pytest.mark.long]
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "_unique2", "unique_dim"}
COUNTED_ON_CPU = ("torch/optim/", "trainer.py: _check_finite", "weight_average.py: step")
"""AdamW's and the average's number of steps, which stay on the CPU, and a check that is made there only."""


class Waits(TorchDispatchMode):
    """Counts the operations that a GPU would have to be waited for: a value that Python reads, a size that depends on values."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func._schema.name.removeprefix("aten::")
        masks = name == "index" and any(index is not None and index.dtype == torch.bool for index in args[1])
        if name in WAITS or masks:
            place = next(
                f"{frame.filename}: {frame.name}"
                for frame in reversed(traceback.extract_stack()[:-1])
                if "torch/optim/" in frame.filename or "/torch/" not in frame.filename
            )
            if not any(known in place for known in COUNTED_ON_CPU):
                self.found[f"{name} in {place}"] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "info_nce"},
        {"objective": "nce", "ema": 0.9},
        {"objective": "mixed", "queue_size": 64},
        {"objective": "hard", "batch_size": 8, "effective_batch": 32},
        {"treatment": "soft", "detector": "threshold", "treatment_start": 0.0},
        *(
            pytest.param({"treatment": name, "detector": "threshold", "treatment_start": 0.0}, marks=LONG)
            for name in TREATMENTS
            if name not in ("none", "soft")
        ),
        *(
            pytest.param({"treatment": "soft", "detector": name, "treatment_start": 0.0}, marks=LONG)
            for name in ("relative_margin", "posterior")
        ),
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_no_step_waits_for_the_device(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    """Of all steps but the first. What does is left out, and named in docs/training-on-many.md."""
    take, found = Trainer.step, Counter[str]()

    def watched(self: Trainer, batch: Batch, number: int, *rest: Any) -> dict[str, Tensor]:
        if number == 0:
            return take(self, batch, number, *rest)
        with Waits() as waits:
            figures = take(self, batch, number, *rest)
        found.update(waits.found)
        return figures

    monkeypatch.setattr(Trainer, "step", watched)
    train(corpus(), config(epochs=1, **settings), tmp_path, probe=False)
    assert found == {}


ON_NO_DEVICE = [
    {"objective": "info_nce"},
    {"objective": "decoupled"},
    {"objective": "hard", "batch_size": 8, "effective_batch": 32},
    {"objective": "info_nce", "queue_size": 64},
]


@pytest.mark.parametrize("settings", ON_NO_DEVICE, ids=lambda settings: "-".join(map(str, settings.values())))
def test_no_tensor_of_a_step_is_left_on_the_cpu(settings: dict[str, Any]) -> None:
    """On the device `meta`, which has shapes and no values: a tensor that is made on the CPU meets one of the device's, or a value that is
    read, is an error there. Figures and counts stay on the device.
    """
    nowhere = torch.device("meta")
    accelerator = SimpleNamespace(
        device=nowhere, num_processes=1, prepare=lambda network: network, backward=lambda loss: loss.backward()
    )
    options = config(**{"batch_size": 32, "precision": "float32", **settings})
    encoder = Encoder(EncoderSpec("resnet-small", image_size=16, channels=1, dim=0, mean=(0.5,), std=(0.2,), width=4))
    trainer = Trainer(
        options, encoder, Loss(options, 100, None), Schedule(3, 1e-3, 0.0), cast("Accelerator", accelerator)
    )
    views = torch.zeros(2, 32, 1, 16, 16, dtype=torch.uint8)
    tracker = FalseNegativeTracker(np.arange(100) % 3)
    figures = trainer.step(Batch(views[0], views[1], torch.arange(32)), 1, tracker)
    assert {figure.device for figure in figures.values()} == {nowhere}
    assert {parameter.grad.device for parameter in encoder.backbone.parameters() if parameter.grad is not None} == {
        nowhere
    }
    with pytest.raises((RuntimeError, NotImplementedError)):
        _ = tracker.totals


class Event:
    """A CUDA event that says when it is waited for."""

    log: list[str] = []  # noqa: RUF012 - one a test

    def record(self) -> None:
        """Behind the work so far."""
        self.log.append("record")

    def synchronize(self) -> None:
        """Waits."""
        self.log.append("wait")


def test_a_gpu_is_read_one_step_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of a step are read when the next one has been handed over, in order, after their own event; the rest on demand. A loss
    that is not finite is told under the number of its step.
    """
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(Event, "log", [])
    figures = StepFigures(torch.device("cuda"))
    assert figures.add(0, {"loss": torch.tensor(1.0)}) == []
    assert Event.log == ["record"]
    assert figures.add(1, {"loss": torch.tensor(2.0)}) == [{"loss": 1.0}]
    assert Event.log == ["record", "record", "wait"]
    assert figures.read() == [{"loss": 2.0}]
    figures.add(2, {"loss": torch.tensor(torch.nan)})
    with pytest.raises(SamekindError, match="nan at step 2"):
        figures.read()
    assert StepFigures(torch.device("cpu")).add(0, {"loss": torch.tensor(1.0)}) == [{"loss": 1.0}]


def test_counts_wait_on_the_device_and_come_to_the_same() -> None:
    """Read after every batch or after many: the same totals."""
    labels = np.arange(50) % 3
    at_once, late = FalseNegativeTracker(labels), FalseNegativeTracker(labels)

    def add(tracker: FalseNegativeTracker, seed: int) -> None:
        torch.manual_seed(seed)
        views = torch.nn.functional.normalize(torch.randn(2, 12, 4), dim=2)
        contrast = in_batch(views[0], views[1], torch.randperm(50)[:12])
        tracker.update(contrast, torch.randn(contrast.candidate.shape))

    for seed in range(40):
        add(at_once, seed)
        assert at_once.totals
        add(late, seed)
    assert late.totals == at_once.totals
