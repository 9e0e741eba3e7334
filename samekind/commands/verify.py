"""`samekind verify`, an index read in full, part by part, and `relocate`, which tells it where its images lie now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

import samekind
from samekind.commands.shared import Artefact, Json, folder_exists
from samekind.core.errors import ArtefactError
from samekind.tables import verification_text

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Verify:
    """Reads an index in full and says of each part whether it is whole; exit code 2 if one is damaged.

    Opening an index compares sizes and blocks of its files. This reads every byte of them, compares the rows and vectors of table and index
    with each other, and has a remedy for whatever does not match.

    Example:
        samekind verify artifacts/fashion-mnist
        samekind verify artifacts/fashion-mnist --json
    """

    artefact: Artefact
    json: Json = False

    def run(self, console: Console) -> None:
        """Verifies and prints a line a part."""
        folder_exists(self.artefact)
        found = samekind.verify(self.artefact, progress=console.progress)
        answer = found.to_dict()
        console.answer(answer, verification_text(answer))
        if not found.ok:
            names = ", ".join(part.part for part in found.damaged)
            raise ArtefactError(f"damaged in {self.artefact}: {names}", hint=found.damaged[0].hint)


@dataclass(frozen=True)
class Relocate:
    """Tells an artefact where its images lie now, after their folder was moved or renamed.

    A sample of them is compared by content. Pictures in the demo, evaluate, detectors and the next index look there from then on.

    Example:
        samekind relocate artifacts/photos /mnt/new/photos
    """

    artefact: Artefact
    place: Annotated[Positional[Path], arg(metavar="NEWPLACE", help="The folder, or the pack, that they lie in now.")]
    json: Json = False

    def run(self, console: Console) -> None:
        """Compares, writes the new place down and prints it."""
        folder_exists(self.artefact)
        found = samekind.relocate(self.artefact, self.place, progress=console.progress)
        if found.found < found.compared:
            console.say(
                f"of {found.compared} images compared, {found.compared - found.found} are missing or changed there"
            )
        console.answer(found.to_dict(), f"{found.corpus} lies in {found.now} now (before: {found.before})")
