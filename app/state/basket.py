"""What a visitor has put aside: images of the run that is looked at, in the order in which they were added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models.cards import Card

MOST = 10_000
_KEY, _FULL = "basket", "basket_full"


def ids() -> list[str]:
    """The images in the basket, first added first."""
    return list(_held())


def add(more: Iterable[str]) -> None:
    """Adds images that are not in it; what it has no room for is left out, and `is_full` says so."""
    held = _held()
    for id_ in more:
        if len(held) >= MOST and id_ not in held:
            st.session_state[_FULL] = True
            return
        held[id_] = None


def remove(id_: str) -> None:
    """Takes an image out."""
    _held().pop(id_, None)
    st.session_state[_FULL] = False


def toggle(id_: str) -> None:
    """Adds an image, or takes it out."""
    if id_ in _held():
        remove(id_)
    else:
        add([id_])


def clear() -> None:
    """Empties it."""
    _held().clear()
    st.session_state[_FULL] = False


def is_full() -> bool:
    """True if something was left out when it was added last."""
    return bool(st.session_state.get(_FULL))


def follow(library: Library) -> None:
    """Takes out what the index no longer holds, as after a removal."""
    held = _held()
    for id_ in [id_ for id_ in held if id_ not in library.positions]:
        del held[id_]


def marked(cards: Sequence[Card]) -> list[Card]:
    """Cards that say whether their image is in the basket."""
    held = _held()
    return [replace(card, in_basket=card.id in held) for card in cards]


def _held() -> dict[str, None]:
    held: dict[str, None] = st.session_state.setdefault(_KEY, {})
    return held
