"""What a query is on the wire: which path is asked, with which file as its body, and what goes along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samekind import Crop, ImageError, InputError, Mix, Text

Query: TypeAlias = str | Path | bytes | Crop | Text | Mix | Sequence[float] | NDArray[np.floating[Any]]
_MIXED = "at most one picture and one text, and images of the index by their ids"


@dataclass(frozen=True)
class Asked:
    """A query as the service takes it.

    Attributes:
        method, path: of HTTP.
        file: bytes of a picture, which are the body; `None` where options and query are the body, or none is.
        told: the query, or what belongs to it, beside the options.
    """

    method: str
    path: str
    file: bytes | None = None
    told: dict[str, Any] = field(default_factory=dict)


def asked(query: Query) -> Asked:
    """One query.

    Raises:
        InputError: the service takes no such query.
        ImageError: a file cannot be read.
    """
    if isinstance(query, Mix):
        return _mix(query)
    if isinstance(query, Text):
        return Asked("POST", "/v1/search/text", told={"text": query.words})
    if _is_picture(query):
        return _picture(query)
    # A list is read as float32, as the library does.
    try:
        vector = query if isinstance(query, np.ndarray) else np.asarray(query, dtype=np.float32)
    except (ValueError, TypeError) as error:
        hint = "a path, bytes, Crop, Text, Mix, or D numbers"
        raise InputError(f"a query of type {type(query).__name__} cannot be asked", hint=hint) from error
    if vector.ndim != 1 or vector.dtype.kind != "f":
        raise InputError(f"a vector must be D numbers, got {vector.dtype} {vector.shape}", hint="ask one at a time")
    if not np.isfinite(vector).all():
        raise InputError("the query vector holds NaN or infinity", hint="a vector must be finite")
    return Asked("POST", "/v1/search/vector", told={"vector": vector.tolist()})


def by_id(id_: str) -> Asked:
    """An image of the index."""
    return Asked("GET", "/v1/images/neighbours", told={"id": id_})


def _mix(mix: Mix) -> Asked:
    """A mix: its picture, or else its words, or else its first image is what is asked, and the rest goes along, each with its weight."""
    weight = {i: mix.weights[i] for i in range(len(mix.like))}
    pictures = [i for i in weight if _is_picture(mix.like[i]) and not _is_id(mix.like[i])]
    texts = [i for i in weight if isinstance(mix.like[i], Text)]
    others = [i for i in weight if i not in pictures + texts]
    if len(pictures) > 1 or len(texts) > 1 or not all(_is_id(part) for part in _ids(mix, others)):
        raise InputError("the service does not take this Mix", hint=f"it takes {_MIXED}")
    order = pictures + texts + others
    first = mix.like[order[0]]
    start = by_id(first) if not pictures + texts else asked(first)
    told = {
        "like": [mix.like[i] for i in others[0 if pictures + texts else 1 :]],
        "unlike": list(mix.unlike),
        "weights": [weight[i] for i in order],
        "unlike_weight": mix.unlike_weight,
        **({"text": mix.like[texts[0]].words} if texts else {}),
    }
    return Asked(start.method, start.path, start.file, {**start.told, **told})


def _ids(mix: Mix, others: Iterable[int]) -> list[Any]:
    return [*(mix.like[i] for i in others), *mix.unlike]


def _is_id(part: Any) -> bool:
    """As in the library: a string is an id, unless a file has that name."""
    return isinstance(part, str) and not Path(part).exists()


def _is_picture(query: Any) -> bool:
    return isinstance(query, str | Path | bytes | bytearray | memoryview | Crop)


def _picture(query: Any) -> Asked:
    if isinstance(query, Crop):
        box = ",".join(str(int(number)) for number in query.box)
        return Asked("POST", "/v1/search/image", _file(query.image), {"crop": box})
    return Asked("POST", "/v1/search/image", _file(query))


def _file(picture: Any) -> bytes:
    if isinstance(picture, bytes | bytearray | memoryview):
        return bytes(picture)
    if not isinstance(picture, str | Path):
        raise InputError(f"a picture of type {type(picture).__name__} cannot be sent", hint="give a path or bytes")
    try:
        return Path(picture).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        hint = "an image of the index: search_id"
        raise ImageError(f"{picture}: cannot be read ({reason})", hint=hint) from error
