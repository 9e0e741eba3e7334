"""`samekind tags`: tags that people put on images, as a file that they can read and fill in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

import samekind
from samekind.commands.shared import Artefact, Json, check_file, exported_text, folder_exists
from samekind.core.text import counted

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Tags:
    """Lists the tags that people put on images in the demo, writes them to a CSV file, or adds those of one.

    Its columns are id or sha256, tag, act (add, which may be left out, or remove), who and when. A tag is a name for a selection: no
    training and no adaptation reads it. samekind search --tag NAME finds only images that have it. The same file twice changes nothing; of
    two lines about one image and tag the later holds. Images are named by their content, so that tags survive a new index.

    Example:
        samekind tags list artifacts/photos
        samekind tags export artifacts/photos tags.csv
        samekind tags import artifacts/photos tags.csv
    """

    action: Annotated[Positional[Literal["list", "export", "import"]], arg(help="What to do.")]
    artefact: Artefact
    file: Annotated[
        Positional[Path | None],
        arg(metavar="FILE.csv", help="The CSV file, to export and import.", help_behavior_hint=""),
    ] = None
    json: Json = False

    def run(self, console: Console) -> None:
        """Lists, writes or reads."""
        check_file(self.action, self.file, "tags", without="list")
        folder_exists(self.artefact)
        if self.file is None:
            held = samekind.TagTable(self.artefact).current()
            counts = dict(sorted(Counter(tag for tags in held.values() for tag in tags).items()))
            lines = [f"{tag}: {counted(count, 'image')}" for tag, count in counts.items()]
            console.answer({"tags": counts}, "\n".join(lines) or "no image has a tag")
        elif self.action == "export":
            count = samekind.export_tags(self.artefact, self.file)
            hold = sum(map(len, samekind.TagTable(self.artefact).current().values()))
            console.answer({"exported": count, "hold": hold}, exported_text(count, hold, "tag", self.file))
        else:
            done = samekind.import_tags(self.artefact, self.file)
            lines = [f"added {counted(done.added, 'line')}; {done.kept:,} were there already"]
            if done.gone:
                lines.append(f"{counted(done.gone, 'image')} not in the index; their tags are kept")
            if done.unknown:
                names = counted(len(done.unknown), "id names", "ids name")
                lines.append(f"left out: {names} no image of the index, for example {done.unknown[0]!r}")
            figures = {"added": done.added, "kept": done.kept, "gone": done.gone, "unknown": len(done.unknown)}
            console.answer(figures, "\n".join(lines))
