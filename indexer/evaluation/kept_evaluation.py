"""`evaluation.json`: what was measured of a run last, for pages that show it. Apart from what measures: reading it needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.indexer.storage.layout import EVALUATION, MANIFEST
from samekind.training.runtime.artefact import write_json

_DECIDES = ("encoder", "table_version", "table_files")


@dataclass(frozen=True)
class KeptEvaluation:
    """Figures as `Evaluation.to_dict` names them, as far as they are defined, and the notes beside them."""

    figures: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def keep_evaluation(folder: Path, evaluation: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    """Keeps an evaluation; a folder that cannot be written keeps none.

    Args:
        folder: the artefact.
        evaluation: as `Evaluation.to_dict` gives it.
        manifest: of the index there was at that time.
    """
    with suppress(ArtefactError):
        write_json(folder / EVALUATION, {"state": _state(manifest), "figures": evaluation})


def forget_evaluation(folder: Path) -> None:
    """What was kept is no longer what was found last."""
    with suppress(OSError):
        (folder / EVALUATION).unlink(missing_ok=True)


def kept_evaluation(folder: Path, encoder: str) -> KeptEvaluation:
    """What is kept; nothing if it cannot be read, or is not of this encoder and of the index and the samekind that are there now.

    Args:
        folder: the artefact.
        encoder: its fingerprint.
    """
    try:
        kept, manifest = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (EVALUATION, MANIFEST))
        if kept["state"] != _state(manifest) or manifest["encoder"] != encoder:
            return KeptEvaluation()
        found = kept["figures"]
        figures = {name: value for name, value in found.items() if type(value) in (int, float)}
        return KeptEvaluation(figures, tuple(map(str, found["notes"])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return KeptEvaluation()


def _state(manifest: Mapping[str, Any]) -> list[Any]:
    """Tells one state of an index, as far as it decides the figures, from any other."""
    rules = [entry.get("label_rule", "") for entry in manifest["corpora"]]
    return [version("samekind"), *(manifest[name] for name in _DECIDES), rules]
