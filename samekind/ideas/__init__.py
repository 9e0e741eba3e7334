"""Working figures of the ideas behind contrastive learning, on a corpus of one's own or where the truth is known in closed form.

    from samekind import Index, ideas

    sample = ideas.draw(Index.open("artifacts/photos"))
    ideas.hardest_by_batch(sample, [16, 256])

The page *Ideas* of the demo draws them. Losses, weights and bounds are those of `samekind.objectives`: nothing is defined a second time.
Each name is loaded when it is first used: torch takes 1.7 s, and the page has something to draw without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samekind.ideas.batches import BatchFigure, hardest_by_batch, push_on_same_class, push_shares
    from samekind.ideas.bias import LossFigure, losses_by_batch
    from samekind.ideas.bound import bound_by_candidates
    from samekind.ideas.density_ratio import BilinearScore, SimilarityRatio, fit_bilinear, ratio_by_similarity
    from samekind.ideas.gaussian_pair import GaussianPair
    from samekind.ideas.noise import LEAST_PLACES, BellCurve, Noise, errors_by_ratio, fit_bell, num_places, standardised
    from samekind.ideas.patches import PatchGrid, patch_hits
    from samekind.ideas.picking import pick_probabilities
    from samekind.ideas.sample import CorpusSample, draw
    from samekind.ideas.views import augmented_views

_HOMES = {
    "BatchFigure": "batches",
    "BellCurve": "noise",
    "BilinearScore": "density_ratio",
    "CorpusSample": "sample",
    "GaussianPair": "gaussian_pair",
    "LEAST_PLACES": "noise",
    "LossFigure": "bias",
    "Noise": "noise",
    "PatchGrid": "patches",
    "SimilarityRatio": "density_ratio",
    "augmented_views": "views",
    "bound_by_candidates": "bound",
    "draw": "sample",
    "errors_by_ratio": "noise",
    "fit_bell": "noise",
    "fit_bilinear": "density_ratio",
    "hardest_by_batch": "batches",
    "losses_by_batch": "bias",
    "num_places": "noise",
    "patch_hits": "patches",
    "pick_probabilities": "picking",
    "push_on_same_class": "batches",
    "push_shares": "batches",
    "ratio_by_similarity": "density_ratio",
    "standardised": "noise",
}

__all__ = [
    "LEAST_PLACES",
    "BatchFigure",
    "BellCurve",
    "BilinearScore",
    "CorpusSample",
    "GaussianPair",
    "LossFigure",
    "Noise",
    "PatchGrid",
    "SimilarityRatio",
    "augmented_views",
    "bound_by_candidates",
    "draw",
    "errors_by_ratio",
    "fit_bell",
    "fit_bilinear",
    "hardest_by_batch",
    "losses_by_batch",
    "num_places",
    "patch_hits",
    "pick_probabilities",
    "push_on_same_class",
    "push_shares",
    "ratio_by_similarity",
    "standardised",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'samekind.ideas' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
