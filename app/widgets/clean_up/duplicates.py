"""Groups of copies one above the other, and pairs side by side, with a button for each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import cleaning_keys, cleaning_session
from samekind.app.state.labeling.cleaning_keys import DUPLICATES, LEAKS
from samekind.app.state.library import Library
from samekind.app.view_models import copy_groups, curation_view
from samekind.app.view_models.copy_groups import CopyGroup
from samekind.app.widgets.clean_up import keys
from samekind.app.widgets.gallery import gallery

if TYPE_CHECKING:
    import samekind as sk

ANSWERS = (
    ("duplicate", "Same picture", ":material/check:", "1"),
    ("same", "Same kind only", ":material/category:", "2"),
    ("different", "Different kinds", ":material/close:", "3"),
)
KEYS = (
    "The framed one is answered by key: **1** same picture, **2** same kind only, **3** different kinds; **U** takes the last answer back, "
    "**S** passes over the framed one."
)


def show_groups(library: Library, groups: Sequence[CopyGroup]) -> None:
    """Draws a page of groups: those of more than two images first, then the pairs; the first open one is answered by keys."""
    ids = list(dict.fromkeys(id_ for group in groups for id_ in group.images[: copy_groups.IMAGES_SHOWN]))
    thumbnails = dict(zip(ids, library.index.thumbnails(ids), strict=True))
    large = [group for group in groups if len(group.images) > 2]
    pairs = [group.pairs[0] for group in groups if len(group.images) == 2]
    open_ones = [group.images[0] for group in large if group.is_open] + _open(pairs)
    current = cleaning_keys.work(library, DUPLICATES).current(open_ones)
    keys.show(library, DUPLICATES, KEYS, current)
    for group in large:
        _group(library, group, thumbnails, is_current=group.images[0] == current)
    _pairs(library, pairs, thumbnails, DUPLICATES, current)


def show_leaks(library: Library, pairs: Sequence[sk.Duplicate], thumbnails: Mapping[str, bytes]) -> None:
    """Draws a page of leaks side by side; the first open one is answered by keys."""
    current = cleaning_keys.work(library, LEAKS).current(_open(pairs))
    keys.show(library, LEAKS, KEYS, current)
    _pairs(library, pairs, thumbnails, LEAKS, current)


def _open(pairs: Sequence[sk.Duplicate]) -> list[str]:
    return [curation_view.pair_id(pair) for pair in curation_view.unanswered(tuple(pairs))]


def _pairs(
    library: Library,
    pairs: Sequence[sk.Duplicate],
    thumbnails: Mapping[str, bytes],
    which: str,
    current: str | None,
) -> None:
    if not pairs:
        return
    with st.container(key="duplicates"):
        for column, pair in zip(st.columns(len(pairs)), pairs, strict=True):  # page.css puts in a row what fits
            with column:
                _pair(library, pair, thumbnails, which, is_current=curation_view.pair_id(pair) == current)


def _group(library: Library, group: CopyGroup, thumbnails: Mapping[str, bytes], *, is_current: bool) -> None:
    key = group.images[0]
    with st.container(border=True):
        st.caption(copy_groups.group_heading(group))
        gallery(copy_groups.group_cards(group, thumbnails), key=f"group {key}", label="copies", card_width=84)
        if not group.near:
            return
        with st.container(horizontal=True, key=_answers_key(f"group {key}", is_current=is_current)):
            if not group.is_open:
                _undo(library, group.near, f"withdrawn group {key}")
            else:
                for verdict, words, icon, shortcut in ANSWERS:
                    st.button(
                        f"All: {words.lower()}",
                        icon=icon,
                        key=f"{verdict} group {key}",
                        shortcut=shortcut if is_current else None,
                        on_click=cleaning_session.answer_pairs,
                        args=(
                            library,
                            [pair for pair in group.near if pair.confirmed is None],
                            verdict,
                            DUPLICATES,
                        ),
                    )


def _pair(
    library: Library, pair: sk.Duplicate, thumbnails: Mapping[str, bytes], which: str, *, is_current: bool
) -> None:
    card = curation_view.duplicate_card(pair, thumbnails)
    gallery([card], key=f"pair {card.id}", label="a pair", card_width=208)
    if pair.kind != "near":
        return
    with st.container(key=_answers_key(card.id, is_current=is_current), gap="xsmall"):
        if pair.confirmed is not None:
            _undo(library, [pair], f"undo {card.id}")
            return
        for verdict, words, icon, shortcut in ANSWERS:
            st.button(
                words,
                icon=icon,
                key=f"{verdict} {card.id}",
                shortcut=shortcut if is_current else None,
                width="stretch",
                on_click=cleaning_session.answer_pairs,
                args=(library, [pair], verdict, which),
            )


def _answers_key(entry: str, *, is_current: bool) -> str:
    """Key of the buttons of an entry; page.css frames those that keys press."""
    return f"answers_{'framed' if is_current else 'of'} {entry}"


def _undo(library: Library, pairs: Sequence[sk.Duplicate], key: str) -> None:
    st.button(
        "Undo",
        icon=":material/undo:",
        key=key,
        width="stretch",
        on_click=cleaning_session.take_pairs_back,
        args=(library, pairs),
    )
