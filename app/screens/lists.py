"""The page *Wrong labels & duplicates*: two lists with pictures, an answer a button, and both as CSV files.

An answer is a verdict on a pair. *The label is wrong* is `wrong_label` and *is right* is `different`, both with the suspect as anchor and
a neighbour of the suggested class as negative: of those shown the nearest about which nobody has said anything yet beside the suspect, so
that no earlier answer is replaced while there is one. Of two pictures *the same* is `duplicate`, *same kind* is `same` and *different
kinds* is `different`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from samekind.app import answers, components, lists_view, state, view_models, waiting
from samekind.app.answers import WITHDRAWN
from samekind.app.state import Library
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk

LABELS, DUPLICATES = "Wrong labels", "Duplicates"
LABEL_ANSWERS = (
    ("wrong_label", "Label is wrong", ":material/check:"),
    ("different", "Label is right", ":material/close:"),
)
PICTURE_ANSWERS = (
    ("duplicate", "Same picture", ":material/check:"),
    ("same", "Same kind only", ":material/category:"),
    ("different", "Different kinds", ":material/close:"),
)
LABELS_A_PAGE, PAIRS_A_PAGE = 6, 12
# Verdicts that decide a list's entry whichever of the two is the anchor; `wrong_label` is the anchor's alone. (No string: Streamlit would
# write it on the page.)
DECIDING = {"wrong_label": ("different",), "duplicate": ("duplicate", "same", "different")}


def main() -> None:
    """Draws the page."""
    library = state.library_or_stop()
    st.title("Wrong labels & duplicates", anchor=False)
    if told := answers.failure():
        components.failure(*told)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.segmented_control(
            "List",
            [LABELS, DUPLICATES],
            default=LABELS if library.classes else DUPLICATES,
            required=True,
            key="which_list",
            persist_state="session",
        )
        hide = st.toggle("Only what nobody has answered", value=False, key="hide_answered", persist_state="session")
    if which == LABELS:
        _labels(library, hide)
    else:
        _duplicates(library, hide)


def _labels(library: Library, hide: bool) -> None:
    if not library.classes:
        st.info("This corpus has no labels, so none can be wrong. Duplicates need none.", icon=":material/label_off:")
        return
    found = waiting.result(
        library.label_issues, "Asking every image's neighbours; tens of thousands of images take a minute or two …"
    )
    if found is None:
        return
    found = found.answered(library.index)
    judged, many = counted(found.num_judged, "label"), found.num_suspects
    st.markdown(
        "Each image's neighbours vote on its class, the nearest with most weight. "
        f"Of {judged} **{many:,}** {'stands' if many == 1 else 'stand'} against the votes; "
        f"{len(found.suspects)} listed, the most suspicious first."
    )
    _download("label-suspects.csv", found.to_csv(), found.notes)
    shown = _page(lists_view.unanswered(found.suspects) if hide else found.suspects, LABELS_A_PAGE, "labels_page")
    thumbnails = _thumbnails(library, shown)
    with st.container(key="suspects"):
        for suspect in shown:
            _suspect(library, suspect, thumbnails)


def _suspect(library: Library, suspect: sk.LabelIssue, thumbnails: Mapping[str, bytes]) -> None:
    left, middle, right = st.columns([1.2, 4, 1.3], gap="medium", vertical_alignment="center")
    with left:
        card = lists_view.suspect_card(suspect, thumbnails)
        components.gallery([card], key=f"suspect {suspect.id}", label="the suspect", card_width=130)
    with middle:
        st.caption(view_models.plain(lists_view.votes_sentence(suspect)))
        cards = lists_view.evidence_cards(suspect, thumbnails)
        components.gallery(cards, key=f"evidence {suspect.id}", label="its neighbours", card_width=92)
    with right:
        _answers(library, suspect.id, suspect.neighbours, suspect.confirmed, LABEL_ANSWERS)


def _duplicates(library: Library, hide: bool) -> None:
    found = waiting.result(library.duplicates, "Comparing pictures; tens of thousands of images take a few minutes …")
    if found is None:
        return
    found = found.answered(library.index)
    if not found.num_pairs:
        st.info("No picture is in this corpus twice.")
        return
    pairs = counted(found.num_pairs, "pair")
    st.markdown(f"**{pairs}** of the same picture or nearly, {len(found.pairs)} listed, the surest first.")
    _download("duplicates.csv", found.to_csv(), found.notes)
    shown = _page(lists_view.unanswered(found.pairs) if hide else found.pairs, PAIRS_A_PAGE, "pairs_page")
    thumbnails = _thumbnails(library, shown)
    if not shown:
        return
    with st.container(key="pairs"):
        for column, pair in zip(st.columns(len(shown)), shown, strict=True):  # page.css has as many a row as fit
            with column:
                _pair(library, pair, thumbnails)


def _pair(library: Library, pair: sk.Duplicate, thumbnails: Mapping[str, bytes]) -> None:
    card = lists_view.duplicate_card(pair, thumbnails)
    components.gallery([card], key=f"pair {card.id}", label="a pair", card_width=208)
    if pair.kind == "near":
        with st.container(key=f"answers {card.id}", gap="xsmall"):
            _answers(library, pair.a, (pair.b,), pair.confirmed, PICTURE_ANSWERS)


def _download(name: str, text: str, notes: Sequence[str]) -> None:
    st.download_button("Download as CSV", text, name, "text/csv", icon=":material/download:", key=f"download {name}")
    for note in notes:
        st.caption(view_models.plain(note))


def _page(entries: Sequence[Any], size: int, key: str) -> Sequence[Any]:
    if not entries:
        st.info("Nothing is left to answer." if st.session_state.get("hide_answered") else "Nothing is suspected.")
        return []
    pages = view_models.num_pages(len(entries), size)
    number = st.pagination(pages, key=key, persist_state="session") if pages > 1 else 1
    shown = view_models.page(range(len(entries)), number, size)
    return [entries[i] for i in shown]


def _thumbnails(library: Library, shown: Sequence[Any]) -> dict[str, bytes]:
    ids = list(dict.fromkeys(id_ for entry in shown for id_ in lists_view.pictured(entry)))
    return dict(zip(ids, library.index.thumbnails(ids), strict=True))


def _answers(
    library: Library,
    anchor: str,
    others: Sequence[str],
    confirmed: bool | None,
    choices: Sequence[tuple[str, str, str]],
) -> None:
    """The buttons, or after an answer the one that takes it back."""
    if confirmed is not None:
        key = f"undo {anchor} {others[0]}"
        options: dict[str, Any] = {"on_click": _take_back, "args": (library, anchor, others, choices[0][0])}
        st.button("Undo", icon=":material/undo:", key=key, width="stretch", **options)
        return
    for verdict, words, icon in choices:
        key = f"{verdict} {anchor} {others[0]}"
        st.button(words, icon=icon, key=key, width="stretch", on_click=_say, args=(library, anchor, others, verdict))


def _say(library: Library, anchor: str, others: Sequence[str], verdict: str) -> None:
    """Records a verdict on the image beside one of the others."""
    own, *rest = _contents(library, anchor, others[: lists_view.EVIDENCE_SHOWN])
    answers.add(library, [(own, lists_view.beside(own, rest, library.verdicts.current()), verdict)])


def _take_back(library: Library, anchor: str, others: Sequence[str], yes: str) -> None:
    """Withdraws whatever decided: it may be about another neighbour, or have been said on *Confirm*."""
    own, *rest = _contents(library, anchor, others)
    deciding = [
        said
        for said in library.verdicts.current().values()
        if (said.verdict in DECIDING[yes] and own in said.pair and set(said.pair) & set(rest))
        or (said.verdict == yes == "wrong_label" and said.anchor_sha256 == own)
    ]
    answers.add(library, [(said.anchor_sha256, said.negative_sha256, WITHDRAWN) for said in deciding])


def _contents(library: Library, anchor: str, others: Sequence[str]) -> list[str]:
    return [library.index.row(id_)["sha256"] for id_ in (anchor, *others)]


if __name__ == "__main__":
    main()
