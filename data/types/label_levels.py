"""Coarse and fine labels of one corpus.

A corpus' labels are coarse: for a folder, the class folder. The finer ones need no further column, since the id of an image in a folder is
its path: in `cats/tabby/01.jpg` the class is `cats` and the subclass `cats/tabby`. So an index that was built long ago knows them too. A
`/` within a label means nothing (Fashion-MNIST has the class `T-shirt/top`), and where ids are no paths below their label, all levels are
the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from samekind.core.errors import InputError
from samekind.data.types.splits import SPLIT_NAMES

COARSE, FINE = "coarse", "fine"


def label_level(level: str | int) -> str:
    """Canonical name of a level: `coarse`, `2`, `3`, … or `fine`.

    Raises:
        InputError: it is no level.
    """
    text = str(level)
    if text in (COARSE, FINE):
        return text
    if isinstance(level, bool) or not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise InputError(f"unknown label level {level!r}", hint="choose coarse, fine, or a number of folders from 1 on")
    return COARSE if int(text) == 1 else str(int(text))


def labels_at(ids: Sequence[str], labels: Sequence[str | None] | None, level: str | int) -> list[str | None] | None:
    """Labels at another level.

    An image that lies beside the subclass folders of its class has no label at the finer level, as one beside the class folders has none at
    all.

    Args:
        ids: of the images; all of the corpus', for what lies beside subclasses to be known.
        labels: the corpus' own, which are the coarse ones; `None` without labels.
        level: `coarse`, `fine` (all folders above the image) or the number of folders that count, 1 for coarse.

    Returns:
        `class/subclass/…`, `None` where unknown; `None` as a whole without labels.

    Raises:
        InputError: `level` is no level.
    """
    name = label_level(level)
    if labels is None or name == COARSE:
        return None if labels is None else list(labels)
    depth = None if name == FINE else int(name)
    finer = [None if label is None else folders_from_class(id_, label) for id_, label in zip(ids, labels, strict=True)]
    finer = [None if folders is None else folders[:depth] for folders in _without_splits(finer)]
    divided = {"/".join(folders[:end]) for folders in finer if folders is not None for end in range(1, len(folders))}
    joined = [None if folders is None else "/".join(folders) for folders in finer]
    return [None if text in divided else text for text in joined]


def _without_splits(finer: list[list[str] | None]) -> list[list[str] | None]:
    """The folders without those right below the classes, if these are nothing but splits: `cat/train/1.jpg` and `cat/test/2.jpg`."""
    below = {folders[1].lower() for folders in finer if folders is not None and len(folders) > 1}
    if not (below <= set(SPLIT_NAMES) and len({SPLIT_NAMES[name] for name in below}) > 1):
        return finer
    return [None if folders is None else folders[:1] + folders[2:] for folders in finer]


def folders_from_class(id_: str, label: str) -> list[str]:
    """The folders of an image from its class folder on; the label alone where no folder of the id is the class'."""
    folders = id_.split("/")[:-1]
    first = 1 if folders and folders[0].lower() in SPLIT_NAMES else 0  # a class within splits may be called like one
    for start in (*range(first, len(folders)), *range(first)):
        if folders[start] == label:
            return folders[start:]
    return [label]
