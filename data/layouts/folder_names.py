"""What the name of a folder says: a split, a container of images, or something beside the images that is no picture of the corpus."""

from __future__ import annotations

import re
from collections import defaultdict

from samekind.data.types.splits import SPLIT_NAMES

CONTAINERS = frozenset({"images", "image", "imgs", "img", "jpegimages", "pngimages", "pictures", "photos", "rgb"})
"""Folders that say no more than that images are in them, in lower case."""

BESIDE_IMAGES = frozenset(
    {
        "labels", "label", "masks", "mask", "annotations", "annotation", "segmentations", "segmentation", "segmentationclass",
        "segmentationobject", "ground_truth", "groundtruth", "gt", "depth", "trimaps", "labels_png", "thumbs", "thumbnails", "previews",
    }
)  # fmt: skip
"""Folders that, beside a container of images or beside splits, hold masks, maps or small copies of them."""

QUERY, GALLERY = "query", "gallery"
"""The splits of retrieval and person re-identification."""

_FILLERS = frozenset(
    {"set", "images", "image", "imgs", "img", "data", "dataset", "split", "samples", "bounding", "box"}
)
_MORE_NAMES = {
    "validate": "validation",
    "holdout": "test",
    "eval": "test",
    "evaluation": "test",
    "queries": QUERY,
    "query": QUERY,
    "gallery": GALLERY,
}
_YEAR = re.compile(r"(?:19|20)\d\d")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_BESIDE_SPLITS = {"pred": "test", "predict": "test"}


def split_kind(name: str) -> str | None:
    """The split that a folder's name says: `train`, `validation`, `test`, `query` or `gallery`; `None` if it says none.

    Case, a year, one digit behind `test` or `val`, and words such as set or images do not count: `Train`, `val2017`, `test1`, `trainset`,
    `images_train` and `bounding_box_test` are splits.
    """
    words = [word.removesuffix("set") or word for word in re.findall(r"[a-z]+|\d+", name.lower())]
    if not re.fullmatch(r"[A-Za-z0-9_\-. ]+", name):
        return None
    words = [word for word in words if word not in _FILLERS and not _YEAR.fullmatch(word)]
    kinds = [_kind(word) for word in words]
    if len(words) == 2 and kinds[0] in ("test", "validation") and re.fullmatch(r"\d", words[1]):
        return kinds[0]
    return kinds[0] if len(words) == 1 else None


def _kind(word: str) -> str | None:
    return SPLIT_NAMES.get(word) or _MORE_NAMES.get(word)


def split_kinds(names: frozenset[str]) -> dict[str, str]:
    """Splits among folders that lie side by side; empty if these names are not meant as splits.

    They are if all of them say a split, or if there is one to train on beside one to test on, also as part of names that are otherwise the
    same (`cars_train` and `cars_test`, `trainA` and `testA`). Beside such splits `test-hard` is one, too. A query is one only beside a
    gallery, or beside splits for training and test; a gallery only beside a query.
    """
    kinds = {name: kind for name in names if (kind := split_kind(name)) is not None}
    found = set(kinds.values())
    if not (GALLERY in found or {"train", "test"} <= found):
        kinds = {name: kind for name, kind in kinds.items() if kind != QUERY}
    if QUERY not in found:
        kinds = {name: kind for name, kind in kinds.items() if kind != GALLERY}
    if len(kinds) == len(names):
        return kinds
    kinds = kinds if is_strong(kinds) else _splits_alike(names)
    return _held_out_beside(names) | kinds if kinds else {}


def _splits_alike(names: frozenset[str]) -> dict[str, str]:
    """Splits among names that are the same but for the word of a split, and numbers; empty if no two of them make it sure."""
    alike: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        said = [(word, kind) for word in _WORD.finditer(name) if (kind := _kind(word[0].lower())) is not None]
        if len(said) == 1:
            ((word, kind),) = said
            rest = re.sub(r"[\d\W_]+", "", name[: word.start()] + name[word.end() :])
            alike[rest.lower()][name] = kind
    return {name: kind for group in alike.values() if is_strong(group) for name, kind in group.items()}


def _held_out_beside(names: frozenset[str]) -> dict[str, str]:
    """What says, beside sure splits, that it is not trained on: `test-hard`, `val_unseen`, `seg_pred`."""
    words = {name: [word.lower() for word in _WORD.findall(name)] for name in names}
    first = {name: kind for name in names if words[name] and (kind := _kind(words[name][0])) in ("test", "validation")}
    last = {
        name: _BESIDE_SPLITS[words[name][-1]] for name in names if words[name] and words[name][-1] in _BESIDE_SPLITS
    }
    return first | last


def is_strong(kinds: dict[str, str]) -> bool:
    """True if these splits cannot be classes that happen to be called so: what is trained on lies beside what is held out."""
    found = set(kinds.values())
    return ("train" in found and len(found) > 1) or found >= {QUERY, GALLERY}
