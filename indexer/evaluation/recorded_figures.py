"""The figures without whitening as `meta.json` keeps them. Apart from what measures them: a page that shows them needs no torch."""

from __future__ import annotations

from typing import Any

Figures = dict[str, float | None]

FIELD, VERSION = "without_whitening", "table_version"
NAMES = ("knn_accuracy", "hit_rate_at_1", "map_at_r")


def recorded_figures(meta: dict[str, Any], table_version: int | None) -> Figures | None:
    """The figures kept in an artefact's `meta.json`, if they are of that version of the table."""
    recorded = meta.get(FIELD)
    if not isinstance(recorded, dict) or recorded.get(VERSION) != table_version:
        return None
    return {name: recorded.get(name) for name in NAMES}


def are_outdated(meta: dict[str, Any], table_version: int | None) -> bool:
    """True if figures were kept, but of another version of the table."""
    return isinstance(meta.get(FIELD), dict) and recorded_figures(meta, table_version) is None
