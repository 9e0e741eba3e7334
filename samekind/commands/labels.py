"""`samekind labels`: class labels that people give to images, as a file that they can read and fill in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

import samekind
from samekind.commands.shared import Artefact, Json, check_file, exported_text, folder_exists
from samekind.core.errors import InputError
from samekind.core.text import counted
from samekind.tables import naming_conflicts_text

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Labels:
    """Adds the class labels of a CSV file to an artefact, writes them to one, or lists conflicts between them.

    Its columns are id or sha256, label, who and when. Images of one name are the same, of different names different: samekind adapt, and
    samekind train --verdicts, use that beside the verdicts. The labels of the corpus stay what they are. The same file twice changes
    nothing; a later label takes the place of the same person's earlier one. What cannot all be true is left out, and listed: two people's
    names of one image, and verdicts that deny what names say.

    Example:
        samekind labels export artifacts/photos groups.csv --groups
        samekind labels import artifacts/photos groups.csv
        samekind labels conflicts artifacts/photos
    """

    action: Annotated[Positional[Literal["export", "import", "conflicts"]], arg(help="What to do.")]
    artefact: Artefact
    file: Annotated[
        Positional[Path | None],
        arg(metavar="FILE.csv", help="The CSV file, to export and import.", help_behavior_hint=""),
    ] = None
    groups: Annotated[
        bool, arg(help="Export the images that answers have grouped, each with a name for its group.")
    ] = False
    json: Json = False

    def run(self, console: Console) -> None:
        """Writes or reads the file, or lists."""
        check_file(self.action, self.file, "labels", without="conflicts")
        if self.groups and self.action != "export":
            raise InputError("--groups belongs to samekind labels export")
        folder_exists(self.artefact)
        if self.file is None:
            answer, lines = labels_used(self.artefact)
            told = self._conflicts()
            console.answer({**answer, "conflicts": told}, "\n".join([*lines, naming_conflicts_text(told)]))
        elif self.action == "export":
            count = samekind.export_labels(self.artefact, self.file, groups=self.groups)
            held = samekind.LabelTable(self.artefact).current().values()
            hold = count if self.groups else sum(map(len, held))
            console.answer({"exported": count, "hold": hold}, exported_text(count, hold, "label", self.file))
        else:
            done, told = samekind.import_labels(self.artefact, self.file), self._conflicts()
            lines = [f"added {counted(done.added, 'line')}; {done.kept:,} were there already"]
            if done.blank:
                lines.append(f"skipped {counted(done.blank, 'line')} without a label")
            if done.gone:
                lines.append(f"{counted(done.gone, 'image')} not in the index; what was said of them is kept")
            if done.unknown:
                names = counted(len(done.unknown), "id names", "ids name")
                lines.append(f"left out: {names} no image of the index, for example {done.unknown[0]!r}")
            counts = {"unknown": len(done.unknown)} | {
                "added": done.added,
                "kept": done.kept,
                "blank": done.blank,
                "gone": done.gone,
            }
            lines += [naming_conflicts_text(told)] if told else []
            console.answer({**counts, "conflicts": told}, "\n".join(lines))

    def _conflicts(self) -> list[dict[str, Any]]:
        from samekind.indexer.labeling.people.held_rows import first_ids, held_rows

        ids = first_ids(held_rows(self.artefact))
        return [conflict.to_dict(ids) for conflict in samekind.read_naming(self.artefact).conflicts]


def labels_used(artefact: Path) -> tuple[dict[str, int], list[str]]:
    """The given labels that adaptations and trainings use: as JSON, and as a line or two; without labels none."""
    found = samekind.read_naming(artefact)
    figures = {"images": len(found.name), "names": found.num_names, "conflicts": len(found.conflicts)}
    lines = []
    if found.name or found.conflicts:
        lines.append(f"labels by people: {counted(len(found.name), 'image')}, {counted(found.num_names, 'name')}")
    return figures, lines
