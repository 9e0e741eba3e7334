"""The row of controls above the neighbours: their order, and how similar they must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models.search import narrowing

if TYPE_CHECKING:
    import samekind as sk

SORT, AT_LEAST = "sort", "at_least"


@dataclass(frozen=True)
class Narrowed:
    """What is left of the hits.

    Attributes:
        hits: in the order to show them in.
        order: what they are sorted by.
        least: similarity that they have at least; 0 for any.
        sentence: says how many are left out; empty if none is.
    """

    hits: list[sk.Hit]
    order: str
    least: float
    sentence: str

    @property
    def name(self) -> str:
        """Of the row of neighbours, for screen readers."""
        is_usual = self.order == narrowing.SIMILARITY
        return f"neighbours, {'most similar first' if is_usual else self.order.lower()}"

    def of(self, hits: Sequence[sk.Hit]) -> Narrowed:
        """Other hits, narrowed likewise."""
        return _narrowed(hits, self.order, self.least)


def show(library: Library, hits: Sequence[sk.Hit], adapted: bool) -> Narrowed:
    """Draws the controls.

    Args:
        library: the opened index.
        hits: all that were found.
        adapted: they are of the adapted space.
    """
    orders = [narrowing.SIMILARITY, *([narrowing.CLASS] if library.classes else []), narrowing.ID]
    order = st.segmented_control(
        "Sort by",
        orders,
        default=narrowing.SIMILARITY,
        required=True,
        key=SORT,
        label_visibility="collapsed",
        persist_state="session",
        bind="query-params",
    )
    popover = st.popover("Least similarity", icon=":material/filter_alt:", on_change="rerun", key="at_least_open")
    with popover:
        least = st.slider(
            "Neighbours are at least this similar",
            0.0,
            1.0,
            0.0,
            0.01,
            key=AT_LEAST,
            help="0 shows all.",
            persist_state="session",
            bind="query-params",
        )
        if popover.open:
            st.caption(narrowing.share_sentence(least, library.usual_similarity(adapted)))
    return _narrowed(hits, order, least)


def _narrowed(hits: Sequence[sk.Hit], order: str, least: float) -> Narrowed:
    shown = narrowing.at_least(hits, least)
    sentence = narrowing.left_out_sentence(len(shown), len(hits), least)
    return Narrowed(narrowing.sorted_by(shown, order), order, least, sentence)
