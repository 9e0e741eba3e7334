"""Images that are there twice: candidates from the embedding, a second look at their pixels.

# P pairs, U distinct contents, S side of a small picture, W its window, M margin, V positions of the window

An encoder is trained to see the same in what differs by crop and colour, so a high similarity says *same kind* long before it says *same
picture*. The nearest neighbours of each image are therefore only candidates, and what ranks them is the normalised correlation of their
pixels, at 16 × 16, over small shifts and the mirror image: of the colours, which tells scenes apart, and of the slopes of the brightness,
which tells details apart. Nothing is trained and no label is read.

Source:
    Normalised cross-correlation: Lewis, Fast normalized cross-correlation, 1995. What near-duplicates of a data set look like: ciFAIR,
    arXiv 1902.00423.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from samekind.core.progress import NoProgress, Progress
from samekind.indexer.audit.audit import anchors_of, exact_duplicates, pairs_within
from samekind.indexer.audit.neighbours import neighbourhood
from samekind.indexer.curation.tables import check_count, csv_text
from samekind.indexer.labeling.verdicts import DIFFERENT, DUPLICATE, SAME, Verdict, VerdictTable
from samekind.training.diagnostics.figures import UNKNOWN
from samekind.training.false_negatives.constraints import Pair

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

CANDIDATES = 5
"""Nearest neighbours of each image that get a second look."""
SIDE, MARGIN = 16, 2
SAME_PICTURE = 0.9
"""Score from which on a pair is listed. Looked at on pairs of two training images
of CIFAR-10: from here on most are one picture, around 0.8 half of them are.
"""
ALIKE = 0.8
"""Least cosine of a listed near pair: dark things on a plain ground agree in their pixels also where the encoder sees two things."""
_DOUBT = (
    "Near pairs are pictures whose pixels agree. Things of one colour on a plain ground do so too without being the same picture: "
    "look before you believe."
)
_LEAST_NORM = 1e-3  # of a window: a flat one matches nothing
_BLOCK = 2048
_READ = 4096


@dataclass(frozen=True)
class Duplicate:
    """Two images that show the very same picture, or nearly.

    Attributes:
        a, b: ids, in table order.
        kind: `exact` (equal content) or `near`.
        score: agreement of the pixels in [-1, 1], the order of the list; 1 for exact ones.
        similarity: cosine of their embeddings in [-1, 1].
        a_label, b_label: class names, `None` where unknown.
        confirmed: whether they are duplicates, as a person has said (`duplicate`; `same` or `different` if not); `None` if nobody has.
    """

    a: str
    b: str
    kind: str
    score: float
    similarity: float
    a_label: str | None = None
    b_label: str | None = None
    confirmed: bool | None = None


@dataclass(frozen=True)
class Duplicates:
    """The ranked list.

    Attributes:
        pairs: exact ones first, then by falling score; capped.
        num_pairs: how many there are in all.
        notes: what a reader must know.
    """

    pairs: tuple[Duplicate, ...]
    num_pairs: int
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "num_duplicates": self.num_pairs,
            "duplicates": [asdict(pair) for pair in self.pairs],
            "notes": list(self.notes),
        }

    def answered(self, index: OpenedIndex) -> Duplicates:
        """The same list with what people have said by now."""
        current = VerdictTable(index.path).current()
        return replace(self, pairs=tuple(replace(each, confirmed=_said(index, current, each)) for each in self.pairs))

    def to_csv(self) -> str:
        """One line a pair under a header."""
        return csv_text([f.name for f in fields(Duplicate)], map(asdict, self.pairs))


@dataclass(frozen=True)
class Candidates:
    """Pairs of rows of different content that had a second look.

    Attributes:
        row_P2: `(P, 2)` int64 rows, the first the smaller one.
        similarity_P: `(P,)` float64 cosines.
        score_P: `(P,)` float64 agreement of the pixels, see `pixel_agreement`.
    """

    row_P2: NDArray[np.int64]
    similarity_P: NDArray[np.float64]
    score_P: NDArray[np.float64]


def duplicates(index: OpenedIndex, count: int = 100, progress: Progress | None = None) -> Duplicates:
    """Carries out `Index.duplicates`; see there."""
    count = check_count(count)
    content_N = np.unique(np.array(index.rows.column("sha256")), return_inverse=True)[1]
    exact = exact_duplicates(content_N)
    found, notes = near_candidates(index, content_N, progress)
    order = np.argsort(-found.score_P, kind="stable")
    near = order[((found.score_P >= SAME_PICTURE) & (found.similarity_P >= ALIKE))[order]]
    notes += [_DOUBT] * bool(len(near))
    named = [(a, b, "exact", 1.0, 1.0) for a, b in exact]
    named += [
        (
            int(found.row_P2[p, 0]),
            int(found.row_P2[p, 1]),
            "near",
            float(found.score_P[p]),
            float(found.similarity_P[p]),
        )
        for p in near[:count].tolist()
    ]
    number = pairs_within(content_N) + len(near)
    return Duplicates(_named(index, named[:count]), number, tuple(notes)).answered(index)


def near_candidates(
    index: OpenedIndex, content_N: NDArray[np.int64], progress: Progress | None = None
) -> tuple[Candidates, list[str]]:
    """The nearest neighbours of every image among other contents, scored by their pixels, and what a reader must know of it."""
    first_U = np.unique(content_N, return_index=True)[
        1
    ]  # one row of each content: copies would take the neighbours' places
    first_U.sort()
    anchors, notes = anchors_of(len(first_U), None)
    depth = min(CANDIDATES, len(first_U) - 1)
    if depth == 0:
        return Candidates(np.empty((0, 2), np.int64), np.empty(0), np.empty(0)), notes
    unknown_U = np.full(len(first_U), UNKNOWN)
    found = neighbourhood(index.vectors(first_U), unknown_U, anchors, depth, progress=progress)
    pair_P2 = np.stack([np.repeat(anchors, depth), found.row_AK.ravel()], axis=1)
    pair_P2, first = np.unique(np.sort(pair_P2, axis=1), axis=0, return_index=True)
    pair_P2, similarity_P = first_U[pair_P2], found.similarity_AK.ravel()[first]
    rows, place_P2 = np.unique(pair_P2, return_inverse=True)
    pictures = small_pictures(index, rows, progress)
    score_P = pixel_agreement(pictures, place_P2.reshape(-1, 2), progress)
    return Candidates(pair_P2, similarity_P, score_P), notes


def small_pictures(index: OpenedIndex, rows: NDArray[np.int64], progress: Progress | None = None) -> NDArray[np.uint8]:
    """`(R, S, S, 3)` uint8 pictures of some rows, from their thumbnails."""
    pictures = np.empty((len(rows), SIDE, SIDE, 3), dtype=np.uint8)
    with (progress or NoProgress()).task("Reading thumbnails", len(rows)) as task:
        for start in range(0, len(rows), _READ):
            part = rows[start : start + _READ]
            for i, encoded in enumerate(index.table.thumbnails(part.tolist()), start):
                picture = Image.open(io.BytesIO(encoded)).convert("RGB")
                pictures[i] = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
            task.advance(len(part))
    return pictures


@torch.no_grad()
def pixel_agreement(
    pictures: NDArray[np.uint8], pair_P2: NDArray[np.int64], progress: Progress | None = None
) -> NDArray[np.float64]:
    """How well the pixels of two pictures agree, wherever they agree best: shifted by up to 2 of 16 pixels, or mirrored.

    Args:
        pictures: `(R, S, S, 3)` uint8.
        pair_P2: `(P, 2)` numbers of pictures.
        progress: shows a bar.

    Returns:
        `(P,)` float64 in [-1, 1]: mean of the normalised correlations of the colours and of the slopes, of the first one's middle with the
        best window of the second.
    """
    score_P = np.empty(len(pair_P2))
    with (progress or NoProgress()).task("Comparing pixels", len(pair_P2)) as task:
        for part in _blocks(len(pair_P2)):
            first, second = (torch.from_numpy(pictures[pair_P2[part, side]]) for side in (0, 1))
            score_P[part] = _best(first, second).double().clamp(-1, 1).numpy()
            task.advance(len(first))
    return score_P


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def _best(fixed: Tensor, moving: Tensor) -> Tensor:
    """`(B,)` best agreement of the middle of `fixed`, as it is or mirrored, with any window of `moving`; both `(B, S, S, 3)` uint8."""
    window = SIDE - 2 * MARGIN
    inner = slice(MARGIN, SIDE - MARGIN)
    agreement = []
    for picture in (fixed, fixed.flip(2)):
        total = torch.zeros(())
        for middle, places in zip(_channels(picture), _channels(moving), strict=True):
            template_B1F = _unit(middle[:, None, :, inner, inner])
            windows = places.unfold(2, window, 1).unfold(3, window, 1).permute(0, 2, 3, 1, 4, 5)
            places_BVF = _unit(windows.flatten(1, 2))
            total = total + (template_B1F @ places_BVF.transpose(1, 2))[:, 0] / 2
        agreement.append(total)
    return torch.cat(agreement, dim=1).amax(dim=1)


def _channels(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Colours `(B, 3, S, S)` and the slopes of their mean, across and down, `(B, 2, S, S)`, float32."""
    colour = pictures.permute(0, 3, 1, 2).float() / 255
    grey = functional.pad(colour.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = grey[:, :, 1:-1, 2:] - grey[:, :, 1:-1, :-2]
    down = grey[:, :, 2:, 1:-1] - grey[:, :, :-2, 1:-1]
    return colour, torch.cat([across, down], dim=1)


def _unit(windows: Tensor) -> Tensor:
    """`(B, V, F)` windows `(B, V, C, W, W)` without their channels' means and scaled to norm 1; a flat one stays near 0."""
    centred = (windows - windows.mean(dim=(-1, -2), keepdim=True)).flatten(2)
    norm: Tensor = centred.norm(dim=-1, keepdim=True)
    return centred / norm.clamp(min=_LEAST_NORM)


def _named(index: OpenedIndex, pairs: list[tuple[int, int, str, float, float]]) -> tuple[Duplicate, ...]:
    ids, labels = index.ids, index.labels or [None] * len(index)
    return tuple(
        Duplicate(ids[a], ids[b], kind, score, similarity, labels[a], labels[b])
        for a, b, kind, score, similarity in pairs
    )


def _said(index: OpenedIndex, current: Mapping[Pair, Verdict], pair: Duplicate) -> bool | None:
    rows = np.array([index.rows.position_of(pair.a), index.rows.position_of(pair.b)])
    first, second = sorted(index.rows.values("sha256", rows))
    verdict = current.get((first, second))
    return None if verdict is None else {DUPLICATE: True, SAME: False, DIFFERENT: False}.get(verdict.verdict)
