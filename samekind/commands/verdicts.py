"""`samekind verdicts`: what people have said of pairs of images, as a file that others can read and fill in, and how far they agree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

import samekind
from samekind.commands.shared import Artefact, Json, check_file, exported_text, folder_exists
from samekind.core.text import counted
from samekind.tables import agreement_text

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Verdicts:
    """Writes the verdicts on pairs of images to a CSV file, adds those of one, or says how far people agree.

    Its columns are anchor_sha256, negative_sha256, verdict (same, different, unsure, wrong_label, right_label, duplicate or withdrawn),
    who, when (an ISO time with its offset, as 2026-11-24T12:00:00+00:00), note and screen (of a pair that was answered with others on one
    screen). Images are named by the hash of their content; wrong_label is about the anchor's label, and so is right_label, which names the
    anchor twice and says nothing of a pair. The same file twice changes nothing; of two verdicts on a pair the later holds. All that was
    ever answered is written, what was corrected or taken back too.

    agreement compares each two people on the pairs that both answered, by Cohen's kappa (1: on all, 0: as by chance), with its standard
    error, and lists the pairs that they answered differently.

    Example:
        samekind verdicts export artifacts/fashion-mnist verdicts.csv
        samekind verdicts import artifacts/fashion-mnist verdicts.csv
        samekind verdicts agreement artifacts/fashion-mnist
    """

    action: Annotated[Positional[Literal["export", "import", "agreement"]], arg(help="What to do.")]
    artefact: Artefact
    file: Annotated[
        Positional[Path | None],
        arg(metavar="FILE.csv", help="The CSV file, to export and import.", help_behavior_hint=""),
    ] = None
    json: Json = False

    def run(self, console: Console) -> None:
        """Writes or reads the file, or compares."""
        check_file(self.action, self.file, "verdicts", without="agreement")
        folder_exists(self.artefact)
        if self.file is None:
            answer = samekind.agreement(self.artefact).to_dict()
            console.answer(answer, agreement_text(answer))
        elif self.action == "export":
            self._export(self.file, console)
        else:
            done = samekind.import_verdicts(self.artefact, self.file)
            text = f"added {counted(done.added, 'line')}; {done.kept:,} were there already"
            console.answer({"added": done.added, "kept": done.kept, "gone": done.gone}, text + _gone_text(done.gone))

    def _export(self, file: Path, console: Console) -> None:
        from samekind.indexer.labeling.verdicts import VerdictTable, num_gone

        count, table = samekind.export_verdicts(self.artefact, file), VerdictTable(self.artefact)
        gone, hold = num_gone(self.artefact, table.all()), len(table.current()) + len(table.right_labels())
        text = exported_text(count, hold, "verdict", file) + _gone_text(gone)
        console.answer({"exported": count, "hold": hold, "gone": gone}, text)


def _gone_text(gone: int | None) -> str:
    """Note on verdicts about images that are gone; empty if there are none."""
    if not gone:
        return ""
    return f"\n{counted(gone, 'of them is', 'of them are')} about images that the index does not hold; they are kept"
