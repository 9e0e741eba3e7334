"""Cards of a gallery.

"Same class" is always shown twice, by colour (the card's tone) and by words (its badge), so that nothing depends on seeing colours.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any, Literal

from samekind.core.text import one_line

Tone = Literal["plain", "same", "false", "neutral", "chosen"]

# After the signs are escaped: `--`, `->`, `<-`, `>=`, `<=`, `~=`, `:material/`, `http://`, `www.`, and the @ of an address of mail.
_MADE_OF_TEXT = re.compile(r"-(?=-|\\>)|\\[<>~](?==|-)|\\:(?=material/|streamlit\\:|//)|(?i:www)(?=\.)|(?<=\w)(?=@)")

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
class Act:
    """A small button of a card, besides that which picks it.

    Attributes:
        name: what pressing it reports, beside the card's id.
        text: on the button.
        label: its full name for screen readers.
        key: presses it while the keyboard is in the card.
    """

    name: str
    text: str
    label: str
    key: str


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
        acts: further buttons, in a row above the action.
        in_basket: true and false have a button at the corner that takes the image out of the basket or adds it; `None` has none.
    """

    id: str
    pictures: tuple[Picture, ...]
    heading: str = ""
    lines: tuple[str, ...] = ()
    badges: tuple[Badge, ...] = ()
    tone: Tone = "plain"
    action: str = ""
    action_label: str = ""
    acts: tuple[Act, ...] = ()
    in_basket: bool | None = None

    def to_data(self) -> dict[str, Any]:
        """The card as JSON for the gallery's script: its id as it is, and of what is shown every text on one line."""
        return {**_shown(self), "id": self.id}


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, tuple):
        return [_shown(each) for each in value]
    return {key: _shown(each) for key, each in vars(value).items()}  # not `asdict`, which copies all of it first


def data_uri(encoded: bytes) -> str:
    """An encoded image (png, jpeg, webp, gif or bmp) as a `data:` URI."""
    mime = next((mime for signature, mime in SIGNATURES if encoded.startswith(signature)), "image/webp")
    return f"data:{mime};base64,{base64.b64encode(encoded).decode('ascii')}"


def plain(text: str) -> str:
    """`text` as Markdown that shows it as it is, on one line, whatever it holds: class names, paths, and sentences with them.

    Signs of Markdown are escaped. What Streamlit makes of a text afterwards (a link of an address, a dash of two hyphens, an icon of
    `:material/…:`) an escape cannot stop: there a word joiner, which takes no room, parts the text.
    """
    escaped = re.sub(r"([\\`*_{}\[\]<>()#+!|$~:&])|^( *)(-|=|\d+\.)", _escape, one_line(text))
    return _MADE_OF_TEXT.sub(lambda found: f"{found[0]}\u2060", escaped)


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[1]}" if found[1] else f"{found[2]}{found[3][:-1]}\\{found[3][-1]}"  # a list, a heading, a line


def alt_text(id_: str, label: str | None) -> str:
    """Text of a screen reader for a picture of the corpus."""
    return f"image {id_}, {label}" if label is not None else f"image {id_}"
