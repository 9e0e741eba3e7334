"""The audit of the trained space: of the k images that lie nearest to an image, and that training would push away hardest, how many
are of its own class?

An anchor's negatives are all other rows of the index; only its own row is left out, by row and not by similarity, so an exact copy of an
anchor is a negative like any other (and reported as duplicate). A pair with an unknown label is unknown: it counts neither as true nor as
false. Asked for one split, the audit is that of its rows alone.
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
from samekind.data.types.same_class import ANY, LabelSets
from samekind.indexer.audit.anchors import anchors_of
from samekind.indexer.audit.class_rates import Classes, class_pairs, rates_by_class
from samekind.indexer.audit.comparison import Comparison, NearPairs, Neighbourhood
from samekind.indexer.audit.duplicates import NEAR, exact_duplicates, named_duplicates, pairs_within
from samekind.indexer.audit.kept import kept_pass
from samekind.indexer.audit.notes import Note, NoteCode, label_rule_notes
from samekind.indexer.audit.report import FalseNegativeReport, Pairs
from samekind.indexer.search.results import check_k
from samekind.indexer.search.unit_vectors import not_unit
from samekind.indexer.storage.remedies import restore_hint
from samekind.training.diagnostics import figures
from samekind.training.diagnostics.figures import UNKNOWN
from samekind.training.diagnostics.gradient_weights import GradientWeights, gradient_weights_of
from samekind.training.objectives.hardness import last_hardness
from samekind.training.training_set import label_numbers

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

_AT_ONCE = 1 << 14


def audit(
    index: OpenedIndex,
    k: int = 10,
    anchors: int | None = None,
    progress: Progress | None = None,
    label_level: str | int | None = None,
    split: str | None = None,
) -> FalseNegativeReport:
    """Carries out `Index.audit`; see there."""
    k = check_k(k)
    rows_N = _rows_of(index, split)
    chosen, notes = anchors_of(len(rows_N), anchors)
    if k > len(rows_N) - 1:
        text = f"k is {max(0, len(rows_N) - 1)} instead of {k}: that many other images there are"
        notes.append(Note(NoteCode.ALL_NEGATIVES, text))
        k = max(0, len(rows_N) - 1)
    level, labels = _labels_at(index, label_level, notes)
    labels = labels and [labels[row] for row in rows_N.tolist()]
    classes = sorted({label for label in labels or [] if label is not None})
    class_N = label_numbers(labels, classes)
    class_N = np.full(len(rows_N), UNKNOWN) if class_N is None else class_N
    sets = LabelSets.of(classes, index.label_rule)
    objective = _objective(index, notes)
    known_ids = index.ids
    ids, content_N = [known_ids[row] for row in rows_N.tolist()], index.rows.numbered("sha256")[rows_N]
    weights = None if objective is None else GradientWeights(objective["temperature"], objective["beta"])
    if k:
        comparison = Comparison(class_N, chosen, k, weights, content_N, NEAR, sets)

        def compare() -> Neighbourhood:
            from samekind.indexer.audit.neighbours import neighbourhood  # and torch, which what is kept does without

            return neighbourhood(_checked(index, rows_N), comparison, progress)

        found = kept_pass(index.manifest, rows_N, comparison, compare, progress)
    else:
        _checked(index, rows_N)(np.arange(len(rows_N)))
        found = _nothing(len(chosen))
    _note_labels(class_N, notes)
    notes += label_rule_notes(index.manifest["corpora"])
    false_AK = figures.false_negatives(class_N[chosen][:, None], class_N[found.row_AK], sets)
    share_AK = None if objective is None else found.share_AK
    base = figures.base_rate(class_N, sets)
    rate = figures.false_negative_rate(false_AK)
    return FalseNegativeReport(
        k=k,
        num_anchors=len(chosen),
        num_rows=len(rows_N),
        base_rate=base,
        false_negative_rate=rate,
        lift=figures.lift(rate, base),
        by_rank=_by_rank(found, false_AK, share_AK, base),
        by_class=rates_by_class(
            Classes(classes, class_N, sets), chosen, false_AK, None if objective is None else found.false_share_A
        ),
        class_pairs=class_pairs(Classes(classes, class_N, sets), chosen, found.row_AK, notes),
        gradient_share=_gradient_share(objective, found, false_AK),
        duplicates=named_duplicates(ids, exact_duplicates(content_N), found.near),
        num_duplicates=pairs_within(content_N) + found.near.count,
        pairs=Pairs(ids, labels, chosen, found.row_AK, found.similarity_AK, false_AK, share_AK),
        training=index.history(),
        label_level=level,
        notes=notes,
        split=split,
    )


def _rows_of(index: OpenedIndex, split: str | None) -> NDArray[np.int64]:
    """`(N,)` rows of a split, or all.

    Raises:
        InputError: the index holds no image of that split.
    """
    if split is None:
        return np.arange(len(index))
    rows = np.flatnonzero(np.array(index.splits) == split)
    if not len(rows):
        known = ", ".join(sorted(set(index.splits))) or "none"
        raise InputError(f"the index holds no image of the split {split!r}", hint=f"its splits: {known}")
    return rows


def _checked(index: OpenedIndex, rows_N: NDArray[np.int64]) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
    """Vectors by their places among these rows, once they are sure to have unit norm: a NaN would silently be nobody's neighbour.

    Raises:
        ArtefactError: when called, if one is not.
    """

    def vectors(places: NDArray[np.int64]) -> NDArray[np.float32]:
        rows = rows_N[places]
        found = index.vectors(rows)
        _check_unit(index, rows, found)
        return found

    return vectors


def _check_unit(index: OpenedIndex, rows: NDArray[np.int64], vectors_ND: NDArray[np.float32]) -> None:
    bad = not_unit(vectors_ND)
    if len(bad):
        first = index.ids[int(rows[bad].min())]
        raise ArtefactError(
            f"the index holds {len(bad)} of {len(rows):,} vectors that are not finite or not of unit norm, the first is {first}",
            hint=restore_hint(index.path),
        )


def checked_vectors(index: OpenedIndex) -> NDArray[np.float32]:
    """`(N, D)` all vectors, where they lie if they lie in table order, once they are sure to have unit norm.

    Raises:
        ArtefactError: one has not.
    """
    vectors_ND = index.vector_index.in_order()
    for start in range(0, len(vectors_ND), _AT_ONCE):
        _check_unit(
            index, np.arange(start, min(start + _AT_ONCE, len(vectors_ND))), vectors_ND[start : start + _AT_ONCE]
        )
    return vectors_ND


def objective_weights(index: OpenedIndex) -> GradientWeights | None:
    """Gradient weights of the run's objective; `None` if it is unknown."""
    objective = _objective(index, [])
    return None if objective is None else GradientWeights(objective["temperature"], objective["beta"])


