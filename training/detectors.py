"""Who is a false negative, without labels: a score for each pair of anchor and candidate, a decision and a probability.

# A anchors, M candidates, N training images, D dimension of an embedding

Two kinds. Some read the batch alone: its similarities say it (`threshold`, `quantile`, `posterior`, `relative_margin`). The others look
pairs up in what they learned from the embeddings of all training images before the epoch (`cluster`, `reciprocal`), from a second encoder
(`guide`), or from labels (`oracle`, which no honest run uses). A detector is a module: what it learned is saved with the run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data.errors import CorpusError
from training.similarity import Contrast
from training.treatments import Suspects

SUPPORT_TOP = 10
LEARNING_RATE, BETAS = 0.05, (0.9, 0.98)


class Detector(nn.Module):
    """Scores pairs; flags those above an operating point.

    Args:
        point: the operating point, a score; `None` takes the detector's own.

    Attributes:
        point: scores above it are flagged.
        width: how far from it a score has a probability of about 0.73 instead of one half.
        reads_embeddings: whether `refresh` must be called before an epoch.
        refreshed: number of the epoch, from 1, before which that was last done.
    """

    default_point = 0.0
    width = 0.05
    reads_embeddings = False
    refreshed: Tensor

    def __init__(self, point: float | None = None) -> None:
        super().__init__()
        self.register_buffer("refreshed", torch.tensor(0))
        self.point = self.default_point if point is None else point

    def refresh(self, embedding_ND: NDArray[np.float32]) -> None:
        """Learns from the `(N, D)` unit-norm embeddings of all training images."""

    def scores(self, contrast: Contrast) -> Tensor:
        """`(A, M)` float32, higher for pairs that are more likely of one class; no gradient."""
        raise NotImplementedError

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> Suspects:
        """Flags and probabilities for these scores."""
        return Suspects(scores_AM > self.point, torch.sigmoid((scores_AM - self.point) / self.width))

    @torch.no_grad()
    def forward(self, contrast: Contrast) -> Suspects:
        """What this detector says of a batch. Pairs that are no negatives are never flagged."""
        suspects = self.decide(self.scores(contrast), contrast)
        mask = contrast.is_negative
        return Suspects(suspects.flagged & mask, suspects.probability.masked_fill(~mask, 0.0))


class Threshold(Detector):
    """Among the anchor's ten most similar and above a threshold; similar to either of the anchor's views.

    Source:
        arXiv 2011.11765, section 3.2, with the two views at hand as support views (the paper adds eight).
    """

    default_point = 0.7

    def scores(self, contrast: Contrast) -> Tensor:
        """The greater of the cosines to the anchor and to its positive."""
        support = contrast.positive_vector.float() @ contrast.candidate_vector.float().T
        return torch.maximum(contrast.candidate.float(), support)

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> Suspects:
        """Outside the top ten nothing is flagged."""
        suspects = super().decide(scores_AM, contrast)
        masked = scores_AM.masked_fill(~contrast.is_negative, -2.0)
        least = masked.topk(min(SUPPORT_TOP, masked.shape[1]), dim=1).values[:, -1:]
        top = masked >= least
        return Suspects(suspects.flagged & top, suspects.probability * top)


class Quantile(Detector):
    """A threshold λ per image, learned so that a share α of its negatives lies above it.

    Args:
        num_images: N.
        prior: α in (0, 1).
        point: distance above λ.

    The first visit to an image starts its λ at the batch's quantile; from 1 it would move 0.05 a visit and never arrive.

    Source:
        GloFND, arXiv 2502.20612, algorithm 1.
    """

    threshold: Tensor
    visits: Tensor
    first_moment: Tensor
    second_moment: Tensor

    def __init__(self, num_images: int, prior: float, point: float | None = None) -> None:
        super().__init__(point)
        self.prior = prior
        for name in ("threshold", "visits", "first_moment", "second_moment"):
            self.register_buffer(name, torch.zeros(num_images))

    def scores(self, contrast: Contrast) -> Tensor:
        """`s − λ_i`, after λ has learned from this batch."""
        if self.training:
            self._learn(contrast)
        return contrast.candidate.float() - self.threshold[contrast.anchor_index][:, None]

    def _learn(self, contrast: Contrast) -> None:
        # Both views of an image are anchors: they learn one λ, from all their negatives.
        images, anchor = contrast.anchor_index.unique(return_inverse=True)
        similarity, mask = contrast.candidate.detach().float(), contrast.is_negative
        new = self.visits[images] == 0
        if bool(new.any()):
            per_anchor = _row_quantile(similarity, mask, 1 - self.prior)
            self.threshold[images[new]] = _mean_by(per_anchor, anchor, len(images))[new]
            self.visits[images[new]] = (
                1  # Adam's first step is as long as any, whatever the gradient, and would throw the start away
            )
        above = (similarity > self.threshold[contrast.anchor_index][:, None]) & mask
        share = _mean_by(above.sum(1) / mask.sum(1).clamp(min=1), anchor, len(images))
        images, share = images[~new], share[~new]
        gradient = self.prior - share
        step = self.visits[images]  # the first visit was the start
        first = self.first_moment[images].lerp(gradient, 1 - BETAS[0])
        second = self.second_moment[images].lerp(gradient**2, 1 - BETAS[1])
        change = (first / (1 - BETAS[0] ** step)) / ((second / (1 - BETAS[1] ** step)).sqrt() + 1e-8)
        self.threshold[images] = (self.threshold[images] - LEARNING_RATE * change).clamp(-1, 1)
        self.first_moment[images], self.second_moment[images], self.visits[images] = first, second, step + 1


class Posterior(Detector):
    """The probability of being false that follows from a pair's rank among the anchor's negatives.

    Args:
        prior: τ⁺ in (0, 1).
        alpha: α in [0.5, 1], how well the encoder already ranks (the AUC); 0.5 knows nothing.
        point: probability above which a pair is flagged; `None` flags a share τ⁺ of each anchor's negatives. One half would flag none: at
            τ⁺ = 0.1 and α = 0.9 that is what the very hardest reaches.

    Source:
        BCL, arXiv 2301.11673, equations 9 to 14; the stable root of the quadratic.
    """

    def __init__(self, prior: float, alpha: float = 0.9, point: float | None = None) -> None:
        hardest_share = bcl_posterior(torch.tensor(1 - prior, dtype=torch.float64), prior, alpha).item()
        super().__init__(hardest_share if point is None else point)
        self.prior, self.alpha = prior, alpha

    def scores(self, contrast: Contrast) -> Tensor:
        """`P(false negative | s)`."""
        rank = _row_ranks(contrast.candidate.float(), contrast.is_negative)
        return bcl_posterior(rank, self.prior, self.alpha)

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> Suspects:
        """The score is the probability."""
        return Suspects(scores_AM > self.point, scores_AM)


class RelativeMargin(Detector):
    """More similar than the positive, less a margin in its proportion: `s_ij > s_i⁺ − m·|s_i⁺|`.

    Source:
        NV-Retriever, arXiv 2407.15831, section 4 (TopK-PercPos).
    """

    default_point = -0.05

    def scores(self, contrast: Contrast) -> Tensor:
        """`(s_ij − s_i⁺) / |s_i⁺|`; the operating point is `−m`."""
        positive = contrast.positive.float()[:, None]
        return (contrast.candidate.float() - positive) / positive.abs().clamp(min=1e-3)


class PairDetector(Detector):
    """A detector that knows training images: it scores pairs of images, whatever their views in the batch are."""

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """`(P, Q)` float32 scores of images `first (P,)` against `second (Q,)`, both int64 ≥ 0."""
        raise NotImplementedError

    def scores(self, contrast: Contrast) -> Tensor:
        """Each pair of images is scored once and spread over its views."""
        anchors, of_anchor = contrast.anchor_index.unique(return_inverse=True)
        candidates, of_candidate = contrast.candidate_index.clamp(min=0).unique(return_inverse=True)
        return self.pair_scores(anchors, candidates)[of_anchor][:, of_candidate]


class Oracle(PairDetector):
    """Knows the labels. It measures what a perfect detector would buy and is no method.

    Args:
        labels: `(N,)` class numbers, −1 where unknown.
    """

    default_point = 0.5
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

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> Suspects:
        """The score is the probability."""
        return Suspects(scores_AM > 0.5, scores_AM)


class Guide(PairDetector):
    """A frozen second encoder finds the two images closer than two views of the anchor.

    Args:
        embedding: `(N, G)` unit-norm embeddings of the training images by the guide.
        positive: `(N,)` the guide's cosine between each image and an altered view of it.

    Source:
        GISTEmbed, arXiv 2402.16829, section 3.
    """

    embedding: Tensor
    positive: Tensor

    def __init__(
        self, embedding: NDArray[np.float32], positive: NDArray[np.float32], point: float | None = None
    ) -> None:
        super().__init__(point)
        self.register_buffer("embedding", torch.from_numpy(embedding), persistent=False)
        self.register_buffer("positive", torch.from_numpy(positive), persistent=False)

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """How much closer the pair is than the anchor's own views."""
        return self.embedding[first] @ self.embedding[second].T - self.positive[first][:, None]


