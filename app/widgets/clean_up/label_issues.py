"""Label errors one below the other: the image, what speaks for and against its label, and a button for each label it may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from samekind.app.state.labeling import cleaning_session
from samekind.app.state.labeling.cleaning_keys import LABELS
from samekind.app.state.library import Library
from samekind.app.view_models import curation_view
from samekind.app.view_models.cards import plain
from samekind.app.widgets.clean_up import keys
from samekind.app.widgets.gallery import gallery

if TYPE_CHECKING:
    import samekind as sk

KEYS = (
    "The framed one is answered by key: **1** is the suggested label, **2** the one it has, **3** to **9** others, **0** none of these; "
    "**U** takes the last answer back, **S** passes over the framed one."
)


def show(library: Library, issues: Sequence[sk.LabelIssue], thumbnails: Mapping[str, bytes]) -> None:
    """Draws a page of issues; the first open one, or the one that was chosen, is answered by keys."""
    current = cleaning_session.current_issue(library, issues)
    keys.show(library, LABELS, KEYS, current)
    with st.container(key="label_issues"):
        for issue in issues:
            with st.container(border=issue.id == current, key=f"issue {issue.id}"):
                _issue(library, issue, thumbnails, is_current=issue.id == current)


def _issue(library: Library, issue: sk.LabelIssue, thumbnails: Mapping[str, bytes], *, is_current: bool) -> None:
    left, middle, right = st.columns([1.2, 4, 1.3], gap="medium", vertical_alignment="center")
    with left:
        card = curation_view.issue_card(issue, thumbnails)
        gallery([card], key=f"label issue {issue.id}", label="the image", card_width=130)
    with middle:
        st.caption(plain(curation_view.reason_sentence(issue)))
        for key, cards, label in (
            ("evidence", curation_view.evidence_cards(issue, thumbnails), f"nearest {issue.suggested}"),
            ("label", curation_view.label_cards(issue, thumbnails), f"nearest {issue.label}"),
        ):
            if cards:
                gallery(cards, key=f"{key} {issue.id}", label=label, card_width=92, one_row=True)
    with right, st.container(key=f"decide {issue.id}"):
        if issue.reason == curation_view.EXACT:
            st.caption("Take one of the files out.")
        elif issue.confirmed is not None:
            _undo(library, issue)
        else:
            _main_answers(library, issue, has_keys=is_current)
    if is_current:
        _other_answers(library, issue)


def _undo(library: Library, issue: sk.LabelIssue) -> None:
    if issue.decided:
        st.caption(plain(f"Decided: {issue.decided}"))
    st.button(
        "Undo",
        icon=":material/undo:",
        key=f"undo {issue.id}",
        width="stretch",
        on_click=cleaning_session.take_back,
        args=(library, issue),
    )


def _main_answers(library: Library, issue: sk.LabelIssue, *, has_keys: bool) -> None:
    """The suggested label, the one it has, and that it is another one."""
    _button(library, issue, issue.suggested, f"suggested {issue.id}", "1" if has_keys else None, width="stretch")
    kept = f"{issue.label} is right"
    _button(
        library, issue, issue.label, f"right_label {issue.id}", "2" if has_keys else None, words=kept, width="stretch"
    )
    if not has_keys:
        st.button(
            "Another …",
            key=f"choose {issue.id}",
            width="stretch",
            on_click=cleaning_session.choose,
            args=(library, issue.id),
        )


def _other_answers(library: Library, issue: sk.LabelIssue) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for number, label in enumerate(issue.others, start=3):
            _button(library, issue, label, f"pick {number} {issue.id}", str(number))
        _button(library, issue, None, f"wrong_label {issue.id}", "0", words="None of these")
        shown = {issue.suggested, issue.label, *issue.others}
        if rest := [name for name in library.classes if name not in shown]:
            key = f"another {issue.id}"
            st.selectbox(
                "Another label",
                ["", *rest],
                format_func=plain_or_dash,
                key=key,
                width=180,
                label_visibility="collapsed",
                on_change=_picked,
                args=(library, issue, key),
            )


def plain_or_dash(name: str) -> str:
    """A class in a list of choices; the empty one says what the list is for."""
    from samekind.core.text import one_line

    return one_line(name) or "another label …"


def _picked(library: Library, issue: sk.LabelIssue, key: str) -> None:
    if chosen := st.session_state[key]:
        cleaning_session.pick(library, issue, chosen)


def _button(
    library: Library,
    issue: sk.LabelIssue,
    label: str | None,
    key: str,
    shortcut: str | None,
    *,
    words: str = "",
    **options: Any,
) -> None:
    st.button(
        plain(words or label or ""),
        key=key,
        shortcut=shortcut,
        on_click=cleaning_session.pick,
        args=(library, issue, label),
        **options,
    )
