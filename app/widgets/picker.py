"""The parts of *Search* where the query is chosen: a grid of the corpus with filters, an upload, and a field of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from samekind.app.state import basket, search_session, tags
from samekind.app.state.library import Library
from samekind.app.state.query import Mixture
from samekind.app.view_models import filters, search_view
from samekind.app.widgets.gallery import BASKET, gallery
from samekind.app.widgets.search import camera, original, paste
from samekind.core.text import counted, one_line

PAGE_SIZE = 32
RANDOM, IN_ORDER = "Random sample", "In order"


def show(library: Library, mixture: Mixture | None) -> None:
    """Draws the tabs *From the corpus* and *Upload*.

    Args:
        library: the opened index.
        mixture: the present query, whose images are marked in the grid.
    """
    st.subheader("Choose an image", anchor=False)
    corpus, upload = st.tabs([":material/grid_view: From the corpus", ":material/upload: Upload"])
    with corpus:
        _grid(library, mixture)
    with upload:
        # Of any name: the content decides, as for the files of a corpus.
        st.file_uploader(
            "Images of your own; several are searched with as one query",
            key=search_session.upload_key(),
            on_change=_uploaded,
            accept_multiple_files=True,
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            camera.show()
            paste.show()


def words_field(library: Library) -> None:
    """Draws a field for what the images should show, where the encoder of the index embeds text."""
    if library.index.has_text:
        st.text_input(
            "What the images should show",
            placeholder="red shoe",
            icon=":material/search:",
            key=search_session.WORDS,
            on_change=_described,
            persist_state="session",
        )


def chosen_already() -> Callable[[], None] | None:
    """Makes what stands in a field the query, where no callback was called for it; `None` if nothing does."""
    files, words = files_in(search_session.upload_key()), st.session_state.get(search_session.WORDS)
    if files:
        return lambda: search_session.choose_uploads(files)
    return None if not words else lambda: search_session.choose_words(words)


def act(library: Library, name: str, id_: str) -> None:
    """Does what a small button of a neighbour is for."""
    if name == BASKET:
        basket.toggle(id_)
    elif name == search_view.MORE:
        search_session.more_like(library, id_)
    elif name == search_view.LESS:
        search_session.less_like(library, id_)
    elif name == search_view.OPEN:
        original.ask(id_)


def class_filter(library: Library, title: str, key: str, *, in_address: bool = False) -> str | None:
    """A choice of one class, or `None` for all of them; hidden for an unlabelled corpus."""
    if not library.classes:
        return None
    options = [*library.classes, *([filters.NO_LABEL] if library.has_unlabelled else [])]
    return _choice(title, options, "all classes", key, in_address)


def split_filter(library: Library, title: str, key: str, *, in_address: bool = False) -> str | None:
    """A choice of one split, or `None` for all of them."""
    return _choice(title, library.splits, "all splits", key, in_address)


def unknown_tag(library: Library, key: str) -> str | None:
    """The tag that the address names and no image has, which is dropped from it."""
    named = st.query_params.get(key)
    if not named or named in tags.names(library):
        return None
    del st.query_params[key]
    return named


def tag_filter(library: Library, title: str, key: str, *, in_address: bool = False) -> str | None:
    """A choice of one tag, or `None` for all images; hidden where no image has one."""
    names = tags.names(library)
    if st.session_state.get(key, "") not in ("", *names):
        st.session_state[key] = ""  # the last image of that tag has lost it
    return _choice(title, names, "all images", key, in_address) if names else None


def _choice(title: str, options: Sequence[str], everything: str, key: str, in_address: bool) -> str | None:
    # Not `None` for everything: Streamlit takes that for a box without a choice, and offers to clear it.
    chosen = st.selectbox(
        title,
        ["", *options],
        format_func=lambda name: one_line(name) or everything,
        key=key,
        persist_state="session",
        bind="query-params" if in_address else None,
    )
    return chosen or None


def _grid(library: Library, mixture: Mixture | None) -> None:
    index = library.index
    rows = _filtered(library)
    if not rows:
        st.info("No image passes these filters.")
        return
    ids = [index.ids[i] for i in _one_screen(rows)]
    gallery(
        tags.marked(
            library,
            search_view.picker_cards(
                ids,
                [library.label(id_) for id_ in ids],
                index.thumbnails(ids),
                [part.id for part in mixture.like if part.id is not None] if mixture else (),
            ),
        ),
        key="picker",
        label="images of the corpus",
        on_pick=lambda id_: search_session.choose(library, id_),
        card_width=104,
    )


def _filtered(library: Library) -> list[int]:
    """Rows that pass the filters above the grid."""
    index = library.index
    # Without labels there is no field for the class, and no gap where it would be; likewise without tags.
    widths = {"text": 2 if library.classes else 3} | ({"class": 1} if library.classes else {}) | {"split": 1}
    widths |= {"tag": 1} if tags.names(library) else {}
    fields = dict(zip(widths, st.columns(list(widths.values())), strict=True))
    with fields["text"]:
        text = st.text_input("Id or class contains", key="text", persist_state="session")
    with fields.get("class", fields["text"]):
        label = class_filter(library, "Class", "class")
    with fields["split"]:
        split = split_filter(library, "Split", "split")
    with fields.get("tag", fields["text"]):
        tag = tag_filter(library, "Tag", "grid_tag")
    rows = filters.matching(index.ids, index.labels, index.splits, label=label, split=split, text=text)
    if tag is None:
        return rows
    tagged = tags.rows(library, tag)
    return [row for row in rows if row in tagged]


def _one_screen(rows: Sequence[int]) -> list[int]:
    """The rows to show: a seeded sample or a page of them, with the controls for the next ones."""
    with st.container(horizontal=True, vertical_alignment="center"):
        order = st.segmented_control(
            "Order",
            [RANDOM, IN_ORDER],
            default=RANDOM,
            required=True,
            key="order",
            label_visibility="collapsed",
            persist_state="session",
        )
        if order == RANDOM:
            seed = st.session_state.setdefault("seed", 0)
            st.button("Another sample", icon=":material/casino:", on_click=_next_seed)
            shown = filters.sample(rows, PAGE_SIZE, seed)
        else:
            number = st.pagination(max(1, filters.num_pages(len(rows), PAGE_SIZE)), key="page", persist_state="session")
            shown = filters.page(rows, number, PAGE_SIZE)
        st.caption(f"{len(shown)} of {counted(len(rows), 'image')}")
    return shown


def _next_seed() -> None:
    st.session_state["seed"] = st.session_state.get("seed", 0) + 1


def _described() -> None:
    search_session.choose_words(st.session_state[search_session.WORDS])


def _uploaded() -> None:
    if files := files_in(search_session.upload_key()):
        search_session.choose_uploads(files)


def files_in(key: str) -> list[tuple[str, bytes]]:
    """Names and contents of the files in a field; of one that went with a killed server the browser still has the name only."""
    held = st.session_state.get(key) or ()
    return [(file.name, file.getvalue()) for file in held if isinstance(file, UploadedFile)]
