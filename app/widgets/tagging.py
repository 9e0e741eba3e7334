"""Fields for tags: of one image, or of many at once."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from samekind.app.state import tags
from samekind.app.state.library import Library
from samekind.app.view_models.cards import plain
from samekind.app.widgets import notices
from samekind.core.text import counted

PLACEHOLDER = "one of yours, or a new one"
MOST_OFFERED = 20


def of_one(library: Library, id_: str) -> None:
    """Draws the tags of one image, to be added to and taken from."""
    key, held = f"tags_of_{id_}", tags.of_image(library, id_)
    st.session_state[key] = list(held)
    st.multiselect(
        "Tags",
        tags.names(library),
        accept_new_options=True,
        placeholder=PLACEHOLDER,
        key=key,
        on_change=lambda: tags.set_tags(library, id_, st.session_state[key]),
        help="Names for selections of your own. They belong to the image, whatever index it is in, and no training reads them.",
    )
    _failure()


def form(library: Library, ids: Sequence[str], key: str) -> None:
    """Draws a field for tags of many images, buttons that put and take them away, and what came of the last press.

    Args:
        library: of the images.
        ids: of the images.
        key: begins the keys of field and buttons.
    """
    field, known = f"{key}_tags", tags.names(library)[:MOST_OFFERED]
    with st.form(f"{key}_tagging", border=False, clear_on_submit=True):
        st.text_input("Tags", placeholder="boots; to buy", key=field)
        if known:
            st.pills("Or tags that there are", known, selection_mode="multi", key=_offered(key))
        with st.container(horizontal=True):
            st.form_submit_button(
                f"Tag {counted(len(ids), 'image')}",
                icon=":material/sell:",
                key=f"{key}_put",
                on_click=lambda: tags.put(library, ids, _chosen(key)),
            )
            st.form_submit_button(
                "Take them away",
                key=f"{key}_take",
                on_click=lambda: tags.take_away(library, ids, _chosen(key)),
            )
    _failure()
    change = tags.last()
    if change is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(_said(change)))
            if change.changes:
                st.button("Undo", icon=":material/undo:", key=f"{key}_undo", on_click=tags.undo, args=(library,))


def _offered(key: str) -> str:
    return f"{key}_known_tags"


def _chosen(key: str) -> list[str]:
    """What the form says: tags that were typed, and those that were picked."""
    typed = [tag.strip() for tag in str(st.session_state.get(f"{key}_tags", "")).split(";")]
    return [*filter(None, typed), *(st.session_state.get(_offered(key)) or [])]


def _said(change: tags.Change) -> str:
    what = " and ".join(f"“{tag}”" for tag in change.tags)
    if not change.changes:
        return f"Nothing to do: {'all have' if change.put else 'none has'} {what}."
    images = counted(change.num_images, "image")
    return f"{what} put on {images}." if change.put else f"{what} taken from {images}."


def _failure() -> None:
    if (failed := tags.pop_failure()) is not None:
        notices.failure(*failed)
