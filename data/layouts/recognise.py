"""Recognises how a folder is laid out, from the paths of its files alone.

What is looked for, from the top: lone folders around everything (they are descended into), folders that are splits, at the top or within
classes, and then the classes. One folder is no class, however it is called: with a single class everything is of it, and nothing can be
measured. Whatever else is doubtful, an image below a folder called test or validation beside one called train is never trained on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from samekind.core.errors import CorpusError
from samekind.data.layouts.folder_names import BESIDE_IMAGES, CONTAINERS, GALLERY, QUERY, is_strong, split_kinds
from samekind.data.types.splits import SPLITS, Split

Parts = tuple[str, ...]
"""A path within the corpus: folders, then the file."""
_Children = Mapping[Parts, frozenset[str]]


@dataclass(frozen=True)
class Recognised:
    """A layout, and what it says of each image.

    Attributes:
        layout: one of `LAYOUTS` but auto.
        labels: class of each image, `None` where it has none.
        splits: of each image; `None` if the layout names none.
        split_names: the splits as they are called on disk.
        inside: the lone folders around everything.
        without_split: images that lie beside the splits and count as training images.
    """

    layout: str
    labels: list[str | None]
    splits: list[Split] | None = None
    split_names: tuple[str, ...] = ()
    inside: Parts = ()
    without_split: int = 0


def recognise(files: Sequence[Parts], others: Sequence[Parts] = (), layout: str = "auto") -> Recognised:
    """Recognises a layout.

    Args:
        files: the images, as paths within the corpus.
        others: files that are no images.
        layout: what the user says it is; `auto` for what it looks like.

    Raises:
        CorpusError: splits are asked for, and no folder is called so.
    """
    if layout == "flat":
        return Recognised("flat", [None] * len(files))
    if layout == "folders":
        return Recognised("folders", [file[0] if len(file) > 1 else None for file in files])
    children = _children(files)
    inside = _wrapper(children)
    place = _split_places(files, children, len(inside))
    if not any(i is not None for i in place):
        if layout in ("splits", "class-splits"):
            hint = "its folders should be called train, validation and test; --layout folders reads every folder as a class"
            raise CorpusError(f"--layout {layout}: no folder is called like a split", hint=hint)
        depth = len(inside)
        labels = [file[depth] if len(file) > depth + 1 else None for file in files]
        found = Recognised("folders" if any(labels) else "flat", labels, inside=inside)
    else:
        found = replace(_with_splits(files, place, len(inside), layout), inside=inside)
    if layout == "yolo" or (layout == "auto" and _has_boxes(files, others)):
        return replace(found, layout="yolo", labels=[None] * len(files))
    return found


def beside_images(files: Sequence[Parts]) -> dict[int, str]:
    """Masks, maps and small copies that lie in a folder of their own beside a folder of images or beside splits, with the reason for
    each.
    """
    children, reasons = _children(files), {}
    for row, file in enumerate(files):
        for depth, name in enumerate(file[:-1]):
            around = children[file[:depth]]
            if name.lower() in BESIDE_IMAGES and (
                any(other.lower() in CONTAINERS for other in around)
                or is_strong(split_kinds(frozenset(other for other in around if other.lower() not in BESIDE_IMAGES)))
            ):
                reasons[row] = f"in {name}/ beside the images: a mask, map or copy of one"
                break
    return reasons


def _children(files: Sequence[Parts]) -> _Children:
    """The folders within each folder that hold images, directly or deeper."""
    children: dict[Parts, set[str]] = defaultdict(set)
    for folder in {file[:-1] for file in files}:
        for depth, name in enumerate(folder):
            children[folder[:depth]].add(name)
    return defaultdict(frozenset, {folder: frozenset(names) for folder, names in children.items()})


def _wrapper(children: _Children) -> Parts:
    """The lone folders around everything; images that lie loose beside them do not count."""
    inside: Parts = ()
    while len(children[inside]) == 1 and not split_kinds(children[inside]):
        inside = (*inside, *children[inside])
    return inside


def _split_places(files: Sequence[Parts], children: _Children, top: int) -> list[int | None]:
    """The depth of the split folder in each path, `None` without one. Below the top a folder is one only at a depth where that is beyond
    doubt: a class may be called train.
    """
    kinds = {folder: split_kinds(names) for folder, names in list(children.items())}
    sure = {len(folder) for folder, found in kinds.items() if is_strong(found)} | {top}
    places: list[int | None] = []
    for file in files:
        depths = (d for d in range(top, len(file) - 1) if d in sure and file[d] in kinds.get(file[:d], {}))
        places.append(next(depths, None))
    return places


def _with_splits(files: Sequence[Parts], place: Sequence[int | None], top: int, layout: str) -> Recognised:
    children = _children(files)
    split_of = [None if i is None else file[: i + 1] for file, i in zip(files, place, strict=True)]
    kinds = {split: split_kinds(children[split[:-1]])[split[-1]] for split in set(split_of) if split is not None}
    splits = _splits([None if split is None else kinds[split] for split in split_of])
    within_classes = layout == "class-splits" or (layout != "splits" and _are_in_classes(kinds, children, top))
    top_folders = [file[top] if len(file) > top + 1 else None for file in files]
    order = {split[-1]: SPLITS.index(own) for split, own in zip(split_of, splits, strict=True) if split is not None}
    return Recognised(
        "class-splits" if within_classes else "splits",
        top_folders if within_classes else _classes_below(split_of, files),
        splits,
        tuple(sorted(order, key=lambda name: (order[name], name))),
        without_split=split_of.count(None),
    )


def _are_in_classes(kinds: Mapping[Parts, str], children: _Children, top: int) -> bool:
    """True if the split folders lie in class folders: in several, and not in several data sets that have the same classes in them."""
    above = {split[top:-1] for split in kinds}
    if () in above or len(above) == 1:
        return False
    below = [children[split] for split, kind in kinds.items() if kind == "train"]
    return not (below and all(len(names) > 1 for names in below) and frozenset.intersection(*below))


def _splits(kinds: Sequence[str | None]) -> list[Split]:
    """Splits of the three kinds that there are. Queries are tested; the gallery is what they are searched in: where nothing else is trained
    on it is the bank, and otherwise it is held out, since its kinds are those of the queries.
    """
    gallery: Split = "validation" if "train" in kinds else "train"
    named: dict[str | None, Split] = {None: "train", QUERY: "test", GALLERY: gallery}
    named |= {split: split for split in SPLITS}
    return [named[kind] for kind in kinds]


def _classes_below(split_of: Sequence[Parts | None], files: Sequence[Parts]) -> list[str | None]:
    """Class of each image that lies below a split: the first folder that tells images apart.

    A folder that holds all of a split (`train/images/…`, `test/unknown/…`) is no class, unless other splits know it as one.
    """
    depth = {split: len(split) for split in split_of if split is not None}
    while True:
        folders: dict[Parts, set[str]] = {split: set() for split in depth}
        for split, file in zip(split_of, files, strict=True):
            if split is not None and len(file) > depth[split] + 1:
                folders[split].add(file[depth[split]])
        stripped = [split for split in depth if _is_no_class(split, folders)]
        if not stripped:
            break
        for split in stripped:
            depth[split] += 1
    return [
        None if split is None or len(file) <= depth[split] + 1 else file[depth[split]]
        for split, file in zip(split_of, files, strict=True)
    ]


def _is_no_class(split: Parts, folders: Mapping[Parts, set[str]]) -> bool:
    if len(folders[split]) != 1:
        return False
    (name,) = folders[split]
    elsewhere = set().union(*(names for other, names in folders.items() if other != split))
    return name.lower() in CONTAINERS or elsewhere <= {name} or name not in elsewhere


def _has_boxes(files: Sequence[Parts], others: Sequence[Parts]) -> bool:
    """True if text files lie in `labels/` as images do in `images/`: the annotations of YOLO, whose folders are no classes."""
    folders = {file[:-1] for file in files}
    images = {tuple("labels" if name.lower() == "images" else name for name in folder) for folder in folders} - folders
    texts = {other[:-1] for other in others if other[-1].lower().endswith(".txt")}
    return any(text in images for text in texts)
