"""An index of vectors that somebody else made: no encoder, and images only where there are some.

The vectors take the encoder's place in a build. Their fingerprint is that of ids and vectors, so other vectors rebuild the table, and the
same ones with other labels keep it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError
from samekind.data.corpus import Corpus
from samekind.data.decoding.files import EXTENSIONS
from samekind.data.types.images import ImageReference, Pixels
from samekind.data.types.splits import SPLIT_NAMES, SPLITS, Split, stable_split_by_file
from samekind.indexer.building.encoder_files import check_no_training
from samekind.indexer.storage.vector_files import PLACEHOLDER, VectorRows
from samekind.training.runtime.artefact import FORMAT, GIVEN, META, WEIGHTS, write_json

GIVEN_SOURCE = "given vectors"
"""Stands for them in the manifest, where other corpora have their name or folder."""
_BLOCK = 65_536


@dataclass(frozen=True)
class NoPixels:
    """What an encoder's spec would say of its input."""

    image_size: int = 1
    channels: int = 1


class GivenVectors:
    """Vectors by the ids of their images, in an encoder's place.

    Args:
        rows: as they were given.

    Raises:
        InputError: ids and vectors do not fit each other, or a vector is not finite or zero.
    """

    spec = NoPixels()

    def __init__(self, rows: VectorRows) -> None:
        _check(rows)
        self._vectors = _unit_rows(rows)
        self._position = {id_: i for i, id_ in enumerate(rows.ids)}
        self.dim = int(self._vectors.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """`given:` and the SHA-256 of ids and unit vectors."""
        digest = hashlib.sha256(repr(self._vectors.shape).encode() + repr(list(self._position)).encode())
        digest.update(self._vectors.data)
        return GIVEN + digest.hexdigest()

    def of(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """`(N, D)` float32 of unit norm."""
        return self._vectors[[self._position[id_] for id_ in ids]]

    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """Refuses: there is nothing that could embed an image."""
        raise InputError("vectors that were given cannot embed an image", hint="index the images with an encoder")


def _check(rows: VectorRows) -> None:
    shape, kind = rows.vectors.shape, rows.vectors.dtype.kind
    if len(shape) != 2 or kind not in "fiu" or 0 in shape:
        raise InputError(f"vectors must be numbers of shape (N, D), got {rows.vectors.dtype} {shape}")
    lengths = {"ids": len(rows.ids)} | {name: len(values) for name, values in rows.texts.items()}
    for name, length in lengths.items():
        if length != shape[0]:
            raise InputError(f"there are {shape[0]:,} vectors and {length:,} values of {name}, expected one each")
    if len(set(rows.ids)) < len(rows.ids):
        twice = next(id_ for id_, count in Counter(rows.ids).items() if count > 1)
        raise InputError(f"the id {twice!r} stands there twice", hint="every vector needs an id of its own")


def _unit_rows(rows: VectorRows) -> NDArray[np.float32]:
    """The vectors scaled to unit norm, block by block, so that float64 copies stay small."""
    unit = np.empty(rows.vectors.shape, dtype=np.float32)
    for start in range(0, len(unit), _BLOCK):
        block = np.asarray(rows.vectors[start : start + _BLOCK], dtype=np.float64)
        with np.errstate(over="ignore"):
            norm = np.linalg.norm(block, axis=1, keepdims=True)
        bad = np.flatnonzero(~(np.isfinite(norm[:, 0]) & (norm[:, 0] > 0)))
        if len(bad):
            what = (
                "is zero, its cosine undefined"
                if norm[bad[0], 0] == 0
                else "holds NaN or infinity, or numbers too large to square"
            )
            raise InputError(f"the vector of {rows.ids[start + int(bad[0])]!r} {what}", hint="leave it out, or mend it")
        unit[start : start + len(block)] = block / norm
    return unit


def given_corpus(rows: VectorRows, given: GivenVectors, name: str, images: Corpus | None) -> Corpus:
    """The rows as a corpus: their images in `images`, or a grey placeholder for each.

    What the rows do not tell is taken from `images`; splits that neither tells are made as for a folder. Without images the content of a
    row is its vector, unless it has a `sha256`.

    Raises:
        InputError: an id is not in `images`, or a split is none.
    """
    if images is None:
        references, place_N = [_placeholder(rows, given, name, i) for i in range(len(rows.ids))], None
    else:
        place_N = _places(rows, images)
        references = [images.references[place] for place in place_N]
    labels, rule = rows.texts.get("label"), ""
    if labels is None and place_N is not None and images is not None and images.labels is not None:
        labels, rule = [images.labels[place] for place in place_N], images.label_rule
    labels = None if labels is None or all(label is None for label in labels) else labels
    if "split" in rows.texts:
        splits = [_split(value) for value in rows.texts["split"]]
    elif place_N is not None and images is not None:
        splits = [images.splits[place] for place in place_N]
    else:
        splits = stable_split_by_file(list(map(_file, rows.ids)), labels, 0)
    return Corpus(name, rows.ids, references, splits, labels, source={"corpus": GIVEN_SOURCE}, label_rule=rule)


def _file(id_: str) -> str:
    """The file that an id like `x.tif#3` names a picture of; the id itself where it is none of a picture."""
    file, _, number = id_.rpartition("#")
    return file if number.isdecimal() and Path(file).suffix.lower() in EXTENSIONS else id_


def _placeholder(rows: VectorRows, given: GivenVectors, name: str, i: int) -> ImageReference:
    texts = {key: values[i] for key, values in rows.texts.items()}
    content = texts.get("sha256") or hashlib.sha256(given.of([rows.ids[i]]).tobytes()).hexdigest()
    uri = texts.get("uri") or f"{name}://{rows.ids[i]}"
    return ImageReference(uri, content, grey=True, pixels=PLACEHOLDER)


def _places(rows: VectorRows, images: Corpus) -> list[int]:
    """Rows of a corpus by id or uri."""
    known = {images.uri(i): i for i in range(len(images))} | {id_: i for i, id_ in enumerate(images.ids)}
    uris = rows.texts.get("uri") or [None] * len(rows.ids)
    places = [known.get(id_, known.get(uri or "")) for id_, uri in zip(rows.ids, uris, strict=True)]
    missing = [id_ for id_, place in zip(rows.ids, places, strict=True) if place is None]
    if missing:
        raise InputError(
            f"{len(missing):,} of {len(rows.ids):,} ids are not in {images.name}, the first is {missing[0]!r}",
            hint=f"ids there look like {images.ids[0]!r}; leave the corpus out to index without pictures",
        )
    return [place for place in places if place is not None]


def _split(value: str | None) -> Split:
    if value is None:
        return "train"
    if value.lower() not in SPLIT_NAMES:
        raise InputError(f"unknown split {value!r}", hint=f"splits are {', '.join(SPLITS)}")
    return SPLIT_NAMES[value.lower()]


def place_given(given: GivenVectors, corpus: Corpus, made_by: str, folder: Path) -> None:
    """Writes `meta.json` of an index that has no encoder.

    Raises:
        ArtefactError: the folder holds an encoder or an unfinished training.
    """
    if (folder / WEIGHTS).is_file():
        raise ArtefactError(
            f"{folder} holds an encoder, and vectors that were given have none", hint="choose another --out"
        )
    check_no_training(folder)
    about: dict[str, Any] = {"name": corpus.name, "content_hash": corpus.content_hash, "num_images": len(corpus)}
    encoder = {"dim": given.dim, "fingerprint": given.fingerprint, **({"made_by": made_by} if made_by else {})}
    training = {"finished": True}
    meta = {"format": FORMAT, "encoder": encoder, "config": {}, "corpus": about, "training": training}
    write_json(folder / META, meta)
