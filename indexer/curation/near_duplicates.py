"""Images that are there twice: candidates from the embedding, verified by their pixels.

# P pairs, U distinct contents, S side of a small picture

An encoder is trained to see the same in what differs by crop and colour, so a high similarity says *same class* long before it says *same
picture*. The nearest neighbours of each image are therefore only candidates, which the agreement of their pixels at 16 × 16 ranks
(`indexer.curation.pixel_agreement`). What needs torch is imported where it is used: a few images of which no two are alike need none of it.

Source:
    What near-duplicates of a data set look like: ciFAIR, arXiv 1902.00423.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.indexer.audit.anchors import anchors_of
from samekind.indexer.audit.duplicates import exact_duplicates, pairs_within
from samekind.indexer.audit.kept import kept_pass
from samekind.indexer.audit.notes import Note, NoteCode
from samekind.indexer.curation.kept import kept_or_found, num_listed
from samekind.indexer.curation.small_pictures import ZOOMED_SIDES, small_pictures
from samekind.indexer.curation.tables import check_count, csv_text, restored, stored
from samekind.indexer.labeling.verdicts import DIFFERENT, DUPLICATE, SAME, Verdict, VerdictTable
from samekind.training.diagnostics.figures import UNKNOWN
from samekind.training.false_negatives.links import Pair

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

CANDIDATES = 5
"""Nearest neighbours of each image whose pixels are compared."""
SAME_PICTURE = 0.93
"""Score, zoomed, from which on a pair is listed: docs/results.md."""
WORTH_ZOOMING = 0.6
"""Score from which on a pair may be an image and its crop."""
ALIKE = 0.8
"""Least cosine of a listed near pair: dark things on a plain ground agree in their pixels also where the encoder sees two things."""
SURE_SCORE, SURE_SIMILARITY = 0.95, 0.9
"""Score, not zoomed, and cosine from which on a near pair is taken for the same picture without a look."""
DOUBT = Note(
    NoteCode.REVIEW_DUPLICATES,
    "Near pairs are pictures whose pixels agree. Things of one colour on a plain ground do so too without being the same picture: "
    "look before you believe.",
)


@dataclass(frozen=True)
class Duplicate:
    """Two images that show the very same picture, or nearly.

    Attributes:
        a, b: ids, in table order.
        kind: `exact` (equal content) or `near`.
        score: agreement of the pixels in [-1, 1], the order of the list; 1 for exact ones.
        similarity: cosine of their embeddings in [-1, 1].
        a_label, b_label: class names, `None` where unknown.
        confirmed: `True` if they were annotated as `duplicate`, `False` if as `same` or `different`, `None` without annotation.
        a_split, b_split: their splits.
        decided: the verdict behind `confirmed`.
    """

    a: str
    b: str
    kind: str
    score: float
    similarity: float
    a_label: str | None = None
    b_label: str | None = None
    confirmed: bool | None = None
    a_split: str = ""
    b_split: str = ""
    decided: str | None = None


@dataclass(frozen=True)
class Duplicates:
    """The ranked table.

    Attributes:
        pairs: exact ones first, then by falling score; capped.
        num_pairs: how many there are in all.
        notes: what a reader must know.
    """

    pairs: tuple[Duplicate, ...]
    num_pairs: int
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "num_duplicates": self.num_pairs,
            "duplicates": [asdict(pair) for pair in self.pairs],
            "notes": list(self.notes),
        }

    def answered(self, index: OpenedIndex) -> Duplicates:
        """The same table with the annotations there are by now."""
        current = VerdictTable(index.path).current()
        return replace(self, pairs=tuple(_decided(index, current, each) for each in self.pairs))

    def unanswered(self) -> Duplicates:
        """The same table without the pairs that somebody has answered; the count stays."""
        return replace(self, pairs=tuple(pair for pair in self.pairs if pair.confirmed is None))

    def to_csv(self) -> str:
        """One line a pair under a header."""
        return csv_text([f.name for f in fields(Duplicate)], map(asdict, self.pairs))


@dataclass(frozen=True)
class Candidates:
    """Pairs of rows of different content whose pixels were compared.

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
    return listed(index, "duplicates", count, lambda most: _found(index, most, progress), progress)


def listed(
    index: OpenedIndex,
    name: str,
    count: int,
    find: Callable[[int], Duplicates],
    progress: Progress | None = None,
) -> Duplicates:
    """A table of `count` pairs with the annotations there are by now, from the cache or by `find`, which gets the length wanted."""
    most = num_listed(index, count)

    def read(values: dict[str, Any]) -> Duplicates:
        return restored(Duplicates, values, count, pairs=Duplicate)

    return kept_or_found(index, name, most, lambda: stored(find(most)), read, progress).answered(index)


