"""Contrastive predictive coding: from the rows of an image that were seen, predict which patch lies below.

# B images, G patches a side, R rows of patches, D dimension of a code, K steps, A anchors, M candidates

    image → patches → codes z ─→ context c, row by row
                       z_{r+k, column}  ←W_k─  c_{r, column}        k = 1..K rows below

The positive of a prediction is the code of the cell that it is about; other cells, of other images and of the same, are its negatives.
So `cpc` contrasts parts of one image where the other objectives contrast two views of it, and one view a batch is enough.

To keep the logits' scale, codes and contexts are normalised to mean 0 and variance 1 (layer norm without parameters, which W_k
would absorb) and `zᵀ W c` is divided by √D, as attention does. With W's entries drawn at variance 1/D a logit has variance 1 at the
start, and it never exceeds ‖W‖ √D. Learning W learns the temperature, so there is none. The normalisation and the products run in
float32 whatever the precision around them.

Neighbouring patches share half of their pixels, so step 1 is the easier one; it is kept, as in the paper.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from samekind.core.errors import InputError
from samekind.training.config.objective import CPC_CONTEXTS
from samekind.training.models.patches import PatchEncoder
from samekind.training.objectives.mi_bound import bound_of_logits
from samekind.training.objectives.similarity import Contrast, against_codes

STEPS = 3
MAX_ANCHORS = 512
MAX_CANDIDATES = 1024

_BLOCKS = 3


class _MaskedBlock(nn.Module):
    """A residual bottleneck around a 3 × 3 convolution that sees its own row and the two above, never one below.

    The mask is where the padding goes, not zeros in a kernel: two rows above, none below. There is no BatchNorm, whose statistics would
    run over the rows below as well.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        hidden = max(1, dim // 2)
        self.narrow = nn.Conv2d(dim, hidden, 1)
        self.look = nn.Conv2d(hidden, hidden, 3)
        self.widen = nn.Conv2d(hidden, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, D, R, G)` to the same."""
        narrow = functional.pad(self.narrow(x).relu(), (1, 1, 2, 0))  # left, right, above, below
        further: Tensor = self.widen(self.look(narrow).relu())
        return x + further


class ContextNetwork(nn.Module):
    """Context of a cell: what the rows of its image down to r let expect below.

    Args:
        dim: D of codes and contexts.
        context: `masked_conv` sees all columns of the rows down to r, six rows back and three columns to each side; `gru` reads each
            column by itself from the top.

    Raises:
        InputError: an unknown context.

    Source:
        arXiv 1807.03748, section 3.2; masked convolutions in place of its PixelCNN as in arXiv 1905.09272.
    """

    def __init__(self, dim: int, context: str = "masked_conv") -> None:
        super().__init__()
        if context not in CPC_CONTEXTS:
            raise InputError(f"unknown context {context!r}", hint=f"choose one of {', '.join(CPC_CONTEXTS)}")
        self.rows = nn.GRU(dim, dim, batch_first=True) if context == "gru" else None
        self.blocks = nn.Sequential(*(_MaskedBlock(dim) for _ in range(0 if context == "gru" else _BLOCKS)))

    def forward(self, codes_BRGD: Tensor) -> Tensor:
        """`(B, R, G, D)` codes of R rows to contexts of the same shape; row r depends on rows ≤ r of its own image alone."""
        if self.rows is None:
            seen: Tensor = self.blocks(codes_BRGD.permute(0, 3, 1, 2))
            return seen.permute(0, 2, 3, 1)
        batch, rows, columns, dim = codes_BRGD.shape
        read: Tensor = self.rows(codes_BRGD.transpose(1, 2).reshape(batch * columns, rows, dim))[0]
        return read.reshape(batch, columns, rows, dim).transpose(1, 2)


class CpcNetwork(nn.Module):
    """Patch encoder, context and one linear prediction a step.

    Args:
        backbone: whose codes are trained, in place.
        context: one of `samekind.training.config.objective.CPC_CONTEXTS`.
        steps: K, how many rows below are predicted, at least 1; at most G − 1 are used.
        max_anchors: A, predictions that a batch is trained on, drawn from all.
        max_candidates: M, cells that they are contrasted with, likewise.

    Attributes:
        steps: K after clipping to the grid.

    Raises:
        InputError: a number out of range, or a grid of a single row, below which there is nothing to predict.
    """

    def __init__(
        self,
        backbone: PatchEncoder,
        *,
        context: str = "masked_conv",
        steps: int = STEPS,
        max_anchors: int = MAX_ANCHORS,
        max_candidates: int = MAX_CANDIDATES,
    ) -> None:
        super().__init__()
        for name, value, low in (
            ("steps", steps, 1),
            ("max_anchors", max_anchors, 1),
            ("max_candidates", max_candidates, 2),
        ):
            if value < low:
                raise InputError(f"{name} must be at least {low}, got {value}")
        if backbone.grid_size < 2:
            raise InputError(
                f"images of {backbone.image_size} px have one row of patches, prediction needs at least two",
                hint=f"take --image-size {backbone.patch + backbone.stride} or more",
            )
        self.backbone = backbone
        self.context = ContextNetwork(backbone.grid_dim, context)
        self.steps = min(steps, backbone.grid_size - 1)
        self.predictors = nn.ModuleList(_predictor(backbone.grid_dim) for _ in range(self.steps))
        self.max_anchors = max_anchors
        self.max_candidates = max_candidates

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and contexts.

        Args:
            images_BCHW: `(B, C, S, S)` normalised images.

        Returns:
            `(B, G, G, D)` codes z and `(B, G − 1, G, D)` contexts c, both float32 of mean 0 and variance 1 over D; nothing lies below
            the last row, so it has no context.
        """
        codes = self.backbone.grid(images_BCHW)
        return _normalised(codes), _normalised(self.context(codes[:, :-1]))

    def contrast(
        self, images_BCHW: Tensor, index_B: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Contrast, float]:
        """Contrast of a batch, and the bound on mutual information between what was seen and what lies below.

        Anchors are predictions and candidates are cells. `candidate_index` holds the image that a cell is of, so a tracker counts a
        negative cell as false if its image has the anchor's label. Cells of the anchor's own image are negatives too, here as in the
        paper, and are counted so; for cells "false negative" says less than for images, since most patches of a class differ.

        Args:
            images_BCHW: `(B, C, S, S)` normalised images, one view each, B ≥ 1.
            index_B: `(B,)` int64 training image of each.
            generator: draws the predictions and the cells; the same state gives the same draw. It may live on another device.

        Returns:
            The contrast: `(A,)` and `(A, M)` float32 logits at temperature 1 (not cosines, so not within [−1, 1]), where A and M are the
            configured ones or as many as the batch has. A negative is every candidate but the very cell that is predicted. Its vectors
            are codes of norm √D. And the bound in nats, at most log B: `prediction_bound`, the mean over the steps.

        Source:
            arXiv 1807.03748, equations 3 and 4.
        """
        codes, context = self(images_BCHW)
        with torch.autocast(codes.device.type, enabled=False):
            return self._contrast(codes, context, index_B, generator), self._bound(codes, context, generator)

    def _contrast(
        self, codes_BGGD: Tensor, context_BRGD: Tensor, index_B: Tensor, generator: torch.Generator | None
    ) -> Contrast:
        batch, grid, _, dim = codes_BGGD.shape
        image, row, column, step = self._draw_predictions(batch, codes_BGGD.device, generator)
        prediction = self._predict(context_BRGD[image, row, column], step)
        target = (image * grid + row + step) * grid + column  # a cell's number in the flattened grid
        cell = _draw(batch * grid * grid, self.max_candidates, codes_BGGD.device, generator)
        return against_codes(prediction, codes_BGGD.reshape(-1, dim), target, cell, index_B.repeat_interleave(grid**2))

    def _draw_predictions(
        self, batch: int, device: torch.device, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`(A,)` image, row and column of the context, and step, drawn without repetition from all that stay on the grid."""
        grid = self.backbone.grid_size
        pairs = torch.tensor(
            [(row, step) for step in range(1, self.steps + 1) for row in range(grid - step)], device=device
        )
        drawn = _draw(batch * grid * len(pairs), self.max_anchors, device, generator)
        row, step = pairs[drawn % len(pairs)].unbind(1)
        place = drawn // len(pairs)
        return place // grid, row, place % grid, step

    def _predict(self, context_AD: Tensor, step_A: Tensor) -> Tensor:
        """`(A, D)` predictions `W_k c / √D`, each with the W of its own step."""
        prediction = torch.zeros_like(context_AD)
        for step, predictor in enumerate(self.predictors, 1):
            prediction = torch.where((step_A == step)[:, None], predictor(context_AD), prediction)
        return prediction / math.sqrt(context_AD.shape[1])

    @torch.no_grad()
    def _bound(self, codes_BGGD: Tensor, context_BRGD: Tensor, generator: torch.Generator | None) -> float:
        """Mean over the steps, each at one drawn place: one place alone would make the figure jump between easy and hard steps.

        Of every image one cell is a candidate: cells of one image depend on each other, so more would break the bound's proof.
        """
        grid = self.backbone.grid_size
        bounds = []
        for step in range(1, self.steps + 1):
            place = int(_draw((grid - step) * grid, 1, torch.device("cpu"), generator))
            row, column = divmod(place, grid)
            steps = torch.full((len(codes_BGGD),), step, device=codes_BGGD.device)
            prediction = self._predict(context_BRGD[:, row, column], steps)
            bounds.append(bound_of_logits(prediction @ codes_BGGD[:, row + step, column].T))
        return sum(bounds) / len(bounds)


def _predictor(dim: int) -> nn.Linear:
    """W_k, with entries of variance 1/D: three times PyTorch's own, for logits that start at variance 1."""
    linear = nn.Linear(dim, dim, bias=False)
    nn.init.normal_(linear.weight, std=dim**-0.5)
    return linear


def _normalised(x: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return functional.layer_norm(x.float(), x.shape[-1:])


def _draw(count: int, most: int, device: torch.device, generator: torch.Generator | None) -> Tensor:
    """`(min(count, most),)` int64 distinct numbers below `count`, in random order."""
    source = torch.device("cpu") if generator is None else generator.device
    return torch.randperm(count, generator=generator, device=source)[:most].to(device)