def _objective(index: OpenedIndex, notes: list[Note]) -> dict[str, Any] | None:
    """The run's objective and what decides its gradient weights: τ, and for `hard` β at its last step (see `GradientWeights`)."""
    try:
        config = index.meta["config"]
        if config == {}:
            text = "Nothing was trained here, so negatives have no share of a gradient."
            notes.append(Note(NoteCode.NO_GRADIENT_SHARE, text))
            return None
        name, temperature = config["objective"], float(config["temperature"])
        beta = last_hardness(config)
        treatment = str(config.get("treatment", "none"))
    except (ArtefactError, KeyError, TypeError, ValueError):
        text = "The encoder's training settings are not known, so there is no share of the gradient."
        notes.append(Note(NoteCode.NO_GRADIENT_SHARE, text))
        return None
    if gradient_weights_of(name, temperature, beta) is None:
        text = f"How {name} spreads its push does not follow from similarities, so there is no share of the gradient."
        notes.append(Note(NoteCode.NO_GRADIENT_SHARE, text))
        return None
    if treatment != "none":
        text = f"The share of the gradient is what it would be without the run's treatment ({treatment})."
        notes.append(Note(NoteCode.WITHOUT_TREATMENT, text))
    return {"objective": name, "temperature": temperature, "beta": beta}


def _labels_at(index: OpenedIndex, wanted: str | int | None, notes: list[Note]) -> tuple[str, list[str | None] | None]:
    """The level that is asked for, or that the run was measured by, and the labels at it."""
    try:
        recorded = index.meta["config"].get("label_level", COARSE)
    except (ArtefactError, KeyError):
        recorded = COARSE  # an encoder from elsewhere
    level = level_name(recorded if wanted is None else wanted)
    if index.label_rule == ANY and level != COARSE:
        raise InputError(
            f"labels at the level {level!r} are folders, and images here are of the same class if they share a label (any)",
            hint="leave --label-level out, or index with --several exact",
        )
    labels = labels_at(index.ids, index.labels, level)
    if level != COARSE and labels is not None:
        one = f"The labels have one level: the {level} ones are the coarse ones."
        text = one if labels == index.labels else f"Labels are the {level} ones."
        notes.append(Note(NoteCode.LABEL_LEVEL, text))
    measured = level_name(recorded)
    if level != measured and labels_at(index.ids, index.labels, measured) != labels and index.history():
        text = f"What was measured while training goes by the {measured} labels."
        notes.append(Note(NoteCode.LABEL_LEVEL_OF_TRAINING, text))
    return level, labels


def _note_labels(class_N: NDArray[np.int64], notes: list[Note]) -> None:
    known, total = int((class_N >= 0).sum()), len(class_N)
    if known == 0:
        text = "The corpus has no labels, so which negatives are false is not known; similarities and duplicates are."
        notes.append(Note(NoteCode.NO_LABELS, text))
    elif known < total:
        text = f"{total - known:,} of {total:,} images have no label; pairs with them are counted neither as true nor as false."
        notes.append(Note(NoteCode.SOME_LABELS, text))


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


def _nothing(anchors: int) -> Neighbourhood:
    """The neighbourhood of a single image."""
    none = np.empty((anchors, 0))
    return Neighbourhood(none.astype(np.int64), none, none, np.full(anchors, np.nan), NearPairs())
