"""`samekind tune`: the fastest kind of index at a recall, found by trying."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

import samekind
from samekind.commands.shared import Artefact, Json, at_least, folder_exists
from samekind.core.errors import InputError

if TYPE_CHECKING:
    from samekind.console import Console

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True)
class Tune:
    """Makes searches as fast as they can be at a recall: tries kinds of FAISS index on held-out images and takes the fastest.

    No label is looked at, similarities stay exact, and an interrupted call resumes. Images that are added later keep the kind of index.

    Example:
        samekind tune artifacts/photos
        samekind tune artifacts/photos --recall 0.995 --max-memory 2GB
        samekind tune artifacts/photos --single --json
    """

    artefact: Artefact
    recall: Annotated[
        float, arg(metavar="SHARE", help="Of the ten nearest images that searches must find; 1 for exact search.")
    ] = 0.99
    max_memory: Annotated[
        str | None,
        arg(
            metavar="SIZE",
            help="That a search may go through, e.g. 2GB; vectors that are only read for the best candidates do not count.",
            help_behavior_hint="(default: any)",
        ),
    ] = None
    single: Annotated[bool, arg(help="The fastest for one query at a time, not for batches of 256.")] = False
    seed: Annotated[int, arg(metavar="N", help="Of the choice of held-out images.")] = 0
    json: Json = False

    def run(self, console: Console) -> None:
        """Tries, rewrites the index file, and prints what was tried."""
        at_least("--seed", self.seed, 0)
        memory = None if self.max_memory is None else _bytes(self.max_memory)
        folder_exists(self.artefact)
        report = samekind.tune(
            self.artefact, self.recall, memory, single=self.single, seed=self.seed, progress=console.progress
        )
        answer = report.to_dict()
        console.answer(answer, _text(answer))


def _bytes(size: str) -> int:
    """A size as people write it.

    Raises:
        InputError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?b)?", size.strip(), re.IGNORECASE)
    if found is None:
        raise InputError(f"--max-memory must be a size, got {size!r}", hint="e.g. 500MB or 2GB")
    return int(float(found[1]) * _UNITS[(found[2] or "").upper()])


def _text(answer: dict[str, Any]) -> str:
    """A line for each kind that was tried, the chosen one with a star."""
    chosen = answer["chosen"]["factory"]
    width = max(len(each["factory"]) for each in answer["tried"]) + 2
    lines = [f"  {'kind':{width}} recall  one query  batch of 256  build   a vector      memory  parameters"]
    for each in answer["tried"]:
        parameters = " ".join(f"{name}={value}" for name, value in each["parameters"].items())
        lines.append(
            f"{'*' if each['factory'] == chosen else ' '} {each['factory']:{width}} {each['ann_recall_at_10']:6.4f} "
            f"{each['single_ms']:7.3f} ms {each['batch_queries_per_s']:>10,}/s {each['build_s']:5.1f} s "
            f"{each['bytes_per_vector']:>8,.0f} B {each['memory_bytes'] / 1e6:>8,.1f} MB  {parameters}".rstrip()
            + ("" if each["reaches"] else "  (too little recall or too much memory)")
        )
    what = "one query at a time" if answer["single"] else "batches"
    lines.append(
        f"the index is {chosen} now: the fastest for {what} at recall {answer['recall']:g} "
        f"({answer['rows']:,} images, dim {answer['dim']}, threads: {answer['threads']})"
    )
    return "\n".join(lines)
