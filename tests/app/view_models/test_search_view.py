"""Cards and sentences of the page *Search*."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from samekind import Hit, decode_image
from samekind.app.view_models import search_view


def hit(rank: int, label: str | None) -> Hit:
    """A search result of that rank and class."""
    return Hit(rank, f"id-{rank}", 1 - rank / 100, label, "")


def png(pixels: NDArray[Any]) -> bytes:
    """Pixels as a PNG file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_neighbours_of_the_same_class_are_marked_twice() -> None:
    """Colour and words mark exactly the hits of the query's class; hits of an unknown class are not marked."""
    hits = [hit(1, "Bag"), hit(2, "Coat"), hit(3, None), hit(4, "Bag")]
    cards = search_view.neighbour_cards(hits, [b""] * 4, "Bag")
    assert [card.tone for card in cards] == ["same", "plain", "plain", "same"]
    assert [[badge.text for badge in card.badges] for card in cards] == [["same class"], [], [], ["same class"]]
    assert [card.heading for card in cards] == ["1. Bag", "2. Coat", "3.", "4. Bag"]
    assert cards[1].lines == ("similarity 0.980", "id-2")
    assert all(card.action_label and card.pictures[0].alt for card in cards)


def test_neighbours_without_a_query_label_are_not_marked() -> None:
    """An upload has no class: nothing is marked and no share is given, also among hits without a label."""
    hits = [hit(1, "Bag"), hit(2, None)]
    cards = search_view.neighbour_cards(hits, [b""] * 2, None)
    assert [card.tone for card in cards] == ["plain", "plain"]
    assert search_view.same_class_sentence(hits, None) == ""


def test_ranks_are_counted_anew_when_the_query_is_left_out() -> None:
    """Without the query's own row the first card is number 1 and there are k of them."""
    hits = search_view.without([hit(1, "Bag"), hit(2, "Bag"), hit(3, "Coat"), hit(4, "Coat")], "id-1", 2)
    assert [found.id for found in hits] == ["id-2", "id-3"]
    assert [card.heading for card in search_view.neighbour_cards(hits, [b""] * 2, "Bag")] == ["1. Bag", "2. Coat"]


def test_the_share_counts_only_hits_whose_class_is_known() -> None:
    """2 of 3 labelled hits have the class; the unlabelled one is left out of both counts."""
    sentence = search_view.same_class_sentence([hit(1, "Bag"), hit(2, None), hit(3, "Bag"), hit(4, "Coat")], "Bag")
    assert sentence == "2 of 3 neighbours (67 %) have the same class, Bag."
    assert search_view.same_class_sentence([hit(1, None)], "Bag") == ""


def test_fewer_images_than_asked_for_are_explained() -> None:
    """k hits need no words; fewer and none do."""
    assert search_view.shortfall_sentence(10, 10) == ""
    assert "Only 3 images" in search_view.shortfall_sentence(3, 10)
    assert "Only 1 image " in search_view.shortfall_sentence(1, 10)
    assert search_view.shortfall_sentence(0, 10) == "No image passes the filter."


def shown(encoded: bytes) -> Image.Image:
    """The upload as a browser is given it."""
    return Image.open(io.BytesIO(search_view.upload_picture(encoded)))


def test_an_upload_is_shown_upright_and_on_white() -> None:
    """EXIF rotation is applied, transparency becomes white, and a large picture is made smaller."""
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90°
    Image.new("RGB", (1200, 600), "red").save(turned, "JPEG", exif=exif)
    assert shown(turned.getvalue()).size == (240, 480)
    clear = png(np.zeros((4, 4, 4), dtype=np.uint8))
    assert shown(clear).getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("white", [1023, 4095, 60_000], ids=["10 bits", "12 bits", "16 bits"])
def test_a_deep_grey_upload_is_shown_as_the_encoder_sees_it(white: int) -> None:
    """The shown pixels are those of the one decoder, whatever the depth; a dark picture is not stretched to white."""
    encoded = png(np.linspace(white // 2, white, 64, dtype=np.uint16).reshape(8, 8))
    pixels = np.asarray(shown(encoded))
    assert np.array_equal(pixels, np.asarray(decode_image(encoded)))
    assert 100 < pixels.min() < 130
