"""Notes: sentences that a reader must know, each with a code that programs go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from samekind.data.types.same_class import ANY, rule_of


class NoteCode(StrEnum):
    """Reasons for a note of an audit or of a curation table."""

    ALL_ANCHORS = "all_anchors"
    SAMPLED_ANCHORS = "sampled_anchors"
    ALL_NEGATIVES = "all_negatives"
    NO_LABELS = "no_labels"
    SOME_LABELS = "some_labels"
    LABEL_LEVEL = "label_level"
    LABEL_LEVEL_OF_TRAINING = "label_level_of_training"
    LARGEST_CLASSES = "largest_classes"
    NO_GRADIENT_SHARE = "no_gradient_share"
    WITHOUT_TREATMENT = "without_treatment"
    LOW_AGREEMENT = "low_agreement"
    REVIEW_DUPLICATES = "review_duplicates"
    LEAKS = "leaks"
    SEVERAL_LABELS = "several_labels"
    NO_CLASS_PAIRS = "no_class_pairs"


class Note(str):
    """A sentence, which is the string itself.

    Attributes:
        code: the reason for it.
    """

    code: NoteCode

    def __new__(cls, code: NoteCode, text: str) -> Self:
        """A note of this text."""
        note = super().__new__(cls, text)
        note.code = code
        return note

    def __getnewargs__(self) -> tuple[NoteCode, str]:  # type: ignore[override]
        return self.code, str(self)


def label_rule_notes(corpora: Iterable[Mapping[str, Any]]) -> list[Note]:
    """A sentence on the rule by which images of several labels are of the same class, if an index holds such images.

    Args:
        corpora: of the index' manifest.
    """
    rule = rule_of(str(entry.get("label_rule") or "") for entry in corpora)
    if not rule:
        return []
    same = "they share a label" if rule == ANY else "all of theirs are the same"
    text = f"Some images have several labels: two images are of the same class if {same} ({rule})."
    return [Note(NoteCode.SEVERAL_LABELS, text)]
