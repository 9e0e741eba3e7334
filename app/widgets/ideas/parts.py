"""What the sections of the page *Ideas* share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from samekind.app.state import address
from samekind.app.state.ideas import Ideas
from samekind.app.state.library import Library
from samekind.app.view_models.ideas.texts import Words
from samekind.app.widgets import waiting

if TYPE_CHECKING:
    from samekind import ideas

PAGE = "Ideas"
PLACE = "ideas_place"
MOST_DRAWN = 1024
TEMPERATURES = (0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


def sample(words: Words, library: Library) -> ideas.CorpusSample | None:
    """The drawn images, with a bar while they are read; `None`, and a sentence, if there is nothing to contrast."""
    total = len(library.index)
    if total < 2:
        st.info(words("page.only_one"))
        return None
    text = words("page.sampling", count=f"{min(total, MOST_DRAWN):,}", total=f"{total:,}")
    return waiting.result(lambda: library.kept(Ideas).sample, text)


def place(count: int) -> int:
    """Place in the sample of the image that the sections show, the same one in all of them; it stands in the address."""
    return turn(PLACE, count)


def turn(key: str, count: int) -> int:
    """How often a button was pressed that shows another one of `count`, and then the first one again; the address has it."""
    address.follow_number(key, range(count), 0, PAGE)
    address.write_number(key, 0)
    return int(st.session_state[key])


def another_image(words: Words) -> None:
    """A button that brings up another image."""
    st.button(words("page.another"), icon=":material/casino:", key="ideas_another", on_click=_next_place)


def choice(label: str, options: Sequence[Any], value: Any, key: str) -> Any:
    """A slider over a few values; what was chosen stands in the address, and stays as long as the session."""
    options = list(options)
    default = value if value in options else options[-1]
    address.follow_number(key, options, default, PAGE)
    chosen = st.select_slider(label, options, key=key, persist_state="session")
    address.write_number(key, default)
    return chosen


def slider(label: str, ends: tuple[float, float], value: float, step: float, key: str, **options: Any) -> float:
    """A slider over numbers of one digit behind the point; as `choice`."""
    low, high = ends
    places = [round(low + number * step, 1) for number in range(round((high - low) / step) + 1)]
    address.follow_number(key, places, value, PAGE)
    chosen: float = st.slider(label, low, high, step=step, format="%.1f", key=key, persist_state="session", **options)
    address.write_number(key, value)
    return round(chosen, 1)


def temperature(label: str, library: Library, key: str) -> float:
    """A slider over temperatures; it starts at the run's own."""
    own = library.setting("temperature")
    start = min(TEMPERATURES, key=lambda t: abs(t - float(own))) if own else 0.2
    return float(choice(label, TEMPERATURES, start, key))


def mark(words: Words, false: int) -> tuple[str, str]:
    """Note and tone of a negative, which is known to be of the anchor's class if `false` is 1."""
    return (words("picking.same"), "false") if false == 1 else (words("picking.negative"), "plain")


def left_out(words: Words, count: int) -> list[str]:
    """A sentence on negatives whose class is unknown, if there are any."""
    return [words("picking.left_out", count=f"{count:,}")] if count else []


def sizes(most: int, *, first: int = 2, last: int = 512) -> list[int]:
    """Powers of two from `first` on, as far as `last` and `most` allow; `first` at least."""
    found = [first]
    while found[-1] * 2 <= min(most, last):
        found.append(found[-1] * 2)
    return found


def chart(figure: Any, key: str) -> None:
    """A chart without a tool bar."""
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})


def _next_place() -> None:
    st.session_state[PLACE] = int(st.session_state.get(PLACE, 0)) + 1
