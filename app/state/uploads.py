"""Uploads and cut-out parts of pictures that have been read: decoded, embedded and drawn once, however often a page is drawn again."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from samekind.app.view_models.search.crop_box import Box

if TYPE_CHECKING:
    import samekind as sk

KEPT = 32
SHOWN_SIDE = 480


@dataclass(frozen=True)
class Upload:
    """One uploaded picture, or a part of one, or of an image of the corpus.

    Attributes:
        query: what the encoder makes of it, to be searched with.
        picture: PNG of at most 480 px a side.
        whole: likewise of the picture that it is a part of.
        size: width and height of that, in pixels.
        seen: PNG of what the encoder gets.
        seen_side: its pixels a side.
        seen_grey: it has one channel.
    """

    query: Any
    picture: bytes
    whole: bytes
    size: tuple[int, int]
    seen: bytes
    seen_side: int
    seen_grey: bool


class Uploads:
    """Uploads by content. A file of 400 kB may hold 100 megapixels and take seconds, so each is read once; the last ones are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bool, Box | None], Upload] = OrderedDict()
        self._reading = threading.Lock()

    def read(self, index: sk.Index, source: bytes | str, inverted: bool, crop: Box | None = None) -> Upload:
        """The upload, read now or before.

        Args:
            index: whose encoder embeds it.
            source: the file, or the id of an image of the index.
            inverted: exchange light and dark first.
            crop: only this rectangle of it.

        Raises:
            ImageError: the file is no image.
            InputError: the rectangle reaches beyond it.
        """
        name = f"id {source}" if isinstance(source, str) else hashlib.sha256(source).hexdigest()
        key = (name, inverted, crop)
        with self._reading:
            if key not in self._kept:
                self._kept[key] = _read(index, source, inverted, crop)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def _read(index: sk.Index, source: bytes | str, inverted: bool, crop: Box | None) -> Upload:
    from samekind import Crop, decode_image

    if isinstance(source, str):
        row, image = index.row(source), index.decoded(source)
        size = row["width"], row["height"]  # the picture may be the thumbnail
    else:
        image = decode_image(source, index.reading)
        size = image.size
    if inverted:
        image = ImageOps.invert(image)
    part = image if crop is None else Crop(image, crop).of(image, size)
    seen = index.seen(part)
    # An image of the corpus, uploaded, is known by its file.
    known = isinstance(source, bytes) and not inverted
    query = index.embedded((source if crop is None else Crop(source, crop)) if known else part)
    whole = _png(image)
    picture = whole if crop is None else _png(part)
    return Upload(query, picture, whole, size, _png(Image.fromarray(seen)), seen.shape[0], seen.ndim == 2)


def _png(image: Image.Image) -> bytes:
    out, shown = io.BytesIO(), image.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    shown.save(out, "PNG")
    return out.getvalue()
