"""A fixed probe: the same seeded anchors after every epoch, so that epochs differ by the encoder and not by the choice of anchors.

Three looks, each a `training.diagnostics.probe_statistics.Tally`: `objective`, the negatives that the loss really met in its batches
(queue included), with its own derivatives; `sample`, 5,000 fixed images in the space at the end of the epoch; `corpus`, after the last
epoch, all images in training. All three only read: they draw from no generator but their own, and gradients, norms and weights stay as
they are.
"""

# F images in training, A anchors, B anchors of one block, N images that they are compared with, M candidates, D dimension, K hardest

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.data.types.label_levels import COARSE
from samekind.data.types.same_class import ANY
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.figures import RANKS, gradient_shares
from samekind.training.diagnostics.gradient_weights import GradientWeights
from samekind.training.diagnostics.probe_statistics import Seen, Tally
from samekind.training.objectives.similarity import Contrast
from samekind.training.training_set import TrainingImages, measured_labels, measuring_order

ANCHORS, SAMPLE, AMONG = 500, 5000, 10_000
_BLOCK_VALUES = 1 << 23


@dataclass(frozen=True)
class Probe:
    """Anchors, and the images that they are compared with. Images are numbered as in `TrainingImages.fit`.

    Attributes:
        labels_F: `(F,)` class numbers at the run's label level, −1 where unknown.
        classes: their names.
        ids: `F` ids.
        anchor_A: images that are anchors, ascending, all of known class.
        sample_S: images that they are compared with after every epoch, ascending.
        label_level: which labels these are.
    """

    labels_F: NDArray[np.int64]
    classes: list[str]
    ids: list[str]
    anchor_A: NDArray[np.int64]
    sample_S: NDArray[np.int64]
    label_level: str

    def tally(self, state: dict[str, Any] | None = None) -> Tally:
        """An empty tally, or one that resumes from `state`."""
        return Tally(self.labels_F, self.anchor_A, state)

    def record(self, tally: Tally) -> dict[str, Any]:
        """A tally's figures under names and ids."""
        return tally.record(self.classes, self.ids)


def draw_probe(images: TrainingImages, config: TrainConfig) -> Probe | None:
    """The run's probe; `None` if no image in training has a label.

    Sample and anchors are the first of one seeded order: the sample the first 5,000, the anchors the first 500 with a label among the first
    10,000, which are embedded after every epoch anyway.
    """
    labels_F, classes = measured_labels(images, config)
    if labels_F is None:
        return None
    order = measuring_order(images, config)
    labelled = order[:AMONG][labels_F[order[:AMONG]] >= 0]
    if len(labelled) == 0:
        return None
    ids = [images.corpus.ids[row] for row in images.fit.tolist()]
    anchors, sample = np.sort(labelled[:ANCHORS]), np.sort(order[:SAMPLE])
    return Probe(labels_F, classes, ids, anchors, sample, config.label_level)


def note_on_labels(images: TrainingImages, config: TrainConfig, probe: Probe | None) -> str:
    """Remarks on the labels behind the probe's figures; empty if there are none."""
    if probe is None:
        if images.corpus.label_rule == ANY:
            return (
                "images that share a label are of the same class (any): the training measures nothing by labels, audit and evaluate do, "
                "and the records say null"
            )
        whose = "the corpus has" if images.labels is None else "the images in training have"
        return f"{whose} no labels: which negatives are false is not known, and the records say null"
    notes = []
    corpus, level = images.corpus, config.label_level
    if level != COARSE and corpus.labels_at(level) == corpus.labels:
        notes.append(f"the labels have one level: the {level} ones are the coarse ones")
    unknown = int((probe.labels_F < 0).sum())
    if unknown:
        total = len(probe.labels_F)
        notes.append(f"{unknown:,} of {total:,} images in training have no label: pairs with them count as unknown")
    return "; ".join(notes)


class BatchLook:
    """The look at what the objective meets, batch by batch.

    Args:
        probe: the anchors and their labels.
        state: of the epoch's tally so far.
    """

    def __init__(self, probe: Probe, state: dict[str, Any] | None = None) -> None:
        self.tally = probe.tally(state)
        self._labels = torch.from_numpy(probe.labels_F)
        self._is_anchor = torch.zeros(len(probe.labels_F), dtype=torch.bool)
        self._is_anchor[torch.from_numpy(probe.anchor_A)] = True

    @torch.no_grad()
    def update(self, contrast: Contrast, gradient_AM: Tensor) -> None:
        """Adds those anchors of a batch (or of a block of its rows) that are in the probe; every augmented view is an anchor of its own.

        Args:
            contrast: what the objective saw.
            gradient_AM: `(A, M)` derivative of the loss by each similarity; a common factor does not matter.
        """
        anchor_A = contrast.anchor_index.cpu()
        rows = self._is_anchor[anchor_A].nonzero().flatten()
        if len(rows) == 0:
            return
        there = rows.to(contrast.candidate.device)
        is_negative = contrast.is_negative[there].cpu()
        similarity = contrast.candidate[there].cpu().float().masked_fill(~is_negative, -torch.inf)
        image_M = contrast.candidate_index.cpu()
        weight = gradient_AM[there].cpu().clamp(min=0)
        self.tally.add(_seen(similarity, anchor_A[rows], image_M, self._labels, weight))


