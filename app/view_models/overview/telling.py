"""An anchor whose ten hardest negatives say most about a corpus."""

from __future__ import annotations

import numpy as np

from samekind.app.view_models.audit_view import AuditView

ALIKE = 0.95
"""Similarity from which on two images may be one picture: that says nothing about classes."""


def telling(view: AuditView) -> int | None:
    """The anchor to show first; `None` where no image has a negative.

    With labels: the hardest negative is false, no negative may be a copy, and as many are false as on average, but neither none nor all; of
    these the one whose negatives are most similar. Where no anchor is so, and without labels: the one with the most similar negatives.

    Args:
        view: the audit.
    """
    pairs = view.pairs
    if not pairs.negative_AK.size:
        return None
    similarity_A = pairs.similarity_AK.mean(axis=1)
    fits_A = pairs.similarity_AK[:, 0] < ALIKE
    if view.labelled and view.report.false_negative_rate is not None:
        k = pairs.negative_AK.shape[1]
        usual = min(max(round(view.report.false_negative_rate * k), 1), max(k - 1, 1))
        distance_A = np.abs(pairs.num_false_A - usual) + k * (pairs.num_false_A == k)
        fits_A &= pairs.false_AK[:, 0] == 1
        order = np.lexsort((-similarity_A, distance_A, ~fits_A))
    else:
        order = np.lexsort((-similarity_A, ~fits_A))
    return int(order[0])
