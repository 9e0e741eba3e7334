"""A screen as one custom element: the anchor, its images as switches, and the buttons that answer it.

Marks stay in the browser until the screen is answered: ten clicks are then one run of the page instead of ten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from samekind.app.state.told import told
from samekind.app.view_models.cards import Card
from samekind.app.view_models.marks import Marks

HERE = Path(__file__).parent
KEY = "screen"
HTML = """
<div class="screen" role="group" tabindex="-1" aria-label="Which of these images are of the anchor's kind?">
  <div class="anchors"></div>
  <div class="images" role="group" aria-label="images to compare with the anchor"></div>
  <div class="aside">
    <div class="kinds" role="group" aria-label="what a mark says">
      <span>A mark says</span>
      <button type="button" data-kind="same">same</button>
      <button type="button" data-kind="duplicate" aria-keyshortcuts="D">duplicate<span class="key" aria-hidden="true">D</span></button>
      <button type="button" data-kind="wrong_label" aria-keyshortcuts="W">wrong label<span class="key" aria-hidden="true">W</span></button>
    </div>
    <label class="naming"><span>Name of what is the same<span class="key" aria-hidden="true">N</span></span>
      <input class="name" list="known-names" maxlength="100" autocomplete="off" placeholder="if you like" aria-keyshortcuts="N">
    </label>
    <datalist id="known-names"></datalist>
  </div>
  <div class="answers">
    <button type="button" class="confirm" aria-keyshortcuts="Enter">
      Confirm: <span class="count"></span><span class="key" aria-hidden="true">Enter</span>
    </button>
    <button type="button" class="all" aria-keyshortcuts="A">
      All are the same<span class="key" aria-hidden="true">A</span>
    </button>
  </div>
</div>
"""


@cache
def _element() -> Callable[..., Any]:
    """Registers the custom element once per process."""
    element: Callable[..., Any] = st.components.v2.component(
        "samekind_screen",
        html=HTML,
        css=_joined("gallery.css", "screen_grid.css"),
        js=_joined("cards.js", "screen_grid.js"),
    )
    return element


def screen_grid(
    screen: str,
    anchor: Card,
    images: Sequence[Card],
    *,
    marks: Marks,
    names: Sequence[str],
    has_labels: bool,
    on_answer: Callable[[str, Marks], None],
) -> None:
    """Draws a screen; a page has one.

    Args:
        screen: its id; marks are kept as long as it stays.
        anchor: the anchor's card.
        images: the images' cards.
        marks: what is marked at first, and the name.
        names: class names that are offered.
        has_labels: true if labels are seen, so that one can be called wrong.
        on_answer: called with the screen's id and the marks when it is answered, before the page is drawn again.
    """

    def answered() -> None:
        given = told(KEY, "answered")
        if given is not None:
            on_answer(given["screen"], Marks.read(given))

    data = {
        "screen": screen,
        "anchor": anchor.to_data(),
        "cards": [card.to_data() for card in images],
        "marks": marks.to_data(),
        "names": list(names),
        "has_labels": has_labels,
    }
    _element()(data=data, key=KEY, on_answered_change=answered)


def _joined(*names: str) -> str:
    return "".join((HERE / name).read_text(encoding="utf-8") for name in names)
