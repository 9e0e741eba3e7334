"""The page *False negatives*: how many of the hardest negatives show the anchor's own class, which ones, and since when.

The audit of a large corpus takes up to a minute. What does not need it (the epochs of training) is drawn first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models import audit_view
from samekind.app.view_models.audit.terms import explained
from samekind.app.view_models.audit_view import AuditView, Figure
from samekind.app.view_models.cards import plain
from samekind.app.widgets import anchors, notices, opening, waiting
from samekind.app.widgets.audit import by_class, detectors, estimate, push
from samekind.core.text import counted

DEPTHS = (10, 20, 50)
TRAIN_ONLY = "audit_train_only"
DETAILS = ("By class", "Where the push goes", "By rank", "Detectors")
FIGURE_WIDTH = 165  # two of them side by side on a phone
SPACES = ("While training", "In the finished space")

WHAT_IT_IS = (
    "In contrastive training every other image serves as a negative, also those that show the **same class** as the anchor: these are "
    "**false negatives**, and they gather among the hardest negatives."
)
WITHOUT_LABELS = (
    "This corpus has no labels, so which of the negatives are false is unknown. Answers about a random sample give an estimate; for all "
    "figures, sort the images into `folder/<class>/<image>`, then index that folder."
)
WHAT_THE_BOUND_IS = (
    "**Mutual information between two views of an image, from below.** This is a bound and not an estimate: the views share at least "
    "about as much, and how much more it cannot tell. However much they share, it never exceeds the logarithm of the batch size, log K. "
    "Negatives of the anchor's own class do not bias it, and taking them out would make it no bound at all; what they harm is how the "
    "classes lie."
)


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    st.title("False negatives", anchor=False)
    st.markdown(WHAT_IT_IS, help=explained("anchor", "negative", "false negative", "hardest negatives"))
    # `st.empty`: the bar takes the place of the figures of another depth at once, instead of leaving them greyed until the audit ends.
    above, training, below = st.empty(), st.container(), st.container()
    with training:
        _training(library)
    k, split = _depth(library), "train" if _is_train_only(library) else None
    view = library.audit(k, split).result
    if view is None:
        with above:
            view = waiting.audit(library, k, split)
    if view is None:
        return
    with above.container():
        _figures(library, view)
    with below:
        _duplicates(view)
        for note in view.notes:
            st.caption(plain(note))


def _depth(library: Library) -> int:
    """Hardest negatives an anchor, as the sidebar says, where other splits can be left out, too."""
    with st.sidebar:
        k: int = st.selectbox("Hardest negatives per anchor", DEPTHS, key="audit_depth", persist_state="session")
        if _num_untrained(library):
            st.toggle(
                "Training images only",
                key=TRAIN_ONLY,
                persist_state="session",
                help="Leaves out images of other splits, as anchors and as negatives.",
            )
    return k


def _num_untrained(library: Library) -> int:
    """Images of other splits, where there is a split `train`."""
    splits = library.index.splits
    return len(splits) - splits.count("train") if "train" in library.splits else 0


def _is_train_only(library: Library) -> bool:
    return bool(_num_untrained(library) and st.session_state.get(TRAIN_ONLY))


def _figures(library: Library, view: AuditView) -> None:
    """The figures and the anchors; without labels the anchors, what cannot be known, and an estimate of it."""
    notices.own_space(library)
    if not view.report.k:
        of = "the only training image here" if view.report.split else "the only image of this index"
        st.info(f"{of[0].upper()}{of[1:]} has no negatives.")
        return
    if not view.labelled:
        st.info(WITHOUT_LABELS, icon=":material/label_off:")
        estimate.show(library, view)
        anchors.show(library, view)
        push.show(view)
        return
    _headline(library, view)
    anchors.show(library, view)
    _details(library, view)


def _headline(library: Library, view: AuditView) -> None:
    """The figures, beside those of training if it measured any."""
    found, met = audit_view.headline(view.report), audit_view.met_in_training(library.index.history())
    if not met:
        _metrics(found, "figures")
    else:
        columns = st.columns(2, gap="medium")
        for place, (column, title, figures) in enumerate(zip(columns, SPACES, (met, found), strict=True)):
            with column:
                st.subheader(title, anchor=False)
                _metrics(figures, f"figures_{place}")
    if met or _num_untrained(library):
        untrained = audit_view.others_words(_num_untrained(library), library.setting("objective") is not None)
        spaces = audit_view.spaces_sentence(bool(met), untrained, _is_train_only(library))
        st.caption(spaces, help=explained("finished space", "batch") if met else explained("finished space"))


def _metrics(figures: Sequence[Figure], key: str) -> None:
    """In rows that are as high as the highest of each: `page.css`, for Streamlit's own "stretch" is as high as all rows together."""
    with st.container(horizontal=True, key=key):
        for figure in figures:
            st.metric(figure.name, figure.value, help=figure.meaning, border=True, width=FIGURE_WIDTH)


