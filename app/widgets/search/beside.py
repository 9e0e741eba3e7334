"""The neighbours of one query in another run, beside those in the run that is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import artefact, basket, runs, tags
from samekind.app.state.library import Library
from samekind.app.state.query import Mixture
from samekind.app.state.search import mixing, other_run
from samekind.app.state.search.mixing import Settings
from samekind.app.view_models import search_view
from samekind.app.view_models.cards import plain
from samekind.app.view_models.search import beside
from samekind.app.widgets.gallery import gallery
from samekind.app.widgets.search.narrowing import Narrowed
from samekind.core.text import one_line

if TYPE_CHECKING:
    import samekind as sk
    from samekind.runs import Overlap

GALLERY = "neighbours_there"
SEARCH = "screens/search.py"


@dataclass(frozen=True)
class There:
    """What another run finds.

    Attributes:
        name: of the run.
        path: its artefact.
        library: its opened index; `None` if it cannot be opened.
        mixture: the query there; `None` if it lacks an image of it.
        hits: that it found.
        problem: why nothing could be asked, in one line; empty if all is well.
    """

    name: str
    path: Path
    library: Library | None = None
    mixture: Mixture | None = None
    hits: Sequence[sk.Hit] = ()
    problem: str = ""


def choice(page: str) -> None:
    """Draws the choice of another run, where there is one, and a line where the address names none of them.

    Args:
        page: title of the page that asks.
    """
    names = other_run.offered()
    unknown = other_run.follow_address(names, page)
    if len(names) > 1:
        st.selectbox(
            "Compare with another run",
            names,
            format_func=lambda name: one_line(name) or "Compare with another run",
            key=other_run.WITH,
            label_visibility="collapsed",
            persist_state="session",
            width=260,
        )
    if unknown is not None:
        line = f"There is no other run here of the name in the address: {unknown}"
        st.warning(plain(line), icon=":material/link_off:")


def found(library: Library, mixture: Mixture, settings: Settings) -> There | None:
    """What the chosen run finds; `None` if none is chosen.

    Args:
        library: of the run that is looked at.
        mixture: what is searched with.
        settings: the same as here; where this run has no adaptation to leave out, that of the other one counts.
    """
    from samekind import SamekindError

    name = str(st.session_state.get(other_run.WITH) or "")
    path = runs.path_of(name)
    if path is None:
        return None
    try:
        with st.spinner(plain(f"Searching in {name} …")):
            other = artefact.opened(path)
            mixture_there = other_run.there(library, mixture, other)
            if mixture_there is None:
                lacks = "this image" if len(mixture.parts) == 1 else "all images of the query"
                return There(name, path, other, problem=f"This run does not hold {lacks}, by content.")
            adapted = settings.adapted or library.index.adaptation is None
            hits = mixing.neighbours(other, mixture_there, settings._replace(adapted=adapted))
    except SamekindError as error:
        return There(name, path, problem=f"This run cannot be asked: {error}")
    return There(name, path, other, mixture_there, hits)


def overlap(library: Library, hits: Sequence[sk.Hit], there: There, narrowed: Narrowed) -> Overlap | None:
    """Draws the sentence on what both lists have in common, and returns the comparison; `None` without a second list.

    Args:
        library: of the run that is looked at.
        hits: its neighbours as they are shown.
        there: what the other run finds.
        narrowed: how it is shown.
    """
    from samekind.runs import overlap as compared

    if there.library is None or there.problem:
        return None
    one, two = (sorted(each, key=lambda hit: hit.rank) for each in (hits, narrowed.hits))
    common = compared(library.index, one, there.library.index, two)
    if sentence := beside.overlap_sentence(common, len(one), len(two)):
        st.markdown(f"**{plain(sentence)}**")
    return common


def heading(path: Path) -> None:
    """Draws the name of a run, and what made it."""
    from samekind.runs import read_run

    st.markdown(f"**{plain(path.resolve().name)}**")
    st.caption(plain(beside.made_by(read_run(path))))


def show(
    library: Library,
    there: There,
    narrowed: Narrowed,
    common: Overlap | None,
    on_pick: Callable[[str], None],
    on_act: Callable[[str, str], None],
) -> None:
    """Draws the other run's column.

    Args:
        library: of the run that is looked at.
        there: what the other run finds.
        narrowed: the part of it that is shown.
        common: what both lists have in common.
        on_pick: called with the id of an image of the run that is looked at.
        on_act: likewise, with the name of a card's button before it.
    """
    from samekind.runs import pictures, same_images

    heading(there.path)
    if there.problem or there.library is None or there.mixture is None:
        st.info(plain(there.problem), icon=":material/block:")
        _link(there)
        return
    other, mixture, hits = there.library, there.mixture, narrowed.hits
    own = [part.id for part in mixture.like if part.id is not None]
    ids = [hit.id for hit in hits]
    held = pictures(other.index, ids)
    shown = held if None not in held else pictures(other.index, ids, library.index)
    sentences = (
        search_view.same_class_sentence(hits, mixture.label, other.index.same_class, own),
        narrowed.sentence,
        beside.pictures_sentence(held, shown),
    )
    if text := " ".join(filter(None, sentences)):
        st.markdown(plain(text))
    cards = search_view.neighbour_cards(hits, shown, mixture.label, other.index.same_class, own)
    here = same_images(other.index, ids, library.index)
    drawn = beside.as_here(beside.with_ranks(cards, {} if common is None else common.there), here)
    gallery(
        tags.marked(library, [basket.marked([card])[0] if card.id else card for card in drawn]),
        key=GALLERY,
        label=f"{narrowed.name}, in {one_line(there.name)}",
        on_pick=on_pick,
        on_act=on_act,
        card_width=96,
    )
    _link(there)


def _link(there: There) -> None:
    st.page_link(
        SEARCH,
        label="Open this run",
        icon=":material/open_in_new:",
        query_params=other_run.link(there.name, there.mixture),
    )
