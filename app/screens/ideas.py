"""The page *Ideas*: where contrastive learning comes from, in seven steps with figures that work on this corpus.

One section is drawn at a time, words and equations before anything is computed. A slider draws its own section again and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from samekind.app.state import address
from samekind.app.state.library import Library
from samekind.app.view_models.ideas.texts import EQUATIONS, LANGUAGES, SECTIONS, Words
from samekind.app.widgets import opening
from samekind.app.widgets.ideas import bias, bound, ingredients, noise, parts, patches, picking, ratio

SHOW: dict[str, Callable[[Words, Library], list[str]]] = {
    "nce": noise.show,
    "picking": picking.show,
    "ratio": ratio.show,
    "patches": patches.show,
    "bound": bound.show,
    "ingredients": ingredients.show,
    "bias": bias.show,
}
LANGUAGE, IDEA = "lang", "idea"


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    words = Words(address.follow(LANGUAGE, list(LANGUAGES), parts.PAGE))
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.title(words("page.title"), anchor=False, width="content")
        st.segmented_control(
            words("page.language"),
            list(LANGUAGES),
            required=True,
            format_func=lambda language: LANGUAGES[language],
            key=LANGUAGE,
            label_visibility="collapsed",
            persist_state="session",
        )
    st.markdown(words("page.intro"))
    section = address.follow(IDEA, SECTIONS, parts.PAGE)
    st.segmented_control(
        words("page.section"),
        SECTIONS,
        required=True,
        format_func=lambda name: words(f"{name}.tab"),
        key=IDEA,
        label_visibility="collapsed",
        wrap=True,
        persist_state="session",
    )
    address.write(LANGUAGE, list(LANGUAGES))
    address.write(IDEA, SECTIONS)
    if section == SECTIONS[0]:
        st.caption(words("page.lineage"))
    _section(words, library, section)
    _steps(words, SECTIONS.index(section))


@st.fragment
def _section(words: Words, library: Library, section: str) -> None:
    st.header(words(f"{section}.title"), anchor=False)
    st.markdown(words(f"{section}.says"))
    for equation in EQUATIONS[section]:
        st.latex(equation)
    found = SHOW[section](words, library)
    if found:
        st.markdown(f"**{words('page.here')}.** {' '.join(found)}")
    st.subheader(words("page.asked"), anchor=False)
    for ask, answer in words.notes(section):
        with st.expander(ask):
            st.markdown(answer)
    total = len(library.index)
    count = min(total, parts.MOST_DRAWN)
    st.caption(words("page.sample", count=f"{count:,}", total=f"{total:,}"))


def _steps(words: Words, number: int) -> None:
    """Buttons to the ideas before and after."""
    with st.container(horizontal=True):
        for text, step, icon in (("previous", -1, "arrow_back"), ("next", 1, "arrow_forward")):
            st.button(
                words(f"page.{text}"),
                icon=f":material/{icon}:",
                key=f"ideas_{text}",
                disabled=not 0 <= number + step < len(SECTIONS),
                on_click=_go,
                args=(step,),
            )


def _go(step: int) -> None:
    """From the idea that is chosen by now: a second click may come before the first one has drawn its page."""
    number = SECTIONS.index(st.session_state[IDEA]) + step
    st.session_state[IDEA] = SECTIONS[max(0, min(number, len(SECTIONS) - 1))]


if __name__ == "__main__":
    main()
