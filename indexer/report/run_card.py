"""What made an index, in a few facts: enough to tell two runs apart, and to say in a note which one a picture is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samekind.core.text import counted, percent
from samekind.indexer.evaluation.kept_evaluation import kept_evaluation
from samekind.indexer.evaluation.recorded_figures import recorded_figures
from samekind.indexer.report.settings import meta_of, without_folders
from samekind.indexer.storage.layout import MANIFEST
from samekind.training.diagnostics.health import is_collapsed
from samekind.training.runtime.artefact import GIVEN

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

FINGERPRINT_DIGITS = 16


@dataclass(frozen=True)
class RunCard:
    """Facts about the run behind an index.

    Attributes:
        facts: name and value of each, in the order to show them; what does not apply is left out.
        steps: optimiser steps of the training; `None` where nothing was trained here.
        knn_accuracy: share of test images whose class wins a vote of their nearest training images, in [0, 1], as `samekind evaluate`
            measured it, or else the training, or else of the bare features the building of the index; `None` if none of them has.
        is_collapsed: true if the features used next to no directions after the last epoch.
        is_pretrained: true if training, if there was any, began with weights that others trained.
    """

    facts: dict[str, str]
    steps: int | None = None
    knn_accuracy: float | None = None
    is_collapsed: bool = False
    is_pretrained: bool = False

    def to_text(self) -> str:
        """One fact a line, `name: value`."""
        return "\n".join(f"{name}: {value}" for name, value in self.facts.items())


def run_card(index: OpenedIndex) -> RunCard:
    """Facts about the run behind an index, from its manifest, its figures and the description of its encoder: no image or vector is read.

    Args:
        index: the opened index. One of given vectors, or of a frozen encoder, has neither objective nor steps.

    Raises:
        ArtefactError: the manifest is gone.
    """
    meta, manifest = meta_of(index), index.manifest
    encoder, training, config = (meta.get(part) or {} for part in ("encoder", "training", "config"))
    bare = recorded_figures(meta, manifest["table_version"]) or {}
    evaluated = kept_evaluation(index.path, manifest["encoder"]).figures
    steps, unwhitened = training.get("steps"), bare.get("knn_accuracy")
    measured = evaluated.get("knn_accuracy", training.get("knn_accuracy"))
    known = {
        "run": index.path.resolve().name,
        "corpus": ", ".join(entry["key"] for entry in manifest["corpora"]),
        "images": f"{len(index):,}",
        "encoder": _encoder(encoder),
        "dimensions": str(index.dim),
        **(_training(config, training) if steps else {}),
        "k-NN accuracy": percent(measured) if measured is not None else None,
        "k-NN without whitening": percent(unwhitened) if unwhitened is not None else None,
        "indexed": _indexed(index.path),
        "fingerprint": manifest["encoder"].removeprefix(GIVEN)[:FINGERPRINT_DIGITS],
        "adapted by": _adapted(manifest["adaptation"]),
    }
    healths = [epoch["health"] for epoch in index.history() if epoch.get("health")]
    return RunCard(
        {name: value for name, value in known.items() if value},
        steps or None,
        unwhitened if measured is None else measured,
        bool(healths) and is_collapsed(healths[-1], healths[0]),
        "/" in str(encoder.get("backbone")),
    )


def _encoder(encoder: Mapping[str, Any]) -> str:
    if str(encoder.get("fingerprint")).startswith(GIVEN):
        made_by = encoder.get("made_by")
        return f"none here: vectors made by {without_folders(made_by)}" if made_by else "none: vectors were given"
    name = without_folders(encoder.get("backbone") or "unknown")
    return f"{name} with an adapter" if encoder.get("adapter") else name


def _training(config: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, str | None]:
    treatment = config.get("treatment", "none")
    end = config.get("beta_end")
    beta = f"{config.get('beta')}" + ("" if end is None else f" to {end}")
    return {
        "objective": f"{config.get('objective')}, temperature {config.get('temperature')}",
        "treatment": "none" if treatment == "none" else f"{treatment} by {config.get('detector')}",
        "hardness β": beta if config.get("objective") == "hard" else None,
        "steps": f"{training['steps']:,} in {counted(training.get('epochs') or 0, 'epoch')}",
        "seed": str(config.get("seed")),
    }


def _indexed(folder: Path) -> str:
    written = (folder / MANIFEST).stat().st_mtime
    return f"{datetime.fromtimestamp(written, UTC):%Y-%m-%d %H:%M} UTC"


def _adapted(adaptation: Mapping[str, Any] | None) -> str | None:
    return (
        None if adaptation is None else f"{counted(adaptation['answers'], 'answer')} (version {adaptation['version']})"
    )