def _details(library: Library, view: AuditView) -> None:
    """The rest in tabs: one below the other they would be a page of seven screens on a phone."""
    classes, pushed, ranks, detected = st.tabs(DETAILS)
    with classes:
        left, right = st.columns(2, gap="medium")
        with left:
            by_class.worst(view)
        with right:
            by_class.matrix(view)
    with pushed:
        push.show(view)
    with ranks:
        _ranks(view)
    with detected:
        detectors.show(library)


def _ranks(view: AuditView) -> None:
    from samekind.app.view_models import charts

    report = view.report
    st.caption(
        "How often the negative at each rank is false, against what a random negative would be (by chance).",
        help=explained("rank", "base rate"),
    )
    st.plotly_chart(
        charts.rate_by_rank(report.by_rank, report.base_rate), key="by_rank", config={"displayModeBar": False}
    )


def _training(library: Library) -> None:
    """Measurements of training over the epochs: false negatives that the objective really met, quality, and the bound.

    Of an unlabelled corpus the bound at most; the reason is given above.
    """
    history = library.index.history()
    if not library.classes and all(epoch.get("mi_bound") is None for epoch in history):
        return
    st.subheader("Over the epochs of training", anchor=False)
    if library.classes:
        _rates_and_quality(history, library.index.meta.get("training", {}).get("hold_out_by"))
    _bound(history)


def _rates_and_quality(history: Sequence[Mapping[str, Any]], hold_out_by: str | None) -> None:
    from samekind.app.view_models import charts

    rates, quality = charts.training_rates(history), charts.training_quality(history)
    if rates is None and quality is None:
        st.caption(
            "Training measured neither false negatives nor accuracy: it knew no labels, or this encoder was not trained here."
        )
        return
    held_out_by = hold_out_by if quality is not None else None
    st.caption(audit_view.training_sentence(held_out_by), help=explained("hold-out") if held_out_by else None)
    for column, figure, key in zip(
        st.columns(2, gap="medium"), (rates, quality), ("training_rates", "training_quality"), strict=True
    ):
        if figure is not None:
            column.plotly_chart(figure, key=key, config={"displayModeBar": False})


def _bound(history: Sequence[Mapping[str, Any]]) -> None:
    """The bound on mutual information, which needs no labels, and what it is not."""
    from samekind.app.view_models import charts

    figure = charts.training_bound(history)
    if figure is None:
        return
    left, right = st.columns(2, gap="medium", vertical_alignment="center")
    left.plotly_chart(figure, key="training_bound", config={"displayModeBar": False})
    right.markdown(WHAT_THE_BOUND_IS)


def _duplicates(view: AuditView) -> None:
    """Number of copies among the negatives; the pictures are on their own page."""
    count = view.report.num_duplicates
    if count:
        pairs = counted(count, "pair")
        st.caption(
            f"{pairs} of exact copies, or of images that the encoder can hardly tell apart, are among the negatives: the hardest there "
            "are. The page *Clean up* shows which of them are the same picture.",
            help=explained("exact duplicate"),
        )


if __name__ == "__main__":
    main()
