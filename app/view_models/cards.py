"""Cards of a gallery.

"Same class" is always shown twice, by colour (the card's tone) and by words (its badge), so that nothing depends on seeing colours.
"""

from __future__ import annotations

import base64
import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

Tone = Literal["plain", "same", "false", "neutral", "chosen"]

SIGNATURES = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"GIF8", "image/gif"), (b"BM", "image/bmp"))


@dataclass(frozen=True)
class Badge:
    """A few words on a card, in a colour that says the same."""

    text: str
    tone: Tone = "neutral"


@dataclass(frozen=True)
class Picture:
    """An image as a data URI, with the words for those who do not see it."""

    image: str
    alt: str


@dataclass(frozen=True)
class Card:
    """One card of a gallery.

    Attributes:
        id: what picking the card reports.
        pictures: one, or two side by side.
        heading: the first line, bold; may be empty.
        lines: further lines.
        badges: marks under the lines.
        tone: the border.
        action: `whole` makes all of the card a button, other words become a button at its foot, empty makes it read-only.
        action_label: the button's full name for screen readers.
    """

    id: str
    pictures: tuple[Picture, ...]
    heading: str = ""
    lines: tuple[str, ...] = ()
    badges: tuple[Badge, ...] = ()
    tone: Tone = "plain"
    action: str = ""
    action_label: str = ""

    def to_data(self) -> dict[str, Any]:
        """The card as JSON for the gallery's script."""
        return asdict(self)


def data_uri(encoded: bytes) -> str:
    """An encoded image (png, jpeg, webp, gif or bmp) as a `data:` URI."""
    mime = next((mime for signature, mime in SIGNATURES if encoded.startswith(signature)), "image/webp")
    return f"data:{mime};base64,{base64.b64encode(encoded).decode('ascii')}"


def plain(text: str) -> str:
    """`text` with Markdown's signs escaped: class names and paths are shown as they are."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|$~:])", r"\\\1", text)


def alt_text(id_: str, label: str | None) -> str:
    """Text of a screen reader for a picture of the corpus."""
    return f"image {id_}, {label}" if label is not None else f"image {id_}"
