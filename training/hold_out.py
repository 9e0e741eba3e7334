"""Images that are kept away from training: whole groups of images that belong together, in a seeded order.

A near copy of a held-out image that is trained on makes the accuracy on the hold-out a flattering one: people take many photos of one
scene. So groups are held out. Near duplicates are found by a frozen encoder (`training.features.training_features`), the other groups by
name (docs/decisions/0020).
"""

# N images

from __future__ import annotations

import re
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.types.label_levels import folders_from_class
from samekind.training.config.data import FOLDER, NEAR_DUPLICATES, SERIES, DataSettings

LARGEST_AUTOMATIC_HOLD_OUT = 5000
A_SERIES = 20
"""Consecutive file names that are held out together: photos of one scene seldom are more."""
Groups = NDArray[np.int64]
"""`(N,)` number of each image's group, from 0 on."""


def held_out_by(settings: DataSettings) -> str:
    """The rule in words, after *held out*."""
    return f"by {(settings.hold_out_by or '').replace('_', ' ')}"


def hold_out_size(settings: DataSettings, count: int) -> int:
    """Images to hold out of this many, at most."""
    if settings.hold_out is None:
        return min(LARGEST_AUTOMATIC_HOLD_OUT, count // 10)
    return min(settings.hold_out, count - 2)


def groups_by_name(corpus: Corpus, settings: DataSettings) -> Groups:
    """Groups that ids tell, or every image by itself. Pictures of one file are one image here.

    Raises:
        InputError: `folder`, and no image lies in a folder below its class folder.
    """
    assert settings.hold_out_by != NEAR_DUPLICATES
    file_N = _files(corpus)
    if settings.hold_out_by not in (FOLDER, SERIES):
        return file_N
    files = corpus.subset(np.unique(file_N, return_index=True)[1].tolist())
    group_F = _folders(files) if settings.hold_out_by == FOLDER else _series(files.ids)
    return group_F[file_N]


def with_whole_files(group_N: Groups, corpus: Corpus) -> Groups:
    """Groups joined where they share a file, so that its pictures stay together; the same groups where no file has several."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    file_N = _files(corpus)
    if len(np.unique(file_N)) == len(file_N):
        return group_N
    nodes = int(group_N.max()) + 1 + int(file_N.max()) + 1  # groups, then files
    edges = (np.ones(len(group_N)), (group_N, int(group_N.max()) + 1 + file_N))
    part = connected_components(csr_matrix(edges, shape=(nodes, nodes)), directed=False)[1]
    return np.asarray(part[group_N], dtype=np.int64)


def choose_groups(group_N: Groups, size: int, seed: int) -> NDArray[np.int64]:
    """Rows of whole groups, drawn in a seeded order as far as they fit.

    Args:
        group_N: of the images.
        size: images to hold out, at most. Where no group is that small, the smallest one is taken, if it is at most half of the images.
        seed: of the order.

    Returns:
        `(H,)` rows, ascending.
    """
    members = np.bincount(group_N)
    taken, left = np.zeros(len(members), dtype=bool), size
    for group in np.random.default_rng((seed, 2)).permutation(len(members)).tolist():
        if members[group] <= left:
            taken[group] = True
            left -= members[group]
    if size and not taken.any() and 2 * members.min() <= len(group_N):
        taken[members.argmin()] = True
    return np.flatnonzero(taken[group_N])


def _files(corpus: Corpus) -> Groups:
    """The number of each image's file, in the order of first images; images in memory have one each."""
    file_of: dict[object, int] = {}
    places = [reference.path or row for row, reference in enumerate(corpus.references)]
    return np.array([file_of.setdefault(place, len(file_of)) for place in places], dtype=np.int64)


def _folders(corpus: Corpus) -> Groups:
    """One group a folder below the class folders; the same name in two classes is the same shop, album or day."""
    labels = corpus.labels or [None] * len(corpus)
    below = ["/".join(folders_from_class(id_, label or "")[1:]) for id_, label in zip(corpus.ids, labels, strict=True)]
    if not any(below):
        raise InputError(
            f"no image of {corpus.name} lies in a folder below its class folder, so none can be held out by folder",
            hint="expected class/shop/image.jpg; otherwise take --hold-out-by near_duplicates, series or image",
        )
    named = [folder or f"/{row}" for row, folder in enumerate(below)]  # no folder's name begins with a slash
    return np.unique(named, return_inverse=True)[1]


def _series(ids: list[str]) -> Groups:
    """`A_SERIES` consecutive names in a folder, in the order in which people count: `IMG_2` before `IMG_10`."""
    group_N, number = np.empty(len(ids), dtype=np.int64), 0
    order = sorted(range(len(ids)), key=lambda row: (_folder(ids[row]), _counted(ids[row])))
    for _, rows in groupby(order, key=lambda row: _folder(ids[row])):
        place = np.array(list(rows))
        group_N[place] = number + np.arange(len(place)) // A_SERIES
        number = int(group_N[place].max()) + 1
    return group_N


def _folder(id_: str) -> str:
    return id_.rpartition("/")[0]


def _counted(id_: str) -> list[tuple[int, str]]:
    """A name's sort key: its numbers by value, the rest as it is."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", id_)]
