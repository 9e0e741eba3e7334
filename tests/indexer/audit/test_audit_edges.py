"""The audit of corpora that have few figures to give, or none."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest

from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.audit import class_rates
from samekind.indexer.index import Index
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.fingerprints import describe_file
from samekind.indexer.storage.layout import INDEX_FILE
from samekind.indexer.storage.manifest import Manifest
from tests import oracles
from tests.indexer.audits import HARD, agrees, index_of, some_labels


def test_a_label_that_is_not_known_makes_its_pairs_unknown_not_negative(tmp_path: Path) -> None:
    """Half of the labels missing: rates are over pairs with two labels, and a note says so."""
    labels = [label if i % 2 else None for i, label in enumerate(some_labels())]
    index = index_of(tmp_path, labels, **HARD)
    report = index.audit(k=5)
    agrees(report, index, labels, 5)
    assert any("20 of 40 images have no label" in note for note in report.notes)
    assert {pair.false for pair in report.pairs.of(index.ids[0])} == {None}


def test_without_labels_the_figures_are_null_and_a_sentence_says_why(tmp_path: Path) -> None:
    """Similarities and duplicates are still there."""
    report = index_of(tmp_path, None).audit(k=3)
    assert report.base_rate is report.lift is report.false_negative_rate is None
    assert [row["false_negative_rate"] for row in report.by_rank] == [None] * 3
    assert all(-1 <= row["similarity"] <= 1 for row in report.by_rank)
    assert report.by_class == {}
    assert any("no labels" in note for note in report.notes if note.code == "no_labels")
    assert report.to_pandas()["false"].isna().all()


@pytest.mark.parametrize(
    ("labels", "rate", "base", "lift"),
    [(["one"] * 12, 1.0, 1.0, 1.0), ([f"class {i}" for i in range(12)], 0.0, 0.0, None)],
    ids=["one class", "every image its own class"],
)
def test_extreme_labels_give_the_right_figures(
    tmp_path: Path, labels: list[str], rate: float, base: float, lift: float | None
) -> None:
    """All negatives are false, or none can be; a lift over nothing is undefined, not infinite."""
    report = index_of(tmp_path, labels, **HARD).audit(k=4)
    assert (report.false_negative_rate, report.base_rate, report.lift) == (rate, base, lift)
    assert report.gradient_share is not None
    assert report.gradient_share["false_negatives"] == pytest.approx(rate)
    json.dumps(report.to_dict(), allow_nan=False)


def test_with_many_classes_figures_stay_right_and_class_pairs_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two classes and 20 images of their own kind: the four largest classes, equal ones by name; what they met elsewhere still counts."""
    monkeypatch.setattr(class_rates, "MOST_CLASSES", 4)
    labels: list[str | None] = [("a", "b", f"own {i:02d}", f"own {i:02d}")[i % 4] for i in range(40)]
    index = index_of(tmp_path, labels, **HARD)
    report = index.audit(k=6)
    neighbours_of = oracles.hardest(oracles.similarities(index.vectors()), 6)
    assert report.class_pairs["classes"] == ["a", "b", "own 02", "own 03"]
    assert len(report.by_class) == 22
    assert any("4 largest of 22 classes" in note for note in report.notes)
    classes, shares = report.class_shares()
    for i, a in enumerate(classes):
        met = [labels[n] for anchor, row in enumerate(neighbours_of) if labels[anchor] == a for n in row]
        assert report.class_pairs["num_pairs"][i] == len(met)
        assert shares[i] == [met.count(b) / len(met) for b in classes]
        assert report.by_class[a]["false_negative_rate"] == shares[i][i]


def test_a_class_without_known_pairs_has_no_shares(tmp_path: Path) -> None:
    """Nothing is divided by zero: an unknown share is `None`; the others add up to one."""
    report = index_of(tmp_path, [*some_labels(39), "alone"], **HARD).audit(k=2, anchors=10)
    classes, shares = report.class_shares()
    assert report.by_class["alone"]["num_anchors"] == 0
    assert shares[classes.index("alone")] == [None] * len(classes)
    assert all(sum(share or 0 for share in row) == pytest.approx(1) for row in shares if row[0] is not None)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 2.0])
