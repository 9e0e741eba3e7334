"""The page *Map*: every image as a point, near each other where the space has them near.

The map is laid out in the background when somebody opens it first; until then there is a sketch. What moves, zooms and points stays in the
browser; picking, selecting and missing pictures draw the fragment around the canvas again, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from samekind.app.jobs import map_job
from samekind.app.jobs.job import Job
from samekind.app.state import map_session
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models.cards import data_uri
from samekind.app.view_models.map import beside, points
from samekind.app.view_models.map.colouring import Colouring
from samekind.app.widgets import opening, waiting
from samekind.app.widgets.map import colours, panels
from samekind.app.widgets.map.canvas import Heard, Shown, canvas
from samekind.core.text import counted, one_line

if TYPE_CHECKING:
    import samekind as sk

NEGATIVES = 10
SKETCH = "This is a sketch, by two principal components."
SOON, SECONDS = 0.3, 1.0  # what reading a map takes at most, and between two looks at one that is laid out


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    st.title("Map", anchor=False)
    st.markdown(f"{_sentence(library)} Point at one to see it, click it for its hardest negatives.")
    text = f"Laying out {counted(len(library.index), 'image')}, once; 70,000 take about a minute …"
    job = map_session.failed_layout() or library.map()
    found = job.soon(SOON)
    is_sketched = found is None and len(library.index) >= map_job.SKETCHED
    if is_sketched:
        _above_sketch(job, text)
        point_N2 = waiting.result(library.sketch, "Sketching the map …")
    else:
        found = waiting.result(lambda: job, text)
        point_N2 = None if found is None else found.point_N2
    if point_N2 is None:
        return
    colouring = colours.chosen_colouring(library)
    place_N2 = points.placed(point_N2)
    _fragment(library, place_N2, points.packed(place_N2), colouring)
    if found is not None and found.trustworthiness is not None and found.neighbours_kept is not None:
        nearest = "ten" if found.compared == 10 else found.compared
        st.caption(
            f"Two dimensions cannot keep everything: of an image's {nearest} nearest neighbours {100 * found.neighbours_kept:.0f} % are so "
            f"on the map, too (trustworthiness {found.trustworthiness:.3f}). Distances across the map mean little. No label was used."
        )


def _above_sketch(job: Job[sk.ImageMap], text: str) -> None:
    """A bar, or why there will be no map."""
    if job.failed:
        waiting.result(lambda: job, text)
        st.caption(SKETCH)
    else:
        st.fragment(run_every=SECONDS)(_laying_out)(job, f"{SKETCH} {text}")


def _laying_out(job: Job[sk.ImageMap], text: str) -> None:
    """Draws a bar, and the page again once the layout is over."""
    if not job.is_over:
        st.progress(job.share, f"{text} {100 * job.share:.0f} %")
        return
    if job.failed:
        map_session.note_failed_layout(job)
    st.rerun()


def _sentence(library: Library) -> str:
    what = "as people's answers have adapted it" if library.index.adaptation is not None else "that searches use"
    return f"Every point is one of {counted(len(library.index), 'image')}; near each other are those that are near in the space {what}."


@st.fragment
def _fragment(library: Library, place_N2: NDArray[np.uint16], packed: str, colouring: Colouring) -> None:
    """Draws the canvas, and what was picked and selected on it."""
    index = library.index
    picked, chosen = map_session.picked(library), map_session.selected(library)
    hits: Sequence[sk.Hit] = ()
    lines: list[tuple[int, str]] = []
    if picked is not None and len(index) > 1:
        id_ = index.ids[picked]
        hits = library.neighbours(Query(id_, id_), NEGATIVES, None, leave_out_itself=True)
        tones = beside.tones(hits, library.label(id_), index.same_class)
        lines = [(library.positions[hit.id], tone) for hit, tone in zip(hits, tones, strict=True)]
    shown = Shown(
        places=(points.version(packed), packed),
        colouring=colouring,
        count=len(index),
        picked=picked,
        lines=lines,
        chosen=chosen,
        label=f"map of {counted(len(index), 'image')}; what is selected is listed below it",
    )
    heard = Heard(
        picked=lambda row: map_session.pick(library, row),
        lassoed=lambda corners: map_session.select(library, points.inside(place_N2, corners).tolist()),
        cleared=map_session.clear,
        pictures=lambda rows: _pictures(library, rows),
    )
    left, right = st.columns([3, 1])  # always: a canvas that changed its place would forget what it shows
    with left:
        canvas(shown, heard)
    with right:
        if picked is None:
            st.caption("Click a point: lines lead to its ten hardest negatives, and they are shown here.")
        else:
            panels.picked(library, index.ids[picked], hits)
    if chosen is not None:
        panels.selected(library, chosen)


def _pictures(library: Library, rows: Sequence[int]) -> list[tuple[int, str, str]]:
    ids = [library.index.ids[row] for row in rows]
    thumbnails = library.index.thumbnails(ids) if ids else []
    return [(row, one_line(id_), data_uri(encoded)) for row, id_, encoded in zip(rows, ids, thumbnails, strict=True)]


if __name__ == "__main__":
    main()
