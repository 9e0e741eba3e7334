"""The score of InfoNCE as a density ratio: where it is known in closed form, and on a corpus with labels.

# B pairs of a batch, F features
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.ideas.gaussian_pair import GaussianPair
from samekind.ideas.minimising import minimised
from samekind.ideas.sample import CorpusSample
from samekind.training.objectives.functional import cpc

_STEPS, _BATCH, _BATCHES = 40, 128, 8
_QUADRATURE = 64
_LEAST_PAIRS = 20  # of a bin; the ratio of fewer is noise


@dataclass(frozen=True)
class BilinearScore:
    """`log f(x, c) = φ(x)ᵀ W φ(c)` with φ(u) = (1, u, u²).

    Attributes:
        weight_FF: `(3, 3)` float64 W, features of x by features of c.
    """

    weight_FF: NDArray[np.float64]

    def log_ratio(self, x: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log density ratio that the score stands for, `(len(x), len(c))`.

        InfoNCE leaves a factor open for every c. Here it is such that the ratio has the mean 1 under p(x), as a density ratio has.
        """
        place, share = np.polynomial.hermite_e.hermegauss(_QUADRATURE)
        at_place = self._score(place, c)
        peak = at_place.max(axis=0)
        log_mean = peak + np.log(share @ np.exp(at_place - peak) / share.sum())
        return np.asarray(self._score(x, c) - log_mean)

    def _score(self, x: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
        features_x, features_c = (np.stack([np.ones_like(u), u, u**2], axis=1) for u in (x, c))
        return np.asarray(features_x @ self.weight_FF @ features_c.T)


def fit_bilinear(pair: GaussianPair, seed: int = 0) -> BilinearScore:
    """Learns W from drawn pairs by the objective `cpc` alone: which x of 128 belongs to this c?

    Args:
        pair: of one dimension; its density ratio is not looked at.
        seed: of the draw.

    Source:
        arXiv 1807.03748, equations 3 and 4.
    """
    assert pair.dim == 1, "features are of one number"
    x, c = (
        part.reshape(_BATCHES, _BATCH) for part in pair.draw(_BATCHES * _BATCH, torch.Generator().manual_seed(seed))
    )
    code, context = _features(x), _features(c)
    target = torch.arange(_BATCH)

    def loss(weight: Tensor) -> Tensor:
        losses = [cpc(seen @ weight.T, below, target) for seen, below in zip(context, code, strict=True)]
        return torch.stack(losses).mean()

    return BilinearScore(minimised(loss, (3, 3), steps=_STEPS, tolerance=1e-6))


def _features(u: Tensor) -> Tensor:
    return torch.stack([torch.ones_like(u), u, u.square()], dim=-1)


@dataclass(frozen=True)
class SimilarityRatio:
    """Density ratios over the cosine of two images.

    Attributes:
        similarity_K: `(K,)` middles of the bins.
        by_score_K: `(K,)` what the score `exp(s / τ)` claims, over its mean among all pairs.
        by_label_K: `(K,)` density of same-class pairs over that of all pairs; NaN for bins of too few pairs and without labels.
    """

    similarity_K: NDArray[np.float64]
    by_score_K: NDArray[np.float64]
    by_label_K: NDArray[np.float64]


def ratio_by_similarity(sample: CorpusSample, temperature: float, num_bins: int = 24) -> SimilarityRatio:
    """How many times likelier a cosine is for two images of one class than for any two, beside what the score claims.

    Args:
        sample: of two images at least.
        temperature: τ > 0 of the score.
        num_bins: K ≥ 1, of equal width over the cosines that occur.
    """
    above = np.triu_indices(len(sample), 1)
    similarity, false = sample.similarity_MM[above].astype(np.float64), sample.false_MM[above]
    edges = np.linspace(similarity.min(), similarity.max() + 1e-9, num_bins + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    known = false >= 0
    all_K, same_K = (np.histogram(similarity[mask], edges)[0].astype(float) for mask in (known, false == 1))
    by_label = np.full(num_bins, np.nan)
    if same_K.sum():
        enough = all_K >= _LEAST_PAIRS
        by_label[enough] = (same_K[enough] / same_K.sum()) / (all_K[enough] / all_K.sum())
    logits = similarity / temperature
    peak = logits.max()
    log_mean = peak + np.log(np.exp(logits - peak).mean())
    return SimilarityRatio(middle, np.exp(middle / temperature - log_mean), by_label)
