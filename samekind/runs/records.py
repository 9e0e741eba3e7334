"""The runs of a folder, as far as their files tell: figures, settings, curves. No index is opened and nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.indexer.evaluation.kept_evaluation import kept_evaluation
from samekind.indexer.storage.layout import JOURNAL, MANIFEST, TABLE_FOLDER
from samekind.runs.launch import LAUNCH, Launch, read_json, read_launch
from samekind.training.config.train_config import settings_that_count
from samekind.training.runtime.artefact import GIVEN, META, METRICS, WEIGHTS, read_history

MOST_LOOKED_AT = 2000
"""Folders; a home folder or a network drive may hold any number."""
UNFINISHED = "not finished"
_PARTS = (MANIFEST, META, JOURNAL, str(TABLE_FOLDER), LAUNCH)
_FIGURES = {
    "knn_accuracy": "k-NN",
    "linear_accuracy": "linear probe",
    "hit_rate_at_1": "hit rate @1",
    "map_at_r": "mAP@R",
}


@dataclass(frozen=True)
class RunRecord:
    """One run.

    Attributes:
        folder: its artefact.
        encoder: name of the backbone, and of what stands behind it; empty if unknown.
        method: objective and, where false negatives are treated, treatment and detector; `None` where nothing was trained here.
        settings: of the training that count for its result, by name; empty likewise.
        corpus: its name.
        content: names its images by their content; empty if unknown, as for vectors that were given.
        images: in it, as far as known.
        steps: optimiser steps; `None` before the end.
        seconds: of training, up to the last finished epoch.
        figures: on the test split, in [0, 1], by name, as far as they were measured.
        notes: what a reader must know about those of the last evaluation.
        hold_out: k-NN accuracy on held-out images after the last epoch, in [0, 1].
        epochs: number of finished epochs.
        is_trained: true if the training has ended well, or there was none.
        has_index: true if it can be looked at.
        launch: how it was started, if the demo started it.
        changed: when its files were last written, in seconds since 1970.
    """

    folder: Path
    encoder: str
    method: str | None
    settings: Mapping[str, Any]
    corpus: str
    content: str
    images: int | None
    steps: int | None
    seconds: float | None
    figures: Mapping[str, float]
    notes: Sequence[str]
    hold_out: float | None
    epochs: int
    is_trained: bool
    has_index: bool
    launch: Launch | None
    changed: float = field(compare=False)

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.folder.name

    @property
    def state(self) -> str:
        """`running`, `stopped`, `failed` or `broken off`, as its launch says; otherwise `done`, or what is missing."""
        if self.launch is not None and self.launch.state != "done":
            return self.launch.state
        if not self.is_trained:
            return UNFINISHED
        return "done" if self.has_index else "not indexed"


def list_runs(folder: str | Path) -> list[RunRecord]:
    """All runs in a folder, the one that was written last first: finished ones, and those under way, stopped or failed.

    Returns:
        None where nothing can be read; a damaged run with what is left of it.
    """
    try:
        inside = sorted(each for each in Path(folder).iterdir() if not each.name.startswith("."))[:MOST_LOOKED_AT]
    except OSError:
        return []
    runs = [read_run(each) for each in inside if any((each / part).exists() for part in _PARTS)]
    return sorted(runs, key=lambda run: -run.changed)


def read_run(folder: str | Path) -> RunRecord:
    """One run; what cannot be read is unknown."""
    folder = Path(folder)
    meta, history = read_json(folder / META), run_history(folder)
    config, training, corpus = (_part(meta, name) for name in ("config", "training", "corpus"))
    is_finished, launch = bool(training.get("finished")), read_launch(folder)
    fingerprint = str(_part(meta, "encoder").get("fingerprint"))
    evaluation, has_index = kept_evaluation(folder, fingerprint), (folder / MANIFEST).is_file()
    accuracies = [epoch["knn_accuracy"] for epoch in history if epoch.get("knn_accuracy") is not None]
    seconds = [epoch["seconds"] for epoch in history if isinstance(epoch.get("seconds"), int | float)]
    return RunRecord(
        folder=folder,
        encoder=_encoder(_part(meta, "encoder")),
        method=_method(config),
        settings=settings_that_count(config) if config else {},
        corpus=str(corpus.get("name") or ""),
        content="" if fingerprint.startswith(GIVEN) else str(corpus.get("content_hash") or ""),
        images=corpus.get("num_images"),
        steps=training.get("steps"),
        seconds=training.get("seconds", sum(seconds) if seconds else None),
        figures=_figures(training, _part(meta, "without_whitening"), evaluation.figures),
        notes=evaluation.notes,
        hold_out=accuracies[-1] if accuracies else None,
        epochs=history[-1]["epoch"] if history else 0,
        is_trained=is_finished or (has_index and not config) or (folder / WEIGHTS).is_file(),
        has_index=has_index,
        launch=launch,
        changed=max(_written(folder / part) for part in (META, METRICS, MANIFEST, LAUNCH)),
    )


def run_history(folder: str | Path) -> list[dict[str, Any]]:
    """The epoch records of a run so far, first epoch first; none where they cannot be read."""
    try:
        found: list[Any] = list(read_history(folder))  # of whatever kind: the file may be anybody's
    except (ArtefactError, OSError, UnicodeDecodeError):
        return []
    return [epoch for epoch in found if isinstance(epoch, dict) and "epoch" in epoch]


def differing_settings(runs: Sequence[RunRecord]) -> dict[str, tuple[Any, ...]]:
    """The settings in which runs differ, with the value in each; `None` where a run has none that counts."""
    names = list(dict.fromkeys(name for run in runs for name in run.settings))
    values = {name: tuple(run.settings.get(name) for run in runs) for name in names}
    return {name: each for name, each in values.items() if any(value != each[0] for value in each)}


def _figures(*sources: Mapping[str, Any]) -> dict[str, float]:
    """The last source knows best: the evaluation of the run, or the training, or what the building of the index measured."""
    training, bare, evaluation = sources
    found = {"k-NN without whitening": bare.get("knn_accuracy")}
    for source in (training, evaluation):
        found |= {name: source[key] for key, name in _FIGURES.items() if source.get(key) is not None}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def _encoder(encoder: Mapping[str, Any]) -> str:
    name = str(encoder.get("backbone") or "")
    before, at, place = name.rpartition("@")
    name = f"{before}{at}{Path(place).name}" if at else name  # weights of one's own: their folder is nobody's business
    return f"{name} with an adapter" if encoder.get("adapter") else name


def _method(config: Mapping[str, Any]) -> str | None:
    if "objective" not in config:
        return None
    treatment = config.get("treatment", "none")
    parts = [config["objective"]] if treatment == "none" else [config["objective"], treatment, config.get("detector")]
    return " + ".join(map(str, parts))


def _part(meta: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = meta.get(name)
    return found if isinstance(found, dict) else {}


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
