"""Contrastive objectives and the treatment of false negatives for your own training loop: tensors in, a loss out.

    from samekind.objectives import hard

    loss = hard(view_1_BD, view_2_BD, temperature=0.2, beta=1.0, tau_plus=0.1)

Needs torch and nothing else of this package: no settings, no encoder, no index. docs/objectives.md lists the equations and shows how to put
a loss together from its parts, with a treatment of false negatives in between.
"""

from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.batch import Posterior, Quantile, RelativeMargin, Threshold
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.false_negatives.detectors.neighbourhood import Neighbourhood
from samekind.training.false_negatives.detectors.pairs import Cluster, Guide, Oracle, Reciprocal, Relation
from samekind.training.false_negatives.treatments import (
    TREATMENTS,
    FalseNegativePrediction,
    attract,
    attract_likely,
    eliminate,
    none,
    soft,
    soft_attract,
)
from samekind.training.objectives.contrastive import binary_loss, decoupled_loss, mean_over_anchors, softmax_loss
from samekind.training.objectives.functional import cpc, debiased, decoupled, hard, info_nce, mixed, nce, supervised
from samekind.training.objectives.mochi import mix_hardest
from samekind.training.objectives.nce import NoiseContrast
from samekind.training.objectives.similarity import Contrast, against_codes, against_keys, in_batch
from samekind.training.objectives.terms import Terms, plain_terms, with_positives

__all__ = [
    "TREATMENTS",
    "Cluster",
    "Combined",
    "Contrast",
    "Detector",
    "FalseNegativePrediction",
    "Guide",
    "Neighbourhood",
    "NoiseContrast",
    "Oracle",
    "Posterior",
    "Quantile",
    "Reciprocal",
    "Relation",
    "RelativeMargin",
    "Terms",
    "Threshold",
    "against_codes",
    "against_keys",
    "attract",
    "attract_likely",
    "binary_loss",
    "cpc",
    "debiased",
    "decoupled",
    "decoupled_loss",
    "eliminate",
    "hard",
    "in_batch",
    "info_nce",
    "mean_over_anchors",
    "mix_hardest",
    "mixed",
    "nce",
    "none",
    "plain_terms",
    "soft",
    "soft_attract",
    "softmax_loss",
    "supervised",
    "with_positives",
]
