"""The basket in the sidebar: how many images are in it, pictures of the first ones, and three ways to take them along."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import streamlit as st

from samekind.app.state import basket, tags
from samekind.app.state.library import Library
from samekind.app.view_models.cards import Card, Picture, alt_text, data_uri
from samekind.app.widgets import tagging
from samekind.app.widgets.gallery import gallery

SHOWN = 24
KINDS = {"csv": "CSV", "zip": "ZIP", "parquet": "Parquet"}
ABOUT = (
    "Images are added on *Search*, and stay as long as this tab is open; tags stay. CSV: a list with tags. Parquet: the list with vectors. "
    "ZIP: copies of the files, at most 2,000 and 200 MB; its list.csv says which. Nothing is deleted or moved."
)


def show(library: Library) -> None:
    """Draws a button with the number of images, which opens the basket."""
    basket.follow(library)
    held = basket.ids()
    opened = st.popover(
        f"Basket ({len(held):,})", icon=":material/shopping_basket:", on_change="rerun", key="basket_open"
    )
    if not opened.open:
        return
    with opened:
        st.caption(ABOUT)
        if basket.is_full():
            st.warning(f"The basket holds {basket.MOST:,} images; the others were not added.")
        if not held:
            return
        with st.container(horizontal=True):
            for suffix, name in KINDS.items():
                st.download_button(
                    name,
                    partial(_file, library, held, suffix),
                    file_name=f"basket.{suffix}",
                    on_click="ignore",
                    key=f"basket_{suffix}",
                    icon=":material/download:",
                )
            st.button("Empty the basket", on_click=basket.clear, key="basket_clear", icon=":material/delete_sweep:")
        tagging.form(library, held, "basket")
        gallery(
            tags.marked(library, _cards(library, held[:SHOWN])),
            key="basket_cards",
            label="in the basket",
            on_pick=basket.remove,
            card_width=84,
        )
        if len(held) > SHOWN:
            st.caption(f"The first {SHOWN} of {len(held):,}.")


def _cards(library: Library, ids: list[str]) -> list[Card]:
    return [
        Card(
            id_,
            (Picture(data_uri(thumbnail), alt_text(id_, library.label(id_))),),
            lines=(id_,),
            action="Remove",
            action_label=f"take {alt_text(id_, library.label(id_))} out of the basket",
        )
        for id_, thumbnail in zip(ids, library.index.thumbnails(ids), strict=True)
    ]


def _file(library: Library, ids: list[str], suffix: str) -> bytes:
    from samekind import export_images

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"basket.{suffix}"
        export_images(library.index, ids, file)
        return file.read_bytes()
