"""Detectors that know the training images: they look pairs up in embeddings, in a second encoder, or in labels.

# P, Q images of a pair, N training images, D dimension of an embedding
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from samekind.core.errors import CorpusError
from samekind.training.false_negatives.detectors.base import PairDetector
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.neighbours import mutual_neighbours, nearest_others
from samekind.training.objectives.similarity import Contrast

BANK = 10_000


class Oracle(PairDetector):
    """Reads the labels. It measures what a perfect detector would buy and is no method.

    Args:
        labels: `(N,)` class numbers, −1 where unknown.
    """

    default_threshold = 0.5
    labels: Tensor

    def __init__(self, labels: NDArray[np.int64] | None) -> None:
        super().__init__()
        if labels is None:
            raise CorpusError("the oracle needs labels, and this corpus has none", hint="take another detector")
        self.register_buffer("labels", torch.from_numpy(labels), persistent=False)

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """1 for one class, else 0; a pair with an unknown label has 0."""
        a, b = self.labels[first][:, None], self.labels[second][None, :]
        return ((a == b) & (a >= 0)).float()

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """The score is the probability."""
        return FalseNegativePrediction(scores_AM > 0.5, scores_AM)


class Guide(PairDetector):
    """A frozen second encoder finds the two images closer than two views of the anchor.

    Args:
        embedding: `(N, G)` unit-norm embeddings of the training images by the guide.
        positive: `(N,)` the guide's cosine between each image and an augmented view of it.

    Source:
        GISTEmbed, arXiv 2402.16829, section 3.
    """

    embedding: Tensor
    positive: Tensor

    def __init__(
        self, embedding: NDArray[np.float32], positive: NDArray[np.float32], threshold: float | None = None
    ) -> None:
        super().__init__(threshold)
        self.register_buffer("embedding", torch.from_numpy(embedding), persistent=False)
        self.register_buffer("positive", torch.from_numpy(positive), persistent=False)

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """Cosine of the pair minus that of the anchor's own views."""
        return self.embedding[first] @ self.embedding[second].T - self.positive[first][:, None]


class Cluster(PairDetector):
    """In one k-means cluster, both surely.

    Args:
        num_images: N.
        num_clusters: how fine.
        seed: of k-means.
        threshold: product of the two confidences above which a pair is flagged.

    An image's confidence is its share in a softmax over the cosines to all centres (temperature 0.1).

    Source:
        IFND, arXiv 2106.03719, section 3.2.
    """

    default_threshold = 0.1
    reads_embeddings = True
    cluster: Tensor
    confidence: Tensor

    def __init__(self, num_images: int, num_clusters: int, seed: int, threshold: float | None = None) -> None:
        super().__init__(threshold)
        self.num_clusters, self.seed = num_clusters, seed
        self.register_buffer("cluster", torch.arange(num_images))
        self.register_buffer("confidence", torch.zeros(num_images))

    def refresh(self, embedding_ND: NDArray[np.float32]) -> None:
        """Clusters the embeddings."""
        from sklearn.cluster import MiniBatchKMeans

        count = min(self.num_clusters, len(embedding_ND))
        means = MiniBatchKMeans(count, random_state=self.seed, n_init=3, batch_size=4096).fit(embedding_ND)
        centres = functional.normalize(torch.from_numpy(means.cluster_centers_.astype(np.float32)), dim=1)
        share = (torch.from_numpy(embedding_ND) @ centres.T / 0.1).softmax(1)
        confidence, cluster = share.max(1)
        self.cluster.copy_(cluster)
        self.confidence.copy_(confidence)

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """The product of both confidences within a cluster, 0 between clusters."""
        together = self.cluster[first][:, None] == self.cluster[second][None, :]
        return together * (self.confidence[first][:, None] * self.confidence[second][None, :])

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """The score is the probability."""
        return FalseNegativePrediction(scores_AM > self.threshold, scores_AM)


class Reciprocal(PairDetector):
    """Share the neighbours that are mutual: the Jaccard overlap of both images' k-reciprocal neighbours.

    Args:
        num_images: N.
        neighbours: k, as a share of N.
        threshold: overlap above which a pair is flagged.

    Source:
        k-reciprocal encoding, arXiv 1701.08398, equations 2 and 5.
    """

    default_threshold = 0.1
    reads_embeddings = True
    nearest: Tensor

    def __init__(self, num_images: int, neighbours: int, threshold: float | None = None) -> None:
        super().__init__(threshold)
        self.k = max(1, min(neighbours, num_images - 1))
        self.register_buffer("nearest", torch.zeros(num_images, self.k, dtype=torch.int32))
        self._mutual: Any = None

    def refresh(self, embedding_ND: NDArray[np.float32]) -> None:
        """Finds every image's k nearest others."""
        self.nearest.copy_(nearest_others(torch.from_numpy(embedding_ND), self.k))
        self._mutual = None

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """`|R_i ∩ R_j| / |R_i ∪ R_j|`, R the mutual neighbours and the image itself."""
        if self._mutual is None:
            self._mutual = mutual_neighbours(self.nearest)
        a, b = self._mutual[first.cpu().numpy()], self._mutual[second.cpu().numpy()]
        common = np.asarray((a @ b.T).todense(), dtype=np.float32)
        size_a, size_b = (np.asarray(x.sum(1), dtype=np.float32).reshape(-1) for x in (a, b))
        return torch.from_numpy(common / (size_a[:, None] + size_b[None, :] - common)).to(first.device)

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """Images without a common neighbour, nearly all pairs, have probability 0."""
        prediction = super().decide(scores_AM, contrast)
        return FalseNegativePrediction(prediction.flagged, prediction.probability * (scores_AM > 0))


