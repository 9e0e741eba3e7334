"""`samekind inspect`: what would be read of a folder, as what, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

import samekind
from samekind.commands.shared import Depth, Exclude, Frames, Json, Labels, Layout, MaxPixels, Several, folder_arguments
from samekind.core.text import counted, size_text

if TYPE_CHECKING:
    from samekind.console import Console
    from samekind.data.inspection import Copies, LeftOut

_CLASSES_SHOWN = 10


@dataclass(frozen=True)
class Inspect:
    """Looks at a folder of images before anything is trained: layout, splits, classes, sizes, copies, and what is left out and why.

    Example:
        samekind inspect photos
        samekind inspect photos --layout folders --exclude '*_thumb.jpg'
        samekind inspect photos --labels photos/metadata.csv:species --skipped skipped.csv
    """

    folder: Annotated[Positional[str], arg(metavar="FOLDER", help="A folder of images.")]
    layout: Layout = None
    labels: Labels = None
    several: Several = None
    exclude: Exclude = ()
    frames: Frames = None
    max_pixels: MaxPixels = None
    depth: Depth = None
    skipped: Annotated[
        Path | None, arg(metavar="FILE.csv", help="Also write every file that is left out.", help_behavior_hint="")
    ] = None
    json: Json = False

    def run(self, console: Console) -> None:
        """Inspects and prints the findings."""
        from samekind.training.runtime.artefact import check_file_writable

        if self.skipped is not None:
            check_file_writable(self.skipped)
        found = samekind.inspect(self.folder, progress=console.progress, **folder_arguments(self))
        if self.skipped is not None:
            found.skipped_to_csv(self.skipped)
            console.say(f"wrote {self.skipped}")
        console.answer(found.to_dict(), inspection_text(found))


def inspection_text(found: samekind.Inspection) -> str:
    """The findings as people read them."""
    lines = [f"{found.folder}: {counted(found.num_images, 'image')}", *found.notes]
    lines.append(_row("splits", (f"{name} {count:,}" for name, count in found.splits.items())))
    lines.append(_row("classes", _classes(found)))
    lines.append(_row("formats", (f"{name} {count:,}" for name, count in found.formats.items())))
    if found.sizes is not None:
        small, large = ("{} × {}".format(*shape) for shape in (found.sizes.smallest, found.sizes.largest))
        side = f"median of the shorter sides {found.sizes.median_side:,.0f} px"
        lines.append(_row("sizes", (f"{small} to {large} px", side, size_text(found.sizes.bytes))))
    lines += _copies(found.copies)
    lines += _left_out("skipped", found.skipped) + _left_out("passed over", found.passed_over)
    return "\n".join(lines)


def _row(name: str, parts: Iterable[str]) -> str:
    return f"{name + ':':14}{', '.join(parts)}"


def _classes(found: samekind.Inspection) -> list[str]:
    if not found.classes:
        return ["none"]
    names = [f"{name} {count:,}" for name, count in list(found.classes.items())[:_CLASSES_SHOWN]]
    more = len(found.classes) - len(names)
    without = [f"without a label {found.num_unlabelled:,}"] if found.num_unlabelled else []
    return names + [f"… and {more:,} more"] * bool(more) + without


def _copies(copies: Copies) -> list[str]:
    if not copies.groups:
        return [_row("copies", ["none of equal content (samekind suspects finds near copies, of an index)"])]
    told = [f"{counted(copies.images, 'image')} of {counted(copies.groups, 'content')}"]
    if copies.conflicts:
        told.append(f"{copies.conflicts:,} with different labels")
    told.append("near copies are not counted here: samekind suspects finds them, of an index")
    lines = [_row("copies", told), *(f"  {' = '.join(ids)}" for ids in copies.examples)]
    if copies.leaks:
        images = counted(
            copies.leaks, "held-out image is a training image, too", "held-out images are training images, too"
        )
        lines += [_row("leaks", [images]), *(f"  {trained} = {other}" for trained, other in copies.leak_examples)]
    return lines


def _left_out(name: str, reasons: Iterable[LeftOut]) -> list[str]:
    lines = []
    for left in reasons:
        more = ", …" if left.count > len(left.examples) else ""
        lines.append(f"  {left.count:,} × {left.reason}: {', '.join(left.examples)}{more}")
    return [f"{name}:", *lines] if lines else []
