"""A gallery of picture cards.

It is one custom element instead of a Streamlit column, image and button per card: 48 cards arrive as one message, pictures of 28 pixels
stay crisp (Streamlit smooths what it enlarges), and every card is a real button with a name for screen readers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from samekind.app.state.told import told
from samekind.app.view_models.cards import Card

HERE = Path(__file__).parent
BASKET = "basket"


@cache
def _element() -> Callable[..., Any]:
    """Registers the custom element once per process."""
    element: Callable[..., Any] = st.components.v2.component(
        "samekind_gallery",
        html='<div class="grid" role="list"></div>',
        css=(HERE / "gallery.css").read_text(encoding="utf-8"),
        js="".join((HERE / name).read_text(encoding="utf-8") for name in ("cards.js", "gallery.js")),
    )
    return element


def gallery(
    cards: Sequence[Card],
    *,
    key: str,
    label: str,
    on_pick: Callable[[str], None] | None = None,
    on_act: Callable[[str, str], None] | None = None,
    card_width: int = 128,
    one_row: bool = False,
) -> None:
    """Draws cards in a grid that fills the width.

    Args:
        cards: in the order to show them.
        key: unique on the page.
        label: name of the grid for screen readers.
        on_pick: called with a card's id when its button is pressed, before the page is drawn again.
        on_act: called likewise with the name of an act and the card's id when one of its small buttons, or its key, is pressed; `BASKET` is
            the button at its corner, which cards have that say `in_basket`.
        card_width: least width of a card in pixels.
        one_row: on a phone all cards are in one row, without their lines.
    """

    def picked() -> None:
        chosen = told(key, "picked")
        if chosen is not None and on_pick is not None:
            on_pick(chosen)

    def acted() -> None:
        done = told(key, "acted")
        if done is not None and on_act is not None:
            on_act(done["name"], done["id"])

    data = {"cards": [card.to_data() for card in cards], "label": label, "card_width": card_width, "one_row": one_row}
    _element()(data=data, key=key, on_picked_change=picked, on_acted_change=acted)
