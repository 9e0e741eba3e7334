"""Groups of copies one above the other, and pairs side by side, with a button for each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import cleaning_session
from samekind.app.state.library import Library
from samekind.app.view_models import copy_groups, curation_view
from samekind.app.view_models.copy_groups import CopyGroup
from samekind.app.widgets.gallery import gallery

if TYPE_CHECKING:
    import samekind as sk

ANSWERS = (
    ("duplicate", "Same picture", ":material/check:"),
    ("same", "Same kind only", ":material/category:"),
    ("different", "Different kinds", ":material/close:"),
)


def show_groups(library: Library, groups: Sequence[CopyGroup]) -> None:
    """Draws a page of groups: those of more than two images first, then the pairs."""
    ids = list(dict.fromkeys(id_ for group in groups for id_ in group.images[: copy_groups.IMAGES_SHOWN]))
    thumbnails = dict(zip(ids, library.index.thumbnails(ids), strict=True))
    for group in groups:
        if len(group.images) > 2:
            _group(library, group, thumbnails)
    show_pairs(library, [group.pairs[0] for group in groups if len(group.images) == 2], thumbnails)


def show_pairs(library: Library, pairs: Sequence[sk.Duplicate], thumbnails: Mapping[str, bytes]) -> None:
    """Draws pairs side by side."""
    if not pairs:
        return
    with st.container(key="duplicates"):
        for column, pair in zip(st.columns(len(pairs)), pairs, strict=True):  # page.css puts in a row what fits
            with column:
                _pair(library, pair, thumbnails)


def _group(library: Library, group: CopyGroup, thumbnails: Mapping[str, bytes]) -> None:
    key = group.images[0]
    with st.container(border=True):
        st.caption(copy_groups.group_heading(group))
        gallery(copy_groups.group_cards(group, thumbnails), key=f"group {key}", label="copies", card_width=84)
        if not group.near:
            return
        with st.container(horizontal=True, key=f"answers group {key}"):
            if not group.is_open:
                _undo(library, group.near, f"withdrawn group {key}")
            else:
                for verdict, words, icon in ANSWERS:
                    st.button(
                        f"All: {words.lower()}",
                        icon=icon,
                        key=f"{verdict} group {key}",
                        on_click=cleaning_session.answer_pairs,
                        args=(library, [pair for pair in group.near if pair.confirmed is None], verdict),
                    )


def _pair(library: Library, pair: sk.Duplicate, thumbnails: Mapping[str, bytes]) -> None:
    card = curation_view.duplicate_card(pair, thumbnails)
    gallery([card], key=f"pair {card.id}", label="a pair", card_width=208)
    if pair.kind != "near":
        return
    with st.container(key=f"answers {card.id}", gap="xsmall"):
        if pair.confirmed is not None:
            _undo(library, [pair], f"undo {card.id}")
            return
        for verdict, words, icon in ANSWERS:
            st.button(
                words,
                icon=icon,
                key=f"{verdict} {card.id}",
                width="stretch",
                on_click=cleaning_session.answer_pairs,
                args=(library, [pair], verdict),
            )


def _undo(library: Library, pairs: Sequence[sk.Duplicate], key: str) -> None:
    st.button(
        "Undo",
        icon=":material/undo:",
        key=key,
        width="stretch",
        on_click=cleaning_session.take_pairs_back,
        args=(library, pairs),
    )