class Cluster(PairDetector):
    """In one k-means cluster, both surely.

    Args:
        num_images: N.
        num_clusters: how fine.
        seed: of k-means.
        point: product of the two confidences above which a pair is flagged.

    An image's confidence is its share in a softmax over the cosines to all centres (temperature 0.1).

    Source:
        IFND, arXiv 2106.03719, section 3.2.
    """

    default_point = 0.1
    reads_embeddings = True
    cluster: Tensor
    confidence: Tensor

    def __init__(self, num_images: int, num_clusters: int, seed: int, point: float | None = None) -> None:
        super().__init__(point)
        self.num_clusters, self.seed = num_clusters, seed
        self.register_buffer("cluster", torch.arange(num_images))
        self.register_buffer("confidence", torch.zeros(num_images))

    def refresh(self, embedding_ND: NDArray[np.float32]) -> None:
        """Clusters the embeddings."""
        from sklearn.cluster import MiniBatchKMeans

        count = min(self.num_clusters, len(embedding_ND))
        means = MiniBatchKMeans(count, random_state=self.seed, n_init=3, batch_size=4096).fit(embedding_ND)
        centres = torch.nn.functional.normalize(torch.from_numpy(means.cluster_centers_.astype(np.float32)), dim=1)
        share = (torch.from_numpy(embedding_ND) @ centres.T / 0.1).softmax(1)
        confidence, cluster = share.max(1)
        self.cluster.copy_(cluster)
        self.confidence.copy_(confidence)

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """The product of both confidences within a cluster, 0 between clusters."""
        together = self.cluster[first][:, None] == self.cluster[second][None, :]
        return together * (self.confidence[first][:, None] * self.confidence[second][None, :])

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> Suspects:
        """The score is the probability."""
        return Suspects(scores_AM > self.point, scores_AM)


