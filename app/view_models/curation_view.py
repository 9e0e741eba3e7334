"""The page *Clean up*: cards and words of both lists, and the verdict that each answer becomes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from samekind.app.view_models.cards import Badge, Card, Picture, alt_text, data_uri, plain
from samekind.app.view_models.pairs import Pair
from samekind.core.intervals import wilson
from samekind.core.text import counted, percent

if TYPE_CHECKING:
    import samekind as sk

EVIDENCE_SHOWN = 5
FULL_AGREEMENT = 0.9995
"""Agreement of pixels that reads 1.000."""
USUAL_ERRORS = 0.033
"""Share of wrong labels, on average over ten well-known test sets (arXiv 2103.14749)."""
MOST_TELLING = 0.5
"""A bound above this on the share of wrong labels in the list says nothing that the note on the encoder does not say better."""
WEAK = 0.6
"""Agreement of predictions and labels below which at most one in twelve disagreements is a usual wrong label."""
EXACT, NEAR = "exact_copy", "near_copy"
_COPY_BADGES = {EXACT: "EXACT COPY", NEAR: "NEAR COPY"}
ANSWERED = {True: "confirmed", False: "dismissed"}
Listed = TypeVar("Listed", "sk.LabelIssue", "sk.Duplicate")


def issue_card(issue: sk.LabelIssue, thumbnails: Mapping[str, bytes]) -> Card:
    """The image: the label that it has and the one that its copies or the other images suggest."""
    return Card(
        issue.id,
        (Picture(data_uri(thumbnails[issue.id]), alt_text(issue.id, issue.label)),),
        heading=f"{issue.label} → {issue.suggested}?",
        lines=(f"suspicion {issue.score:.3f}", issue.id),
        badges=(
            *(Badge(text, "false") for reason, text in _COPY_BADGES.items() if reason == issue.reason),
            *_badges(issue.confirmed),
        ),
        tone="chosen",
    )


def evidence_cards(issue: sk.LabelIssue, thumbnails: Mapping[str, bytes]) -> list[Card]:
    """The copies with another label, or the nearest images of the suggested class."""
    return [
        Card(
            id_,
            (Picture(data_uri(thumbnails[id_]), alt_text(id_, issue.suggested)),),
            heading=issue.suggested,
            lines=(id_,),
        )
        for id_ in evidence(issue)
    ]


def label_cards(issue: sk.LabelIssue, thumbnails: Mapping[str, bytes]) -> list[Card]:
    """The nearest images of the class that the label says: what speaks for it."""
    return [
        Card(id_, (Picture(data_uri(thumbnails[id_]), alt_text(id_, issue.label)),), heading=issue.label, lines=(id_,))
        for id_ in issue.label_neighbours[:EVIDENCE_SHOWN]
    ]


def issue_words(issue: sk.LabelIssue) -> str:
    """A label issue in a few words."""
    return f"{issue.label} → {issue.suggested}? ({issue.id})"


def pairs_words(pairs: Sequence[sk.Duplicate]) -> str:
    """One pair by its images, or how many there are."""
    return f"{pairs[0].a} and {pairs[0].b}" if len(pairs) == 1 else counted(len(pairs), "pair")


def precision_sentence(found: sk.LabelIssues, unseen: Collection[str] = ()) -> str:
    """How many of the listed labels can be expected to be wrong: by the answers so far, or without any by what is usual.

    Without answers it is an upper bound: as many wrong labels as well-known test sets have, all of them listed. Copies with different
    labels stay out, since of those one is wrong anyway.

    Args:
        found: the list with its answers.
        unseen: ids of issues that were answered without looking, which says nothing about how many are wrong.
    """
    looked_at = [issue for issue in found.issues if issue.reason not in (EXACT, NEAR) and issue.id not in unseen]
    answers = [issue.confirmed for issue in looked_at if issue.confirmed is not None]
    if answers:
        wrong, total = sum(answers), len(answers)
        low, high = wilson(wrong, total)
        return (
            f"Of {counted(total, 'answered one')} {wrong} had a wrong label: {percent(wrong / total, 0)}, with 95 % certainty "
            f"{percent(low, 0)} to {percent(high, 0)} of labels as sure as these."
        )
    listed = found.num_issues - found.num_conflicts
    if not listed:
        return ""
    most = USUAL_ERRORS * found.num_evaluated / listed
    if most > MOST_TELLING:
        return ""
    return (
        f"Expect at most {percent(most, 0)} of them to be wrong labels: well-known test sets have {percent(USUAL_ERRORS)} wrong ones, "
        f"and with as many here, all of them listed, the rest of the {listed:,} are mistakes of the encoder."
    )


def no_labels_to_doubt(index: sk.Index) -> str:
    """Why no label of an index can be called wrong, in a sentence; empty if it can be tried. `Index.label_issues` refuses these."""
    classes = index.classes
    if not classes:
        return "This corpus has no labels, so none can be wrong. Duplicates need none."
    if index.label_rule == "any":
        return "Images that share one of their labels are of the same class here (any), so no label stands against another."
    if len(classes) > 1:
        return ""
    labelled = sum(label is not None for label in index.labels or [])
    if labelled == 1:
        return "Only one image has a label. To doubt it takes images of another class."
    return plain(f"All {labelled:,} labels are {classes[0]}. To doubt one takes images of another class.")


def weakness(found: sk.LabelIssues) -> str:
    """A warning where the encoder is too weak for the list to mean anything; empty otherwise."""
    if found.agreement >= WEAK:
        return ""
    return (
        f"The encoder is too weak for this list: predicted from the other images, only {percent(found.agreement, 0)} of the labels come "
        "out as they are. Index the corpus with a stronger encoder first (`samekind index --encoder lite0`)."
    )


def evidence(issue: sk.LabelIssue) -> list[str]:
    """Ids of the images shown beside an issue, the strongest evidence first."""
    return list(dict.fromkeys([*issue.copies[:1], *issue.neighbours]))[:EVIDENCE_SHOWN]


def reason_sentence(issue: sk.LabelIssue) -> str:
    """What speaks against the label: a copy with another one, and how probable both classes are."""
    file = "The very same file is" if issue.reason == EXACT else "The same picture is"
    conflict = f"{file} also filed as {issue.suggested}: one of the two is wrong. " if issue.copies else ""
    return conflict + (
        f"By the other images it is {issue.suggested} with {percent(issue.suggested_share, 0)}, "
        f"{issue.label} with {percent(issue.label_share, 0)}."
    )


def pair_id(pair: sk.Duplicate) -> str:
    """Names a pair among the cards of a page."""
    return f"{pair.a} {pair.b}"


def duplicate_card(pair: sk.Duplicate, thumbnails: Mapping[str, bytes]) -> Card:
    """A pair, its two pictures side by side; labels that differ are marked."""
    pictures = tuple(
        Picture(data_uri(thumbnails[id_]), alt_text(id_, label))
        for id_, label in ((pair.a, pair.a_label), (pair.b, pair.b_label))
    )
    names = (f"{pair.a}{_label(pair.a_label)}", f"{pair.b}{_label(pair.b_label)}")
    heading, agreement = _likeness(pair)
    badges = (*_disagreement(pair), *_crossing(pair), *_badges(pair.confirmed))
    return Card(pair_id(pair), pictures, heading, (agreement, *names), badges)


def pictured(listed: sk.LabelIssue | sk.Duplicate) -> list[str]:
    """Ids of the images that one entry shows."""
    from samekind import LabelIssue

    if isinstance(listed, LabelIssue):
        return [listed.id, *evidence(listed), *listed.label_neighbours[:EVIDENCE_SHOWN]]
    return [listed.a, listed.b]


def unanswered(entries: tuple[Listed, ...]) -> list[Listed]:
    """The entries without an answer; a pair of equal content needs none and stays out."""
    return [entry for entry in entries if entry.confirmed is None and getattr(entry, "kind", "near") != "exact"]


def negative_for(own: str, others: Sequence[str], current: Mapping[Pair, sk.Verdict]) -> str:
    """The one of the others that a verdict on an image is recorded with: the first without a verdict beside this image.

    A later verdict on a pair replaces an earlier one, which would be lost. If all have one, it is the first of them.

    Args:
        own: content hash of the image.
        others: those of the others, nearest first.
        current: the present verdict on each pair.
    """
    untouched = (other for other in others if (min(own, other), max(own, other)) not in current)
    return next(untouched, others[0])


def _label(label: str | None) -> str:
    return "" if label is None else f" ({label})"


def _likeness(pair: sk.Duplicate) -> tuple[str, str]:
    """What kind of copy a pair is, and how well the two agree. What agrees fully is not called *near*: it may be saved again."""
    if pair.kind == "exact":
        return "exact copy", "equal files"
    if pair.score >= FULL_AGREEMENT:
        return "same picture, other file", "pixels agree > 0.999"
    return "near copy", f"pixels agree {pair.score:.3f}"


def _crossing(pair: sk.Duplicate) -> tuple[Badge, ...]:
    """Splits of the two, where they differ."""
    return (Badge(f"{pair.a_split} / {pair.b_split}".upper(), "false"),) if pair.a_split != pair.b_split else ()


def _disagreement(pair: sk.Duplicate) -> tuple[Badge, ...]:
    differ = pair.a_label is not None and pair.b_label is not None and pair.a_label != pair.b_label
    return (Badge("LABELS DIFFER", "false"),) if differ else ()


def _badges(confirmed: bool | None) -> tuple[Badge, ...]:
    return () if confirmed is None else (Badge(ANSWERED[confirmed], "same" if confirmed else "neutral"),)
