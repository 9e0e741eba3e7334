"""The space that searches use: `samekind adapt` turns it by people's answers, in a second, and `samekind map` lays it out flat."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

import samekind
from samekind.commands.labels import labels_used
from samekind.commands.shared import Artefact, Json, at_least, folder_exists
from samekind.core.text import counted

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Adapt:
    """Adapts an index to the answers that people have given, so that searches find more of what they mean by the same.

    Answers come from the demo's page 'Same or different?', from samekind verdicts import, or from samekind labels import, whose names
    stand for pairs. The space is adapted only if answers that were held out gain by it. The encoder's vectors stay as they are, and --undo
    takes the last adaptation back; the answers stay.

    Example:
        samekind adapt artifacts/photos
        samekind adapt artifacts/photos --undo
        samekind search artifacts/photos shoe.jpg --unadapted
    """

    artefact: Artefact
    undo: Annotated[bool, arg(help="Take the last adaptation back.")] = False
    json: Json = False

    def run(self, console: Console) -> None:
        """Adapts or undoes, and says what became of it."""
        folder_exists(self.artefact)
        if self.undo:
            version = samekind.undo_adaptation(self.artefact)
            now = "the encoder's own space" if version is None else f"adaptation {version}"
            console.answer({"version": version}, f"taken back; searches use {now}")
            return
        report = samekind.adapt(self.artefact, console.progress).to_dict()
        labels, lines = labels_used(self.artefact)
        if labels["conflicts"]:
            lines.append(
                f"left out: {counted(labels['conflicts'], 'conflict')} of labels, see samekind labels conflicts"
            )
        worth = samekind.worth_of_more(samekind.Index.open(self.artefact).adaptations())
        if worth is not None:
            lines.append(worth.line)
        told = {"labels": labels, "worth": None if worth is None else asdict(worth)}
        console.answer({**report, **told}, "\n".join([_text(report), *lines]))


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
        folder_exists(self.artefact)
        index = samekind.Index.open(self.artefact)
        found = None if self.force else samekind.read_map(index)
        kept_as_it_was = found is not None and found.seed == self.seed
        if found is None or not kept_as_it_was:
            check_writable(self.artefact)
            found = samekind.make_map(index, self.seed, console.progress)
            found.write(self.artefact)
        answer = {"made_now": not kept_as_it_was, **found.to_dict()}
        console.answer(answer, _map_text(answer))


def _map_text(answer: dict[str, Any]) -> str:
    """The map in two lines."""
    what = "laid out" if answer["made_now"] else "there already: a map of"
    space = "" if answer["adaptation"] is None else f" in the space of adaptation {answer['adaptation'][0]}"
    lines = [f"{what} {counted(answer['images'], 'image')}{space}"]
    if answer["trustworthiness"] is not None:
        lines.append(
            f"trustworthiness {answer['trustworthiness']:.3f}; {100 * answer['neighbours_kept']:.0f} % of the ten nearest neighbours kept"
        )
    return "\n".join(lines)


def _text(report: dict[str, Any]) -> str:
    """The report in a few lines."""
    used = f"{counted(report['answers'], 'answer')}, {counted(report['groups'], 'group')} of {counted(report['images'], 'image')}"
    lines = [
        f"adapted (version {report['version']}): {used}" if report["adapted"] else f"not adapted: {used}",
        report["message"],
    ]
    if report["contradictions"]:
        lines.append(
            f"left out: groups of {counted(report['contradictions'], 'contradiction')}, see 'Same or different?' in samekind demo"
        )
    if report["gone"]:
        lines.append(f"left out: {counted(report['gone'], 'answer')} about images that the index does not hold")
    if not report["adapted"]:
        searches = (
            "the encoder's own space" if report["version"] is None else f"adaptation {report['version']}, as before"
        )
        lines.append(f"searches use {searches}")
    return "\n".join(lines)
