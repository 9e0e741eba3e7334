"""Verdicts on pairs as cards, each with a button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models import label_pairs_view
from samekind.app.view_models.pairs import Pair, pair_of
from samekind.app.widgets.gallery import gallery

if TYPE_CHECKING:
    import samekind as sk


def show(
    library: Library,
    verdicts: Sequence[sk.Verdict],
    *,
    key: str,
    label: str,
    action: str,
    on_pick: Callable[[Library, Pair], None],
) -> None:
    """Draws the cards; verdicts on images that the index does not hold are left out.

    Args:
        library: the opened index.
        verdicts: in the order to show them.
        key: unique on the page.
        label: name of the list for screen readers.
        action: the words on each card's button.
        on_pick: called with the pair when the button is pressed.
    """
    candidates = [(v, library.pool().about((v.anchor_sha256, v.negative_sha256))) for v in verdicts]
    known = [(verdict, candidate) for verdict, candidate in candidates if candidate is not None]
    if not known:
        st.caption("They are about images that this index does not hold.")
        return
    thumbnails = library.index.thumbnails([id_ for _, c in known for id_ in (c.anchor_id, c.negative_id)])
    cards = [
        label_pairs_view.verdict_card(verdict, candidate, thumbnails[2 * i : 2 * i + 2], action)
        for i, (verdict, candidate) in enumerate(known)
    ]
    gallery(cards, key=key, label=label, on_pick=lambda id_: on_pick(library, pair_of(id_)), card_width=170)
