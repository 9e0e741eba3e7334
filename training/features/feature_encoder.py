"""The trainable end of an encoder, on cached features: what the engine trains in place of the whole."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from samekind.core.progress import Progress
from samekind.data.types.rows import RowSource
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.whitening import Whitening

_BLOCK = 8192


class FeatureEncoder(nn.Module):
    """An encoder whose inputs are the unit-norm vectors that its frozen backbone and whitening give: what is left is the adapter.

    Args:
        whole: the encoder; its adapter is trained in place.
    """

    def __init__(self, whole: Encoder) -> None:
        super().__init__()
        assert whole.adapter is not None
        self.backbone = whole.adapter
        self.feature_dim = self.dim = whole.dim
        self._whole = [whole]  # in a list, so that its backbone is no part of this module

    @property
    def whole(self) -> Encoder:
        """The encoder with its backbone."""
        return self._whole[0]

    @property
    def spec(self) -> EncoderSpec:
        """The whole encoder's."""
        return self.whole.spec

    def normalise(self, vectors_BD: Tensor) -> Tensor:
        """`(B, D)` of any precision to float32 on this module's device."""
        return vectors_BD.to(next(self.parameters()).device, non_blocking=True).to(torch.float32)

    def forget(self) -> None:
        """Makes the adapter one that changes nothing."""
        self.backbone.forget()

    @torch.no_grad()
    def features(self, vectors_ND: RowSource, progress: Progress | None = None) -> NDArray[np.float32]:
        """`(N, D)` cached vectors to `(N, D)` float32 embeddings of unit norm, by the adapter as it is now. Too fast for a bar."""
        embedding_ND = np.empty((len(vectors_ND), self.dim), dtype=np.float32)
        for start in range(0, len(vectors_ND), _BLOCK):
            block = torch.from_numpy(np.asarray(vectors_ND[start : start + _BLOCK], dtype=np.float32))
            moved = functional.normalize(self.backbone(self.normalise(block)), dim=1)
            embedding_ND[start : start + len(block)] = moved.cpu().numpy()
        return embedding_ND

    def embed(self, vectors_ND: RowSource, progress: Progress | None = None) -> NDArray[np.float32]:
        """The same: there is no whitening behind the adapter."""
        return self.features(vectors_ND)

    def fitted_whitening(self, feature_ND: NDArray[np.float32], exponent: float, dim: int) -> Whitening:
        """None: the vectors were whitened before the adapter, and training moves them on purpose."""
        return Whitening(self.feature_dim, self.dim)

    def fit_whitening(
        self, vectors_ND: RowSource, exponent: float, seed: int, progress: Progress | None = None
    ) -> None:
        """Nothing: see `fitted_whitening`."""


Trainable = Encoder | FeatureEncoder
"""What the engine trains: a whole encoder on pixels, or the end of one on cached features."""
