"""How an index reads pictures, recorded in `meta.json` beside the corpus: queries, uploads and added images are read as its rows were.

The first corpus with pictures of more than 8 bits decides their black and white; a later one cannot change it, because the vectors that are
there were made with it. So is the version of Pillow that an index began with: Pillow 13 scales some pictures in another order than 12.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.types.preprocessing import PILLOW, preprocessing_of
from samekind.data.types.reading import READING_ARGUMENTS, Depth, Reading, depth_text
from samekind.indexer.storage.remedies import json_field
from samekind.training.runtime.artefact import META, read_meta, write_json

_FIELD, _PILLOW = "reading", "pillow"


def recorded_reading(folder: Path) -> Reading:
    """The reading that an artefact's `meta.json` records; the default where there is none.

    Raises:
        ArtefactError: what it records is no reading.
    """
    return reading_of(json_field(folder / META, "corpus"), folder)


def reading_of(corpus: Any, folder: Path) -> Reading:
    """The reading in the entry `corpus` of a `meta.json`, as `recorded_reading`."""
    try:
        return Reading.from_json((corpus or {}).get(_FIELD))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"{folder / META} is damaged: its entry `corpus.{_FIELD}` is none", hint="restore it from a copy"
        ) from error


def record_reading(corpus: Corpus, folder: Path, begun: bool, progress: Progress) -> Corpus:
    """Brings a corpus and the record of an index together.

    Args:
        corpus: what is indexed.
        folder: the artefact; it must hold a `meta.json`.
        begun: the index holds rows already, so what they were read with stays.
        progress: gets a line where the corpus by itself would have been read otherwise.

    Returns:
        The corpus as the index reads it.
    """
    meta = read_meta(folder)
    recorded = reading_of(meta.get("corpus"), folder) if begun else Reading()
    own, known = corpus.reading.depth, recorded.depth
    depth = own if known is None or own is None else Depth(known.integers or own.integers, known.floats or own.floats)
    if own is not None and depth is not None and depth != own:
        progress.print(
            f"the index reads deep pictures as {depth_text(depth)}, these by themselves would be {depth_text(own)}: it stays as it is, "
            "or beyond white all would be equal with what is there (a new --out decides anew)"
        )
    kept = Reading(max_pixels=max(recorded.max_pixels, corpus.reading.max_pixels), depth=depth or known)
    about = {name: value for name, value in (meta.get("corpus") or {}).items() if name != _FIELD}
    if not meta.get("config") and about.get("corpus") == corpus.source.get("corpus"):  # a training's record stays
        given = {name: corpus.source[name] for name in READING_ARGUMENTS if name in corpus.source}
        about = {name: value for name, value in about.items() if name not in READING_ARGUMENTS} | given
    written = {**meta, "corpus": {**about, **({_FIELD: kept.to_json()} if kept.to_json() else {})}}
    if not begun:
        written[_PILLOW] = PIL.__version__
    if written != meta:
        write_json(folder / META, written)
    return corpus if depth == own else replace(corpus, reading=replace(corpus.reading, depth=depth))


def other_pillow(folder: Path, spec: Any) -> str:
    """What to say of images that are embedded now, if an index scales in Pillow and began with another of its major versions.

    Args:
        folder: the artefact.
        spec: of the encoder that embeds them.
    """
    begun = json_field(folder / META, _PILLOW)
    is_other = isinstance(begun, str) and begun.split(".")[0] != PIL.__version__.split(".")[0]
    if not is_other or preprocessing_of(spec).resize != PILLOW:
        return ""
    return (
        f"this index began with Pillow {begun}, here is {PIL.__version__}, which may scale pictures a little differently: the cosine of "
        "one and the same picture with itself may be 0.998 (a new --out has all of one kind)"
    )
