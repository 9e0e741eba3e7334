"""Cards and sentences of the page *Search*."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from samekind import Hit
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


def test_the_index_says_what_the_same_class_is() -> None:
    """Where a shared label is enough, cards and sentence go by that; a hit without label is of no class."""

    def share_a_label(label: str | None, other: str | None) -> bool | None:
        return None if label is None or other is None else bool(set(label.split(" + ")) & set(other.split(" + ")))

    hits = [hit(1, "Bag + Coat"), hit(2, "Coat"), hit(3, None)]
    cards = search_view.neighbour_cards(hits, [b""] * 3, "Bag", share_a_label)
    assert [card.tone for card in cards] == ["same", "plain", "plain"]
    assert search_view.same_class_sentence(hits, "Bag", share_a_label).startswith("1 of 2 neighbours")


def test_neighbours_without_a_query_label_are_not_marked() -> None:
    """An upload has no class: nothing is marked and no share is given, also among hits without a label."""
    hits = [hit(1, "Bag"), hit(2, None)]
    cards = search_view.neighbour_cards(hits, [b""] * 2, None)
    assert [card.tone for card in cards] == ["plain", "plain"]
    assert search_view.same_class_sentence(hits, None) == ""


def test_ranks_are_counted_anew_when_the_query_is_left_out() -> None:
    """Without the query's own row the first card is number 1 and there are k of them."""
    hits = search_view.without([hit(1, "Bag"), hit(2, "Bag"), hit(3, "Coat"), hit(4, "Coat")], ["id-1"], 2)
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


def test_one_neighbour_is_not_a_share() -> None:
    """Of one hit the sentence speaks in the singular."""
    assert search_view.same_class_sentence([hit(1, "Bag")], "Bag") == "The neighbour has the same class, Bag."
    assert "does not have the same class, Coat" in search_view.same_class_sentence([hit(1, "Bag")], "Coat")


USUAL = np.linspace(0.5, 0.99, 1000)


@pytest.mark.parametrize(
    ("nearest", "strange", "share"),
    [(0.3, True, "100 %"), (0.504, True, "99 %"), (0.506, False, "1 %"), (1.0, False, "100 %")],
)
def test_a_query_is_placed_among_the_corpus_own_images(nearest: float, strange: bool, share: str) -> None:
    """Below their first percentile it is called strange, and told what the others have; above, how many are farther."""
    found = search_view.likeness(nearest, USUAL)
    assert found is not None
    assert (found.strange, share in found.sentence) == (strange, True)
    assert ("0.74" in found.sentence or "0.75" in found.sentence) is strange  # the middle of them


def test_a_scale_that_answers_have_changed_is_told() -> None:
    """And only that one."""
    assert "people's answers have adapted" in search_view.scale_sentence(True)
    assert search_view.scale_sentence(False) == ""


def test_nothing_is_said_without_others_to_compare() -> None:
    """An index of one image has no neighbours of its own."""
    assert search_view.likeness(0.3, np.empty(0)) is None
