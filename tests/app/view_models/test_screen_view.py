"""Cards of a screen and of those that were answered, without a page."""

from __future__ import annotations

from dataclasses import replace

import samekind as sk
from samekind.app.view_models import screen_view
from samekind.app.view_models.marks import Marks

PNG = b"\x89PNG"


def image(number: int, label: str | None = "Bag") -> sk.ScreenImage:
    """An image whose id holds its class, as in a folder."""
    return sk.ScreenImage(f"Bag/{number}.jpg", f"{number:064x}", 1 - number / 10, label)


SCREEN = sk.Screen(image(0), (image(1), image(2, "Coat"), image(3)))


def test_neither_label_nor_id_is_on_a_card_until_it_is_asked_for() -> None:
    """Nor in the words for screen readers: images go by their places."""
    hidden = [
        screen_view.anchor_card(SCREEN, PNG, revealed=False),
        *screen_view.image_cards(SCREEN, [PNG] * 3, {}, revealed=False),
    ]
    assert [card.id for card in hidden] == ["anchor", "1", "2", "3"]
    assert [card.pictures[0].alt for card in hidden] == ["the anchor", "image 1", "image 2", "image 3"]
    assert not any(word in str(card.to_data()) for card in hidden for word in ("Bag", "Coat", ".jpg"))
    shown = [
        screen_view.anchor_card(SCREEN, PNG, revealed=True),
        *screen_view.image_cards(SCREEN, [PNG] * 3, {}, revealed=True),
    ]
    assert [card.lines for card in shown][::2] == [("Bag", "Bag/0.jpg"), ("Coat", "Bag/2.jpg")]
    assert shown[2].pictures[0].alt == "image 2, image Bag/2.jpg, Coat"
    (unlabelled,) = screen_view.image_cards(sk.Screen(image(0), (image(1, None),)), [PNG], {}, revealed=True)
    assert unlabelled.lines == ("no label", "Bag/1.jpg")


def test_places_and_images_lead_to_each_other() -> None:
    """Places count from 1 in the order shown; one that is not there is passed over."""
    assert [each.id for each in screen_view.images_at(SCREEN, [3, 1, 0, 4])] == ["Bag/1.jpg", "Bag/3.jpg"]
    marks = Marks.read({"same": [3], "duplicate": [1], "wrong_label": [2], "name": " tote \u2028 bag "})
    assert marks == Marks((1, 3), (1,), (2,), "tote bag"), "a copy of the anchor is of its kind"
    said = [
        replace(v, verdict="duplicate") if i == 0 else v for i, v in enumerate(SCREEN.verdicts(["Bag/3.jpg"], "Ana"))
    ]
    wrong = replace(said[0], anchor_sha256=f"{2:064x}", negative_sha256=f"{9:064x}", verdict="wrong_label")
    (answered,) = screen_view.answered_screens({v.pair: v for v in [wrong, *said]})
    assert answered.anchor == SCREEN.anchor.sha256
    assert screen_view.marks_of(SCREEN, answered, "tote bag") == marks


def test_what_is_worth_a_second_look_is_said_in_words() -> None:
    """By places, on both images of a pair, and to screen readers; of labels nothing is known here but which are in doubt."""
    found = screen_view.suspicions(SCREEN, [("Bag/0.jpg", "Bag/3.jpg"), ("Bag/1.jpg", "Bag/3.jpg")], ["Bag/2.jpg"])
    cards = screen_view.image_cards(SCREEN, [PNG] * 3, found, revealed=False)
    assert [[badge.text for badge in card.badges] for card in cards] == [
        ["near copy of 3"], ["label in doubt"], ["near copy of the anchor, 1"]
    ]  # fmt: skip
    assert cards[1].pictures[0].alt == "image 2, label in doubt"
    assert not any(word in str(card.to_data()) for card in cards for word in ("Bag", "Coat", ".jpg"))


def test_answers_are_put_together_by_screen() -> None:
    """The newest first; single answers belong to none; a pair that was answered again elsewhere no longer counts here."""
    given = SCREEN.verdicts(["Bag/1.jpg"], "Ana")
    given[2] = replace(given[2], verdict="unsure", screen="", when="2027-01-01T00:00:00+00:00")
    later = [
        replace(v, when="2026-12-01T12:34:56+02:00", who="")
        for v in sk.Screen(image(5), (image(6),)).verdicts(["Bag/6.jpg"])
    ]
    newest, oldest = screen_view.answered_screens({v.pair: v for v in [*given, *later]})
    assert (oldest.id, oldest.anchor) == (SCREEN.id, SCREEN.anchor.sha256)
    assert (oldest.images, oldest.same) == ((f"{1:064x}", f"{2:064x}"), (f"{1:064x}",))
    card = screen_view.answered_card(oldest, SCREEN, [PNG, PNG])
    assert (card.id, card.heading, card.action, len(card.pictures)) == (SCREEN.id, "1 same · 1 different", "Undo", 2)
    assert card.lines[0] == "Bag"
    assert card.lines[1].startswith("Ana, 20")
    other = screen_view.answered_card(newest, sk.Screen(image(5, None), (image(6),)), [PNG])
    assert (other.heading, other.lines) == ("1 same · 0 different", ("2026-12-01 10:34 UTC",))


def test_what_is_left() -> None:
    """Pairs by answer, and images nobody has seen."""
    given = SCREEN.verdicts(["Bag/1.jpg"])
    assert screen_view.progress_sentence({v.pair: v for v in given}, 1) == (
        "3 pairs answered (1 same kind · 2 different · 0 unsure · 0 wrong label · 0 duplicate), 1 image not seen yet"
    )
