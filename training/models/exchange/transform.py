"""Images of any form and size to embeddings, as a scikit-learn transformer does it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samekind.core.errors import ImageError, InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.decode import decode_image, image_from_array, prepare, worker_threads
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import preprocessing_of
from samekind.data.types.reading import Reading
from samekind.training.models.exchange.portable import PortableEncoder


def embed_any(
    encoder: PortableEncoder, images: Iterable[Any], batch_size: int, progress: Progress | None
) -> NDArray[np.float32]:
    """Carries out `Encoder.transform`; see there."""
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size}")
    items = _several(images)
    vectors = np.empty((len(items), encoder.dim), dtype=np.float32)
    preprocessing = preprocessing_of(encoder.spec)
    reading = Reading.from_json((encoder.known.get("corpus") or {}).get("reading"))

    def pixels(place: int) -> Pixels:
        return prepare(_picture(items[place], place, reading), preprocessing)

    with (
        ThreadPoolExecutor(worker_threads()) as pool,
        (progress or NoProgress()).task("Embedding images", len(items)) as task,
    ):
        for start in range(0, len(items), batch_size):
            places = range(start, min(start + batch_size, len(items)))
            vectors[start : places.stop] = encoder.embed(np.stack(list(pool.map(pixels, places))))
            task.advance(len(places))
    return vectors


def _several(images: Iterable[Any]) -> list[Any]:
    """The images as a list; a lone one is more often a mistake than a list of characters."""
    is_one = isinstance(images, str | bytes | Path | Image.Image)
    if is_one or not isinstance(images, Iterable):
        raise InputError(f"transform takes several images, got one {type(images).__name__}", hint="put it into a list")
    if isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.ndim not in (3, 4):
        raise InputError(f"an array of images must be (N, H, W) or (N, H, W, C), got {images.shape}")
    return list(images)


def _picture(item: Any, place: int, reading: Reading) -> Image.Image:
    if isinstance(item, str | Path):
        return decode_image(item, reading)
    try:
        if isinstance(item, bytes):
            return decode_image(item, reading)
        if isinstance(item, Image.Image):
            return item
        if isinstance(item, np.ndarray) and item.dtype == np.uint8 and item.ndim in (2, 3):
            return image_from_array(item)
    except (ImageError, InputError) as error:
        raise type(error)(f"image {place}: {error}", hint=error.hint) from error
    got = f"{item.dtype} {item.shape}" if isinstance(item, np.ndarray) else type(item).__name__
    hint = "give paths, bytes, Pillow images or (H, W[, C]) uint8 arrays"
    raise InputError(f"image {place}: cannot embed {got}", hint=hint)
