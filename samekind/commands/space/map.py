"""`samekind map`: the space that searches use, laid out flat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

import samekind
from samekind.commands.shared import Artefact, Json, at_least, folder_exists
from samekind.core.errors import InputError
from samekind.core.text import counted

if TYPE_CHECKING:
    from samekind.console import Console

_SEEDS = 1 << 63


@dataclass(frozen=True)
class Map:
    """Lays all images out in two dimensions, without labels, for the demo's page Map, and keeps that in the artefact.

    A map that still shows the index as it is now is left as it is; adding or removing images, or adapting the index, makes it stale.

    Example:
        samekind map artifacts/photos
        samekind map artifacts/photos --seed 1 --force
    """

    artefact: Artefact
    seed: Annotated[int, arg(metavar="N", help="Of the layout; equal seeds give equal maps.")] = 0
    force: Annotated[bool, arg(help="Make it anew even if there is one that fits.")] = False
    json: Json = False

    def run(self, console: Console) -> None:
        """Makes the map, if there is none that fits, and says how much of the neighbourhoods it keeps."""
        from samekind.training.runtime.artefact import check_writable

        at_least("--seed", self.seed, 0)
        if self.seed >= _SEEDS:
            raise InputError(f"--seed must be below 2⁶³, got {self.seed}")
        folder_exists(self.artefact)
        index = samekind.Index.open(self.artefact)
        found = None if self.force else samekind.read_map(index)
        kept_as_it_was = found is not None and found.seed == self.seed
        if found is None or not kept_as_it_was:
            check_writable(self.artefact)
            found = samekind.make_map(index, self.seed, console.progress)
            found.write(self.artefact)
        answer = {"made_now": not kept_as_it_was, **found.to_dict()}
        console.answer(answer, _text(answer, found.compared))


def _text(answer: dict[str, Any], compared: int) -> str:
    """The map in two lines."""
    what = "laid out" if answer["made_now"] else "there already: a map of"
    space = "" if answer["adaptation"] is None else f" in the space of adaptation {answer['adaptation'][0]}"
    lines = [f"{what} {counted(answer['images'], 'image')}{space}"]
    if answer["trustworthiness"] is not None:
        share, nearest = f"{100 * answer['neighbours_kept']:.0f} %", "ten" if compared == 10 else compared
        lines.append(
            f"trustworthiness {answer['trustworthiness']:.3f}; {share} of the {nearest} nearest neighbours kept"
        )
    return "\n".join(lines)
