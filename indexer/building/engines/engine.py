"""An engine looks at images: it decodes them, makes thumbnails and, where it is not this process, features or vectors.

Whichever it is, the build asks for the same images at once, so the vectors are the same (docs/decisions/0051); and the build alone writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ImageError
from samekind.data.corpus import Corpus
from samekind.data.decode import prepare, thumbnail, worker_threads
from samekind.data.prepared import batches_ahead
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import preprocessing_of
from samekind.indexer.building.forecast import Forecast
from samekind.training.models.image_encoder import ImageEncoder


class ImageSpec(Protocol):
    """The part of an encoder's spec that says what images it takes."""

    @property
    def image_size(self) -> int:
        """Pixels a side."""

    @property
    def channels(self) -> int:
        """1 or 3."""


@dataclass(frozen=True)
class Loaded:
    """One image as it goes into the table, before its embedding; `failure` says why there is none.

    One that a remembering encoder has seen, or an engine elsewhere for it, has its `(F,)` feature in place of the pixels. For other
    encoders an engine elsewhere gives its `(D,)` vector.
    """

    pixels: Pixels
    width: int
    height: int
    thumbnail: bytes
    failure: str = ""
    feature: NDArray[np.float32] | None = None
    vector: NDArray[np.float32] | None = None

    @property
    def has_pixels(self) -> bool:
        """True if the encoder has yet to look at it."""
        return bool(self.pixels.size)


@runtime_checkable
class Remembering(Protocol):
    """What an encoder can do that has seen some of the images before."""

    forecast: Forecast
    """Of all images, those that it has seen counted."""
    encoder: Any
    """The one that it remembers the features of, an `Encoder`."""

    def recall(self, content: str) -> Loaded | None:
        """The image whose file has that SHA-256, if it has been seen."""

    def embed_loaded(self, images: Sequence[Loaded]) -> NDArray[np.float32]:
        """`(N, D)` float32 of unit norm."""


class Engine(Protocol):
    """Looks at images of a corpus."""

    def look_at(
        self, corpus: Corpus, encoder: ImageEncoder, rows: Sequence[int], at_once: int, *, recall: bool
    ) -> Iterator[list[Loaded]]:
        """Looks at images, the next ones while the caller is at work on those before.

        Args:
            corpus: the images.
            encoder: what they are looked at for.
            rows: of the corpus, in the order wanted.
            at_once: images that are yielded, and run through the encoder, together.
            recall: leave out those that the encoder has seen.

        Yields:
            `at_once` images each time, in the order of the rows; fewer at the end.
        """


class LocalEngine:
    """This process: decodes in threads, and leaves the encoder to the build."""

    def look_at(
        self, corpus: Corpus, encoder: ImageEncoder, rows: Sequence[int], at_once: int, *, recall: bool
    ) -> Iterator[list[Loaded]]:
        """As an `Engine` does; what it yields has pixels."""
        one = partial(recalled_or_loaded, corpus, encoder) if recall else partial(load_image, corpus, encoder.spec)
        for _, loaded in batches_ahead(one, rows, at_once, _threads(corpus)):
            yield loaded


def recalled_or_loaded(corpus: Corpus, encoder: ImageEncoder, row: int) -> Loaded:
    """One image of a corpus, from the encoder's memory if it is there."""
    return recalled(corpus, encoder, row) or load_image(corpus, encoder.spec, row)


def recalled(corpus: Corpus, encoder: ImageEncoder, row: int) -> Loaded | None:
    """One image of a corpus, if the encoder has seen it."""
    return encoder.recall(corpus.sha256(row)) if isinstance(encoder, Remembering) else None


def load_image(corpus: Corpus, spec: ImageSpec, row: int) -> Loaded:
    """One image of a corpus, decoded and prepared as the encoder of that spec wants it."""
    try:
        image = corpus.image(row)
    except ImageError as error:
        return Loaded(np.empty(0, np.uint8), 0, 0, b"", failure=str(error).removeprefix(f"{corpus.uri(row)}: "))
    return Loaded(prepare(image, preprocessing_of(spec)), image.width, image.height, thumbnail(image))


def _threads(corpus: Corpus) -> int:
    """Small arrays cost less to encode than to hand to many threads."""
    return 2 if corpus.references and corpus.references[0].pixels is not None else worker_threads()
