"""`evaluation.json`: what was measured of an index last, for pages that show it. Apart from what measures: reading it needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.indexer.storage.layout import EVALUATION, MANIFEST
from samekind.training.runtime.artefact import write_json

_STATE = ("encoder", "table_version", "table_files")  # see `Manifest.state`


def keep_evaluation(folder: Path, figures: dict[str, Any], manifest: Mapping[str, Any]) -> None:
    """Keeps an evaluation; a folder that cannot be written keeps none.

    Args:
        folder: the artefact.
        figures: as `Evaluation.to_dict` gives them.
        manifest: of the index that they are of.
    """
    with suppress(ArtefactError):
        write_json(folder / EVALUATION, {"state": [manifest[name] for name in _STATE], "figures": figures})


def kept_evaluation(folder: Path, encoder: str) -> dict[str, Any]:
    """The figures that are kept; empty without any, if they cannot be read, or if they are not of this encoder and the index as it is.

    Args:
        folder: the artefact.
        encoder: its fingerprint.
    """
    try:
        kept, manifest = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (EVALUATION, MANIFEST))
        state = [manifest[name] for name in _STATE]
        figures = kept["figures"] if kept["state"] == state and state[0] == encoder else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return figures if isinstance(figures, dict) else {}
