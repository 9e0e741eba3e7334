"""Images for the three steps."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from samekind.app.view_models.overview.steps_view import changed, example, other_cards


def test_the_example_has_one_false_negative_and_others_of_other_classes() -> None:
    """The anchor is of the commonest class, and one of the negatives with it; without labels none is known to be."""
    labels = ["a", "b", "b", "b", "c", None, "c"]
    found = example(labels, len(labels))
    assert found is not None
    assert labels[found.anchor] == "b"
    assert found.same in found.others
    assert found.anchor not in found.others
    assert sorted(labels[row] == "b" for row in found.others) == [False, False, True]
    assert example(labels, len(labels)) == found
    unknown = example(None, 3)
    assert unknown is not None
    assert (len(unknown.others), unknown.same) == (2, None)
    assert example(["a"], 1) is None
    cards = other_cards(found, "1234567", labels, [b""] * 3, told=True)
    assert [card.tone == "false" for card in cards] == [row == found.same for row in found.others]
    assert {card.heading for card in other_cards(found, "1234567", labels, [b""] * 3, told=False)} == {"Negative"}


def test_another_view_is_cropped_and_mirrored() -> None:
    """What was at the left is at the right, and the size stays; one pixel is enough."""
    out = io.BytesIO()
    pixels = np.zeros((20, 40), dtype=np.uint8)
    pixels[:, :10] = 255
    Image.fromarray(pixels).save(out, "PNG")
    view = np.asarray(Image.open(io.BytesIO(changed(out.getvalue()))).convert("L"))
    assert view.shape == (20, 40)
    assert view[:, -9:].min() > 200
    assert view[:, :20].max() < 50
    out = io.BytesIO()
    Image.new("L", (1, 1)).save(out, "PNG")
    assert Image.open(io.BytesIO(changed(out.getvalue()))).size == (1, 1)
