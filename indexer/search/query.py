"""From queries of any form to unit vectors.

- a path, bytes, a Pillow image, `(H, W[, C])` uint8 or the id of a row is one image,
- a `(D,)` float array or a list of numbers is one vector,
- `Crop` is a rectangle of an image, `Text` is words, `Mix` several of all these as one query,
- a `(Q, D)` float array or a list of any of these is several; a list of lists of numbers is several vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samekind.core.errors import ImageError, InputError
from samekind.data.decode import decode_image, image_from_array, prepare, standardise, to_pixels
from samekind.data.decoding.pictures import content_sha256, file_and_frame
from samekind.data.types.images import Pixels, pixels_sha256
from samekind.data.types.preprocessing import preprocessing_of
from samekind.indexer.search.crop import Crop
from samekind.indexer.search.mixed import SPREAD_ROWS, Mix, Text, mixed
from samekind.indexer.search.originals import original

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

_SMALL = 8 * 64 * 64  # values of input up to which one thread is enough
_KINDS = (
    "a path, bytes, a Pillow image, an (H, W[, C]) uint8 array, an id, Crop, Text, Mix, or a (D,) or (Q, D) float array"
)


@dataclass(frozen=True)
class Query:
    """One query.

    Attributes:
        vector_D: `(D,)` float32 of unit norm.
        content: hashes under which the index may hold the query's own image; empty for vectors and words, those of all parts for a mix.
        is_derived: it is made of several parts, or of a part of an image, and what people have said of one image does not hold of it.
    """

    vector_D: NDArray[np.float32]
    content: frozenset[str] = frozenset()
    is_derived: bool = False


@dataclass(frozen=True)
class _Picture:
    image: Image.Image
    content: frozenset[str]
    is_part: bool = False


@dataclass(frozen=True)
class Id:
    """An image of the index, even where a file has its id for a name."""

    id: str


Part = Query | _Picture | Text
"""One query as a vector, or as what has yet to be embedded."""


def parse(query: Any, index: OpenedIndex) -> tuple[list[Query], bool]:
    """Reads one query or several.

    Args:
        query: see the module's head.
        index: gives the dimension, the rows for ids, the encoder if there is an image to embed, and its text tower for words.

    Returns:
        The queries, and whether they came as several.

    Raises:
        InputError: the query is of no known kind, not finite, zero, or of another dimension, or the encoder cannot embed words.
        ImageError: a file or bytes cannot be decoded.
    """
    if isinstance(query, list | tuple) and not _is_vector(query):
        return _answered(query, index), True
    query = _as_array(query)
    if are_vectors(query):
        return [Query(vector_D) for vector_D in unit(query, index.dim)], True
    return _answered([query], index), False


def are_vectors(query: Any) -> bool:
    """True for a `(Q, D)` float array."""
    return isinstance(query, np.ndarray) and query.ndim == 2 and query.dtype.kind == "f"


def seen(image: Any, index: OpenedIndex) -> Pixels:
    """What the encoder gets of a picture, `(H, W)` or `(H, W, 3)` uint8: at its size, cut out and grey as it wants it, two crops abreast.

    Args:
        image: any query that is a picture.
        index: gives the encoder.

    Raises:
        InputError: the query is none.
        ImageError: a file or bytes cannot be decoded.
    """
    found = _read(image, index)
    if not isinstance(found, _Picture):
        raise InputError("only a picture is seen by the encoder", hint="give a path, bytes, a Pillow image or an array")
    pixels = prepare(found.image, preprocessing_of(index.encoder.spec))
    pixels = pixels if pixels.ndim == 3 else np.concatenate(pixels, axis=1)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def read(query: Any, index: OpenedIndex) -> Part:
    """One query, decoded and not yet embedded: `parse` takes it as if it were the query itself.

    Raises:
        InputError: the query is unusable, or several.
        ImageError: a file or bytes cannot be decoded.
    """
    return _read(query, index)


def unit(vectors_QD: NDArray[Any], dim: int) -> NDArray[np.float32]:
    """Vectors scaled to unit norm, `(Q, D)` float32.

    Raises:
        InputError: they are not finite, zero, or of another dimension than `dim`.
    """
    if vectors_QD.shape[1] != dim:
        raise InputError(
            f"the index was built with dim {dim}, the query has {vectors_QD.shape[1]}",
            hint="query with vectors of the index's own encoder, or rebuild the index with the other one",
        )
    values = vectors_QD.astype(np.float64)
    largest = np.abs(values).max(axis=1, keepdims=True, initial=0.0)  # NaN where there is one
    if not np.isfinite(largest).all():
        raise InputError("the query vector holds NaN or infinity", hint="a vector must be finite")
    if (largest == 0).any():
        raise InputError("the query vector is zero", hint="the cosine with a zero vector is undefined")
    far = (largest > 1e100) | (largest < 1e-100)  # their squares would be infinite, or zero
    if far.any():
        values /= np.where(far, largest, 1.0)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), dtype=np.float32)


def _answered(queries: Sequence[Any], index: OpenedIndex) -> list[Query]:
    """Each query, all that has to be embedded embedded at once."""
    parts = [query.parts if isinstance(query, Mix) else (query,) for query in queries]
    embedded = iter(_embedded([_read(part, index) for each in parts for part in each], index))
    found = [[next(embedded) for _ in each] for each in parts]
    return [_mixed(q, own, index) if isinstance(q, Mix) else own[0] for q, own in zip(queries, found, strict=True)]


def _mixed(mix: Mix, parts: Sequence[Query], index: OpenedIndex) -> Query:
    rows = np.unique(np.linspace(0, len(index) - 1, SPREAD_ROWS).astype(np.int64))
    vector_D = mixed(mix, np.stack([part.vector_D for part in parts]), index.vectors(rows))
    return Query(vector_D, frozenset().union(*(part.content for part in parts)), is_derived=True)


def _read(query: Any, index: OpenedIndex) -> Part:
    """One query, or one part of a mix."""
    if isinstance(query, Text | Query | _Picture):
        return query
    if isinstance(query, Id):
        return _from_row(index.rows.position_of(query.id), index)
    if isinstance(query, Crop):
        return _cropped(query, index)
    query = np.asarray(query, dtype=np.float32) if _is_vector(query) else _as_array(query)
    if isinstance(query, str | Path):
        return _from_text(query, index)
    if isinstance(query, bytes | bytearray | memoryview):
        encoded = bytes(query)
        return _picture(decode_image(encoded, index.reading), *_hashes(encoded, None))
    if isinstance(query, Image.Image):
        return _picture(standardise(query))
    if isinstance(query, np.ndarray) and query.dtype == np.uint8 and query.ndim in (2, 3):
        return _picture(image_from_array(query))
    if isinstance(query, np.ndarray) and query.dtype.kind == "f" and query.ndim == 1:
        return Query(unit(query[None], index.dim)[0])
    got = f"{query.dtype} {query.shape}" if isinstance(query, np.ndarray) else type(query).__name__
    raise InputError(f"cannot search for {got}", hint=f"give {_KINDS}, or a list of these")


def _is_vector(query: Any) -> bool:
    """True if this is a list of numbers; it could also be read as many queries."""
    return isinstance(query, list | tuple) and len(query) > 0 and all(isinstance(value, float | int) for value in query)


def _from_text(query: str | Path, index: OpenedIndex) -> Query | _Picture:
    if not Path(query).exists() and isinstance(query, str) and query in index.rows.position:
        return _from_row(index.rows.position[query], index)
    path, frame = file_and_frame(query)
    try:
        encoded = path.read_bytes()
    except (OSError, ValueError):
        decode_image(path)  # says what is wrong with the path
        raise
    try:
        return _picture(decode_image(encoded, index.reading, frame), *_hashes(encoded, frame))
    except ImageError as error:
        raise ImageError(f"{query}: {error}", hint=error.hint) from error


def _cropped(crop: Crop, index: OpenedIndex) -> _Picture:
    """A rectangle of a picture, known by the content of all of it."""
    is_row = isinstance(crop.image, str) and not Path(crop.image).exists() and crop.image in index.rows.position
    if isinstance(crop.image, Id) or is_row:
        row = index.row(crop.image.id if isinstance(crop.image, Id) else crop.image)
        image, size = whole_picture(row["id"], index), (row["width"], row["height"])
        return _Picture(crop.of(image, size), frozenset([row["sha256"]]), is_part=True)
    whole = _read(crop.image, index)
    if not isinstance(whole, _Picture):
        raise InputError("only a picture can be cropped", hint="give a path, bytes, a Pillow image, an array or an id")
    return _Picture(crop.of(whole.image), whole.content, is_part=True)


def whole_picture(id_: str, index: OpenedIndex) -> Image.Image:
    """The picture of a row, as it was read for the index: of its file in full, or else the thumbnail.

    Raises:
        InputError: there is no such id.
    """
    found = original(index.row(id_))
    if found is not None:
        with suppress(ImageError):
            return decode_image(found[0], index.reading, found[1])
    return decode_image(index.thumbnail(id_))


def _hashes(encoded: bytes, frame: int | None) -> list[str]:
    """Of a file, and of its first picture, which is the same query; of another picture only its own."""
    return (
        [content_sha256(encoded, frame)] if frame not in (None, 1) else [content_sha256(encoded, n) for n in (None, 1)]
    )


def _from_row(position: int, index: OpenedIndex) -> Query:
    return Query(index.vectors(np.array([position]))[0], frozenset([index.rows.row(position)["sha256"]]))


def _picture(image: Image.Image, *hashes: str) -> _Picture:
    """The picture with the hashes of its file and of its pixels; a grey picture that was saved in colour also counts as grey."""
    pixels = to_pixels(image)
    found = {*hashes, pixels_sha256(pixels)}
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        found.add(pixels_sha256(np.ascontiguousarray(pixels[..., 0])))
    return _Picture(image, frozenset(found))


def _embedded(items: Sequence[Part], index: OpenedIndex) -> list[Query]:
    """Embeds all pictures at once, and all words."""
    pictures = iter(_embedded_pictures([item.image for item in items if isinstance(item, _Picture)], index))
    words = [item.words for item in items if isinstance(item, Text)]
    texts = iter(unit(index.text_tower.embed(words), index.dim) if words else ())
    queries = []
    for item in items:
        if isinstance(item, _Picture):
            item = Query(next(pictures), item.content, is_derived=item.is_part)
        queries.append(item if isinstance(item, Query) else Query(next(texts)))
    return queries


def _embedded_pictures(images: Sequence[Image.Image], index: OpenedIndex) -> NDArray[np.float32]:
    if not images:
        return np.empty((0, index.dim), dtype=np.float32)
    encoder = index.encoder
    preprocessing = preprocessing_of(encoder.spec)
    pixels = np.stack([prepare(image, preprocessing) for image in images])
    with _few_threads(pixels):
        return unit(encoder.embed(pixels), index.dim)


@contextmanager
def _few_threads(pixels: Pixels) -> Iterator[None]:
    """One thread for a few small images: they take 1 ms, and on a busy machine waiting for a second thread made that 20 to 400 ms."""
    import torch

    before = torch.get_num_threads()
    if pixels.size > _SMALL or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _as_array(query: Any) -> Any:
    """Tensors and other array-likes as NumPy arrays; everything else as it is."""
    if hasattr(query, "detach"):
        query = query.detach().cpu()
    if hasattr(query, "__array__") and not isinstance(query, np.ndarray | Image.Image):
        return np.asarray(query)
    return query
