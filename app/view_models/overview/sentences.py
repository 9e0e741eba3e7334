"""Sentences of the page *Overview*: what was measured, what to be careful with, and an anchor in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from samekind.app.view_models.audit_view import AuditView, Negative
from samekind.app.view_models.cards import plain
from samekind.core.text import percent, times

if TYPE_CHECKING:
    import samekind as sk

FEW_STEPS = 500
"""Steps below which an encoder that began with random weights has hardly learned anything."""
UNLABELLED = (
    "Its images have no labels, so how often the nearest other image is of the same class is unknown. What follows is real all the "
    "same, and answers under *Same or different?* tell how many of the hardest negatives are false."
)


def measured(view: AuditView) -> str:
    """How often the nearest other image is of the same class, beside chance; of an unlabelled corpus, what is known."""
    report = view.report
    if not view.labelled:
        return UNLABELLED
    nearest = report.by_rank[0]["false_negative_rate"]
    chance = percent(report.base_rate, 0)
    text = (
        f"The nearest other image is of the same class for **{percent(nearest, 0)}**; by chance it would be {chance}."
    )
    if report.lift is None:
        return text
    share = (report.gradient_share or {}).get("false_negatives")
    push = f", and {percent(share, 0)} of the push hits them" if share is not None else ""
    return f"{text} Among the {report.k} hardest negatives same-class images are **{times(report.lift)}** as frequent as by chance{push}."


def weakness(view: AuditView, card: sk.RunCard, beside: sk.BesidePixels | None) -> str:
    """Why what follows may say little, in a sentence; empty if nothing speaks against it.

    Args:
        view: the audit.
        card: facts about the run.
        beside: the encoder beside raw pixels; `None` where that is unknown.
    """
    if card.is_collapsed:
        return "The encoder has collapsed: its features use next to no directions, so images are hardly told apart."
    nearest, chance = view.report.by_rank[0]["false_negative_rate"], view.report.base_rate
    if nearest is not None and chance is not None and nearest <= chance:
        return "The encoder finds the class no better than chance does. What follows says nothing about classes."
    if beside is not None and beside.encoder <= beside.pixels:
        return (
            "The encoder finds the class no better than raw pixels do: among "
            f"{beside.num_images:,} images the nearest is of the same class for {percent(beside.encoder, 0)}, by pixels for "
            f"{percent(beside.pixels, 0)}. Take what follows as a trial, and train longer or index with a pretrained encoder."
        )
    if card.steps is not None and card.steps < FEW_STEPS and not card.is_pretrained:
        return (
            f"The encoder has hardly been trained: {card.steps:,} steps from random weights. Take what follows as a trial, and train "
            "longer or index with a pretrained encoder."
        )
    return ""


def anchor_words(label: str | None, negatives: Sequence[Negative], base_rate: float | None) -> str:
    """An anchor's hardest negatives in plain words, as Markdown."""
    count = len(negatives)
    text = (
        f"When this picture is the anchor, training pushes these {count} away hardest, because they look most like it."
    )
    known = [negative for negative in negatives if negative.false is not None]
    if label is None or not known or base_rate is None:
        return f"{text} Which of them are false negatives nobody has told yet."
    false = sum(bool(negative.false) for negative in known)
    verb = "is" if false == 1 else "are"
    chance = f"{base_rate * len(known):.1f}"
    return (
        f"{text} **{false} of {len(known)}** {verb} of its own class, {plain(label)}: false negatives. Among as many drawn by chance it "
        f"would be {chance}."
    )