@pytest.mark.parametrize("count", [1, 40])
def test_an_index_with_a_vector_that_is_none_is_refused_with_the_remedy(
    tmp_path: Path, value: float, count: int
) -> None:
    """NaN, infinity, zero or another norm: never a figure, but the image's id and the command, which mends it."""
    index = index_of(tmp_path, some_labels(count), **HARD)
    vectors = index.vectors()
    vectors[count // 2] = value
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    VectorIndex(flat).save(tmp_path / INDEX_FILE)
    replace(Manifest.read(tmp_path), index=describe_file(tmp_path / INDEX_FILE)).write(tmp_path)
    with pytest.raises(ArtefactError, match=f"1 of {count} vectors .* {index.ids[count // 2]}$") as caught:
        Index.open(tmp_path).audit(k=3)
    assert str(tmp_path / "db" / "images.lance") in caught.value.hint
    assert "samekind index" in caught.value.hint
    shutil.rmtree(tmp_path / "db" / "images.lance")
    assert index_of(tmp_path, some_labels(count), **HARD).audit(k=3).num_anchors == count


def test_a_very_sharp_objective_neither_overflows_nor_vanishes(tmp_path: Path) -> None:
    """τ = 0.001: all the gradient is on the hardest negative, and nothing is NaN."""
    report = index_of(tmp_path, some_labels(), **{**HARD, "temperature": 0.001}).audit(k=2)
    assert report.by_rank[0]["gradient_share"] > 0.9
    assert json.dumps(report.to_dict(), allow_nan=False)


def test_without_training_settings_there_is_no_share_and_a_note(tmp_path: Path) -> None:
    """An encoder from elsewhere, and one whose settings are damaged."""
    report = index_of(tmp_path, some_labels()).audit(k=2)
    assert report.gradient_share is None
    assert report.by_rank[0]["gradient_share"] is None
    assert any("Nothing was trained here" in note for note in report.notes)
    unknown = index_of(tmp_path / "unknown", some_labels(), **{**HARD, "temperature": "x"}).audit(k=2)
    assert unknown.gradient_share is None
    assert any("training settings" in note for note in unknown.notes)


@pytest.mark.parametrize("objective", ["nce", "cpc", "mixed", "supervised"])
def test_objectives_that_spread_their_push_otherwise_have_no_share(tmp_path: Path, objective: str) -> None:
    """And the note says which it is."""
    report = index_of(tmp_path, some_labels(), **{**HARD, "objective": objective}).audit(k=2)
    assert report.gradient_share is None
    assert any(objective in note for note in report.notes)


@pytest.mark.parametrize(
    "options", [{"k": 0}, {"k": -3}, {"k": 2.5}, {"anchors": 0}, {"anchors": -1}, {"anchors": "all"}]
)
def test_arguments_out_of_range_are_refused(index: Index, options: dict[str, object]) -> None:
    """With the value in the message."""
    with pytest.raises(InputError, match=next(repr(v) for v in options.values())):
        index.audit(**options)  # type: ignore[arg-type]


def test_k_beyond_the_other_images_is_lowered_and_said(tmp_path: Path) -> None:
    """Also for an index of a single image, which has no negatives at all."""
    report = index_of(tmp_path / "five", ["a", "a", "b", "b", "b"], **HARD).audit(k=10)
    assert (report.k, len(report.by_rank)) == (4, 4)
    assert any("k is 4 instead of 10" in note for note in report.notes)
    alone = index_of(tmp_path / "one", ["a"], **HARD).audit()
    assert (alone.k, alone.by_rank, alone.base_rate, len(alone.pairs)) == (0, [], None, 0)
    json.dumps(alone.to_dict(), allow_nan=False)
