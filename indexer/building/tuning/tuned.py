"""What `samekind tune` has tried and chosen, kept in `tuning.json`: an interrupted one resumes, and an index that grows keeps its kind."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from samekind.indexer.storage.layout import TUNED_INDEX, TUNING
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


def kept_kind(folder: Path, rows: int) -> tuple[str, float] | None:
    """The kind that was chosen for an index, and its recall, if it still has about as many rows, from half to twice."""
    tuning = Tuning.read(folder)
    if tuning is None or tuning.chosen is None or not tuning.rows <= 2 * rows <= 4 * tuning.rows:
        return None
    return tuning.chosen, tuning.recall


def sweep_tuned(folder: Path, keep: str = "") -> None:
    """Deletes the FAISS files of `samekind tune` that the manifest does not name any more."""
    for file in folder.glob(TUNED_INDEX.format("*")):
        if file.name != keep:
            file.unlink(missing_ok=True)
