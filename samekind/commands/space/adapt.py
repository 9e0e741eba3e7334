"""`samekind adapt`: people's answers turn the space that searches use, in a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

import samekind
from samekind.commands.labels import labels_used
from samekind.commands.shared import Artefact, Json, folder_exists
from samekind.core.text import counted
from samekind.tables import named_images, table

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
            console.answer({"version": version}, f"taken back; searches use {now}, with similarities of another scale")
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
        console.answer({**report, **told}, "\n".join([_text(report), *lines, *_left_out(report["left_out"])]))


def _left_out(answers: Sequence[Mapping[str, Any]], shown: int = 10) -> list[str]:
    """The answers without a part in it, the first of them."""
    if not answers:
        return []
    rows = [
        [*named_images(each), each["verdict"], each["who"] or "(no name)", each["reason"]] for each in answers[:shown]
    ]
    more = f"\n… and {len(answers) - shown:,} more (--json has all)" if len(answers) > shown else ""
    return ["", table(["image", "other image", "answer left out", "by", "for"], rows) + more]


def _text(report: dict[str, Any]) -> str:
    """The report in a few lines."""
    used = f"{counted(report['answers'], 'answer')}, {counted(report['groups'], 'group')} of {counted(report['images'], 'image')}"
    lines = [
        f"adapted (version {report['version']}): {used}" if report["adapted"] else f"not adapted: {used}",
        report["message"],
    ]
    if report["contradictions"]:
        lines.append(
            f"left out: groups of {counted(report['contradictions'], 'contradiction')}, see below and 'Same or different?' in samekind demo"
        )
    if report["gone"]:
        lines.append(f"left out: {counted(report['gone'], 'answer')} about images that the index does not hold")
    if report["adapted"]:
        lines.append(
            "searches use it from now on, with similarities of another scale; samekind adapt --undo takes it back"
        )
    else:
        searches = (
            "the encoder's own space" if report["version"] is None else f"adaptation {report['version']}, as before"
        )
        lines.append(f"searches use {searches}")
    return "\n".join(lines)
