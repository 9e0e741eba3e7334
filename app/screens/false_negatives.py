"""The page *False negatives*: how many of the hardest negatives show the anchor's own class, which ones, and since when.

The audit of a large corpus takes up to a minute. What does not need it (the epochs of training) is drawn first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models import audit_view
from samekind.app.view_models.audit_view import AuditView
from samekind.app.view_models.cards import plain
from samekind.app.widgets import anchors, opening, waiting
from samekind.core.text import counted

DEPTHS = (10, 20, 50)
TRAIN_ONLY, HEAT_MAP = "audit_train_only", "by_class"
SPACES = ("While training", "In the finished space")

WHAT_IT_IS = (
    "In contrastive training every other image serves as a negative, also those that show the **same class** as the anchor: these are "
    "**false negatives**, and they gather among the hardest negatives."
)
WITHOUT_LABELS = (
    "This corpus has no labels, so which of the negatives are false is unknown: rates, lift and classes stay unknown. "
    "The hardest negatives below are real all the same. For the figures, sort the images into "
    "`folder/<class>/<image>`, then train and index that folder."
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
    st.markdown(WHAT_IT_IS)
    above, training, below = st.container(), st.container(), st.container()
    with training:
        _training(library)
    with above:
        view = _audit(library)
        if view is not None:
            _figures(library, view)
    if view is not None:
        with below:
            _duplicates(view)
            for note in view.notes:
                st.caption(plain(note))


def _audit(library: Library) -> AuditView | None:
    """The audit, as deep and of what images as the sidebar says."""
    with st.sidebar:
        k = st.selectbox("Hardest negatives per anchor", DEPTHS, key="audit_depth", persist_state="session")
        if _num_untrained(library):
            st.toggle(
                "Training images only",
                key=TRAIN_ONLY,
                persist_state="session",
                help="Leaves out images that training never saw, as anchors and as negatives.",
            )
    return waiting.audit(library, k, "train" if _is_train_only(library) else None)


def _num_untrained(library: Library) -> int:
    """Images of other splits, where there is a split `train`."""
    splits = library.index.splits
    return len(splits) - splits.count("train") if "train" in library.splits else 0


def _is_train_only(library: Library) -> bool:
    return bool(_num_untrained(library) and st.session_state.get(TRAIN_ONLY))


def _figures(library: Library, view: AuditView) -> None:
    """The figures and the anchors; without labels the anchors and what cannot be known."""
    if not view.report.k:
        st.info("An index of one image has no negatives.")
        return
    if not view.labelled:
        st.info(WITHOUT_LABELS, icon=":material/label_off:")
        anchors.show(library, view)
        return
    _headline(library, view)
    anchors.show(library, view)
    _rates(view)


def _headline(library: Library, view: AuditView) -> None:
    """The five figures, beside those of training if it measured any."""
    found, met = audit_view.headline(view.report), audit_view.met_in_training(library.index.history())
    if not met:
        for column, figure in zip(st.columns(5), found, strict=True):
            column.metric(figure.name, figure.value, help=figure.meaning, border=True)
    else:
        for column, title, figures in zip(st.columns(2, gap="medium"), SPACES, (met, found), strict=True):
            with column:
                st.subheader(title, anchor=False)
                with st.container(horizontal=True):
                    for figure in figures:
                        st.metric(figure.name, figure.value, help=figure.meaning, border=True, width=150)
    if met or _num_untrained(library):
        st.caption(audit_view.spaces_sentence(bool(met), _num_untrained(library), _is_train_only(library)))


def _rates(view: AuditView) -> None:
    from samekind.app.view_models import charts

    report = view.report
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("By rank", anchor=False)
        st.caption(
            "How often the negative at each rank is false, against the base rate: what a random negative would be."
        )
        st.plotly_chart(
            charts.rate_by_rank(report.by_rank, report.base_rate), key="by_rank", config={"displayModeBar": False}
        )
    with right:
        st.subheader("By class", anchor=False)
        if not report.class_pairs["classes"]:
            st.caption("Left out: an image of several labels would be in several classes.")
            return
        classes, shares = report.class_shares()
        st.caption(
            "Per cent of the hardest negatives of a class that are of each class. The diagonal is false negatives."
            + " A click on a cell shows such pairs above." * (len(classes) <= charts.CLICKABLE_CLASSES)
        )
        st.plotly_chart(
            charts.class_heat_map(classes, shares, is_dark=st.context.theme.type == "dark"),
            key=HEAT_MAP,
            config={"displayModeBar": False},
            on_select=lambda: _cell_picked(classes),
            selection_mode="points",
        )


def _cell_picked(classes: Sequence[str]) -> None:
    """A click on a cell of the heat map chooses its pair of classes; a second one there takes nothing back."""
    points = st.session_state[HEAT_MAP]["selection"]["points"]
    if points:
        row, column = divmod(points[0]["point_index"], len(classes))
        anchors.show_pair(classes[row], classes[column])


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
    st.caption(audit_view.training_sentence(hold_out_by if quality is not None else None))
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
            "are. The page *Clean up* shows which of them are the same picture."
        )


if __name__ == "__main__":
    main()
