"""The map as one custom element: a canvas with all points, its tools and its legend.

Positions and colours are sent once, packed; the element says which versions it has, and they are left out from then on. Pictures are sent
for the few points that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from samekind.app.state.told import told
from samekind.app.view_models.map import points
from samekind.app.view_models.map.colouring import Colouring

HERE = Path(__file__).parent
KEY = "map"
MOST_PICTURES = 60
HTML = """
<div class="map">
  <div class="tools" role="toolbar" aria-label="tools of the map">
    <button type="button" data-do="lasso" aria-pressed="false">Draw around points</button>
    <button type="button" data-do="view" aria-keyshortcuts="S">Select what is in view</button>
    <button type="button" data-do="closer" aria-label="closer">+</button>
    <button type="button" data-do="farther" aria-label="farther away">−</button>
    <button type="button" data-do="home">Whole map</button>
    <button type="button" data-do="clear">Clear</button>
  </div>
  <div class="frame"><canvas class="points" tabindex="0" role="application"></canvas><div class="tip" hidden></div></div>
  <div class="legend" role="group" aria-label="groups: press one to see it alone"></div>
  <div class="keys">Keys on the map: arrows move, + and − zoom, 0 shows all, Enter picks the image in the middle,
    S selects what is in view, Esc clears.</div>
</div>
"""


@dataclass(frozen=True)
class Shown:
    """What the canvas shows.

    Attributes:
        places: version and packed positions.
        colouring: of the points.
        count: number of points.
        picked: row of the point that was picked, if one is.
        lines: from it to other rows, each with its tone.
        chosen: rows that are selected; `None` without a selection.
        label: of the canvas, for screen readers.
    """

    places: tuple[str, str]
    colouring: Colouring
    count: int
    picked: int | None = None
    lines: Sequence[tuple[int, str]] = ()
    chosen: Sequence[int] | None = None
    label: str = ""


@dataclass(frozen=True)
class Heard:
    """Calls of the canvas, each before the page is drawn again.

    Attributes:
        picked: with the row of a point.
        lassoed: with the corners of a polygon.
        cleared: when nothing shall be picked or selected any more.
        pictures: gives id and picture, as a data URI, of each row.
    """

    picked: Callable[[int], None]
    lassoed: Callable[[Sequence[Sequence[float]]], None]
    cleared: Callable[[], None]
    pictures: Callable[[Sequence[int]], list[tuple[int, str, str]]] = field(default=lambda rows: [])


@cache
def _element() -> Callable[..., Any]:
    """Registers the custom element once per process."""
    element: Callable[..., Any] = st.components.v2.component(
        "samekind_map",
        html=HTML,
        css=(HERE / "canvas.css").read_text(encoding="utf-8"),
        js="".join((HERE / name).read_text(encoding="utf-8") for name in ("drawing.js", "canvas.js")),
    )
    return element


def canvas(shown: Shown, heard: Heard) -> None:
    """Draws the map; a page has one."""
    codes = points.packed(shown.colouring.code_N)
    colours = {name: value for name, value in asdict(shown.colouring).items() if name != "code_N"}
    codes_version = points.version(codes, *shown.colouring.names, shown.colouring.rest)
    state = st.session_state.get(KEY) or {}
    has_places, has_codes = state.get("have") or ("", "")
    data = {
        "count": shown.count,
        "places_version": shown.places[0],
        "places": "" if has_places == shown.places[0] else shown.places[1],
        "codes_version": codes_version,
        "codes": "" if has_codes == codes_version else codes,
        "colours": {**colours, "counts": shown.colouring.counts, "num_grey": shown.colouring.num_grey},
        "pictures": heard.pictures(_rows(state.get("wanted"), shown.count)),
        "picked": shown.picked,
        "lines": list(shown.lines),
        "chosen": "" if shown.chosen is None else points.packed_rows(shown.chosen, shown.count),
        "label": shown.label,
    }

    def surrounded(line: dict[str, Any]) -> None:
        corners = corners_here(line, shown.places[0])
        if corners is not None:
            heard.lassoed(corners)

    _element()(
        data=data,
        key=KEY,
        on_have_change=_nothing,
        on_wanted_change=_nothing,
        on_picked_change=lambda: _told("picked", heard.picked),
        on_lassoed_change=lambda: _told("lassoed", surrounded),
        on_cleared_change=lambda: _told("cleared", lambda _: heard.cleared()),
    )


def corners_here(line: dict[str, Any], version: str) -> list[list[float]] | None:
    """The corners of a line that was drawn around points of this version; `None` if they lie elsewhere by now."""
    return line["corners"] if line["version"] == version else None


def _rows(wanted: object, count: int) -> list[int]:
    """The rows that the browser asks pictures for, as far as there are such rows."""
    asked = wanted if isinstance(wanted, list) else []
    return [row for row in asked if isinstance(row, int) and 0 <= row < count][:MOST_PICTURES]


def _told(name: str, work: Callable[[Any], None]) -> None:
    value = told(KEY, name)
    if value is not None:
        work(value)


def _nothing() -> None:
    """The page is drawn again, and reads the state."""