class Relation(PairDetector):
    """Deals out the false negatives that are expected among an anchor's candidates by how alike encoder and patches find each pair.

    A softmax over the cosines of both together shares out one unit, times the number of false negatives that `prior` leads to expect. It
    asks for no threshold on a cosine, which would be right on one set of images and wrong on the next.

    Args:
        description: `(N, G)` unit-norm descriptions of the training images by their patches (`training.false_negatives.bag_of_patches`).
        dim: the most dimensions that the encoder's embeddings have.
        prior: assumed share of false negatives in (0, 1).
        threshold: probability above which a pair is flagged.

    Source:
        The softmax of similarities as a soft target: CO2, arXiv 2010.02217; SCE, arXiv 2111.14585. They take it from another view's
        embedding by the same network; patches, and the prior that makes it a probability, are ours.
    """

    default_threshold = 0.5
    temperature = 0.03
    reads_embeddings = True
    joint: Tensor

    def __init__(
        self, description: NDArray[np.float32], dim: int, prior: float, threshold: float | None = None
    ) -> None:
        super().__init__(threshold)
        self.description, self.prior = description, prior
        # Half precision: it is looked up in every step and saved with every checkpoint.
        self.register_buffer("joint", torch.zeros(len(description), description.shape[1] + dim, dtype=torch.float16))

    def refresh(self, embedding_ND: NDArray[np.float32]) -> None:
        """Puts embedding and description side by side, and moves each image towards its neighbours."""
        halves = side_by_side(self.description, embedding_ND)
        self.joint.zero_()
        self.joint[:, : halves.shape[1]] = towards_neighbours(torch.from_numpy(halves)).to(self.joint)

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """Cosine of the two images' joint vectors."""
        return self.joint[first].float() @ self.joint[second].float().T

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """Each negative's share of the false negatives that are expected, at most 1."""
        mask = contrast.is_negative
        share = (scores_AM / self.temperature).masked_fill(~mask, -1e9).softmax(1)
        probability = (share * self.prior * mask.sum(1, keepdim=True)).clamp(max=1)
        return FalseNegativePrediction(probability > self.threshold, probability)


def side_by_side(first_ND: NDArray[np.float32], second_NE: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(N, D + E)` unit-norm rows of two sets of them; a cosine is the mean of both."""
    joined: NDArray[np.float32] = np.concatenate([first_ND, second_NE], axis=1) * np.float32(np.sqrt(0.5))
    return joined


def drawn_rows(count: int, bank: int = BANK) -> NDArray[np.int64]:
    """The rows, at most `bank` of `count`, among which neighbours are searched; in the order in which a fixed seed drew them."""
    return np.random.default_rng(11).permutation(count)[:bank]


def towards_neighbours(unit_ND: Tensor, neighbours: int = 10, bank: int = BANK, block: int = 2048) -> Tensor:
    """Each row plus the mean of its nearest rows, weighted by cosine³ and made a unit vector again: who shares neighbours comes closer.

    Args:
        unit_ND: `(N, D)` float32 unit-norm rows.
        neighbours: how many.
        bank: they are searched among at most that many rows, drawn by a fixed seed. A row that is drawn is its own nearest.
        block: rows of similarities held at once.

    Returns:
        `(N, D)` float32 unit-norm rows.

    Source:
        Database-side augmentation, Arandjelović & Zisserman, CVPR 2012; the weights are α query expansion's, arXiv 1711.02512, section 3.3.
    """
    among = unit_ND[torch.from_numpy(np.sort(drawn_rows(len(unit_ND), bank)))]
    moved = []
    for rows in unit_ND.split(block):
        nearest = (rows @ among.T).topk(min(neighbours, len(among)), dim=1)
        mean = torch.einsum("bk,bkd->bd", nearest.values.clamp(min=0) ** 3, among[nearest.indices])
        moved.append(functional.normalize(rows + functional.normalize(mean, dim=1), dim=1))
    return torch.cat(moved)
