"""The adapter: a small residual network on the embeddings of a frozen backbone."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualAdapter(nn.Module):
    """`z + W₂ gelu(W₁ z + b₁)`; W₂ starts at zero, so that an adapter that has learned nothing changes nothing.

    Args:
        dim: dimension D of the embedding.
        hidden: width of the hidden layer, ≥ 1.

    Source:
        Adapters as residual bottlenecks: Houlsby et al., arXiv 1902.00751; on frozen features for images: CLIP-Adapter, arXiv 2110.04544.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.rise, self.fall = nn.Linear(dim, hidden), nn.Linear(hidden, dim, bias=False)
        self.forget()

    def forget(self) -> None:
        """Sets the residual to zero."""
        nn.init.zeros_(self.fall.weight)

    def forward(self, unit_BD: Tensor) -> Tensor:
        """`(B, D)` unit-norm embeddings to `(B, D)` ones of any norm."""
        adapted: Tensor = unit_BD + self.fall(functional.gelu(self.rise(unit_BD)))
        return adapted
