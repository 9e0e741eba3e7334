"""The choice of what colours say, and the colouring that comes of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import streamlit as st

from samekind.app.state.library import CANDIDATE_DEPTH, Library
from samekind.app.view_models import curation_view
from samekind.app.view_models.map import columns
from samekind.app.view_models.map.colouring import (
    GREY,
    MOST_COLOURS,
    Colouring,
    by_cluster,
    by_name,
    by_number,
    commonest,
)
from samekind.app.widgets import waiting
from samekind.core.text import one_line

CLASS, SPLIT, FOLDER, CORPUS = "Class", "Split", "Folder", "Corpus"
SHARE, SUSPICION, ANSWERS = "Share of false negatives", "Suspicion of the label", "Answers"
CLUSTER = "Cluster"
NUMBERS = {"Width": "width", "Height": "height"}
_COLUMNS = {SPLIT: "split", FOLDER: "folder", CORPUS: "corpus"}
_KEPT = 16


def chosen_colouring(library: Library) -> Colouring:
    """Draws the choice, and waits with a bar for what has to be worked out first."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.selectbox("Colour by", library.kept(_offered), key="map_colour", persist_state="session", width=320)
        if by == CLASS or by in _COLUMNS:
            return _by_name(library, by)
    if by in NUMBERS:
        return library.kept(_Colourings).by_number(by)
    if by == CLUSTER:
        found = waiting.result(library.clusters, "Looking for ten groups of near images …")
        return _grey(library) if found is None else by_cluster(found)
    if by == ANSWERS:
        labels = frozenset(library.labels.current())
        touched = columns.touched(library.index, library.verdicts.current().values(), labels)
        return by_name(touched, [columns.ANSWERED, columns.NAMED], columns.UNTOUCHED)
    return _worked_out(library, by) or _grey(library)


def _grey(library: Library) -> Colouring:
    return Colouring((), np.full(len(library.index), GREY, np.uint8), "all images")


class _Colourings:
    """Colourings by columns of the index, the last ones kept for all sessions: each looks at every image.

    Args:
        library: the opened index.
    """

    def __init__(self, library: Library) -> None:
        self._index = library.index
        self.names = lru_cache(maxsize=len(_COLUMNS) + 1)(self._names)
        self.by_name = lru_cache(maxsize=_KEPT)(self._by_name)
        self.by_number = lru_cache(maxsize=len(NUMBERS))(self._by_number)

    def values(self, by: str) -> list[str | None]:
        """The column of that name."""
        return (self._index.labels or []) if by == CLASS else columns.text_column(self._index, _COLUMNS[by])

    def _names(self, by: str) -> tuple[list[str], list[str]]:
        """All names of a column in alphabetical order, and the commonest ones."""
        values = self.values(by)
        return sorted({value for value in values if value is not None}), commonest(values)

    def _by_name(self, by: str, chosen: tuple[str, ...]) -> Colouring:
        return by_name(self.values(by), chosen, "no label" if by == CLASS else "no value")

    def _by_number(self, by: str) -> Colouring:
        return by_number(columns.number_column(self._index, NUMBERS[by]), "no value")


def _offered(library: Library) -> list[str]:
    """What there is to colour by."""
    index = library.index
    labelled = [CLASS, SHARE] if len(library.classes) > 1 else []
    labelled += [] if curation_view.no_labels_to_doubt(index) else [SUSPICION]
    named = [name for name, column in _COLUMNS.items() if len(set(columns.text_column(index, column))) > 1]
    numbers = [name for name, column in NUMBERS.items() if len(set(index.rows.column(column))) > 1]
    near = [CLUSTER] if len(index) > 1 else []
    return [*labelled[:1], *named, *labelled[1:], *near, ANSWERS, *numbers]


def _by_name(library: Library, by: str) -> Colouring:
    """The commonest names, or those that are chosen."""
    made = library.kept(_Colourings)
    names, first = made.names(by)
    chosen = first
    if len(names) > MOST_COLOURS:
        chosen = st.multiselect(
            f"In colour, {MOST_COLOURS} at most",
            names,
            default=first,
            max_selections=MOST_COLOURS,
            format_func=one_line,
            key="map_names",
        )
    return made.by_name(by, tuple(chosen))


def _worked_out(library: Library, by: str) -> Colouring | None:
    """The colouring by an audit or by the list of label issues."""
    if by == SHARE:
        view = waiting.audit(library, CANDIDATE_DEPTH)
        return None if view is None else by_number(columns.false_shares(view.report), "no label", percent=True)
    issues = waiting.result(library.label_issues, "Looking for labels that may be wrong …")
    return None if issues is None else by_number(columns.suspicions(issues, library.index), "not listed", percent=True)
