"""The audit of the trained space: of the k images that lie nearest to an image, and that training would push away hardest, how many
are of its own class?

An anchor's negatives are all other rows of the index; only its own row is left out, by row and not by similarity, so an exact copy of an
anchor is a negative like any other (and reported as duplicate). A pair with an unknown label is unknown: it counts neither as true nor as
false.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError
from samekind.core.progress import Progress
from samekind.data.types.label_levels import COARSE, labels_at
from samekind.data.types.label_levels import label_level as level_name
from samekind.indexer.audit.neighbours import Neighbourhood, neighbourhood
from samekind.indexer.audit.report import FalseNegativeReport, Pairs
from samekind.indexer.search.results import check_k
from samekind.indexer.search.vector_index import not_unit
from samekind.indexer.storage.manifest import from_nothing
from samekind.training.diagnostics import figures
from samekind.training.diagnostics.figures import UNKNOWN
from samekind.training.diagnostics.gradient_weights import GradientWeights, gradient_weights_of
from samekind.training.objectives.hardness import last_hardness
from samekind.training.training_set import label_numbers

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

ALL_UP_TO = 200_000
SAMPLED = 10_000
NEAR = 0.95
"""Cosine from which on two images of different content are reported as near duplicates.

Looked at on Fashion-MNIST and `synthetic` (whitened embeddings): pairs from 0.95 on are the same product with another print or crop, around
0.9 some are merely alike; on `synthetic` every pair from 0.9 on is a known near duplicate. A space without whitening is narrower: there it
only says that the encoder can hardly tell two images apart.
"""
MOST_DUPLICATES = 1000
MOST_CLASSES = 300
"""Classes up to which class × class is told in full; beyond, of the largest ones: 60,000 classes would be 3.6 milliard counts."""
_SEED = 0


def audit(
    index: OpenedIndex,
    k: int = 10,
    anchors: int | None = None,
    progress: Progress | None = None,
    label_level: str | int | None = None,
) -> FalseNegativeReport:
    """Carries out `Index.audit`; see there."""
    k = check_k(k)
    chosen, notes = anchors_of(len(index), anchors)
    if k > len(index) - 1:
        notes.append(f"k is {max(0, len(index) - 1)} instead of {k}: that many other images there are")
        k = max(0, len(index) - 1)
    level, labels = _labels_at(index, label_level, notes)
    classes = sorted({label for label in labels or [] if label is not None})
    class_N = label_numbers(labels, classes)
    class_N = np.full(len(index), UNKNOWN) if class_N is None else class_N
    objective = _objective(index, notes)
    content_N = index.rows.numbered("sha256")
    if k:
        gradient_weights = None if objective is None else GradientWeights(objective["temperature"], objective["beta"])
        found = neighbourhood(_checked(index), class_N, chosen, k, gradient_weights, content_N, NEAR, progress)
    else:
        _checked(index)(np.arange(len(index)))
        found = _nothing(len(chosen))
    _note_labels(class_N, notes)
    false_AK = figures.false_negatives(class_N[chosen][:, None], class_N[found.row_AK])
    share_AK = None if objective is None else found.share_AK
    base = figures.base_rate(class_N)
    rate = figures.false_negative_rate(false_AK)
    exact = exact_duplicates(content_N)
    return FalseNegativeReport(
        k=k,
        num_anchors=len(chosen),
        num_rows=len(index),
        base_rate=base,
        false_negative_rate=rate,
        lift=figures.lift(rate, base),
        by_rank=_by_rank(found, false_AK, share_AK, base),
        by_class=_by_class(classes, class_N, chosen, false_AK, None if objective is None else found.false_share_A),
        class_pairs=_class_pairs(classes, class_N, chosen, found.row_AK, notes),
        gradient_share=_gradient_share(objective, found, false_AK),
        duplicates=_named(index.ids, exact, found),
        num_duplicates=pairs_within(content_N) + found.near.count,
        pairs=Pairs(index.ids, labels, chosen, found.row_AK, found.similarity_AK, false_AK, share_AK),
        training=index.history(),
        label_level=level,
        notes=notes,
    )


def _checked(index: OpenedIndex) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Gives the vectors of some rows, and makes sure that they have unit norm: a NaN would silently be nobody's neighbour.

    Raises:
        ArtefactError: when called, if one is not.
    """

    def vectors(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        found = index.vectors(rows)
        bad = not_unit(found)
        if len(bad):
            first = index.ids[int(rows[bad].min())]
            raise ArtefactError(
                f"the index holds {len(bad)} of {len(rows):,} vectors that are not finite or not of unit norm, the first is {first}",
                hint=from_nothing(index.path),
            )
        return found

    return vectors


def anchors_of(rows: int, wanted: int | None) -> tuple[NDArray[np.int64], list[str]]:
    """Rows that are anchors, ascending, and a note if they are a sample."""
    if wanted is not None and (isinstance(wanted, bool) or not isinstance(wanted, int | np.integer)):
        raise InputError(f"anchors must be a whole number, got {wanted!r}")
    if wanted is not None and wanted < 1:
        raise InputError(f"anchors must be at least 1, got {wanted}")
    size = (rows if rows <= ALL_UP_TO else SAMPLED) if wanted is None else min(wanted, rows)
    if size == rows:
        if wanted is None or wanted <= rows:
            return np.arange(rows), []
        return np.arange(rows), [f"anchors is {rows:,} instead of {wanted:,}: that many images there are"]
    chosen = np.sort(np.random.default_rng(_SEED).permutation(rows)[:size])
    return chosen, [
        f"{size:,} of {rows:,} images are anchors (seeded choice); all are negatives. Near duplicates are those of the anchors."
    ]


def _objective(index: OpenedIndex, notes: list[str]) -> dict[str, Any] | None:
    """The run's objective and what decides its gradient weights: τ, and for `hard` β at its last step (see `GradientWeights`)."""
    try:
        config = index.meta["config"]
        name, temperature = config["objective"], float(config["temperature"])
        beta = last_hardness(config)
        treatment = str(config.get("treatment", "none"))
    except (ArtefactError, KeyError, TypeError, ValueError):
        notes.append("The encoder's training settings are not known, so there is no share of the gradient.")
        return None
    if gradient_weights_of(name, temperature, beta) is None:
        notes.append(
            f"How {name} spreads its push does not follow from similarities, so there is no share of the gradient."
        )
        return None
    if treatment != "none":
        notes.append(f"The share of the gradient is what it would be without the run's treatment ({treatment}).")
    return {"objective": name, "temperature": temperature, "beta": beta}


def _labels_at(index: OpenedIndex, wanted: str | int | None, notes: list[str]) -> tuple[str, list[str | None] | None]:
    """The level that is asked for, or that the run was measured by, and the labels at it."""
    try:
        recorded = index.meta["config"].get("label_level", COARSE)
    except (ArtefactError, KeyError):
        recorded = COARSE  # an encoder from elsewhere
    level = level_name(recorded if wanted is None else wanted)
    labels = labels_at(index.ids, index.labels, level)
    if level != COARSE and labels is not None:
        one = labels == index.labels
        notes.append(
            f"The labels have one level: the {level} ones are the coarse ones."
            if one
            else f"Labels are the {level} ones."
        )
    measured = level_name(recorded)
    if level != measured and labels_at(index.ids, index.labels, measured) != labels and index.history():
        notes.append(f"What was measured while training goes by the {measured} labels.")
    return level, labels


def _note_labels(class_N: NDArray[np.int64], notes: list[str]) -> None:
    known = int((class_N >= 0).sum())
    if known == 0:
        notes.append(
            "The corpus has no labels, so which negatives are false is not known; similarities and duplicates are."
        )
    elif known < len(class_N):
        notes.append(
            f"{len(class_N) - known:,} of {len(class_N):,} images have no label; pairs with them are counted neither as true nor as false."
        )


def _by_rank(
    found: Neighbourhood, false_AK: NDArray[np.int8], share_AK: NDArray[np.float64] | None, base: float | None
) -> list[dict[str, Any]]:
    ranks = []
    for r in range(false_AK.shape[1]):
        rate = figures.false_negative_rate(false_AK[:, r])
        ranks.append(
            {
                "rank": r + 1,
                "false_negative_rate": rate,
                "lift": figures.lift(rate, base),
                "similarity": figures.mean_defined(found.similarity_AK[:, r]),
                "gradient_share": None if share_AK is None else figures.mean_defined(share_AK[:, r]),
                "num_pairs": int((false_AK[:, r] >= 0).sum()),
            }
        )
    return ranks


def _by_class(
    classes: list[str],
    class_N: NDArray[np.int64],
    anchors: NDArray[np.int64],
    false_AK: NDArray[np.int8],
    false_share_A: NDArray[np.float64] | None,
) -> dict[str, dict[str, Any]]:
    """Counted for all classes at once: there may be as many as images."""
    class_A = class_N[anchors]
    share_A = np.full(len(anchors), np.nan) if false_share_A is None else false_share_A
    images_C = _summed(class_N, len(classes))
    anchors_C = _summed(class_A, len(classes))
    known_C = _summed(class_A, len(classes), (false_AK >= 0).sum(axis=1))
    false_C = _summed(class_A, len(classes), (false_AK == 1).sum(axis=1))
    shared_C = _summed(class_A, len(classes), ~np.isnan(share_A))
    share_C = _summed(class_A, len(classes), np.nan_to_num(share_A))
    labelled = int(images_C.sum())
    table = {}
    for name, images, mine, known, false, shared, share in zip(
        classes, images_C, anchors_C, known_C, false_C, shared_C, share_C, strict=True
    ):
        rate = figures.ratio(int(false), int(known))
        base = figures.class_base_rate(int(images), labelled)
        table[name] = {
            "num_images": int(images),
            "num_anchors": int(mine),
            "base_rate": base,
            "false_negative_rate": rate,
            "lift": figures.lift(rate, base),
            "gradient_share": figures.ratio(float(share), float(shared)),
        }
    return table


def _summed(class_A: NDArray[np.int64], classes: int, value_A: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Sum of values by class, or how many there are; what has no class is left out. Whole numbers below 2⁵³ stay exact."""
    known = class_A >= 0
    weights = np.ones(int(known.sum())) if value_A is None else value_A[known]
    return np.asarray(np.bincount(class_A[known], weights, minlength=classes), dtype=np.float64)


def _class_pairs(
    classes: list[str],
    class_N: NDArray[np.int64],
    anchors: NDArray[np.int64],
    row_AK: NDArray[np.int64],
    notes: list[str],
) -> dict[str, Any]:
    """Counts by both classes; of more than `MOST_CLASSES` those with most images, and a note."""
    shown = np.arange(len(classes))
    if len(classes) > MOST_CLASSES:
        images_C = _summed(class_N, len(classes))
        shown = np.sort(np.argsort(-images_C, kind="stable")[:MOST_CLASSES])
        notes.append(f"Class × class holds the {MOST_CLASSES} largest of {len(classes):,} classes.")
    place_C = np.full(len(classes) + 1, UNKNOWN)  # the last place is that of `UNKNOWN`
    place_C[shown] = np.arange(len(shown))
    anchor_AK, negative_AK = np.broadcast_arrays(class_N[anchors][:, None], class_N[row_AK])
    known = (anchor_AK >= 0) & (negative_AK >= 0)
    anchor, negative = place_C[anchor_AK[known]], place_C[negative_AK[known]]
    both = (anchor >= 0) & (negative >= 0)
    flat = np.bincount(anchor[both] * len(shown) + negative[both], minlength=len(shown) ** 2)
    return {
        "classes": [classes[c] for c in shown],
        "counts": flat.reshape(len(shown), len(shown)).tolist(),
        "num_pairs": _summed(anchor, len(shown)).astype(int).tolist(),
    }


def _gradient_share(
    objective: dict[str, Any] | None, found: Neighbourhood, false_AK: NDArray[np.int8]
) -> dict[str, Any] | None:
    if objective is None:
        return None
    known_A = (false_AK >= 0).any(axis=1)
    false_part = np.where(false_AK == 1, found.share_AK, 0.0).sum(axis=1)
    return {
        "false_negatives": figures.mean_defined(found.false_share_A),
        "hardest": figures.mean_defined(found.share_AK.sum(axis=1)) if found.share_AK.size else None,
        "hardest_false": figures.mean_defined(false_part[known_A]),
        **{name: objective[name] for name in ("objective", "temperature", "beta")},
    }


def exact_duplicates(content_N: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Up to 1,000 pairs of rows (a < b) of equal content, in table order."""
    groups: dict[int, list[int]] = {}
    for row in np.flatnonzero(np.bincount(content_N)[content_N] > 1).tolist():
        groups.setdefault(int(content_N[row]), []).append(row)
    pairs: list[tuple[int, int]] = []
    for group in groups.values():
        for i, a in enumerate(group):
            pairs += [(a, b) for b in group[i + 1 : i + 1 + MOST_DUPLICATES - len(pairs)]]
            if len(pairs) >= MOST_DUPLICATES:
                return pairs
    return pairs


def pairs_within(content_N: NDArray[np.int64]) -> int:
    """How many pairs of rows have equal content."""
    counts = np.bincount(content_N).astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _named(ids: list[str], exact: list[tuple[int, int]], found: Neighbourhood) -> list[dict[str, Any]]:
    pairs = [{"a": ids[a], "b": ids[b], "kind": "exact", "similarity": 1.0} for a, b in exact]
    pairs += [{"a": ids[a], "b": ids[b], "kind": "near", "similarity": value} for value, a, b in found.near.best]
    return pairs[:MOST_DUPLICATES]


def _nothing(anchors: int) -> Neighbourhood:
    """The neighbourhood of a single image."""
    from samekind.indexer.audit.neighbours import NearPairs

    none = np.empty((anchors, 0))
    return Neighbourhood(none.astype(np.int64), none, none, np.full(anchors, np.nan), NearPairs())
