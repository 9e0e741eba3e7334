"""What a false negative is, in three steps, with images of the corpus itself."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps

from samekind.app.view_models.cards import Badge, Card, Picture, alt_text, data_uri

NUM_OTHERS = 3
ZOOM = 0.78
"""Side of the crop that stands for an augmented view, over that of the picture."""


@dataclass(frozen=True)
class Example:
    """Rows of images for the three steps.

    Attributes:
        anchor: the picture that is explained with.
        others: negatives.
        same: the one of them that is of the anchor's class; `None` where none is known to be.
    """

    anchor: int
    others: tuple[int, ...]
    same: int | None


def example(labels: Sequence[str | None] | None, num_images: int, seed: int = 0) -> Example | None:
    """Chooses images of the commonest class and of others, the same for the same seed; `None` for fewer than two images.

    Args:
        labels: of all images; `None` for an unlabelled corpus.
        num_images: all of them.
        seed: of the choice.
    """
    if num_images < 2:
        return None
    draw = random.Random(seed)  # noqa: S311 - what is shown, no secret
    known = Counter(label for label in labels or [] if label is not None)
    common = known.most_common(1)[0] if known else ("", 0)
    if labels is None or common[1] < 2:
        rows = draw.sample(range(num_images), min(NUM_OTHERS + 1, num_images))
        return Example(rows[0], tuple(rows[1:]), None)
    own = [row for row, label in enumerate(labels) if label == common[0]]
    rest = [row for row, label in enumerate(labels) if label not in (None, common[0])]
    anchor, same = draw.sample(own, 2)
    others = draw.sample(rest, min(NUM_OTHERS - 1, len(rest)))
    others.insert(draw.randrange(len(others) + 1), same)
    return Example(anchor, tuple(others), same)


def changed(encoded: bytes) -> bytes:
    """Another view of a picture, as PNG: cropped and mirrored, as augmentation does it."""
    image = Image.open(io.BytesIO(encoded)).convert("RGB")
    width, height = max(1, round(image.width * ZOOM)), max(1, round(image.height * ZOOM))
    view = ImageOps.mirror(image.crop((0, 0, width, height))).resize(image.size)
    out = io.BytesIO()
    view.save(out, "PNG")
    return out.getvalue()


def pair_cards(id_: str, label: str | None, thumbnail: bytes) -> list[Card]:
    """The first step: a picture and another view of it."""
    view = Picture(data_uri(changed(thumbnail)), f"another view of {alt_text(id_, label)}")
    own = Picture(data_uri(thumbnail), f"the anchor, {alt_text(id_, label)}")
    return [Card("", (own,), heading="Anchor", tone="chosen"), Card("", (view,), heading="Its view", tone="same")]


def other_cards(
    example: Example, ids: Sequence[str], labels: Sequence[str | None] | None, thumbnails: Sequence[bytes], told: bool
) -> list[Card]:
    """The second and the third step: the negatives, and among them, if `told`, the one that is false.

    Args:
        example: the rows.
        ids: of all images.
        labels: of all images, or `None`.
        thumbnails: of `example.others`.
        told: mark the false one, and name classes.
    """
    cards = []
    for row, thumbnail in zip(example.others, thumbnails, strict=True):
        label = None if labels is None else labels[row]
        is_false = told and row == example.same
        unknown = told and example.same is None
        badges = (Badge("FALSE", "false"),) if is_false else (Badge("same?"),) if unknown else ()
        picture = Picture(data_uri(thumbnail), alt_text(ids[row], label if told else None))
        heading = (label or "") if told else "Negative"
        cards.append(Card("", (picture,), heading=heading, badges=badges, tone="false" if is_false else "plain"))
    return cards