def look_at(
    probe: Probe,
    anchor_AD: NDArray[np.float32],
    vector_ND: NDArray[np.float32],
    image_N: NDArray[np.int64],
    gradient_weights: GradientWeights | None,
) -> Tally:
    """Compares the probe's anchors with other images, block by block.

    Args:
        probe: the anchors and their labels.
        anchor_AD: `(A, D)` unit-norm float32 of `probe.anchor_A`.
        vector_ND: `(N, D)` likewise of the images that they are compared with; an anchor among them is left out for itself.
        image_N: `(N,)` which image in training each is.
        gradient_weights: of the objective; `None` leaves its share undefined.
    """
    tally, labels = probe.tally(), torch.from_numpy(probe.labels_F)
    vectors, image = torch.from_numpy(vector_ND), torch.from_numpy(image_N)
    block = int(np.clip(_BLOCK_VALUES // max(1, len(vector_ND)), 16, 1024))
    for start in range(0, len(anchor_AD), block):
        anchors = torch.from_numpy(probe.anchor_A[start : start + block])
        similarity = torch.from_numpy(anchor_AD[start : start + block]) @ vectors.T
        similarity.masked_fill_(anchors[:, None] == image[None, :], -torch.inf)
        tally.add(_seen(similarity, anchors, image, labels, gradient_weights))
    return tally


def with_corpus_look(
    record: dict[str, Any], embedding_FD: NDArray[np.float32], probe: Probe, gradient_weights: GradientWeights | None
) -> dict[str, Any]:
    """The last epoch's record with a look at the probe's anchors against all images in training, by the finished encoder."""
    tally = look_at(probe, embedding_FD[probe.anchor_A], embedding_FD, np.arange(len(embedding_FD)), gradient_weights)
    so_far = record.get("probe") or {"label_level": probe.label_level}  # none in an epoch of an older version
    return {**record, "probe": {**so_far, "corpus": probe.record(tally)}}


def hardest(similarity_BN: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k greatest of each row, greatest first, equal ones in the order of columns.

    Args:
        similarity_BN: `(B, N)` float32; −∞ for what does not count, which comes last in any order.
        k: lowered to N.

    Returns:
        `(B, K)` values and int64 columns.
    """
    k = min(k, similarity_BN.shape[1])
    if 4 * k >= similarity_BN.shape[1]:
        return _sorted_whole(similarity_BN, k)
    values, columns = similarity_BN.topk(k, dim=1)
    last = values[:, -1:]
    inside = (values == last).sum(1)
    cut = (inside < (similarity_BN == last).sum(1)) & torch.isfinite(
        last[:, 0]
    )  # not all that tie with the k-th are in
    for row in cut.nonzero().flatten().tolist():
        tied = (similarity_BN[row] == last[row]).nonzero().flatten()
        columns[row, k - int(inside[row]) :] = tied[: int(inside[row])]
    by_column = columns.argsort(dim=1)
    order = by_column.gather(1, values.gather(1, by_column).argsort(dim=1, descending=True, stable=True))
    return values.gather(1, order), columns.gather(1, order)


def _sorted_whole(similarity_BN: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The same by sorting rows as whole numbers, value first and column second: a tenth of the time where most of a row is wanted."""
    values = similarity_BN.numpy() + np.float32(0)  # −0 becomes 0, which it is equal to
    bits = values.view(np.int32)
    falling = ~(bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(
        np.int64
    )  # floats in the order of whole numbers, greatest first
    columns = np.sort((falling << 32) | np.arange(values.shape[1]), axis=1)[:, :k] & 0xFFFFFFFF
    return torch.from_numpy(np.take_along_axis(values, columns, axis=1)), torch.from_numpy(columns)


def _seen(
    similarity_BN: Tensor, anchor_B: Tensor, image_N: Tensor, labels_F: Tensor, weight: Tensor | GradientWeights | None
) -> Seen:
    """Counts a block; −∞ marks what is no negative. May overwrite `similarity_BN`.

    Args:
        similarity_BN: `(B, N)` float32.
        anchor_B: `(B,)` image of each anchor.
        image_N: `(N,)` image of each column, −1 for none.
        labels_F: `(F,)` class numbers.
        weight: `(B, N)` gradient weight of each, or how to compute it; `None` leaves shares undefined.
    """
    values, columns = hardest(similarity_BN, RANKS[-1])
    is_negative = similarity_BN > -torch.inf
    class_N = torch.where(image_N >= 0, labels_F[image_N.clamp(min=0)], -1)
    known = is_negative & (class_N >= 0)[None, :]
    false = known & (class_N[None, :] == labels_F[anchor_B][:, None])
    if isinstance(weight, GradientWeights):
        weight = weight.weights(similarity_BN, values[:, :1])[0]
    share = np.full(len(anchor_B), np.nan)
    if weight is not None:
        share = gradient_shares(*((weight * mask).sum(1, dtype=torch.float64).numpy() for mask in (false, known)))
    negative = torch.where(torch.isfinite(values), image_N[columns], -1)
    return Seen(
        anchor_A=anchor_B.numpy(),
        negative_AK=negative.numpy(),
        similarity_AK=values.numpy(),
        known_A=known.sum(1).numpy(),
        false_A=false.sum(1).numpy(),
        share_A=share,
    )
