"""Flags that several commands share, and the checks of their values before anything is loaded."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

import samekind
from samekind.core.errors import ArtefactError, InputError
from samekind.core.text import counted
from samekind.data.layouts.folder_choices import CHOICES, choice_flags
from samekind.data.types.images import NO_IMAGE
from samekind.data.types.reading import READING_ARGUMENTS, Reading
from samekind.indexer.storage.layout import MANIFEST

if TYPE_CHECKING:
    from samekind.console import Console

MAX_LISTED_FILES = 10

Json = Annotated[bool, arg(help="Print one JSON object on stdout, everything else on stderr.")]
Artefact = Annotated[Positional[Path], arg(metavar="ARTEFACT", help="Folder made by train and index.")]
CorpusName = Annotated[
    str,
    arg(
        metavar="NAME|FOLDER|FILE",
        help="fashion-mnist, cifar10, digits, synthetic, a folder of images, .parquet, or s3://…",
    ),
]
Layout = Annotated[
    str | None,
    arg(
        metavar="NAME",
        help="How a folder is laid out: folders (each is a class), flat, splits, class-splits, yolo or lists (train.txt, …).",
        help_behavior_hint="(default: as --out has read it, or auto, which recognises it and forgets remembered choices)",
    ),
]
Labels = Annotated[
    str | None,
    arg(
        metavar="FILE[:COLUMN]",
        help="Labels that are not folders: a table with a column file_name, COCO's JSON, VOC's XML, a folder of annotations.",
        help_behavior_hint="(default: metadata.csv, .jsonl or .parquet beside the images, if there is one)",
    ),
]
Several = Annotated[
    str | None,
    arg(
        metavar="exact|any",
        help="Two images of several labels (in a table joined by ; or |) are of the same class if all of these are the same, or if one is.",
        help_behavior_hint="(default: exact)",
    ),
]
Exclude = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(
        metavar="GLOB",
        help="Leave out files and folders that fit, by name or by path within the folder; may be given again.",
        help_behavior_hint="",
    ),
]
DataDir = Annotated[
    Path | None, arg(metavar="FOLDER", help="Folder that already holds the corpus's files.", help_behavior_hint="")
]


Frames = Annotated[
    str | None,
    arg(
        metavar="first|all",
        help="Pictures read of a file that has several; of all, each is an image: x.tif#3.",
        help_behavior_hint="(default: first)",
    ),
]
MaxPixels = Annotated[
    int | None,
    arg(
        metavar="N",
        help="Width × height up to which a picture is read.",
        help_behavior_hint=f"(default: {Reading.max_pixels})",
    ),
]
Depth = Annotated[
    int | None,
    arg(
        metavar="BITS",
        help="Of pictures of more than 8 bits.",
        help_behavior_hint="(default: the fewest of 8, 10, 12, 14, 16 that hold the greatest value of all)",
    ),
]


def setting(metavar: str, text: str) -> Any:
    """A flag that replaces one setting of the preset."""
    return arg(metavar=metavar, help=text, help_behavior_hint="(default: the preset's)")


def folder_arguments(command: Any) -> dict[str, Any]:
    """Arguments of `load_corpus` from the flags that say how a folder is laid out and its files are read."""
    given = {name: getattr(command, name) for name in (*CHOICES, *READING_ARGUMENTS)}
    return {name: value for name, value in given.items() if value not in (None, "", ())}  # 0 is refused by what reads


def folder_flags(command: Any) -> list[object]:
    """The same flags as words of a command line, where they were given."""
    given = folder_arguments(command)
    return [*choice_flags(given), *_reading_words(given)]


def _reading_words(given: Mapping[str, Any]) -> list[str]:
    names = [name for name in READING_ARGUMENTS if name in given]
    return [word for name in names for word in (f"--{name.replace('_', '-')}", str(given[name]))]


def load_corpus(
    name: str,
    data_dir: Path | None,
    console: Console,
    given: Mapping[str, Any] | None = None,
    out: Path | None = None,
) -> samekind.Corpus:
    """Loads a corpus, says how it was understood and lists the files that were skipped, each with its reason.

    Args:
        name: of the corpus, or its folder.
        data_dir: where a registered corpus' files are.
        console: for messages.
        given: what `folder_arguments` gives.
        out: an artefact that may know the folder: what is not given is as it was for that. A given `layout` of `auto` forgets its layout,
            labels, rule and patterns.
    """
    how = dict(given or {})
    if out is not None:
        from samekind.indexer.storage.recorded_corpus import recorded_choices

        left = ({*READING_ARGUMENTS} | (set() if how.get("layout") == "auto" else {*CHOICES})) - {*how}
        known = {flag: value for flag, value in recorded_choices(out, name).items() if flag in left}
        if known:
            console.say(f"read as it was for {out}: {shlex.join((*choice_flags(known), *_reading_words(known)))}")
        how |= known
    corpus = samekind.load_corpus(name, data_dir=data_dir, progress=console.progress, **how)
    if corpus.skipped:
        what = counted(len(corpus.skipped), "file that is no readable image", "files that are no readable images")
        console.say(f"skipped {what}:")
        unreadable_first = sorted(corpus.skipped, key=lambda file: file.reason.startswith(NO_IMAGE))
        for file in unreadable_first[:MAX_LISTED_FILES]:
            console.say(f"  {file.path}: {file.reason}")
        if len(corpus.skipped) > MAX_LISTED_FILES:
            console.say(f"  … and {len(corpus.skipped) - MAX_LISTED_FILES} more")
    return corpus


def listed(text: str) -> list[str]:
    """The words between the commas; a folder whose name holds a comma stays whole."""
    return [text] if Path(text).is_dir() and text else [word.strip() for word in text.split(",") if word.strip()]


def command_line(*words: object) -> str:
    """A command of ours as a shell takes it, blanks in paths and all."""
    return shlex.join(["samekind", *map(str, words)])


def at_least(flag: str, value: int, low: int) -> None:
    """Refuses a number below `low`."""
    if value < low:
        raise InputError(f"{flag} must be at least {low}, got {value}")


def check_apart(corpus: str, out: Path) -> None:
    """Refuses to write an index among the images of a folder, unless one lies there already."""
    folder = Path(corpus).expanduser()
    if folder.is_dir() and out.is_dir() and out.samefile(folder) and not (out / MANIFEST).is_file():
        name = Path("artifacts") / folder.resolve().name
        raise InputError(f"the index would lie among the images of {corpus}", hint=f"put it elsewhere: --out {name}")


def folder_exists(artefact: Path) -> None:
    """Refuses an artefact that is not there, before anything is loaded."""
    if not artefact.is_dir():
        what = "is a file, not an artefact folder" if artefact.exists() else "does not exist"
        remedy = command_line("quickstart", "FOLDER", "--out", artefact)
        raise ArtefactError(f"the artefact {artefact} {what}", hint=f"make one of a folder of images: {remedy}")


def check_file(action: str, file: Path | None, command: str, *, without: str) -> None:
    """Refuses an action that needs a file and has none, and one that has a file and takes none."""
    if (action == without) != (file is None):
        raise InputError(f"samekind {command} {action} " + ("needs FILE.csv" if file is None else "takes no file"))


def exported_text(lines: int, hold: int, what: str, file: Path) -> str:
    """How many lines of answers were written; where some of them are history, how many still hold.

    Args:
        lines: that were written.
        hold: of them, without what was said again by others, corrected or taken back, and without what took it back.
        what: one of them is called.
        file: it was.
    """
    if hold == lines:
        return f"wrote {counted(lines, what)} to {file}"
    rest = "the others repeat, correct or take back"
    return (
        f"wrote {counted(lines, 'line')} to {file}: {counted(hold, f'{what} that holds', f'{what}s that hold')}, {rest}"
    )


def check_port(port: int) -> None:
    """Refuses what is no port."""
    if not 1 <= port <= 65535:
        raise InputError(f"--port must lie between 1 and 65535, got {port}")
