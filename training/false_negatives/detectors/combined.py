"""Our own detector: several signals, each without labels, in one score that is also a probability.

# P, Q images of a pair, N training images, L landmarks, D dimension of a joint vector, K scales
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.training.false_negatives.calibration import fit_slope
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detectors.pairs import Relation, drawn_rows
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast

LANDMARKS = 5000
SCALES = (0.25, 0.5, 1.0, 1.5)  # of the prior: a neighbourhood as large as a class, and some around it
SCALE_PAIRS = 1000  # landmarks among which the mean probability is set


class Combined(Relation):
    """Images with the same neighbourhood are of the same class; encoder, patches and, if there is one, a guide see it together.

    The joint vectors of `Relation` say who is near. A neighbourhood is the share of a fixed set of landmarks that is nearest to an image;
    the score is the Jaccard overlap of two neighbourhoods, the mean over four sizes around the prior. A neighbourhood as large as a class
    is a soft cluster around every image. (With the dozens of neighbours that are usual in re-ranking, most pairs of one class share none.)

    The probability takes a power of the score as odds, times the one factor that makes its mean the prior. The power is 1 until `learn`
    fits it.

    Args:
        description: `(N, G)` unit-norm descriptions of the training images by whatever else looks at them.
        dim: the most dimensions that the encoder's embeddings have.
        prior: assumed share of false negatives in (0, 1).
        threshold: probability above which a pair is flagged.

    Source:
        Overlap of neighbourhoods: k-reciprocal encoding, arXiv 1701.08398, equation 5. Landmarks, sizes and odds are ours.
    """

    support_views = 16
    landmarks: Tensor
    thresholds: Tensor
    odds: Tensor
    power: Tensor

    def __init__(
        self, description: NDArray[np.float32], dim: int, prior: float, threshold: float | None = None
    ) -> None:
        super().__init__(description, dim, prior, threshold)
        drawn = np.sort(drawn_rows(len(description))[:LANDMARKS])  # among those that `towards_neighbours` searches
        self.register_buffer("landmarks", torch.from_numpy(drawn), persistent=False)
        self.register_buffer("thresholds", torch.full((len(description), len(SCALES)), torch.inf))
        self.register_buffer("odds", torch.tensor(1.0))
        self.register_buffer("power", torch.tensor(1.0))

    def learn(self, constraints: PairConstraints) -> None:
        """Fits what a score is worth to the annotations, which so reach pairs without one. The mean stays the prior."""
        self._set_power(1.0)  # it may have learned before
        probability = self.probability(self.scores_of(constraints.annotated_P2.to(self.joint.device)))
        self._set_power(fit_slope(probability.cpu().numpy(), constraints.is_same_P))

    def refresh(self, embedding_ND: NDArray[np.float32]) -> None:
        """Finds who is near whom, and the factor between score and odds; forgets what it learned from annotations."""
        super().refresh(embedding_ND)
        count = len(self.landmarks)
        sizes = [min(max(1, round(self.prior * scale * count)), count) for scale in SCALES]
        for rows in torch.arange(len(self.joint)).split(1024):
            self.thresholds[rows] = borders(self._similarity(rows), sizes)
        self._set_power(1.0)

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """`(P, Q)` mean overlap of the two images' neighbourhoods, in [0, 1]."""
        near_first = self._neighbourhoods(first)
        near_second = near_first if torch.equal(first, second) else self._neighbourhoods(second)
        scores = torch.zeros(len(first), len(second), device=self.joint.device)
        for a, b in zip(near_first, near_second, strict=True):
            common = a @ b.T
            scores += common / (a.sum(1)[:, None] + b.sum(1)[None, :] - common).clamp(min=1)
        return scores / len(SCALES)

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """Odds in proportion to a power of the score."""
        probability = self.probability(scores_AM)
        return FalseNegativePrediction(probability > self.threshold, probability)

    def probability(self, scores: Tensor) -> Tensor:
        """Probabilities in [0, 1] for scores of any shape."""
        odds = self.odds * scores**self.power
        return odds / (1 + odds)

    def _set_power(self, power: float) -> None:
        """Also sets the factor that keeps the mean."""
        some = self.landmarks[:: max(1, len(self.landmarks) // SCALE_PAIRS)]
        scores = self.pair_scores(some, some)[~torch.eye(len(some), dtype=torch.bool)]
        self.power.fill_(power)
        self.odds.fill_(odds_factor(scores**power, self.prior))

    def _neighbourhoods(self, images: Tensor) -> list[Tensor]:
        """For each size `(P, L)` float32, 1 where a landmark is in an image's neighbourhood."""
        similarity, thresholds = self._similarity(images), self.thresholds[images]
        return [(similarity >= thresholds[:, k : k + 1]).float() for k in range(len(SCALES))]

    def _similarity(self, images: Tensor) -> Tensor:
        return self.joint[images].float() @ self.joint[self.landmarks].float().T


def borders(similarity_PL: Tensor, sizes: list[int]) -> Tensor:
    """`(P, K)` similarities halfway between each row's last neighbour and the first that is none, for each of K sizes in [1, L].

    Halfway, because the product of matrices of another shape may round a similarity otherwise, and a neighbour is one in all of them.
    """
    deepest = max(sizes)
    nearest = similarity_PL.topk(min(deepest + 1, similarity_PL.shape[1]), dim=1).values
    if nearest.shape[1] == deepest:
        nearest = torch.cat([nearest, torch.full((len(nearest), 1), -torch.inf, device=nearest.device)], dim=1)
    last, first_outside = nearest[:, [size - 1 for size in sizes]], nearest[:, sizes]
    return (last + first_outside) / 2


def odds_factor(scores: Tensor, prior: float) -> float:
    """The factor c that makes `c·s / (1 + c·s)` have the mean `prior`; as near as can be where too many scores are 0.

    Args:
        scores: any shape, in [0, 1].
        prior: in (0, 1).
    """
    positive = scores[scores > 0].double()
    if not len(positive):
        return 0.0
    wanted = min(prior * scores.numel(), 0.999 * len(positive))
    low, high = -40.0, 40.0  # of log c
    for _ in range(80):
        middle = (low + high) / 2
        odds = positive * float(np.exp(middle))
        low, high = (middle, high) if float((odds / (1 + odds)).sum()) < wanted else (low, middle)
    return float(np.exp((low + high) / 2))
