"""What `samekind tune` has tried and chosen, kept in `tuning.json`: an interrupted one resumes, and an index that grows keeps its kind."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from samekind.indexer.storage.layout import DELTA_FILE, INDEX_FILE, TUNED_INDEX, TUNING
from samekind.indexer.storage.manifest import Manifest, index_name
from samekind.training.runtime.artefact import write_json


@dataclass(frozen=True)
class Tried:
    """One kind of index, looked into as far as it takes.

    Attributes:
        factory: FAISS' name for the kind.
        parameters: how far a search looks, by FAISS' names.
        ann_recall_at_10: share of the ten true neighbours of held-out queries that it found.
        single_ms: median time of one query alone, in milliseconds.
        batch_queries_per_s: of 256 queries at once.
        build_s: seconds to build it.
        bytes_per_vector: of its file.
        memory_bytes: that a search goes through; the vectors that only re-ranking reads are left out.
        reaches: it has the recall within the memory.
    """

    factory: str
    parameters: dict[str, int]
    ann_recall_at_10: float
    single_ms: float
    batch_queries_per_s: float
    build_s: float
    bytes_per_vector: float
    memory_bytes: int
    reaches: bool


@dataclass(frozen=True)
class Tuning:
    """What was tried on one state of an index.

    Attributes:
        asked: state of the index, recall, memory, seed, queries and threads that the figures are for.
        rows: of the index.
        recall: that the chosen kind has to reach.
        tried: so far.
        chosen: FAISS' name for the kind of the index now; `None` before there is one.
    """

    asked: dict[str, Any]
    rows: int
    recall: float
    tried: tuple[Tried, ...] = ()
    chosen: str | None = None

    def write(self, folder: Path) -> None:
        """Puts `tuning.json` in place, atomically."""
        write_json(folder / TUNING, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Tuning | None:
        """The file of an artefact; `None` if there is none, or it is unreadable: then it has to be tuned anew."""
        try:
            values = json.loads((folder / TUNING).read_text(encoding="utf-8"))
            return cls(**{**values, "tried": tuple(Tried(**each) for each in values["tried"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None


def kept_kind(folder: Path, encoder: str, rows: int) -> tuple[str, float] | None:
    """The kind that was chosen for an index, and its recall, if it has the same encoder and about as many rows, from half to twice.

    Another encoder's vectors may have a dimension that the kind does not take, and another kind may suit them.
    """
    tuning = Tuning.read(folder)
    if tuning is None or tuning.chosen is None or not tuning.rows <= 2 * rows <= 4 * tuning.rows:
        return None
    return (tuning.chosen, tuning.recall) if encoder in tuning.asked.get("state", ()) else None


def sweep(folder: Path, manifest: Manifest) -> None:
    """Deletes what the manifest does not name any more, and what was left by a kill; the caller holds the lock of the folder."""
    keep = {index_name(manifest), "" if manifest.delta is None else DELTA_FILE}
    made = [name + end for name in (INDEX_FILE, DELTA_FILE) for end in ("", ".new")]
    for file in (*(folder / name for name in made), *folder.glob(TUNED_INDEX.format("*"))):
        if file.name not in keep:
            file.unlink(missing_ok=True)
