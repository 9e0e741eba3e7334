"""The page *Clean up*: label errors, duplicates and leaks with pictures, a button for each answer, and all as CSV files.

What an answer is stored as: `state/cleaning_session.py`. Nothing here changes a file of the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from samekind.app.state.labeling import cleaning_keys, cleaning_session, labeling_session
from samekind.app.state.library import Library
from samekind.app.view_models import copy_groups, curation_view, filters
from samekind.app.view_models.cards import plain
from samekind.app.widgets import notices, opening, waiting
from samekind.app.widgets.clean_up import duplicates, label_issues, threshold
from samekind.core.text import counted

LABELS, DUPLICATES, LEAKS = "Label errors", "Duplicates", "Leaks"
LABELS_A_PAGE, PAIRS_A_PAGE, GROUPS_A_PAGE = 6, 8, 5
NOTHING_IS_DELETED = "Nothing here changes or deletes a file: the CSV file says what was decided."
MANY_AT_ONCE = "Many at once"


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
    notices.own_space(library)
    if which == LABELS:
        _labels(library, hide)
    elif which == DUPLICATES:
        _duplicates(library, hide)
    else:
        _leaks(library, hide)


def _labels(library: Library, hide: bool) -> None:
    if reason := curation_view.no_labels_to_doubt(library.index):
        st.info(reason, icon=":material/label_off:")
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
        f"copy; {len(found.issues)} listed, the surest first. "
        f"{curation_view.precision_sentence(found, cleaning_session.unseen(library, found.issues))}".rstrip()
    )
    if weakness := curation_view.weakness(found):
        st.warning(weakness, icon=":material/warning:")
    _download("label-suspects.csv", found)
    if found.issues:
        with st.expander(MANY_AT_ONCE, icon=":material/bar_chart:"):
            threshold.show_labels(library, found.issues)
    shown = _page(curation_view.unanswered(found.issues) if hide else found.issues, LABELS_A_PAGE, "labels_page")
    label_issues.show(library, shown, _thumbnails(library, shown))


def _duplicates(library: Library, hide: bool) -> None:
    found = waiting.result(library.duplicates, "Comparing pictures; tens of thousands of images take a few minutes …")
    if found is None:
        return
    found = found.answered(library.index)
    if not found.num_pairs:
        st.info("No duplicates found.")
        return
    groups = copy_groups.grouped(found.pairs)
    st.markdown(copy_groups.groups_sentence(found, groups))
    _download("duplicates.csv", found)
    if any(pair.kind != "exact" for pair in found.pairs):
        with st.expander(MANY_AT_ONCE, icon=":material/bar_chart:"):
            threshold.show_pairs(library, found.pairs, cleaning_keys.DUPLICATES)
    listed = [group for group in groups if group.is_open] if hide else groups
    duplicates.show_groups(library, _page(listed, GROUPS_A_PAGE, "groups_page"))


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
    _download("leaks.csv", found)
    if any(pair.kind != "exact" for pair in found.pairs):
        with st.expander(MANY_AT_ONCE, icon=":material/bar_chart:"):
            threshold.show_pairs(library, found.pairs, cleaning_keys.LEAKS)
    shown = _page(curation_view.unanswered(found.pairs) if hide else found.pairs, PAIRS_A_PAGE, "pairs_page")
    duplicates.show_leaks(library, shown, _thumbnails(library, shown))


def _download(name: str, found: Any) -> None:
    """The list as a file, written whenever the page is drawn: writing it at the click lost clicks (docs/decisions/0040)."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download as CSV", found.to_csv(), name, "text/csv", icon=":material/download:", key=f"download {name}"
        )
        st.caption(NOTHING_IS_DELETED)
    for note in found.notes:
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


if __name__ == "__main__":
    main()
