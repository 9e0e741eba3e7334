"""Sentences of the page *Clean up* about its list, without a page."""

from __future__ import annotations

import samekind as sk
from samekind.app.view_models import curation_view


def test_without_answers_the_precision_is_at_most_what_is_usual() -> None:
    """3.3 % wrong labels, all of them listed; nothing where that is more than half of what is listed, copies left out."""
    for listed in (20, 60):
        few = sk.LabelIssues((), num_issues=10 + listed, num_conflicts=10, num_evaluated=1000)
        assert curation_view.precision_sentence(few) == ""
    enough = sk.LabelIssues((), num_issues=76, num_conflicts=10, num_evaluated=1000)
    assert "at most 50 % of them" in curation_view.precision_sentence(enough)
    many = sk.LabelIssues((), num_issues=660, num_conflicts=330, num_evaluated=1000)
    assert "at most 10 % of them" in curation_view.precision_sentence(many)
    assert curation_view.precision_sentence(sk.LabelIssues((), 10, 10, 1000)) == ""
