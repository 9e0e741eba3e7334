"""The space that a training with answers starts from: the frozen one, turned by the map that the answers give it.

It is the map of `samekind adapt`, without its pull: an encoder embeds images that it has never seen, and only those of an index can be
drawn to their groups. As there, held-out images decide whether it helps (docs/decisions/0026).
"""

# F images in training, D dimension

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from samekind.core.text import counted
from samekind.training.answers.answered import Answered
from samekind.training.answers.guard import HeldOut, held_out
from samekind.training.answers.metric import Float64, Total, Within, adapted_map, mapped
from samekind.training.false_negatives.links import LinkConstraints
from samekind.training.models.encoder import Encoder
from samekind.training.models.whitening import Whitening
from samekind.training.runtime.artefact import write_atomically

_OTHERS = 4_096  # images that stand for all where held-out ones are judged
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Start:
    """What became of the answers before the first step.

    Attributes:
        answers: pairs called the same or different, of which both images are in training.
        groups: must-link groups of two images or more.
        held_out: how held-out images fare.
    """

    answers: int
    groups: int
    held_out: HeldOut

    @property
    def adapted(self) -> bool:
        """True if training starts in the adapted space."""
        return self.held_out.improves

    @property
    def line(self) -> str:
        """What a run says of it."""
        if not self.adapted:
            return f"starts from: the frozen space ({self.held_out.line})"
        given = f"{counted(self.answers, 'answer')}, {counted(self.groups, 'group')}"
        return f"starts from: the frozen space adapted by {given} ({self.held_out.line})"

    def to_dict(self) -> dict[str, Any]:
        """As `meta.json` and the summary have it."""
        return {
            "adapted": self.adapted, "answers": self.answers, "groups": self.groups, "held_out": asdict(self.held_out),
        }  # fmt: skip


@dataclass(frozen=True)
class MapAlone:
    """A map of vectors that leaves the images of groups where they come to lie.

    Args:
        map_DD: `(D, D)` float64.
    """

    map_DD: Float64

    def mapped(self, vectors_ND: Vectors) -> Vectors:
        """Maps unit vectors to unit vectors."""
        return mapped(vectors_ND, self.map_DD)

    def gathered(self, mapped_ND: Vectors, group_N: NDArray[np.int64]) -> Vectors:
        """The same vectors."""
        return mapped_ND

    def belonging(self, mapped_ND: Vectors) -> None:
        """Not told: nothing is pulled."""


class AnsweredStart:
    """Turns the whitening of a frozen encoder by the answers of a run, once: a run that resumes must find the axes that it began on.

    Args:
        constraints: the answers.
    """

    def __init__(self, constraints: LinkConstraints) -> None:
        self._constraints = constraints
        self.key = constraints.digest[:16]
        self.found: Start | None = None

    def turn(self, encoder: Encoder, vectors: Callable[[], Vectors], hashes: Sequence[str], file: Path) -> None:
        """Puts the map behind the whitening, if held-out images gain by it, and keeps what was found.

        Args:
            encoder: with a whitening and no adapter; changed in place.
            vectors: returns `(F, D)` unit vectors of the images in training.
            hashes: their contents.
            file: where the whitening is kept, or was by an earlier run of the same images, whitening and answers.
        """
        answered = Answered.of(self._constraints, {sha256: row for row, sha256 in enumerate(hashes)})
        if not file.is_file():
            vectors_FD = vectors()
            space = _Space(vectors_FD)
            others = np.unique(np.linspace(0, len(vectors_FD) - 1, min(len(vectors_FD), _OTHERS)).astype(np.int64))
            judged = held_out(answered, lambda rows: vectors_FD[rows], others, space.fit)
            if judged.improves:
                encoder.take_whitening(
                    _turned(encoder.whitening, space.fit(list(answered.groups), answered.strangers).map_DD)
                )
            told = [np.nan if each is None else each for each in (judged.before, judged.after, judged.error)]
            kept = {**encoder.whitening.state_dict(), "held_out": torch.tensor([judged.groups, *told]).double()}
            write_atomically(file, safetensors.torch.save(kept))
        kept = safetensors.torch.load(file.read_bytes())
        groups, *told = kept.pop("held_out").tolist()
        encoder.renew_whitening(kept["matrix"].shape[1])
        encoder.whitening.load_state_dict(kept)
        judged = HeldOut(int(groups), *(None if np.isnan(each) else each for each in told))
        self.found = Start(answered.num_answers, len(answered.groups), judged)


class _Space:
    """Vectors, and the maps that groups of their rows give."""

    def __init__(self, vectors_FD: Vectors) -> None:
        self._vectors_FD, self._total = vectors_FD, Total(vectors_FD)

    def fit(self, groups: list[NDArray[np.int64]], strangers: list[NDArray[np.int64]]) -> MapAlone:
        within = Within.of([self._vectors_FD[group] for group in groups], self._vectors_FD.shape[1])
        return MapAlone(adapted_map(self._total, within))


def _turned(whitening: Whitening, map_DD: Float64) -> Whitening:
    """The map behind the whitening, as one of the two; the unit norm between them is a factor a row that the one at the end takes away."""
    turned = Whitening(*whitening.matrix.shape)
    turned.mean.copy_(whitening.mean)
    turned.matrix.copy_(whitening.matrix.double() @ torch.from_numpy(map_DD))
    return turned
