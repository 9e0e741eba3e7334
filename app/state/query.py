"""The image, or the words, that are searched with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """An image of the corpus, an upload, or words.

    Attributes:
        name: the corpus id, the uploaded file's name, or the words.
        id: the corpus id; `None` for an upload or words.
        label: its class, if it is known.
        upload: the uploaded file; `None` for an image of the corpus or words.
        words: what the images should show; `None` for an image.
        inverted: of an upload: light and dark are exchanged before it is searched with.
    """

    name: str
    id: str | None = None
    label: str | None = None
    upload: bytes | None = None
    words: str | None = None
    inverted: bool = False
