"""Sentences of the page *False negatives*: the push under other settings, and the estimate without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samekind.core.text import counted, percent

if TYPE_CHECKING:
    import samekind as sk

WANTED_ANSWERS = 30
"""Answers that are asked for: an interval of about 18 points both ways."""


def push_sentence(mass: sk.GradientMass, k: int) -> str:
    """What the settings do to the push, beside how many of these negatives are false."""
    if mass.share is None:
        first = mass.by_rank[0]["pushed"]
        return f"The nearest image alone draws {percent(first)} of the push on the {k} nearest; {percent(1 / k)} if all drew alike."
    return (
        f"**{percent(mass.share)}** of the push on the {k} nearest hits same-class images; **{percent(mass.same_class)}** of them are of "
        f"the same class.{_left_out(mass)}"
    )


def _left_out(mass: sk.GradientMass) -> str:
    """What has no label, in a partly labelled corpus."""
    parts = [counted(mass.num_anchors_left_out, "anchor")] * bool(mass.num_anchors_left_out)
    parts += [counted(mass.num_negatives_left_out, "negative")] * bool(mass.num_negatives_left_out)
    return f" Left out, for want of a label: {' and '.join(parts)}." if parts else ""


def estimate_sentence(rate: sk.HardNegativeRate, depth: int) -> str:
    """The estimate with its interval, or how many answers are missing."""
    left_out = _not_told(rate)
    if rate.share is None or rate.low is None or rate.high is None:
        return f"{counted(rate.num_answers, 'answer')} so far; an estimate takes at least 10.{left_out}"
    return (
        f"Estimate: **{percent(rate.share, 0)} of the {depth} nearest are false**, with 95 % certainty {percent(rate.low, 0)} to "
        f"{percent(rate.high, 0)}, "
        f"by {counted(rate.num_answers, 'answer')} about a random sample ({rate.num_same:,} of the same kind).{left_out}"
    )


def _not_told(rate: sk.HardNegativeRate) -> str:
    """Pairs of the sample without an answer, by their reasons."""
    reasons = (
        (rate.num_unsure, "that nobody could tell"),
        (rate.num_wrong_label, "with a judgement on a label only"),
        (rate.num_contradicted, "with answers that contradict each other"),
    )
    told = [f"{counted(number, 'pair')} {why}" for number, why in reasons if number]
    return f" Left out: {', '.join(told)}." if told else ""
