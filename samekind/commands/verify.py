"""`samekind verify`: an index read in full, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
