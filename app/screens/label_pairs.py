"""The page *Same or different?*: an anchor beside many images at once (*Groups*), or pair after pair (*Pairs*), by button or key.

Pairs come from the audit, which takes up to a minute for a large corpus the first time; of more than 200,000 images the first pairs are
there before the last. Groups need none.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import labeling_session
from samekind.app.state.labeling.answers import Answers
from samekind.app.state.library import Library
from samekind.app.view_models import label_pairs_view
from samekind.app.view_models.cards import plain
from samekind.app.view_models.pairs import Pair, key_of
from samekind.app.widgets import bought, candidate_pair, groups, notices, opening, verdict_cards, waiting
from samekind.app.widgets.groups import GROUPS, MODE
from samekind.core.text import counted, one_line

if TYPE_CHECKING:
    import samekind as sk

HISTORY = 8
MOST_CONTRADICTIONS = 5

PAIRS = "Pairs"
MODES = (GROUPS, PAIRS)

ABOUT_GROUPS = (
    "Which of these images are of the anchor's own kind? Mark them and confirm: all others are then *different*. Groups with one name are "
    "one class."
)
ABOUT_PAIRS = (
    "Is this negative of the anchor's own kind? No label takes part in choosing the pairs: all are ones that training pushes apart "
    "hard, mixed so that about half should turn out to be of one kind."
)
KEYS = {  # a phone, which has none, does not show this (`page.css`)
    GROUPS: (
        "Keys: **1** to **9** and **0** mark (arrows and **space** reach all of them, too), **Enter** confirms, **A**: all are the same, "
        "**S**: skip, **U**: undo, **N**: name the class of what is the same."
    ),
    PAIRS: (
        "Keys: **1** to **5** answer, **U** takes the last answer back. (In a field or on a switch a key is its own: **Esc** leaves it.)"
    ),
}


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    st.title("Same or different?", anchor=False)
    st.session_state.setdefault(MODE, GROUPS)  # and not as a default: *Map* chooses it, too
    chosen = st.segmented_control(
        "Ask about",
        MODES,
        required=True,
        key=MODE,
        persist_state="session",
        label_visibility="collapsed",
    )
    mode = chosen or GROUPS
    st.markdown(ABOUT_GROUPS if mode == GROUPS else ABOUT_PAIRS)
    with st.container(key="keys_help"):
        st.caption(KEYS[mode])
    classes = _settings(library, mode)
    if mode == PAIRS:
        _pairs(library, classes)
        return
    if groups.show(library, Answers.of(library)).has_gained:
        _training_command(library)


def _pairs(library: Library, classes: labeling_session.Classes) -> None:
    if not waiting.pairs(library):
        return
    with st.spinner("Choosing the pairs …"):
        library.pool()
    answers = Answers.of(library)
    current, asked = answers.verdicts, answers.asked
    candidate, batch = labeling_session.next_pair(library, asked, classes)
    if failure := labeling_session.pop_failure():
        notices.failure(*failure)
    progress = bought.progress(library, answers)
    num_left = labeling_session.num_left(batch, asked)
    st.progress(progress.share, label_pairs_view.progress_sentence(current, num_left))
    st.caption(progress.sentence())
    st.caption(label_pairs_view.mix_sentence(batch))
    if candidate is None:
        _no_pair(labeling_session.are_leased(batch, asked))
        candidate_pair.undo_button(library)
    else:
        candidate_pair.show(library, candidate)
    _contradictions(library, current)
    bought.show(library, answers, None if candidate is None else candidate.anchor_id)
    if progress.has_gained:
        _training_command(library)
    _history(library, current)
    for note in batch.notes:
        st.caption(plain(note))


def _settings(library: Library, mode: str) -> labeling_session.Classes:
    """The sidebar: the annotator's name, whether labels are shown, and the pair of classes that pairs are of."""
    with st.sidebar:
        st.text_input(
            "Your name",
            value=labeling_session.login_name(),
            key=labeling_session.ANNOTATOR,
            persist_state="session",
        )
        if not library.classes:
            return None
        st.toggle(
            "Show labels and figures",
            key=labeling_session.SHOW_LABELS,
            persist_state="session",
            help="They sway the eye, so they are hidden until a pair is answered.",
        )
        return _class_pair(library.classes) if mode == PAIRS else None


def _class_pair(names: list[str]) -> labeling_session.Classes:
    first = st.selectbox(
        "Only pairs of",
        ["", *names],
        format_func=lambda name: one_line(name) or "all classes",
        key="labeling_first_class",
        persist_state="session",
    )
    if not first:
        return None
    second = st.selectbox(
        "with",
        names,
        index=names.index(first),
        format_func=one_line,
        key="labeling_second_class",
        persist_state="session",
    )
    return first, second


def _no_pair(are_leased: bool) -> None:
    if not are_leased:
        st.info("No pair is left to label here.")
        return
    st.info("Other people are labeling the pairs that come next: try again shortly, some will be free then.")
    st.button("Try again", icon=":material/refresh:", key="try_again")


def _contradictions(library: Library, current: Mapping[Pair, sk.Verdict]) -> None:
    """Pairs that are called different though others join them: one of these answers must be wrong."""
    from samekind import link_constraints, must_link_path

    found = sorted(link_constraints(current.values()).contradictions)
    if not found:
        return
    st.subheader("Contradictions", anchor=False)
    more = f" The first {MOST_CONTRADICTIONS} are shown." if len(found) > MOST_CONTRADICTIONS else ""
    st.caption(
        f"{counted(len(found), 'pair')} called different, though other answers join the two. "
        "In each row one answer must be wrong. Until it is corrected that group is left out: training neither joins its images nor keeps "
        f"apart the two that are called different. All other answers are used.{more}"
    )
    for pair in found[:MOST_CONTRADICTIONS]:
        pairs = [pair, *must_link_path(current.values(), pair)]
        verdict_cards.show(
            library,
            [current[each] for each in pairs],
            key=f"contradiction {key_of(pair)}",
            label="answers that contradict each other",
            action="Answer again",
            on_pick=labeling_session.revisit,
        )


def _training_command(library: Library) -> None:
    """A further use of the answers, once they have gained something."""
    st.success("Held-out images gain by these answers. A training can use them as well:")
    st.code(
        f"samekind train --corpus … --out artifacts/again --verdicts {shlex.quote(str(library.index.path))}",
        language="bash",
    )


def _history(library: Library, current: Mapping[Pair, sk.Verdict]) -> None:
    if not current:
        return
    st.subheader("Last answers", anchor=False)
    verdict_cards.show(
        library,
        label_pairs_view.latest(current, HISTORY),
        key="history",
        label="last answers, newest first",
        action="Undo",
        on_pick=labeling_session.undo,
    )


if __name__ == "__main__":
    main()
