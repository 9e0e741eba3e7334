"""Base rate of false negatives without labels: the share of pairs within one community of the images' neighbour graph.

Nothing in a set of images says how finely people will sort it: groceries have 81 classes or 43, and the same photos. So this finds the
order of magnitude, which is what a detector needs most; docs/decisions/0023 has the figures.

# N images, D dimension of a vector
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from samekind.training.config.false_negatives import ASSUMED_PRIOR
from samekind.training.models.neighbour_whitening import (
    DIRECTIONS,
    fit_neighbour_whitening,
    fitting_neighbours,
    shuffled_columns,
)
from samekind.training.models.pretrained.whiten import ENOUGH
from samekind.training.models.whitening import Whitening
from samekind.training.neighbours import nearest_others, neighbour_matrix
from samekind.training.training_set import TrainingImages

MOST_IMAGES = 2500
"""Images that are looked at: the share of pairs does not depend on their number, and the graph takes seconds."""
FEWEST_NEIGHBOURS = 10
RESOLUTION = 0.8
"""Of the modularity; chosen on eleven sets of photos, and evaluated on twelve others (docs/decisions/0023)."""
CLEARLY = 0.08
"""More modularity there must be than among rows without groups: one cloud has at most 0.02 more, photos (`lite0`) from 0.15 on."""
FEWEST_IMAGES = 64
LEAST, GREATEST = 1e-3, 0.5


class AutoPrior(NamedTuple):
    """What `--prior auto` comes to.

    Attributes:
        share: of false negatives, in (0, 1).
        estimated: False where nothing was found to estimate it from, so that it is `ASSUMED_PRIOR`.
    """

    share: float
    estimated: bool

    @property
    def line(self) -> str:
        """The share and where it comes from, in one line."""
        if not self.estimated:
            return f"prior: no groups were found to estimate it from, so {self.share:.1%} is assumed (--prior SHARE states another)"
        return (
            f"prior: about {self.share:.1%} of all pairs seem to be false negatives; estimated without labels, it is often off by a "
            "factor of 2 (--prior SHARE states another)"
        )


def estimate_prior(images: TrainingImages) -> AutoPrior:
    """The prior by what a frozen encoder says of the images in training."""
    vectors = _frozen_vectors(images)
    share = None if vectors is None else estimate_base_rate(vectors)
    return AutoPrior(ASSUMED_PRIOR, estimated=False) if share is None else AutoPrior(share, estimated=True)


def estimate_base_rate(unit_ND: NDArray[np.float32]) -> float | None:
    """Share of all pairs of images that seem to be of the same class, in [0.001, 0.5]; `None` where no groups are found.

    Images are joined to their nearest ones, the more strongly the more neighbours they share; communities are what has the greatest
    modularity.

    Args:
        unit_ND: unit-norm vectors of an encoder that nobody has to train; of more than 2,500 images a seeded choice is taken.

    Source:
        Modularity with a resolution: Reichardt & Bornholdt, Phys. Rev. E 74, 2006; Louvain's method: Blondel et al., J. Stat. Mech. 2008.
        Weights by shared neighbours: Jarvis & Patrick, IEEE Trans. Comput. 1973. Taking the communities' shares for the base rate is ours.
    """
    rows = np.sort(np.random.default_rng(8).permutation(len(unit_ND))[:MOST_IMAGES])
    if len(rows) < FEWEST_IMAGES:
        return None
    some_ND, fitting = _evened_out(torch.from_numpy(np.ascontiguousarray(unit_ND[rows], dtype=np.float32)))
    k = max(fitting, FEWEST_NEIGHBOURS)
    found, chance = _communities(some_ND, k), _communities(functional.normalize(shuffled_columns(some_ND), dim=1), k)
    if found.modularity < chance.modularity + CLEARLY:
        return None
    share = float((found.sizes * (found.sizes - 1)).sum()) / (len(rows) * (len(rows) - 1))
    return min(max(share, LEAST), GREATEST)


def _evened_out(unit_ND: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Neighbour-whitened rows, in which fine classes stand out, and the k that fits them. Vectors of small corpora come without it."""
    count, dim = unit_ND.shape
    if count >= ENOUGH:
        return unit_ND, fitting_neighbours(unit_ND)
    whitening = Whitening(dim, min(DIRECTIONS, dim, count // 2))
    fitting = fit_neighbour_whitening(whitening, unit_ND)
    return (functional.normalize(whitening(unit_ND), dim=1), fitting) if fitting else (unit_ND, 0)


class _Communities(NamedTuple):
    sizes: NDArray[np.int64]
    modularity: float


def _communities(unit_ND: torch.Tensor, k: int) -> _Communities:
    """Communities among images that are joined to their k nearest."""
    from networkx import from_scipy_sparse_array
    from networkx.algorithms.community import louvain_communities, modularity
    from scipy.sparse import identity

    near = neighbour_matrix(nearest_others(unit_ND, k))
    around = near + identity(len(unit_ND), dtype=np.float32)
    graph = from_scipy_sparse_array((around @ around.T).multiply(near.maximum(near.T)))
    found = louvain_communities(graph, resolution=RESOLUTION, seed=0)
    sizes = np.array([len(community) for community in found], dtype=np.int64)
    return _Communities(sizes, float(modularity(graph, found, resolution=RESOLUTION)))


def _frozen_vectors(images: TrainingImages) -> NDArray[np.float32] | None:
    """`(F, D)` what a frozen encoder says of the images in training; `None` where there is none."""
    if images.described is not None or images.views is None:
        return images.described
    vectors: NDArray[np.float32] = images.fit_pixels[:].astype(np.float32)
    return vectors
