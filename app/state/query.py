"""The image that is searched with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """An image of the corpus or an upload.

    Attributes:
        name: the corpus id, or the uploaded file's name.
        id: the corpus id; `None` for an upload.
        label: its class, if it is known.
        upload: the uploaded file; `None` for an image of the corpus.
    """

    name: str
    id: str | None = None
    label: str | None = None
    upload: bytes | None = None
