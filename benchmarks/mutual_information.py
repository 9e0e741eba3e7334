"""The InfoNCE bound beside a mutual information that is known exactly; draws `docs/images/mi-bound.png`.

    python -m benchmarks.mutual_information

Every critic here is the best one there is, the log density ratio: what the bound still misses is the bound's fault. Two distributions:
a Gaussian pair, and a pair whose halves each show a class and a Gaussian detail. In the second one class labels exist, so that
negatives of the anchor's own class can be left in, as the bound wants it, or taken out by an oracle.
"""

from __future__ import annotations

import argparse
import math
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from samekind.ideas import GaussianPair
from samekind.training.objectives.mi_bound import bound_of_logits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# B pairs of a batch, which are the K candidates of each other; D dimensions
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "mi-bound.png"
CANDIDATES = tuple(2**i for i in range(1, 11))
ANCHORS = 2**16  # a point: as many anchors at every K
Curve = list[tuple[float, float]]  # mean and standard error at each of CANDIDATES
TRUTH_COLOUR, CAP_COLOUR, BOUND_COLOURS, REMOVED_COLOUR = "#212529", "#868e96", ("#5f3dc4", "#1c7ed6"), "#d9480f"


@dataclass(frozen=True)
class ClassPair:
    """Two views of an image that has one of C classes: each view shows a class, and a half of a Gaussian pair as its detail.

    A view shows the image's class with probability q, and otherwise any of the C classes, itself included.

    Attributes:
        num_classes: C.
        shown: q in [0, 1).
        detail: what the views share beyond the class; independent of it.
    """

    num_classes: int
    shown: float
    detail: GaussianPair

    @property
    def ratios(self) -> tuple[float, float]:
        """Density ratio of two views that show the same class, `q²C + 1 − q²`, and of two that do not, `1 − q²`."""
        return self.shown**2 * self.num_classes + 1 - self.shown**2, 1 - self.shown**2

    @property
    def truth(self) -> float:
        """Mutual information in nats: of the two shown classes, and of the detail."""
        same, other = self.ratios
        agree = same / self.num_classes
        return agree * math.log(same) + (1 - agree) * math.log(other) + self.detail.truth

    @property
    def without_own_class(self) -> float:
        """Limit of the bound, as K grows, if no negative has the anchor's class: more than the truth.

        The negatives' density then lacks what is most like the anchor. The difference is the mean of `−log E[ratio]` over these
        negatives, whose view shows the class that the anchor's view shows with probability `miss` or `hit`.
        """
        same, other = self.ratios
        by_chance = (1 - self.shown) / self.num_classes
        miss, hit = (
            by_chance,
            self.shown / (self.num_classes - 1) + by_chance,
        )  # the anchor's view shows its class, or not
        right = self.shown + by_chance
        mean = [math.log(other + p * (same - other)) for p in (miss, hit)]
        return self.truth - right * mean[0] - (1 - right) * mean[1]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """`count` independent pairs: both details, the class that each of the two views shows, and last the image's class."""
        class_B = torch.randint(self.num_classes, (count,), generator=generator)
        shown = (self._show(class_B, generator) for _ in range(2))
        return *self.detail.draw(count, generator), *shown, class_B

    def critic(self, x_BD: Tensor, y_BD: Tensor, shown_1_B: Tensor, shown_2_B: Tensor, class_B: Tensor) -> Tensor:
        """`(B, B)` log density ratio of each first view with each second view. It does not look at `class_B`, which no view knows."""
        same, other = (math.log(ratio) for ratio in self.ratios)
        return self.detail.critic(x_BD, y_BD) + torch.where(shown_1_B[:, None] == shown_2_B[None, :], same, other)

    def _show(self, class_B: Tensor, generator: torch.Generator) -> Tensor:
        anything_B = torch.randint(self.num_classes, class_B.shape, generator=generator)
        return torch.where(torch.rand(class_B.shape, generator=generator) < self.shown, class_B, anything_B)


def bound_without_own_class(logits_BB: Tensor, class_B: Tensor) -> float:
    """The same figure after an oracle took the negatives of the anchor's own class out; each anchor counts the candidates it has left.

    Args:
        logits_BB: `(B, B)` critic.
        class_B: `(B,)` classes.
    """
    own_BB = (class_B[:, None] == class_B[None, :]).fill_diagonal_(False)
    log_kept = (~own_BB).sum(1).double().log().mean().item()
    return bound_of_logits(logits_BB.masked_fill(own_BB, -math.inf)) + log_kept - math.log(len(logits_BB))


def averaged(value: Callable[..., float], pairs: Sequence[Tensor], batch: int) -> tuple[float, float]:
    """Mean of `value` over the independent batches that the pairs are cut into, and its standard error.

    Args:
        value: takes one batch of each tensor in `pairs`.
        pairs: as `draw` returns them. The same ones at every K, so that a curve over K shows K and not the draw.
        batch: B = K.
    """
    batches = zip(*(part.split(batch) for part in pairs), strict=True)
    values = torch.tensor([value(*parts) for parts in batches], dtype=torch.float64)
    return values.mean().item(), values.std().item() / math.sqrt(len(values))


