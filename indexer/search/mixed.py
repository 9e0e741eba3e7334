"""Queries that are made of several things: words, images like which the hits should be, and images unlike which they should be.

    q = weighted mean of the likes − γ · mean of the unlikes,    scaled to unit norm

which is Rocchio's relevance feedback. Where words and images meet, one thing is added: over an index, cosines with words spread far less
than cosines with images (a model like CLIP keeps the two kinds in cones of their own), so that a plain mean would hear the images alone.
Words are scaled so that both kinds of cosines spread equally over the images of the index; then equal weights mean an equal say.

Source:
    J. J. Rocchio, "Relevance feedback in information retrieval", in The SMART Retrieval System, 1971. Dividing scores by their spread
    before they are summed is z-score fusion; its mean would move all images alike: Wu, Crestani & Bi, "Evaluating score normalization
    methods in data fusion", AIRS 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError

UNLIKE_WEIGHT = 0.25
"""γ: of 0.15 to 1 the best on photos with one and with three unlikes; docs/decisions/0015-text-queries.md has the figures."""
SPREAD_ROWS = 2048
"""Images of the index by which the spread of cosines is measured."""
_CANCELLED = 1e-6


@dataclass(frozen=True)
class Text:
    """Words to search with, where the encoder of the index has a text tower.

    Attributes:
        words: what the images should show, e.g. "red shoe".
    """

    words: str


class Mix:
    """One query of several parts: like these, unlike those. `exclude_self` leaves out the images of all parts.

    Args:
        like: `Text`, or anything that is one query: a path, bytes, a Pillow image, an array, an id, a vector.
        weights: a positive number for each of them; all equal if left out.
        unlike: parts of the same kinds that the hits should not be like.
        unlike_weight: γ ≥ 0, how much the mean of `unlike` counts beside the mean of `like`.

    Example:
        index.search(sk.Mix(sk.Text("red shoe"), "boot.jpg", weights=[1, 0.5], unlike=["sandal.jpg"]))

    Raises:
        InputError: there is nothing to be like, or a weight is no positive number.
    """

    def __init__(
        self,
        *like: Any,
        weights: Sequence[float] | None = None,
        unlike: Sequence[Any] = (),
        unlike_weight: float = UNLIKE_WEIGHT,
    ) -> None:
        if not like:
            raise InputError("a Mix needs something to be like", hint='e.g. sk.Mix("shoe.jpg", unlike=["sandal.jpg"])')
        if isinstance(unlike, str | bytes):
            raise InputError("unlike must be a list", hint=f"e.g. unlike=[{unlike!r}]")
        given = [1.0] * len(like) if weights is None else list(weights)
        if len(given) != len(like):
            raise InputError(f"a Mix of {len(like)} needs as many weights, got {len(given)}")
        if not all(_is_number(weight) and weight > 0 for weight in given):
            raise InputError(
                f"weights must be positive numbers, got {given}",
                hint="what hits should be unlike is given as unlike=[…]",
            )
        if not _is_number(unlike_weight) or unlike_weight < 0:
            raise InputError(f"unlike_weight must be a number from 0, got {unlike_weight!r}")
        self.like, self.unlike = like, tuple(unlike)
        self.weights, self.unlike_weight = tuple(map(float, given)), float(unlike_weight)

    @property
    def parts(self) -> tuple[Any, ...]:
        """What hits should be like, then what they should be unlike."""
        return (*self.like, *self.unlike)

    @property
    def shares(self) -> NDArray[np.float64]:
        """`(P,)` what each part counts: those of `like` sum to 1, those of `unlike` to −γ."""
        weights = np.array(self.weights) / max(self.weights)  # their sum may be infinite otherwise
        return np.concatenate(
            [weights / weights.sum(), np.full(len(self.unlike), -self.unlike_weight / max(1, len(self.unlike)))]
        )


def mixed(mix: Mix, vectors_PD: NDArray[np.float32], rows_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    """The query of a mix, `(D,)` float32 of unit norm.

    Args:
        mix: says what each part counts, and which are words.
        vectors_PD: `(P, D)` float32 of unit norm, its parts embedded.
        rows_ND: `(N, D)` float32 images of the index, by which words are brought to the scale of images.

    Raises:
        InputError: likes and unlikes cancel.
    """
    words = np.array([isinstance(part, Text) for part in mix.parts])
    shares = mix.shares
    if words.any() and not words.all():
        shares = np.where(
            words, shares * _spread(vectors_PD[~words], rows_ND) / _spread(vectors_PD[words], rows_ND), shares
        )
    shares = shares / np.abs(shares).max()
    vector = shares @ vectors_PD.astype(np.float64)
    norm = np.linalg.norm(vector)
    if norm < _CANCELLED * np.abs(shares).sum():
        raise InputError(
            "like and unlike cancel: nothing is left to search for",
            hint="leave out what is in both, or lower the weight of unlike",
        )
    return np.asarray(vector / norm, dtype=np.float32)


def _spread(vectors_PD: NDArray[np.float32], rows_ND: NDArray[np.float32]) -> float:
    """Standard deviation over the rows of their cosines with a vector, root mean square over the vectors; 1 where nothing spreads."""
    variance = (rows_ND @ vectors_PD.T).var(axis=0, dtype=np.float64).mean()
    return float(np.sqrt(variance)) if variance > 0 else 1.0


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )
