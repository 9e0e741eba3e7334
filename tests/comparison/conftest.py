"""A comparison whose child processes answer at once, so that its own work is what is tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samekind.comparison import plan, runner
from samekind.comparison.methods import Method
from samekind.comparison.settings import Settings
from samekind.comparison.trials import CorpusPart, Trial
from samekind.training.config.train_config import TrainConfig

FIGURES = {
    "knn_accuracy": 0.9, "linear_accuracy": 0.8, "hit_rate_at_1": 0.85, "map_at_r": 0.4, "false_negative_rate_at_10": 0.5,
    "lift_at_10": 5.0, "base_rate": 0.1, "gradient_share": 0.3, "mi_bound": 2.0, "mi_cap": 5.5, "loss": 1.0,
    "pairs_per_second": 500.0, "peak_memory_bytes": 10**9, "peak_gpu_memory_bytes": None,
}  # fmt: skip

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Child:
    """Stands in for all child processes: counts its tasks, and answers better with every seed."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.tasks: list[dict[str, Any]] = []
        self._answer = answer

    def run(self, task: dict[str, Any]) -> dict[str, Any]:
        """Answers a task."""
        self.tasks.append(task)
        if self._answer is not None:
            return self._answer(task)
        return answer_of(task)

    def stop(self) -> None:
        """Nothing to stop."""


def answer_of(task: dict[str, Any]) -> dict[str, Any]:
    """What a worker answers; a timing finds 2.5 steps a second."""
    if task["kind"] == "timing":
        return {"steps_per_second": 2.5}
    return {
        "epochs": 1,
        "num_train": 29,
        "num_hold_out": 3,
        "figures": {**FIGURES, "knn_accuracy": 0.9 + 0.02 * task["config"]["seed"]},
        "notes": [],
        "hardware": {"cpu": "a processor", "cores": 2, "threads": 1, "gpu": None},
        "torch": "2",
        "samekind": "0",
        "date": "2026-11-24T00:00:00+00:00",
        "train_seconds": 1.0,
        "wall_seconds": 2.0,
    }


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled folder of 40 tiny images."""
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    rng = np.random.default_rng(0)
    for kind in ("a", "b"):
        (folder / kind).mkdir(parents=True)
        for i in range(20):
            Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / kind / f"{i}.png")
    return folder


@pytest.fixture
def asked(photos: Path, tmp_path: Path) -> Settings:
    """Two methods, two seeds, five steps."""
    return Settings(
        (str(photos),), ("info_nce", "hard"), seeds=2, budget="5", out=tmp_path / "out", work=tmp_path / "work"
    )


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Child:
    """Every child process, replaced."""
    return replaced(monkeypatch, Child())


def replaced(monkeypatch: pytest.MonkeyPatch, child: Child) -> Child:
    """Puts `child` where children are started."""
    monkeypatch.setattr(runner, "Children", lambda at_once: child)
    monkeypatch.setattr(plan, "run_child", child.run)
    return child


def trial_of(**changes: Any) -> Trial:
    """A trial that is wanted."""
    corpus = CorpusPart("photos", changes.pop("content_hash", "abc"))
    knn_k = changes.pop("knn_k", 20)
    return Trial(corpus, Method("hard", {"objective": "hard"}), TrainConfig(**changes), knn_k)


def stored(trial: Trial) -> dict[str, Any]:
    """What the trial's file holds."""
    return {
        "identity": trial.identity, "figures": FIGURES, "method": "hard", "corpus": "photos", "seed": trial.config.seed, "steps": 5,
    }  # fmt: skip