GAUSSIAN_PAIRS = (GaussianPair(dim=8, correlation=0.5), GaussianPair(dim=8, correlation=0.95))
CLASS_PAIR = ClassPair(num_classes=10, shown=0.9, detail=GaussianPair(dim=8, correlation=0.35))


def main() -> None:
    """Prints every point with its standard error and draws them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=IMAGE)
    arguments = parser.parse_args()
    seed = arguments.seed
    print(
        f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}; seed {seed}, "
        f"{ANCHORS:,} anchors a point; nats, mean ± standard error"
    )
    curves = [_curve(pair, seed, lambda logits, *_: bound_of_logits(logits)) for pair in GAUSSIAN_PAIRS]
    kept = _curve(CLASS_PAIR, seed, lambda logits, *_: bound_of_logits(logits))
    removed = _curve(CLASS_PAIR, seed, lambda logits, *parts: bound_without_own_class(logits, parts[-1]))
    for pair, curve in zip(GAUSSIAN_PAIRS, curves, strict=True):
        _print(f"Gaussian pair, {pair.dim} dimensions, ρ = {pair.correlation}: truth {pair.truth:.3f}", curve)
    _print(f"pair with {CLASS_PAIR.num_classes} classes, all negatives: truth {CLASS_PAIR.truth:.3f}", kept)
    limit = f"limit {CLASS_PAIR.without_own_class:.3f}"
    _print(f"the same without negatives of the anchor's class: truth {CLASS_PAIR.truth:.3f}, {limit}", removed)
    _save(arguments.out, curves, kept, removed)
    print(f"wrote {arguments.out}")


def _curve(pair: GaussianPair | ClassPair, seed: int, value: Callable[..., float]) -> Curve:
    pairs = pair.draw(ANCHORS, torch.Generator().manual_seed(seed))
    return [averaged(lambda *parts: value(pair.critic(*parts), *parts), pairs, k) for k in CANDIDATES]


def _print(title: str, curve: Curve) -> None:
    print(title)
    for k, (mean, error) in zip(CANDIDATES, curve, strict=True):
        print(f"  K = {k:4}: {mean:.3f} ± {error:.3f}   (log K = {math.log(k):.3f})")


def _save(path: Path, curves: list[Curve], kept: Curve, removed: Curve) -> None:
    """Two panels: the Gaussian pairs, and what taking negatives of the anchor's own class out does."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set_title("Gaussian pairs: below the truth and below log K", loc="left")
    _frame(left, 10.4)
    for pair, curve, colour, marker in zip(GAUSSIAN_PAIRS, curves, BOUND_COLOURS, "os", strict=True):
        _draw(left, curve, colour, marker, f"bound, ρ = {pair.correlation:g}")
        _level(left, pair.truth, f"truth, ρ = {pair.correlation:g}: {pair.truth:.2f}")
    left.legend(loc="upper left", bbox_to_anchor=(0.02, 0.86))
    right.set_title(f"{CLASS_PAIR.num_classes} classes: negatives of the anchor's own class", loc="left")
    _frame(right, 4.3)
    _draw(right, removed, REMOVED_COLOUR, "^", "own class taken out: no bound")
    _draw(right, kept, BOUND_COLOURS[0], "o", "all negatives: the bound")
    _level(right, CLASS_PAIR.truth, f"truth: {CLASS_PAIR.truth:.2f}")
    right.legend(loc="lower right")
    figure.savefig(path)


def _frame(axes: Axes, top: float) -> None:
    axes.plot(CANDIDATES, [math.log(k) for k in CANDIDATES], "--", color=CAP_COLOUR, label="cap: log K", zorder=5)
    axes.set_xscale("log", base=2)
    axes.set_xticks(CANDIDATES, [str(k) for k in CANDIDATES])
    axes.set_ylim(0, top)
    axes.set_xlabel("candidates K, the positive among them")
    axes.set_ylabel("nats")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _draw(axes: Axes, curve: Curve, colour: str, marker: str, label: str) -> None:
    means, errors = zip(*curve, strict=True)
    bars = [2 * error for error in errors]
    axes.errorbar(CANDIDATES, means, bars, color=colour, marker=marker, linewidth=2, capsize=3, label=label)


def _level(axes: Axes, value: float, text: str) -> None:
    axes.axhline(value, color=TRUTH_COLOUR, linewidth=1.3)
    right = CANDIDATES[-1], value
    axes.annotate(text, right, xytext=(0, 6), textcoords="offset points", ha="right", color=TRUTH_COLOUR)


if __name__ == "__main__":
    main()
