"""Uploads that have been read: decoded, embedded and drawn once, however often a page is drawn again."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

if TYPE_CHECKING:
    import samekind as sk

KEPT = 32
SHOWN_SIDE = 480


@dataclass(frozen=True)
class Upload:
    """One uploaded picture.

    Attributes:
        query: what the encoder makes of it, to be searched with.
        picture: PNG of at most 480 px a side.
        seen: PNG of what the encoder gets.
        seen_side: its pixels a side.
        seen_grey: it has one channel.
    """

    query: Any
    picture: bytes
    seen: bytes
    seen_side: int
    seen_grey: bool


class Uploads:
    """Uploads by content. A file of 400 kB may hold 100 megapixels and take seconds, so each is read once; the last ones are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bool], Upload] = OrderedDict()
        self._reading = threading.Lock()

    def read(self, index: sk.Index, encoded: bytes, inverted: bool) -> Upload:
        """The upload, read now or before.

        Args:
            index: whose encoder embeds it.
            encoded: the file.
            inverted: exchange light and dark first.

        Raises:
            ImageError: the file is no image.
        """
        key = (hashlib.sha256(encoded).hexdigest(), inverted)
        with self._reading:
            if key not in self._kept:
                self._kept[key] = _read(index, encoded, inverted)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def _read(index: sk.Index, encoded: bytes, inverted: bool) -> Upload:
    from samekind import decode_image

    image = decode_image(encoded, index.reading)
    if inverted:
        image = ImageOps.invert(image)
    seen = index.seen(image)
    query = index.embedded(image if inverted else encoded)  # an image of the corpus, uploaded, is known by its file
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return Upload(query, _png(image), _png(Image.fromarray(seen)), seen.shape[0], seen.ndim == 2)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
