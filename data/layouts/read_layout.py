"""Labels and splits of a folder's images, from its layout, lists and label files together, and the line that says what was understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samekind.core.errors import CorpusError, InputError
from samekind.core.text import counted
from samekind.data.layouts.albums import albums
from samekind.data.layouts.class_names import clashes
from samekind.data.layouts.file_lists import ListedSplits, listed_splits
from samekind.data.layouts.folder_choices import FolderChoices
from samekind.data.layouts.labels.given_labels import GivenLabels, labels_from_file, labels_from_metadata
from samekind.data.layouts.recognise import Parts, Recognised, recognise
from samekind.data.types.same_class import ANY, EXACT, JOINED_BY
from samekind.data.types.splits import Split

Located = tuple[Parts, Path]
"""A file as path within the corpus, for people, and where it is."""
_SAME = {EXACT: "all of theirs are the same", ANY: "they share a label"}
_SPLITS_NAMED = 4
_INSIDE_NAMED = 3


@dataclass(frozen=True)
class ReadLayout:
    """What a folder's layout says of its images.

    Attributes:
        layout: one of `LAYOUTS` but auto.
        labels: of each image, `None` where it has none; `None` as a whole if no image has one.
        splits: of each image; `None` if nothing names splits.
        read_as: one line on what was understood.
        notes: lines on what a reader should know.
        label_rule: when images of several labels are of the same class, `exact` or `any`; empty if none has several.
        files: of labels and lists that were read, as paths within the folder; a folder of them ends in `/`.
    """

    layout: str
    labels: list[str | None] | None
    splits: list[Split] | None
    read_as: str
    notes: tuple[str, ...] = ()
    label_rule: str = ""
    files: tuple[str, ...] = ()


def read_layout(root: Path, files: Sequence[Parts], others: Sequence[Located], how: FolderChoices) -> ReadLayout:
    """Reads the layout of a folder.

    Args:
        root: the folder.
        files: its images, at least one, as paths within it.
        others: its files that are no images.
        how: the user's choices.

    Raises:
        CorpusError: a layout is asked for that the folder does not have; a file of labels names none of its images.
        InputError: the file of labels is missing or unreadable.
    """
    found = recognise(files, [parts for parts, _ in others], "auto" if how.layout == "lists" else how.layout)
    lists = None
    if how.layout == "lists" or (how.layout in ("auto", "yolo") and found.splits is None):
        lists = listed_splits(files, others)
    if lists is None and how.layout == "lists":
        raise CorpusError(
            f"--layout lists: {root} holds no train.txt or test.txt that names its images", hint="leave --layout out"
        )
    if lists is not None:
        found = replace(
            found, layout="lists", splits=lists.splits, split_names=lists.names, without_split=lists.in_no_list
        )
    given, notes = _given(root, files, others, how, found)
    labels = found.labels if given is None else given.labels
    if given is not None and given.splits is not None and found.splits is None:
        found = replace(found, splits=given.splits, split_names=given.split_names)
    if (
        len(set(filter(None, labels))) == 1
        and given is None
        and how.layout not in ("folders", "splits", "class-splits")
    ):
        labels = [None] * len(files)  # see `recognise`: one folder is no class
    all_labels = labels if any(label is not None for label in labels) else None
    notes += [*(given.notes if given else ()), *clashes(all_labels)]
    if given is None and how.layout == "auto" and found.layout == "folders":
        notes += albums(all_labels)
    if given is not None and given.several:
        images = counted(given.several, "image has several labels", "images have several labels")
        notes.append(f"{images}: two images are of the same class if {_SAME[how.several]} ({how.several})")
    rule = how.several if given is not None and given.several else ""
    if rule == ANY and given is not None and given.with_sign:
        raise InputError(
            f"--several any: the label {given.with_sign!r} holds the sign between labels, {JOINED_BY.strip()!r}",
            hint="rename it, or leave --several out",
        )
    read = (*(given.files if given else ()), *(lists.names if lists else ()))
    read_as = _read_as(found, lists, given, all_labels)
    return ReadLayout(found.layout, all_labels, found.splits, read_as, tuple(notes), rule, read)


def _given(
    root: Path, files: Sequence[Parts], others: Sequence[Located], how: FolderChoices, found: Recognised
) -> tuple[GivenLabels | None, list[str]]:
    if how.labels is not None:
        return labels_from_file(how.labels, root, files, found.labels), []
    return labels_from_metadata(files, others) if how.layout == "auto" else (None, [])


def _read_as(
    found: Recognised, lists: ListedSplits | None, given: GivenLabels | None, labels: list[str | None] | None
) -> str:
    parts = ["YOLO"] if found.layout == "yolo" else ["classes above splits"] if found.layout == "class-splits" else []
    if found.inside:
        shown = found.inside if len(found.inside) <= _INSIDE_NAMED else (*found.inside[:_INSIDE_NAMED], "…")
        parts.append(f"inside {'/'.join(shown)}")
    parts.append(_splits_part(found, lists))
    if labels is None:
        parts.append("unlabelled")
    else:
        parts.append(counted(len({label for label in labels if label is not None}), "class", "classes"))
        without = sum(label is None for label in labels)
        parts += [f"{counted(without, 'image')} without a label"] if without else []
    parts += [f"labels of {given.source}"] if given is not None else []
    return "read as: " + "; ".join(parts)


def _splits_part(found: Recognised, lists: ListedSplits | None) -> str:
    if found.splits is None:
        return "no splits, about 80/20 are drawn"
    names = found.split_names
    shown = names if len(names) <= _SPLITS_NAMED else (*names[:_SPLITS_NAMED], "…")
    text = f"split{'s' if len(names) != 1 else ''} {', '.join(shown)}"
    if not found.without_split:
        return text
    if lists is None:
        return f"{text} ({counted(found.without_split, 'image')} beside them: train)"
    return f"{text} ({counted(found.without_split, 'image')} in none of them: {lists.rest})"
