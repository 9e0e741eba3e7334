"""InfoNCE: one image of the corpus, its positive, and the negatives that it is hidden among."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from samekind.app.state.ideas import Ideas, Positive
from samekind.app.state.library import Library
from samekind.app.view_models.cards import plain
from samekind.app.view_models.ideas import drawings
from samekind.app.view_models.ideas.texts import Words
from samekind.app.widgets import waiting
from samekind.app.widgets.ideas import parts
from samekind.core.text import percent

SHOWN = 7
"""The most probable negatives, beside the positive."""


def show(words: Words, library: Library) -> list[str]:
    """Draws controls and figure; returns the sentences on what it means here."""
    from samekind import ideas

    left, right = st.columns([1, 2], gap="medium")
    sample = parts.sample(words, library)
    if sample is None:
        return []
    figures, place = library.kept(Ideas), parts.place(len(sample))
    with left:
        count = parts.choice(words("picking.count"), parts.sizes(len(sample)), 64, "ideas_candidates")
        temperature = parts.temperature(words("picking.temperature"), library, "ideas_temperature")
        parts.another_image(words)
    positive = waiting.result(lambda: figures.positive(place), words("picking.looking"))
    if positive is None:
        return []
    # The sample is in random order, so those that follow the anchor in it are a random draw.
    following = (place + np.arange(1, len(sample))) % len(sample)
    negative = following[following != positive.neighbour][: count - 1]
    with left:
        st.caption(words("picking.is_view" if positive.neighbour is None else "picking.is_neighbour"))
        st.html(drawings.named_picture(figures.thumbnails([place])[0], figures.name(place)))
        st.caption(f"{words('picking.anchor')}: {plain(figures.name(place))}")
    if not len(negative):
        with right:
            st.info(words("page.only_one"))
        return []
    share = ideas.pick_probabilities(positive.similarity, sample.similarity_MM[place, negative], temperature)
    false = sample.false_MM[place, negative]
    with right:
        rows = _rows(words, library, positive, negative[np.argsort(-share[1:], kind="stable")[:SHOWN]])
        ordered = [share[0], *np.sort(share[1:])[::-1][:SHOWN]]
        rows = [drawings.Bar(r.picture, r.name, float(s), r.note, r.tone) for r, s in zip(rows, ordered, strict=True)]
        st.caption(words("picking.bars"))
        st.html(drawings.bars(rows, words("picking.bars")))
    total = 1 + len(negative)
    loss, cap = f"{-math.log(max(share[0], 1e-300)):.2f}", f"{math.log(total):.2f}"
    found = [words("picking.here", probability=percent(share[0]), chance=percent(1 / total), loss=loss, cap=cap)]
    if sample.false_MM[place, place] != 1:
        return [*found, words("picking.here_unlabelled", negatives=len(negative))]
    known = int((false >= 0).sum())
    if not known:
        return [*found, words("picking.here_none_known", negatives=len(negative))]
    taken = percent(float(share[1:][false == 1].sum()))
    found.append(words("picking.here_false", false=int((false == 1).sum()), negatives=known, share=taken))
    return [*found, *parts.left_out(words, len(negative) - known)]


def _rows(
    words: Words, library: Library, positive: Positive, negative: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> list[drawings.Bar]:
    """The positive and the negatives to show, without their shares."""
    figures = library.kept(Ideas)
    sample = figures.sample.wait(lambda share: None)
    place = parts.place(len(sample))
    pictures = figures.thumbnails(negative.tolist())
    name = "" if positive.neighbour is None else figures.name(positive.neighbour)
    rows = [drawings.Bar(positive.picture, name, 0.0, words("picking.positive"), "good")]
    for each, picture in zip(negative.tolist(), pictures, strict=True):
        rows.append(drawings.Bar(picture, figures.name(each), 0.0, *parts.mark(words, sample.false_MM[place, each])))
    return rows