def _found(index: OpenedIndex, count: int, progress: Progress | None) -> Duplicates:
    """The table without annotations."""
    content_N = np.unique(np.array(index.rows.column("sha256")), return_inverse=True)[1]
    exact = exact_duplicates(content_N)
    found, notes = near_candidates(index, content_N, progress, least=ALIKE)
    found = zoomed(index, found, progress)
    order = np.argsort(-found.score_P, kind="stable")
    near = order[found.score_P[order] >= SAME_PICTURE]
    notes += [DOUBT] * bool(len(near))
    found_pairs = [(a, b, "exact", 1.0, 1.0) for a, b in exact]
    found_pairs += [
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
    return Duplicates(named(index, found_pairs[:count]), number, tuple(notes))


def near_copies(index: OpenedIndex, ids: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs among a few images that `Index.duplicates` would list as near; no other image is looked at, so that it takes a moment.

    Args:
        index: holds the images.
        ids: of different contents; 20 images are 190 pairs.

    Returns:
        Pairs in the order of `ids`.

    Raises:
        InputError: an id is not in the index.
    """
    row_M = np.array([index.rows.position_of(id_) for id_ in ids], dtype=np.int64)
    vectors = index.vectors(row_M).astype(np.float64)
    pair_P2 = np.argwhere(np.triu(vectors @ vectors.T >= ALIKE, 1))
    if not len(pair_P2):
        return []
    from samekind.indexer.curation.pixel_agreement import pixel_agreement

    similarity_P = (vectors[pair_P2[:, 0]] * vectors[pair_P2[:, 1]]).sum(axis=1)
    score_P = pixel_agreement(small_pictures(index, row_M), pair_P2)
    found = zoomed(index, Candidates(row_M[pair_P2], similarity_P, score_P))
    return [(ids[a], ids[b]) for a, b in pair_P2[found.score_P >= SAME_PICTURE].tolist()]


def near_candidates(
    index: OpenedIndex,
    content_N: NDArray[np.int64],
    progress: Progress | None = None,
    class_N: NDArray[np.int64] | None = None,
    least: float = -1.0,
) -> tuple[Candidates, list[Note]]:
    """The nearest neighbours of every image among other contents, scored by their pixels, and notes on them.

    Args:
        index: the images.
        content_N: `(N,)` numbers, equal for equal content.
        progress: shows bars.
        class_N: `(N,)` class numbers, −1 for unknown. With them, only pairs of two classes that can be sure are looked at, which saves
            reading most of the pictures.
        least: cosine from which on a pair is looked at, for the same reason.
    """
    from samekind.indexer.audit.comparison import Comparison, Neighbourhood
    from samekind.indexer.curation.pixel_agreement import pixel_agreement

    # One row of each content: copies would take the neighbours' places.
    first_U = np.sort(np.unique(content_N, return_index=True)[1])
    anchors, notes = anchors_of(len(first_U), None)
    depth = min(CANDIDATES, len(first_U) - 1)
    if depth == 0:
        return Candidates(np.empty((0, 2), np.int64), np.empty(0), np.empty(0)), notes
    comparison = Comparison(np.full(len(first_U), UNKNOWN), anchors, depth)

    def compare() -> Neighbourhood:
        from samekind.indexer.audit.neighbours import neighbourhood

        return neighbourhood(index.vectors(first_U), comparison, progress)

    # Label errors and duplicates ask for the same pass, one after the other.
    found = kept_pass(index.manifest, first_U, comparison, compare, progress)
    pair_P2 = np.stack([np.repeat(anchors, depth), found.row_AK.ravel()], axis=1)
    pair_P2, first = np.unique(np.sort(pair_P2, axis=1), axis=0, return_index=True)
    pair_P2, similarity_P = first_U[pair_P2], found.similarity_AK.ravel()[first]
    wanted = similarity_P >= least
    if class_N is not None:
        class_P2 = class_N[pair_P2]
        wanted &= (class_P2[:, 0] != class_P2[:, 1]) & (class_P2 >= 0).all(axis=1) & (similarity_P >= SURE_SIMILARITY)
    pair_P2, similarity_P = pair_P2[wanted], similarity_P[wanted]
    rows, place_P2 = np.unique(pair_P2, return_inverse=True)
    pictures = small_pictures(index, rows, progress)
    score_P = pixel_agreement(pictures, place_P2.reshape(-1, 2), progress)
    return Candidates(pair_P2, similarity_P, score_P), notes


def zoomed(index: OpenedIndex, found: Candidates, progress: Progress | None = None) -> Candidates:
    """The same pairs; of those that may be listed the pixels are compared as if one picture were a crop of the other, too."""
    from samekind.indexer.curation.pixel_agreement import zoomed_agreement

    score_P = found.score_P.copy()
    worth = np.flatnonzero((score_P >= WORTH_ZOOMING) & (found.similarity_P >= ALIKE))
    rows, place_P2 = np.unique(found.row_P2[worth], return_inverse=True)
    pictures, place_P2 = small_pictures(index, rows, progress), place_P2.reshape(-1, 2)
    for side in ZOOMED_SIDES:
        larger = small_pictures(index, rows, progress, side)
        score_P[worth] = np.maximum(score_P[worth], zoomed_agreement(pictures, larger, place_P2, progress))
    return replace(found, score_P=score_P)


def named(index: OpenedIndex, pairs: list[tuple[int, int, str, float, float]]) -> tuple[Duplicate, ...]:
    """Pairs of `(row, row, kind, score, similarity)` with ids, labels and splits."""
    ids, labels = index.ids, index.labels or [None] * len(index)
    return tuple(
        Duplicate(
            ids[a],
            ids[b],
            kind,
            score,
            similarity,
            labels[a],
            labels[b],
            a_split=index.splits[a],
            b_split=index.splits[b],
        )
        for a, b, kind, score, similarity in pairs
    )


def _decided(index: OpenedIndex, current: Mapping[Pair, Verdict], pair: Duplicate) -> Duplicate:
    rows = np.array([index.rows.position_of(pair.a), index.rows.position_of(pair.b)])
    first, second = sorted(index.rows.values("sha256", rows))
    verdict = current.get((first, second))
    if verdict is None or verdict.verdict not in (DUPLICATE, SAME, DIFFERENT):
        return replace(pair, confirmed=None, decided=None)
    return replace(pair, confirmed=verdict.verdict == DUPLICATE, decided=verdict.verdict)