class Reciprocal(PairDetector):
    """Share the neighbours that are mutual: the Jaccard overlap of both images' k-reciprocal neighbours.

    Args:
        num_images: N.
        neighbours: k, as a share of N.
        point: overlap above which a pair is flagged.

    Source:
        k-reciprocal encoding, arXiv 1701.08398, equations 2 and 5.
    """

    default_point = 0.1
    reads_embeddings = True
    nearest: Tensor

    def __init__(self, num_images: int, neighbours: int, point: float | None = None) -> None:
        super().__init__(point)
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


def nearest_others(embedding_ND: Tensor, k: int, block: int = 1024) -> Tensor:
    """`(N, k)` int32 rows of each image's k nearest others by cosine, exact, nearest first; memory for `block` rows of similarities."""
    nearest = []
    for start in range(0, len(embedding_ND), block):
        similarity = embedding_ND[start : start + block] @ embedding_ND.T
        rows = torch.arange(len(similarity))
        similarity[rows, start + rows] = -2.0
        nearest.append(similarity.topk(k, dim=1).indices.int())
    return torch.cat(nearest)


def mutual_neighbours(nearest_Nk: Tensor) -> Any:
    """`(N, N)` sparse 0/1 matrix (scipy CSR float32) of neighbours that are each other's, the diagonal included."""
    from scipy.sparse import csr_matrix, identity

    count, k = nearest_Nk.shape
    columns = nearest_Nk.cpu().numpy().reshape(-1)
    ones = np.ones(len(columns), dtype=np.float32)
    directed = csr_matrix((ones, columns, np.arange(0, len(columns) + 1, k)), shape=(count, count))
    return (directed.multiply(directed.T) + identity(count, dtype=np.float32)).tocsr()


def bcl_posterior(rank_AM: Tensor, prior: float, alpha: float) -> Tensor:
    """BCL's `P(false negative | s)` from the empirical CDF.

    Args:
        rank_AM: u in [0, 1] of any shape, the share of the anchor's negatives that are at most as similar.
        prior: τ⁺ in (0, 1).
        alpha: α in [0.5, 1].

    Source:
        arXiv 2301.11673, equations 9 to 14.
    """
    true_prior = 1 - prior
    a = (1 - 2 * alpha) * (true_prior - prior)
    b = 2 * (alpha * true_prior + (1 - alpha) * prior)
    cdf = 2 * rank_AM / (b + (b * b + 4 * a * rank_AM).clamp(min=0).sqrt())
    low, high = 2 * (1 - cdf), 2 * cdf
    true = alpha * low + (1 - alpha) * high
    false = (1 - alpha) * low + alpha * high
    return prior * false / (true_prior * true + prior * false).clamp(min=1e-12)


def _row_ranks(values_AM: Tensor, mask_AM: Tensor) -> Tensor:
    """Empirical CDF of each masked value within its row, in (0, 1]."""
    order = values_AM.masked_fill(~mask_AM, -torch.inf).argsort(dim=1)
    position = torch.empty_like(order).scatter_(
        1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)
    )
    outside = (~mask_AM).sum(1, keepdim=True)
    return ((position - outside + 1).float() / mask_AM.sum(1, keepdim=True).clamp(min=1)).clamp(0, 1)


def _row_quantile(values_AM: Tensor, mask_AM: Tensor, share: float) -> Tensor:
    """The `share` quantile of each row's masked values."""
    return torch.nanquantile(values_AM.masked_fill(~mask_AM, torch.nan), share, dim=1).nan_to_num(1.0)


def _mean_by(values_A: Tensor, group_A: Tensor, groups: int) -> Tensor:
    total = torch.zeros(groups, device=values_A.device).index_add_(0, group_A, values_A.float())
    return total / torch.bincount(group_A, minlength=groups).clamp(min=1)
