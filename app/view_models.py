"""What the pages show, as pure functions: cards, filters and sentences, without Streamlit.

Same class is always told twice, by colour (the card's tone) and by words (its badge), so that nothing depends on seeing colours.
"""

from __future__ import annotations

import base64
import io
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from samekind.core.text import counted, percent

if TYPE_CHECKING:
    import samekind as sk

Tone = Literal["plain", "same", "false", "neutral", "chosen"]

NO_LABEL = "no label"
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
    """What a screen reader says for a picture of the corpus."""
    return f"image {id_}, {label}" if label is not None else f"image {id_}"


def matching(
    ids: Sequence[str],
    labels: Sequence[str | None] | None,
    splits: Sequence[str],
    *,
    label: str | None = None,
    split: str | None = None,
    text: str = "",
) -> list[int]:
    """Positions of the images that pass every filter.

    Args:
        ids: of all images.
        labels: class names, or `None` for an unlabelled corpus.
        splits: of all images.
        label: only this class; `NO_LABEL` for images without one; all if `None`.
        split: only this split; all if `None`.
        text: part of the id or of the class name, in any case.
    """
    rows: Sequence[int] = range(len(ids))
    if split is not None:
        rows = [i for i in rows if splits[i] == split]
    if label is not None and labels is not None:
        wanted = None if label == NO_LABEL else label
        rows = [i for i in rows if labels[i] == wanted]
    if needle := text.strip().casefold():
        rows = [
            i
            for i in rows
            if needle in ids[i].casefold() or (labels is not None and needle in (labels[i] or "").casefold())
        ]
    return list(rows)


def sample(positions: Sequence[int], size: int, seed: int) -> list[int]:
    """At most `size` of the positions, the same ones for the same seed."""
    return random.Random(seed).sample(list(positions), min(size, len(positions)))


def page(positions: Sequence[int], number: int, size: int) -> list[int]:
    """The positions on page `number` (from 1); a number past the end shows the last page."""
    last = max(1, num_pages(len(positions), size))
    start = (min(max(1, number), last) - 1) * size
    return list(positions[start : start + size])


def num_pages(count: int, size: int) -> int:
    """How many pages of `size` hold `count` images."""
    return -(-count // size)


def where_clause(label: str | None, split: str | None) -> str | None:
    """The filter of `Index.search` for a class and a split; `None` for all images. Quotes in names are doubled, as SQL wants."""
    parts = []
    if label is not None:
        parts.append("label IS NULL" if label == NO_LABEL else f"label = '{_quoted(label)}'")
    if split is not None:
        parts.append(f"split = '{_quoted(split)}'")
    return " AND ".join(parts) or None


def _quoted(name: str) -> str:
    return name.replace("'", "''")


def picker_cards(
    ids: Sequence[str], labels: Sequence[str | None], thumbnails: Sequence[bytes], chosen: str | None = None
) -> list[Card]:
    """Cards to choose a query from: the whole card is the button.

    Args:
        ids: of the shown images.
        labels: their classes.
        thumbnails: their encoded pictures.
        chosen: id of the present query, which is marked.
    """
    return [
        Card(
            id_,
            (Picture(data_uri(thumbnail), alt_text(id_, label)),),
            heading=label or "",
            lines=(id_,),
            badges=(Badge("the query"),) if id_ == chosen else (),
            tone="chosen" if id_ == chosen else "plain",
            action="whole",
            action_label=f"search with {alt_text(id_, label)}",
        )
        for id_, label, thumbnail in zip(ids, labels, thumbnails, strict=True)
    ]


def neighbour_cards(hits: Sequence[sk.Hit], thumbnails: Sequence[bytes], query_label: str | None) -> list[Card]:
    """Cards of search results, those of the query's class marked "same class"."""
    cards = []
    for rank, (hit, thumbnail) in enumerate(
        zip(hits, thumbnails, strict=True), start=1
    ):  # hit.rank still counts the query itself
        same = query_label is not None and hit.label == query_label
        cards.append(
            Card(
                hit.id,
                (Picture(data_uri(thumbnail), alt_text(hit.id, hit.label)),),
                heading=f"{rank}. {hit.label or ''}".rstrip(),
                lines=(f"similarity {hit.similarity:.3f}", hit.id),
                badges=(Badge("same class", "same"),) if same else (),
                tone="same" if same else "plain",
                action="More like this",
                action_label=f"more like {alt_text(hit.id, hit.label)}",
            )
        )
    return cards


def same_class_sentence(hits: Sequence[sk.Hit], query_label: str | None) -> str:
    """How many of the neighbours have the query's class; empty if the query has none. Hits without a label are not counted."""
    judged = [hit for hit in hits if hit.label is not None]
    if query_label is None or not judged:
        return ""
    same = sum(hit.label == query_label for hit in judged)
    return f"{same} of {len(judged)} neighbours ({percent(same / len(judged), 0)}) have the same class, {query_label}."


def without(hits: Sequence[sk.Hit], id_: str | None, k: int) -> list[sk.Hit]:
    """The first k hits that are not the image `id_` itself."""
    return [hit for hit in hits if hit.id != id_][:k]


def query_card(name: str, label: str | None, picture: str) -> Card:
    """The query, large; `picture` is a data URI."""
    return Card(
        "",
        (Picture(picture, f"the query, {alt_text(name, label)}"),),
        heading=label or "",
        lines=(name,),
        tone="chosen",
    )


def shortfall_sentence(shown: int, k: int) -> str:
    """Says that there were fewer images than asked for; empty if there were enough."""
    if shown >= k:
        return ""
    if shown == 0:
        return "No image passes the filter."
    return f"Only {counted(shown, 'image')} could be shown where {k} were asked for: there are no more that pass."


def browser_picture(encoded: bytes, longest: int = 480) -> bytes:
    """An uploaded file as an upright PNG that every browser shows, alpha on white.

    Args:
        encoded: a file that has been searched with, so it is known to be readable.
        longest: pixels of the longer side at most.
    """
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(encoded)) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode.startswith(("I", "F")):  # deep grey, which Pillow would clip at 255 instead of scaling
        deep = np.asarray(image, dtype=np.float64)
        image = Image.fromarray(np.uint8(255 * (deep - deep.min()) / max(np.ptp(deep), 1e-9)))
    image = image.convert("RGBA")
    image.thumbnail((longest, longest))
    white = Image.new("RGBA", image.size, "white")
    out = io.BytesIO()
    Image.alpha_composite(white, image).convert("RGB").save(out, "PNG")
    return out.getvalue()
