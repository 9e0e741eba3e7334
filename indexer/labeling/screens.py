"""Screens: an anchor beside images that look like it, to be told apart all at once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from samekind.core.errors import InputError
from samekind.indexer.labeling.verdicts import DIFFERENT, SAME, Verdict
from samekind.training.false_negatives.links import Pair


@dataclass(frozen=True)
class ScreenImage:
    """An image on a screen.

    Attributes:
        id: its row; the first one of exact copies.
        sha256: its content.
        similarity: cosine with the anchor, in [-1, 1]; the anchor's own is 1.
        label: class name for those who want to see it, `None` where unknown.
    """

    id: str
    sha256: str
    similarity: float
    label: str | None


@dataclass(frozen=True)
class Screen:
    """An anchor and some images, of each of which a person says at once whether it is of the anchor's class.

    Attributes:
        anchor: the image that the others are compared with.
        images: the others, most similar first; no content is there twice.
    """

    anchor: ScreenImage
    images: tuple[ScreenImage, ...]

    @property
    def id(self) -> str:
        """16 hex digits of what is shown: the same anchor with the same images, in whatever order, has the same id."""
        shown = "|".join((self.anchor.sha256, *sorted(image.sha256 for image in self.images)))
        return hashlib.sha256(shown.encode()).hexdigest()[:16]

    @property
    def pairs(self) -> list[Pair]:
        """The anchor with each image, in the order of `images`; both hashes in alphabetical order, as `Verdict.pair`."""
        return [_pair(self.anchor.sha256, image.sha256) for image in self.images]

    def verdicts(self, same: Collection[str], who: str = "") -> list[Verdict]:
        """The answers to a screen, for `VerdictTable.add`: `same` for the images named, `different` for all others.

        Args:
            same: ids of the images that are of the anchor's class.
            who: answered; may be empty.

        Raises:
            InputError: an id is not on the screen.
        """
        if strangers := set(same) - {image.id for image in self.images}:
            raise InputError(f"{min(strangers)!r} is not on this screen", hint="name ids of screen.images")
        when = datetime.now(UTC).isoformat()
        anchor, screen = self.anchor.sha256, self.id
        return [
            Verdict(anchor, image.sha256, SAME if image.id in same else DIFFERENT, who, when, screen=screen)
            for image in self.images
        ]


def _pair(first: str, second: str) -> Pair:
    return (first, second) if first < second else (second, first)
