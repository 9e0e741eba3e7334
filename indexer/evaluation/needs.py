"""What figures need that an artefact may lack, found without what computes them: a page asks each time it is drawn."""

from __future__ import annotations

from pathlib import Path

from samekind.indexer.storage.remedies import json_field
from samekind.training.runtime.artefact import GIVEN, META


def missing_for_detectors(path: str | Path) -> str:
    """What `evaluate_detectors` would miss in an artefact, as a sentence that names no path; empty if nothing is known to be missing."""
    folder = Path(path)
    encoder = json_field(folder / META, "encoder")
    if isinstance(encoder, dict) and str(encoder.get("fingerprint")).startswith(GIVEN):
        return (
            "Detectors look at pictures through an encoder. This index holds vectors that were given, and no encoder."
        )
    recorded = json_field(folder / META, "corpus")
    place = recorded.get("corpus") if isinstance(recorded, dict) else None
    if not place:
        return "Detectors look at the images that the encoder was trained on, and this artefact does not say which these are."
    if Path(place).is_absolute() and not Path(place).exists():
        return "Detectors look at the images of the corpus, which are no longer where they were. `samekind relocate` takes their new place."
    return ""
