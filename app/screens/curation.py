"""The page *Clean up*: three lists with pictures, a button for each answer, and all as CSV files.

*The label is wrong* is the verdict `wrong_label` with the image as anchor and a neighbour of the suggested class as negative: of those
shown the nearest that has no verdict beside the image yet, so that no earlier verdict is replaced while there is one. *Is right* is
`right_label`, about the image alone: it says nothing of any pair. Of near copies with different labels one is wrong, so that *is right*
is `wrong_label` with the copy as anchor. The verdict on the two copies as a pair is left to the list of duplicates, as far as it can be.
Files of equal content cannot be told apart by a verdict, and have no buttons. Of two pictures
*the same* is `duplicate`, *same kind* is `same` and *different kinds* is `different`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from samekind.app.state import labeling_session
from samekind.app.state.labeling_session import WITHDRAWN
from samekind.app.state.library import Library
from samekind.app.view_models import copy_groups, curation_view, filters
from samekind.app.view_models.cards import plain
from samekind.app.view_models.copy_groups import CopyGroup
from samekind.app.widgets import notices, opening, waiting
from samekind.app.widgets.gallery import gallery
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk

LABELS, DUPLICATES, LEAKS = "Label errors", "Duplicates", "Leaks"
LABEL_ANSWERS = (
    ("wrong_label", "Label is wrong", ":material/check:"),
    ("right_label", "Label is right", ":material/close:"),
)
COPY_ANSWERS = (LABEL_ANSWERS[0], ("copy_wrong", "Label is right", ":material/close:"))
PICTURE_ANSWERS = (
    ("duplicate", "Same picture", ":material/check:"),
    ("same", "Same kind only", ":material/category:"),
    ("different", "Different kinds", ":material/close:"),
)
LABELS_A_PAGE, PAIRS_A_PAGE, GROUPS_A_PAGE = 6, 8, 5
# Verdicts that decide a list's entry whichever of the two is the anchor; `wrong_label` is the anchor's alone. (No string: Streamlit would
# write it on the page.)
DECIDING = {"wrong_label": ("different",), "duplicate": ("duplicate", "same", "different")}


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    st.title("Clean up", anchor=False)
    if failure := labeling_session.pop_failure():
        notices.failure(*failure)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.segmented_control(
            "List",
            [LABELS, DUPLICATES, LEAKS],
            default=LABELS if library.classes else DUPLICATES,
            required=True,
            key="which_list",
            persist_state="session",
        )
        hide = st.toggle("Hide answered", value=False, key="hide_answered", persist_state="session")
    if which == LABELS:
        _labels(library, hide)
    elif which == DUPLICATES:
        _duplicates(library, hide)
    else:
        _leaks(library, hide)


def _labels(library: Library, hide: bool) -> None:
    if not library.classes:
        st.info("This corpus has no labels, so none can be wrong. Duplicates need none.", icon=":material/label_off:")
        return
    found = waiting.result(
        library.label_issues, "Predicting every label; tens of thousands of images take a minute or two …"
    )
    if found is None:
        return
    found = found.answered(library.index)
    labels, many = counted(found.num_evaluated, "label"), found.num_issues
    st.markdown(
        "Two copies with different labels cannot both be right; apart from that, each image's class is predicted from the others. "
        f"Of {labels} **{many:,}** {'is' if many == 1 else 'are'} in doubt, **{found.num_conflicts:,}** of them for a "
        f"copy; {len(found.issues)} listed, the surest first. {curation_view.precision_sentence(found)}".rstrip()
    )
    if weakness := curation_view.weakness(found):
        st.warning(weakness, icon=":material/warning:")
    _download("label-suspects.csv", found.to_csv(), found.notes)
    shown = _page(curation_view.unanswered(found.issues) if hide else found.issues, LABELS_A_PAGE, "labels_page")
    thumbnails = _thumbnails(library, shown)
    with st.container(key="label_issues"):
        for issue in shown:
            _label_issue(library, issue, thumbnails)


def _label_issue(library: Library, issue: sk.LabelIssue, thumbnails: Mapping[str, bytes]) -> None:
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
                gallery(cards, key=f"{key} {issue.id}", label=label, card_width=92)
    with right:
        if issue.reason == curation_view.EXACT:
            st.caption("Take one of the files out.")
        else:
            others = tuple(dict.fromkeys([*issue.copies, *issue.neighbours]))
            choices = COPY_ANSWERS if issue.copies else LABEL_ANSWERS
            _answers(library, issue.id, others, issue.confirmed, choices, issue.copies)


def _duplicates(library: Library, hide: bool) -> None:
    found = waiting.result(library.duplicates, "Comparing pictures; tens of thousands of images take a few minutes …")
    if found is None:
        return
    found = found.answered(library.index)
    if not found.num_pairs:
        st.info("No picture is in this corpus twice.")
        return
    groups = copy_groups.grouped(found.pairs)
    st.markdown(copy_groups.groups_sentence(found, groups))
    _download("duplicates.csv", found.to_csv(), found.notes)
    _groups(library, [group for group in groups if group.is_open] if hide else groups)


def _leaks(library: Library, hide: bool) -> None:
    found = waiting.result(library.leaks, "Comparing the splits; tens of thousands of images take a few minutes …")
    if found is None:
        return
    found = found.answered(library.index)
    if not found.num_pairs:
        st.info("No picture of the training split is in another split, too.")
        return
    pairs = counted(found.num_pairs, "pair")
    st.markdown(
        f"**{pairs}** of a training image and one of another split, the same picture or nearly, {len(found.pairs)} listed: "
        "true ones are leaks, which make accuracy too good."
    )
    _download("leaks.csv", found.to_csv(), found.notes)
    shown = _page(curation_view.unanswered(found.pairs) if hide else found.pairs, PAIRS_A_PAGE, "pairs_page")
    _pairs(library, shown, _thumbnails(library, shown))


def _groups(library: Library, groups: Sequence[CopyGroup]) -> None:
    """A page of groups: those of more than two images one above the other, then the pairs side by side."""
    shown = _page(groups, GROUPS_A_PAGE, "groups_page")
    ids = list(dict.fromkeys(id_ for group in shown for id_ in group.images[: copy_groups.IMAGES_SHOWN]))
    thumbnails = dict(zip(ids, library.index.thumbnails(ids), strict=True))
    for group in shown:
        if len(group.images) > 2:
            _group(library, group, thumbnails)
    _pairs(library, [group.pairs[0] for group in shown if len(group.images) == 2], thumbnails)


def _group(library: Library, group: CopyGroup, thumbnails: Mapping[str, bytes]) -> None:
    key = group.images[0]
    with st.container(border=True):
        st.caption(copy_groups.group_heading(group))
        gallery(copy_groups.group_cards(group, thumbnails), key=f"group {key}", label="copies", card_width=84)
        if not group.near:
            return
        with st.container(horizontal=True, key=f"answers group {key}"):
            choices = [(verdict, words, icon) for verdict, words, icon in PICTURE_ANSWERS if group.is_open]
            for verdict, words, icon in choices or [(WITHDRAWN, "Undo", ":material/undo:")]:
                st.button(
                    f"All: {words.lower()}" if choices else words,
                    icon=icon,
                    key=f"{verdict} group {key}",
                    on_click=_answer_group,
                    args=(library, group, verdict),
                )


def _answer_group(library: Library, group: CopyGroup, verdict: str) -> None:
    """One verdict for each near pair of a group; those that have one keep it, unless all are taken back."""
    if verdict == WITHDRAWN:
        for pair in group.near:
            _take_back(library, pair.a, (pair.b,), PICTURE_ANSWERS)
        return
    pairs = [_contents(library, pair.a, (pair.b,)) for pair in group.near if pair.confirmed is None]
    labeling_session.record(library, list(dict.fromkeys((own, other, verdict) for own, other in pairs)))


def _pairs(library: Library, shown: Sequence[sk.Duplicate], thumbnails: Mapping[str, bytes]) -> None:
    if not shown:
        return
    with st.container(key="duplicates"):
        for column, pair in zip(st.columns(len(shown)), shown, strict=True):  # page.css puts in a row what fits
            with column:
                _pair(library, pair, thumbnails)


def _pair(library: Library, pair: sk.Duplicate, thumbnails: Mapping[str, bytes]) -> None:
    card = curation_view.duplicate_card(pair, thumbnails)
    gallery([card], key=f"pair {card.id}", label="a pair", card_width=208)
    if pair.kind == "near":
        with st.container(key=f"answers {card.id}", gap="xsmall"):
            _answers(library, pair.a, (pair.b,), pair.confirmed, PICTURE_ANSWERS)


def _download(name: str, text: str, notes: Sequence[str]) -> None:
    st.download_button("Download as CSV", text, name, "text/csv", icon=":material/download:", key=f"download {name}")
    for note in notes:
        st.caption(plain(note))


def _page(entries: Sequence[Any], size: int, key: str) -> Sequence[Any]:
    if not entries:
        st.info("Nothing is left to answer." if st.session_state.get("hide_answered") else "Nothing is suspected.")
        return []
    pages = filters.num_pages(len(entries), size)
    number = st.pagination(pages, key=key, persist_state="session") if pages > 1 else 1
    shown = filters.page(range(len(entries)), number, size)
    return [entries[i] for i in shown]


def _thumbnails(library: Library, shown: Sequence[Any]) -> dict[str, bytes]:
    ids = list(dict.fromkeys(id_ for entry in shown for id_ in curation_view.pictured(entry)))
    return dict(zip(ids, library.index.thumbnails(ids), strict=True))


def _answers(
    library: Library,
    anchor: str,
    others: Sequence[str],
    confirmed: bool | None,
    choices: Sequence[tuple[str, str, str]],
    copies: Sequence[str] = (),
) -> None:
    """The buttons, or after an answer the one that takes it back. `copies` are those of the others that have another label."""
    if confirmed is not None:
        key = f"undo {anchor} {others[0]}"
        options: dict[str, Any] = {"on_click": _take_back, "args": (library, anchor, others, choices, copies)}
        st.button("Undo", icon=":material/undo:", key=key, width="stretch", **options)
        return
    for verdict, words, icon in choices:
        key = f"{verdict} {anchor} {others[0]}"
        options = {"on_click": _annotate, "args": (library, anchor, others, verdict, copies)}
        st.button(words, icon=icon, key=key, width="stretch", **options)


def _annotate(library: Library, anchor: str, others: Sequence[str], verdict: str, copies: Sequence[str]) -> None:
    """Records a verdict on the image, or on its copy, beside one of the others that are shown: beside each other only if need be."""
    if verdict == "right_label":
        (own,) = _contents(library, anchor, ())
        labeling_session.record(library, [(own, own, verdict)])
        return
    beside = [id_ for id_ in others if id_ not in copies][: curation_view.EVIDENCE_SHOWN - len(copies[:1])]
    about, last = (copies[0], [anchor]) if verdict == "copy_wrong" else (anchor, copies[:1])
    own, *rest = _contents(library, about, (*beside, *last))
    rest = [other for other in rest if other != own]  # a neighbour may be a file equal to the copy
    negative = curation_view.negative_for(own, rest, library.verdicts.current())
    labeling_session.record(library, [(own, negative, "wrong_label" if verdict == "copy_wrong" else verdict)])


def _take_back(
    library: Library,
    anchor: str,
    others: Sequence[str],
    choices: Sequence[tuple[str, str, str]],
    copies: Sequence[str] = (),
) -> None:
    """Withdraws whatever decided: it may be about another neighbour, or have come from *Same or different?*."""
    own, *rest = _contents(library, anchor, others)
    yes, anchors = choices[0][0], {*_contents(library, anchor, copies)}
    deciding = [
        verdict
        for verdict in library.verdicts.current().values()
        if (verdict.verdict in DECIDING[yes] and own in verdict.pair and set(verdict.pair) & set(rest))
        or (verdict.verdict == yes == "wrong_label" and verdict.anchor_sha256 in anchors)
    ]
    if yes == "wrong_label" and own in (right := library.verdicts.right_labels()):
        deciding.append(right[own])
    labeling_session.record(library, [(each.anchor_sha256, each.negative_sha256, WITHDRAWN) for each in deciding])


def _contents(library: Library, anchor: str, others: Sequence[str]) -> list[str]:
    return [library.index.row(id_)["sha256"] for id_ in (anchor, *others)]


if __name__ == "__main__":
    main()
