"""Splits from lists of files: `train.txt` beside `test.txt`, in the corpus' folder or deeper (VOC's `ImageSets/Main`, Food-101's `meta`).

A list holds a path a line, perhaps with a class number behind it. What is in two lists is held out, and where there is a list to train by,
what it does not name is not trained on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samekind.data.layouts.find_images import ImageFinder
from samekind.data.layouts.folder_names import split_kind
from samekind.data.layouts.recognise import Parts
from samekind.data.types.splits import SPLITS, Split

_LARGEST = 1 << 28  # bytes
_WORDS = re.compile(r"[-_. ]?(?:lists?|files?|file[-_]?names|paths?|ids)$", re.IGNORECASE)
_BEHIND = re.compile(r"[\t, ]+[^\t, ]+$")  # a class number, or more, behind the path
_FOUND_SHARE = 0.5  # of a list's lines must name images, or it is no list of them


@dataclass(frozen=True)
class ListedSplits:
    """Splits by lists.

    Attributes:
        splits: of each image.
        names: the lists, as paths within the corpus.
        in_no_list: images that no list names.
        rest: the split that these get.
    """

    splits: list[Split]
    names: tuple[str, ...]
    in_no_list: int
    rest: Split


def listed_splits(files: Sequence[Parts], others: Sequence[tuple[Parts, Path]]) -> ListedSplits | None:
    """Splits by the lists in a folder, `None` if there are none.

    Args:
        files: the images.
        others: files that are no images: as paths within the corpus, and where they are.
    """
    by_folder: dict[Parts, dict[Split, list[tuple[Parts, Path]]]] = defaultdict(lambda: defaultdict(list))
    for parts, path in others:
        stem, _, ending = parts[-1].rpartition(".")
        kind = split_kind(_WORDS.sub("", stem)) if ending.lower() in ("txt", "lst") else None
        if kind in SPLITS:
            by_folder[parts[:-1]][kind].append((parts, path))
    finder, best = ImageFinder(files), None
    for folder in sorted(by_folder):
        rows = {split: _rows(lists, finder) for split, lists in by_folder[folder].items()}
        named = {split: found for split, found in rows.items() if found}
        tells = named and (set(named) != {"train"} or len(named["train"]) < len(files))
        if tells and (best is None or sum(map(len, named.values())) > sum(map(len, best[1].values()))):
            best = folder, named
    if best is None:
        return None
    folder, named = best
    rest: Split = "train" if "train" not in named else "test" if set(named) == {"train"} else "validation"
    splits: list[Split] = [rest] * len(files)
    for split in SPLITS:  # what is held out comes last, and wins
        for row in named.get(split, ()):
            splits[row] = split
    lists = [parts for split in SPLITS if split in named for parts, _ in by_folder[folder][split]]
    return ListedSplits(
        splits, tuple("/".join(parts) for parts in lists), len(files) - len(set().union(*named.values())), rest
    )


def _rows(lists: Sequence[tuple[Parts, Path]], finder: ImageFinder) -> set[int]:
    """The images that these lists name; none if most of their lines name no image."""
    rows: set[int] = set()
    lines = 0
    for parts, path in lists:
        try:
            if path.stat().st_size > _LARGEST:
                continue
            text = path.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            continue
        for line in filter(None, map(str.strip, text.splitlines())):
            lines += 1
            names = (line, _BEHIND.sub("", line), _BEHIND.split(line)[0])
            found = (finder.find(name, parts[:-1]) for name in names)
            rows.update(row for row in [next((row for row in found if row is not None), None)] if row is not None)
    return rows if len(rows) >= _FOUND_SHARE * lines else set()
