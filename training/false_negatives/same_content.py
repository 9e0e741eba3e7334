"""Copies among the images of a training: negatives of each other that are known to be false, without a label and without an answer.

# A anchors, M candidates, N training images
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from samekind.core.progress import Progress
from samekind.core.text import counted
from samekind.data.corpus import Corpus
from samekind.training.config.data import NEAR, DataSettings
from samekind.training.false_negatives.perceptual_hash import near_copies
from samekind.training.objectives.similarity import Contrast
from samekind.training.objectives.terms import Terms
from samekind.training.training_set import TrainingImages


class SameContent(nn.Module):
    """Takes copies of an anchor out of its negatives. Whether they are pulled in is left to the treatment.

    Args:
        content_N: `(N,)` int64 numbers, equal for images that are copies of each other.
    """

    content: Tensor

    def __init__(self, content_N: NDArray[np.int64]) -> None:
        super().__init__()
        self.register_buffer("content", torch.from_numpy(content_N), persistent=False)

    def drop_copies(self, terms: Terms, contrast: Contrast) -> Terms:
        """The terms without negatives that are copies of their anchor. Patches of one and the same image stay negatives of each other."""
        anchor, candidate = contrast.anchor_index[:, None], contrast.candidate_index[None, :]
        copies = (self.content[anchor] == self.content[candidate.clamp(min=0)]) & (anchor != candidate)
        return replace(terms, negative_mask=terms.negative_mask & ~copies)


def find_same_content(images: TrainingImages, settings: DataSettings, progress: Progress) -> SameContent | None:
    """Copies among the images in training; `None` if each is there once.

    Args:
        images: of the run.
        settings: the run's; they say if near copies count.
        progress: shows a bar while pictures are hashed, and is told how many copies there are.

    Raises:
        ImageError: a file has become unreadable since the corpus was read.
    """
    content_N = np.unique(images.hashes, return_inverse=True)[1].astype(np.int64)
    if settings.copies == NEAR:
        content_N = near_copies(images.corpus.subset(images.fit.tolist()), content_N, progress)
    members = np.bincount(content_N)
    copied = int(members[members > 1].sum())
    if not copied:
        return None
    alike = "content or looks" if settings.copies == NEAR else "content"
    progress.print(
        f"{counted(copied, 'training image')} in {counted(int((members > 1).sum()), 'group')} of the same {alike}: "
        "no negatives of each other"
    )
    return SameContent(content_N)


def leak_line(corpus: Corpus, trained_on: Sequence[str]) -> str:
    """A sentence on images of other splits that are trained on as well, told by content; empty if there are none.

    Args:
        corpus: with all its splits.
        trained_on: content hashes of the images in training.
    """
    known = set(trained_on)
    others = {"test": 0, "validation": 0}
    for split, reference in zip(corpus.splits, corpus.references, strict=True):
        if split in others:
            others[split] += reference.sha256 in known
    leaked = [counted(number, f"{split} image") for split, number in others.items() if number]
    if not leaked:
        return ""
    return (
        f"a leak: {' and '.join(leaked)} of the same content as a training image; accuracy there is too good "
        "(near copies are not counted here: samekind suspects lists them, too, once there is an index)"
    )
