"""`samekind verdicts`: what people have said of pairs of images, as a file that others can read and fill in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

import samekind
from samekind.commands.shared import Artefact, Json, folder_exists
from samekind.core.text import counted

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Verdicts:
    """Writes the verdicts on pairs of images to a CSV file, or adds those of one.

    Its columns are anchor_sha256, negative_sha256, verdict (same, different, unsure, wrong_label, duplicate or withdrawn), who, when,
    note and screen (of a pair that was answered with others on one screen). Images are named by the hash of their content; wrong_label is
    about the anchor's label. The same file twice changes nothing; of two verdicts on a pair the later holds.

    Example:
        samekind verdicts export artifacts/fashion-mnist verdicts.csv
        samekind verdicts import artifacts/fashion-mnist verdicts.csv
    """

    action: Annotated[Positional[Literal["export", "import"]], arg(help="Which way.")]
    artefact: Artefact
    file: Annotated[Positional[Path], arg(metavar="FILE.csv", help="The CSV file.")]
    json: Json = False

    def run(self, console: Console) -> None:
        """Writes or reads the file."""
        folder_exists(self.artefact)
        if self.action == "export":
            from samekind.indexer.labeling.verdicts import VerdictTable, num_gone

            count = samekind.export_verdicts(self.artefact, self.file)
            gone = num_gone(self.artefact, VerdictTable(self.artefact).all())
            text = f"wrote {counted(count, 'verdict')} to {self.file}"
            console.answer({"exported": count, "gone": gone}, text + _gone_text(gone))
            return
        done = samekind.import_verdicts(self.artefact, self.file)
        text = f"added {counted(done.added, 'verdict')}; {done.kept:,} were there already"
        console.answer({"added": done.added, "kept": done.kept, "gone": done.gone}, text + _gone_text(done.gone))


def _gone_text(gone: int | None) -> str:
    """Note on verdicts about images that are gone; empty if there are none."""
    if not gone:
        return ""
    return f"\n{counted(gone, 'of them is', 'of them are')} about images that the index does not hold; they are kept"
