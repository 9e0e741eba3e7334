"""Every pass over the images shows a bar: in a log it becomes a line every ten seconds, so that no part of a long run is silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from samekind.core.progress import NoProgress, Task
from samekind.training.config.train_config import TrainConfig
from samekind.training.run.train import train
from tests.training.runs import config, corpus

IN_TRAINING, HELD_OUT, ALL, TEST = 54, 6, 60, 20


class Bars(NoProgress):
    """Keeps the totals of the bars of embeddings."""

    def __init__(self) -> None:
        self.totals: list[int] = []

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A bar that is not drawn."""
        if description == "embedding":
            self.totals.append(total)
        with super().task(description, total) as task:
            yield task


SMALL = config(detector="reciprocal", treatment="eliminate", treatment_start=0.0)
TUNED = config(backbone="lite0", train="last-2", image_size=32, projector_dim=0, steps=2, epochs=None)
AN_EPOCH = [IN_TRAINING, HELD_OUT]


@pytest.mark.parametrize(
    ("settings", "before", "an_epoch", "after"),
    [
        (SMALL, [], [IN_TRAINING, *AN_EPOCH], [ALL, ALL, TEST]),
        (TUNED, [IN_TRAINING, IN_TRAINING], AN_EPOCH, [IN_TRAINING, ALL, TEST]),
    ],
)
def test_every_pass_over_the_images_shows_a_bar(
    settings: TrainConfig, before: list[int], an_epoch: list[int], after: list[int], tmp_path: Path
) -> None:
    """The description before a fine-tuning, the detector's look, the measurements, the whitening and the figures at the end."""
    bars = Bars()
    run = train(corpus(), settings, tmp_path, progress=bars)
    assert bars.totals == before + an_epoch * len(run.history) + after
