"""The page *Confirm*: pairs worth a look, one after the other, answered by button or by key.

The questions come from the audit, which takes up to a minute for a large corpus the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app import answers, components, confirm_view, state, view_models, waiting
from samekind.app.confirm_view import CHOICES, WHOSE, WRONG_LABEL, Choice
from samekind.app.state import ASKED_DEPTH, Library, Query
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk
    from samekind.app.leases import Pair

NEIGHBOURS = 5
HISTORY = 8
MOST_CONTRADICTIONS = 5

WHAT_IT_IS = (
    "Is this negative of the anchor's own kind? No label takes part in choosing the pairs: each is one that training pushes apart hard and "
    "that the encoder cannot settle. Answer with the keys **1** to **5**, take the last answer back with **U**. (In a field or on a switch "
    "a key is its own: click beside it first.)"
)


def main() -> None:
    """Draws the page."""
    library = state.library_or_stop()
    st.title("Confirm", anchor=False)
    st.markdown(WHAT_IT_IS)
    classes = _settings(library)
    if waiting.audit(library, ASKED_DEPTH) is None:
        return
    with st.spinner("Choosing the pairs …"):
        library.pool()
    current = library.verdicts.current()
    question, batch = answers.next_question(library, current, classes)
    if told := answers.failure():
        components.failure(*told)
    progress = confirm_view.Progress.of(answers.that_count(library, current))
    st.progress(progress.share, confirm_view.progress_sentence(current, answers.left(batch, current)))
    st.caption(progress.sentence())
    if question is None:
        _nothing_to_ask(answers.are_before_others(batch, current))
        _undo(library)
    else:
        _question(library, question)
    _contradictions(library, current)
    if progress.are_enough:
        _use(library)
    _history(library, current)
    for note in batch.notes:
        st.caption(view_models.plain(note))


def _settings(library: Library) -> answers.Classes:
    """The sidebar: who answers, whether labels are shown, and which pairs of classes."""
    with st.sidebar:
        st.text_input("Your name", value=answers.login_name(), key=answers.WHO, persist_state="session")
        if not library.classes:
            return None
        st.toggle(
            "Show labels and figures",
            key=answers.LABELS,
            persist_state="session",
            help="They sway the eye, so they are hidden until a pair is answered.",
        )
        names = library.classes
        first = st.selectbox(
            "Only pairs of",
            ["", *names],
            format_func=lambda name: name or "all classes",
            key="confirm_first_class",
            persist_state="session",
        )
        if not first:
            return None
        second = st.selectbox(
            "with", names, index=names.index(first), key="confirm_second_class", persist_state="session"
        )
        return first, second


def _question(library: Library, question: sk.CandidatePair) -> None:
    revealed = answers.is_revealed(question)
    with st.container(key="question"):
        left, middle, right = st.columns([3, 3, 2], gap="medium")
    with left:
        _side(library, question.anchor_id, question.negative_id, question, "anchor", revealed=revealed)
    with middle:
        _side(library, question.negative_id, question.anchor_id, question, "negative", revealed=revealed)
    with right:
        _buttons(library, question)
    if revealed:
        st.caption(confirm_view.figures(question))


def _side(library: Library, id_: str, other: str, question: sk.CandidatePair, role: str, *, revealed: bool) -> None:
    """One image, large, above the images nearest to it."""
    hits = library.neighbours(Query(id_, id_), NEIGHBOURS + 1, None, leave_out_itself=True)
    hits = view_models.without(hits, other, NEIGHBOURS)
    small = library.index.thumbnails([hit.id for hit in hits])
    card = confirm_view.question_card(question, role, library.picture(id_), revealed=revealed)
    components.gallery([card], key=f"{role}_card", label=f"the {role}", card_width=200)
    components.gallery(
        confirm_view.neighbour_cards(hits, small, role),
        key=f"{role}_neighbours",
        label=f"nearest to the {role}",
        card_width=48,
    )


def _nothing_to_ask(others_look: bool) -> None:
    if not others_look:
        st.info("No pair is left to ask about here.")
        return
    st.info("The pairs that come next are before other people just now: try again shortly, some will be free then.")
    st.button("Try again", icon=":material/refresh:", key="try_again")


def _buttons(library: Library, question: sk.CandidatePair) -> None:
    for choice in CHOICES:
        if choice.verdict != WRONG_LABEL:
            _button(question, choice, answers.answer, library, question, choice.verdict)
        elif answers.is_asked_whose(question):
            for whose in WHOSE:
                known = question.anchor_label if whose.verdict == "anchor" else question.negative_label
                ask = answers.answer, library, question, WRONG_LABEL, whose.verdict
                _button(question, whose, *ask, disabled=known is None)
        else:
            _button(
                question,
                choice,
                answers.ask_whose,
                question,
                disabled=question.anchor_label is question.negative_label is None,
            )
    st.text_input("Why (optional)", key=answers.NOTE, placeholder="a note; Tab leaves this field")
    if answers.is_asked_whose(question):
        st.button(
            "Back",
            icon=":material/undo:",
            key="back",
            shortcut="u",
            width="stretch",
            on_click=answers.stop_asking_whose,
        )
    else:
        _undo(library)
    if answers.is_called_back():
        st.button("Back to the queue", key="back_to_queue", width="stretch", on_click=answers.back_to_queue)


def _button(
    question: sk.CandidatePair, choice: Choice, on_click: Callable[..., None], *args: object, disabled: bool = False
) -> None:
    st.button(
        choice.words,
        # The pair is in each key: a press that was meant for one pair can never be taken for an answer to the next.
        key=f"{choice.verdict} {confirm_view.key_of(question.pair)}",
        shortcut=choice.key,
        help=choice.meaning,
        width="stretch",
        disabled=disabled,
        on_click=on_click,
        args=args,
    )


def _undo(library: Library) -> None:
    pair = answers.last_of_mine()
    st.button(
        "Undo",
        icon=":material/undo:",
        key="undo",
        shortcut="u",
        width="stretch",
        disabled=pair is None,
        on_click=answers.undo,
        args=(library, pair),
    )


def _contradictions(library: Library, current: Mapping[Pair, sk.Verdict]) -> None:
    """Pairs that are called different though others join them: one of these answers must be wrong."""
    from samekind import grouped, joined_by

    found = sorted(grouped(current.values()).contradictions)
    if not found:
        return
    st.subheader("Contradictions", anchor=False)
    more = f" The first {MOST_CONTRADICTIONS} are shown." if len(found) > MOST_CONTRADICTIONS else ""
    st.caption(
        f"{counted(len(found), 'pair')} called different, though other answers join the two. "
        "In each row one answer must be wrong. Until it is given again that kind is left out: training neither joins its images nor keeps "
        f"apart the two that are called different. All other answers are used.{more}"
    )
    for pair in found[:MOST_CONTRADICTIONS]:
        pairs = [pair, *joined_by(current.values(), pair)]
        _answer_cards(
            library,
            [current[each] for each in pairs],
            key=f"contradiction {confirm_view.key_of(pair)}",
            label="answers that contradict each other",
            action="Answer again",
            on_pick=answers.again,
        )


def _use(library: Library) -> None:
    """What the answers are good for, once there are enough."""
    st.success("These answers are enough to learn from: they choose the next questions, and training can use them.")
    st.code(f"samekind train --corpus … --out artifacts/again --verdicts {library.index.path}", language="bash")


def _history(library: Library, current: Mapping[Pair, sk.Verdict]) -> None:
    if not current:
        return
    st.subheader("Last answers", anchor=False)
    _answer_cards(
        library,
        confirm_view.latest(current, HISTORY),
        key="history",
        label="last answers, newest first",
        action="Undo",
        on_pick=answers.undo,
    )


def _answer_cards(
    library: Library,
    verdicts: Sequence[sk.Verdict],
    *,
    key: str,
    label: str,
    action: str,
    on_pick: Callable[[Library, Pair], None],
) -> None:
    """Cards of answers; those about images that the index does not hold are left out."""
    asked = [(v, library.pool().about((v.anchor_sha256, v.negative_sha256))) for v in verdicts]
    known = [(verdict, question) for verdict, question in asked if question is not None]
    if not known:
        st.caption("They are about images that this index does not hold.")
        return
    thumbnails = library.index.thumbnails([id_ for _, q in known for id_ in (q.anchor_id, q.negative_id)])
    cards = [
        confirm_view.answer_card(verdict, question, thumbnails[2 * i : 2 * i + 2], action)
        for i, (verdict, question) in enumerate(known)
    ]
    components.gallery(
        cards, key=key, label=label, on_pick=lambda id_: on_pick(library, confirm_view.pair_of(id_)), card_width=170
    )


if __name__ == "__main__":
    main()
