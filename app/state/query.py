"""What is searched with: images, words, or several of these at once."""

from __future__ import annotations

from dataclasses import dataclass

from samekind.app.view_models.search.crop_box import Box


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
        crop: the rectangle of the picture that is searched with; all of it if `None`.
    """

    name: str
    id: str | None = None
    label: str | None = None
    upload: bytes | None = None
    words: str | None = None
    inverted: bool = False
    crop: Box | None = None

    @property
    def is_read(self) -> bool:
        """True if a picture has to be decoded and embedded for it."""
        return self.upload is not None or self.crop is not None

    @property
    def source(self) -> bytes | str:
        """The file, or the id, of an image."""
        assert self.words is None
        return self.name if self.upload is None else self.upload


@dataclass(frozen=True)
class Mixture:
    """Several queries as one: hits should be like these, and unlike those.

    Attributes:
        like: at least one.
        unlike: may be none.
        words_weight: how much words count beside one image.
        unlike_weight: how much the mean of `unlike` counts beside that of `like`.
    """

    like: tuple[Query, ...]
    unlike: tuple[Query, ...] = ()
    words_weight: float = 1.0
    unlike_weight: float = 0.25

    @property
    def parts(self) -> tuple[Query, ...]:
        """All of them, `like` first."""
        return self.like + self.unlike

    @property
    def is_single(self) -> bool:
        """True if it is one query only."""
        return len(self.like) == 1 and not self.unlike

    @property
    def name(self) -> str:
        """Names of what hits should be like."""
        return " + ".join(part.name for part in self.like)

    @property
    def label(self) -> str | None:
        """The class of all of `like`; `None` if they differ or one is unknown."""
        labels = {part.label for part in self.like}
        return labels.pop() if len(labels) == 1 else None
