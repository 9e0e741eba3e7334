"""The audit against double loops, and the corpora that have no figures to give."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.corpus import Corpus
from data.errors import ArtefactError, InputError
from indexer import audit as audit_module
from indexer import neighbours
from indexer.audit import base_rate
from indexer.index import Index, build_index
from indexer.manifest import INDEX_FILE, Manifest, describe_file
from indexer.neighbours import neighbourhood
from indexer.report import FalseNegativeReport
from indexer.vector_index import VectorIndex
from tests import oracles
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder
from training.objectives import info_nce, plain_terms
from training.similarity import Contrast
from training.weighing import Weighing

HARD: dict[str, Any] = {"objective": "hard", "temperature": 0.2, "beta": 1.0}


def _index(
    folder: Path, labels: Sequence[str | None] | None, images: NDArray[np.uint8] | None = None, **config: Any
) -> Index:
    save_encoder(FakeEncoder(), folder, config=config)
    count = 40 if labels is None else len(labels)
    return build_index(Corpus.from_arrays(pictures(count) if images is None else images, labels), FakeEncoder(), folder)


def _some_labels(count: int = 40) -> list[str | None]:
    return [("Bag", "Coat", "Shirt")[i * i % 7 % 3] for i in range(count)]


def _agrees(report: FalseNegativeReport, index: Index, labels: Sequence[str | None], k: int) -> None:
    """Everything that is counted equals a count by double loop."""
    neighbours_of = oracles.hardest(oracles.similarities(index.vectors()), k)
    assert report.pairs.negative_AK.tolist() == neighbours_of
    base = oracles.base_rate(labels)
    assert report.base_rate == base
    for rank, row in enumerate(report.by_rank, start=1):
        rate = oracles.rate_at_rank(labels, neighbours_of, rank)
        assert (row["rank"], row["false_negative_rate"]) == (rank, rate)
        assert row["lift"] == (None if rate is None or not base else rate / base)
    classes = report.class_pairs["classes"]
    assert classes == sorted({label for label in labels if label is not None})
    for i, a in enumerate(classes):
        for j, b in enumerate(classes):
            count = sum(labels[n] == b for anchor, row in enumerate(neighbours_of) if labels[anchor] == a for n in row)
            assert report.class_pairs["counts"][i][j] == count
    for name, figures in report.by_class.items():
        mine = [[labels[n] for n in row] for anchor, row in enumerate(neighbours_of) if labels[anchor] == name]
        known = [label for row in mine for label in row if label is not None]
        assert figures["num_images"] == figures["num_anchors"] == labels.count(name)
        assert figures["false_negative_rate"] == (known.count(name) / len(known) if known else None)
    json.dumps(report.to_dict(), allow_nan=False)


@pytest.mark.parametrize("block", [1 << 23, 16 * 40])
def test_every_figure_equals_a_count_by_double_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """In one block or in several."""
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", block)
    labels = _some_labels()
    index = _index(tmp_path, labels, **HARD)
    _agrees(index.audit(k=6), index, labels, 6)


def test_a_label_that_is_not_known_makes_its_pairs_unknown_not_negative(tmp_path: Path) -> None:
    """Half of the labels missing: rates are over pairs with two labels, and a note says so."""
    labels = [label if i % 2 else None for i, label in enumerate(_some_labels())]
    index = _index(tmp_path, labels, **HARD)
    report = index.audit(k=5)
    _agrees(report, index, labels, 5)
    assert any("20 of 40 images have no label" in note for note in report.notes)
    assert {pair.false for pair in report.pairs.of(index.ids[0])} == {None}


def test_without_labels_the_figures_are_null_and_a_sentence_says_why(tmp_path: Path) -> None:
    """Similarities and duplicates are still there."""
    report = _index(tmp_path, None).audit(k=3)
    assert report.base_rate is report.lift is report.false_negative_rate is None
    assert [row["false_negative_rate"] for row in report.by_rank] == [None] * 3
    assert all(-1 <= row["similarity"] <= 1 for row in report.by_rank)
    assert report.by_class == {}
    assert any("no labels" in note for note in report.notes)
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
    report = _index(tmp_path, labels, **HARD).audit(k=4)
    assert (report.false_negative_rate, report.base_rate, report.lift) == (rate, base, lift)
    assert report.gradient_share is not None
    assert report.gradient_share["false_negatives"] == pytest.approx(rate)
    json.dumps(report.to_dict(), allow_nan=False)


def test_with_many_classes_figures_stay_right_and_class_pairs_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two classes and 20 images of their own kind: the four largest classes, equal ones by name; what they met elsewhere still counts."""
    monkeypatch.setattr(audit_module, "MOST_CLASSES", 4)
    labels: list[str | None] = [("a", "b", f"own {i:02d}", f"own {i:02d}")[i % 4] for i in range(40)]
    index = _index(tmp_path, labels, **HARD)
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
    report = _index(tmp_path, [*_some_labels(39), "alone"], **HARD).audit(k=2, anchors=10)
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
    index = _index(tmp_path, _some_labels(count), **HARD)
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
    assert _index(tmp_path, _some_labels(count), **HARD).audit(k=3).num_anchors == count


@pytest.mark.parametrize(
    ("config", "beta"), [(HARD, 1.0), ({**HARD, "beta": 0.5}, 0.5), ({**HARD, "objective": "info_nce"}, 0.0)]
)
@pytest.mark.parametrize("partly", [False, True])
def test_the_share_of_the_gradient_equals_a_sum_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], beta: float, partly: bool
) -> None:
    """What `hard` pushes by, exp(s/τ) for `info_nce`, over all other rows; for false negatives over those of known label."""
    monkeypatch.setattr(neighbours, "_CACHED_VALUES", 3 * 40)
    labels = [None if partly and i % 4 == 0 else label for i, label in enumerate(_some_labels())]
    index = _index(tmp_path, labels, **config)
    report = index.audit(k=4)
    similarity = oracles.similarities(index.vectors())
    overall, top, top_false = [], [], []
    for anchor in range(40):
        weight = oracles.negative_shares(similarity[anchor], anchor, 0.2, beta)
        pairs = report.pairs.at(anchor)
        np.testing.assert_allclose(
            [p.gradient_share or 0.0 for p in pairs], weight[report.pairs.negative_AK[anchor]], rtol=1e-5
        )
        top.append(sum(p.gradient_share or 0.0 for p in pairs))
        if labels[anchor] is not None:
            known = [j for j in range(40) if labels[j] is not None]
            same = [j for j in known if labels[j] == labels[anchor]]
            overall.append(weight[same].sum() / weight[known].sum())
            if any(p.false is not None for p in pairs):
                top_false.append(sum(p.gradient_share or 0.0 for p in pairs if p.false))
    assert report.gradient_share is not None
    assert report.gradient_share["false_negatives"] == pytest.approx(np.mean(overall), rel=1e-5)
    assert report.gradient_share["hardest"] == pytest.approx(np.mean(top), rel=1e-5)
    assert report.gradient_share["hardest_false"] == pytest.approx(np.mean(top_false), rel=1e-5)
    assert report.gradient_share["objective"] == config["objective"]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    beta=st.sampled_from([0.0, 0.5, 1.0, 4.0]),
    temperature=st.sampled_from([0.07, 0.5]),
    dim=st.sampled_from([2, 16]),
)
def test_shares_are_those_of_the_gradient_that_training_would_take(
    seed: int, beta: float, temperature: float, dim: int
) -> None:
    """Autograd through the very objective: easy negatives, which it attracts, have no share of the push."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(30, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    classes = random.integers(0, 3, 30)
    found = neighbourhood(vectors, classes, np.arange(30), 29, Weighing(temperature, beta))
    candidate = torch.from_numpy(oracles.similarities(vectors)).float().requires_grad_()
    row = torch.arange(30)
    vector = torch.from_numpy(vectors)
    contrast = Contrast(torch.full((30,), 0.3), candidate, row[:, None] != row[None, :], row, row, vector, vector)
    terms = plain_terms(contrast, beta=beta, temperature=temperature)
    (gradient,) = torch.autograd.grad(info_nce(terms, temperature=temperature).mean(), candidate)
    push = gradient.double().clamp(min=0).numpy()
    share = push / push.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.share_AK, np.take_along_axis(share, found.row_AK, axis=1), atol=2e-4)
    same = (classes[:, None] == classes[None, :]) & ~np.eye(30, dtype=bool)
    np.testing.assert_allclose(found.false_share_A, (share * same).sum(axis=1), atol=5e-4)


def test_an_easy_negative_that_hard_attracts_draws_no_push() -> None:
    """The hardest of three draws all of it where β is large; exp((1+β)s/τ) would give the others a share."""
    angle = np.array([0.0, 0.1, 1.5, 3.0])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    found = neighbourhood(vectors, np.zeros(4, np.int64), np.array([0]), 3, Weighing(1.0, 1.0))
    assert found.share_AK[0, 2] == 0.0
    assert found.share_AK[0].sum() == pytest.approx(1.0)


def test_a_very_sharp_objective_neither_overflows_nor_vanishes(tmp_path: Path) -> None:
    """τ = 0.001: all the gradient is on the hardest negative, and nothing is NaN."""
    report = _index(tmp_path, _some_labels(), **{**HARD, "temperature": 0.001}).audit(k=2)
    assert report.by_rank[0]["gradient_share"] > 0.9
    assert json.dumps(report.to_dict(), allow_nan=False)


def test_without_training_settings_there_is_no_share_and_a_note(tmp_path: Path) -> None:
    """An encoder from elsewhere."""
    report = _index(tmp_path, _some_labels()).audit(k=2)
    assert report.gradient_share is None
    assert report.by_rank[0]["gradient_share"] is None
    assert any("training settings" in note for note in report.notes)


@pytest.mark.parametrize("objective", ["nce", "cpc", "mixed", "supervised"])
def test_objectives_that_spread_their_push_otherwise_have_no_share(tmp_path: Path, objective: str) -> None:
    """And the note says which it is."""
    report = _index(tmp_path, _some_labels(), **{**HARD, "objective": objective}).audit(k=2)
    assert report.gradient_share is None
    assert any(objective in note for note in report.notes)


def test_the_share_of_a_treated_run_says_that_it_is_untreated(tmp_path: Path) -> None:
    """The audit knows no detector's state: it answers for the objective alone."""
    plain = _index(tmp_path / "a", _some_labels(), **HARD).audit(k=2)
    treated = _index(tmp_path / "b", _some_labels(), **HARD, treatment="soft").audit(k=2)
    assert treated.by_rank == plain.by_rank
    assert any("treatment (soft)" in note for note in treated.notes)


@pytest.mark.parametrize("most_ties", [1024, 1], ids=["all ties looked at", "capped"])
def test_copies_are_negatives_in_row_order_and_reported_as_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_ties: int
) -> None:
    """20 copies of one image: ties beyond all spare candidates, ranked by row; all 190 pairs counted, none of them near."""
    monkeypatch.setattr(neighbours, "_MOST_TIES", most_ties)
    base = pictures(30, seed=4)
    images = np.concatenate([base, np.repeat(base[5:6], 19, axis=0)])
    labels = _some_labels(49)
    index = _index(tmp_path, labels, images, **HARD)
    copies = [5, *range(30, 49)]
    report = index.audit(k=3)
    _agrees(report, index, labels, 3)
    for anchor in copies:
        assert report.pairs.negative_AK[anchor].tolist() == [row for row in copies if row != anchor][:3]
    assert report.num_duplicates == 190
    assert {d["kind"] for d in report.duplicates} == {"exact"}
    assert report.duplicates[0] == {"a": index.ids[5], "b": index.ids[30], "kind": "exact", "similarity": 1.0}


def test_duplicates_are_capped_and_still_counted(tmp_path: Path) -> None:
    """60 copies make 1,770 pairs; 1,000 are listed."""
    report = _index(tmp_path, None, np.repeat(pictures(1), 60, axis=0)).audit(k=2)
    assert report.num_duplicates == 1770
    assert len(report.duplicates) == 1000
    assert len({(d["a"], d["b"]) for d in report.duplicates}) == 1000


def test_near_duplicates_are_pairs_of_other_content_above_the_threshold(tmp_path: Path) -> None:
    """A few grey levels apart: counted once each, most similar first, smaller row first."""
    base = pictures(20, seed=6)
    close = np.clip(base[:4].astype(int) + np.array([1, 1, 2, 0])[:, None, None], 0, 255).astype(np.uint8)
    close[3] = base[3]
    close[3, 0, 0] ^= 1
    index = _index(tmp_path, None, np.concatenate([base, close]))
    report = index.audit(k=2)
    similarity = oracles.similarities(index.vectors())
    expected = {(a, b) for a in range(24) for b in range(a + 1, 24) if similarity[a, b] >= audit_module.NEAR}
    assert expected >= {(0, 20), (1, 21), (3, 23)}
    position = index.rows.position
    assert {(position[d["a"]], position[d["b"]]) for d in report.duplicates} == expected
    assert report.num_duplicates == len(expected)
    values = [d["similarity"] for d in report.duplicates]
    assert values == sorted(values, reverse=True)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(3, 40),
    k=st.integers(1, 39),
    dim=st.integers(2, 6),
    levels=st.integers(1, 3),
)
def test_hardest_negatives_equal_brute_force_also_where_many_are_equal(
    seed: int, count: int, k: int, dim: int, levels: int
) -> None:
    """Coarse vectors make many exact ties; a sample of anchors finds what all of them would."""
    random = np.random.default_rng(seed)
    vectors = random.integers(-levels, levels + 1, (count, dim)).astype(np.float32)
    vectors[:, 0] += 0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    k = min(k, count - 1)
    anchors = np.sort(random.permutation(count)[: max(1, count // 2)])
    found = neighbourhood(vectors, random.integers(-1, 3, count), anchors, k, Weighing(0.3))
    expected = oracles.hardest(oracles.similarities(vectors), k)
    assert found.row_AK.tolist() == [expected[a] for a in anchors]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([-1, 0, 1, 2]), max_size=12))
def test_the_base_rate_is_the_share_of_equal_pairs(classes: list[int]) -> None:
    """Σ c(c−1) / (n(n−1)) over labelled rows."""
    labels = [None if c < 0 else str(c) for c in classes]
    assert base_rate(np.array(classes, dtype=np.int64)) == oracles.base_rate(labels)


def test_a_sample_of_anchors_is_seeded_and_said(tmp_path: Path) -> None:
    """The same anchors twice; each with the negatives it has in the whole audit."""
    index = _index(tmp_path, _some_labels(), **HARD)
    whole, some = index.audit(k=3), index.audit(k=3, anchors=15)
    assert some.num_anchors == 15
    assert any("15 of 40" in note for note in some.notes)
    assert some.to_dict() == index.audit(k=3, anchors=15).to_dict()
    for anchor_id in some.pairs.anchor_ids:
        assert some.pairs.of(anchor_id) == whole.pairs.of(anchor_id)
    beyond = index.audit(k=3, anchors=4000)
    assert beyond.notes == ["anchors is 40 instead of 4,000: that many images there are", *whole.notes]
    assert {**beyond.to_dict(), "notes": whole.notes} == whole.to_dict()


@pytest.mark.parametrize(
    "options", [{"k": 0}, {"k": -3}, {"k": 2.5}, {"anchors": 0}, {"anchors": -1}, {"anchors": "all"}]
)
def test_arguments_out_of_range_are_refused(index: Index, options: dict[str, object]) -> None:
    """With the value in the message."""
    with pytest.raises(InputError, match=next(repr(v) for v in options.values())):
        index.audit(**options)  # type: ignore[arg-type]


def test_k_beyond_the_other_images_is_lowered_and_said(tmp_path: Path) -> None:
    """Also for an index of a single image, which has no negatives at all."""
    report = _index(tmp_path / "five", ["a", "a", "b", "b", "b"], **HARD).audit(k=10)
    assert (report.k, len(report.by_rank)) == (4, 4)
    assert any("k is 4 instead of 10" in note for note in report.notes)
    alone = _index(tmp_path / "one", ["a"], **HARD).audit()
    assert (alone.k, alone.by_rank, alone.base_rate, len(alone.pairs)) == (0, [], None, 0)
    json.dumps(alone.to_dict(), allow_nan=False)


def test_frame_csv_and_json_say_the_same_as_the_pairs(tmp_path: Path) -> None:
    """One row a pair, in the order of anchors and ranks."""
    index = _index(tmp_path / "index", [None if i == 3 else label for i, label in enumerate(_some_labels())], **HARD)
    report = index.audit(k=3)
    frame, pairs = report.to_pandas(), list(report.pairs)
    assert len(frame) == len(pairs) == len(report.pairs) == 120
    for (_, row), pair in zip(frame.iterrows(), pairs, strict=True):
        assert (row["anchor_id"], row["negative_id"], row["rank"]) == (pair.anchor_id, pair.negative_id, pair.rank)
        assert row["similarity"] == pair.similarity
        assert (None if row["false"] is not True and row["false"] is not False else row["false"]) == pair.false
    report.to_csv(tmp_path / "pairs.csv")
    with (tmp_path / "pairs.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [line["negative_id"] for line in lines] == [pair.negative_id for pair in pairs]
    report.to_json(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(report.to_dict()))
    with pytest.raises(InputError, match="no anchor"):
        report.pairs.of("nobody")
    with pytest.raises(InputError, match="cannot write"):
        report.to_csv(tmp_path / "no" / "such" / "folder.csv")


def test_the_training_history_comes_along(tmp_path: Path) -> None:
    """What the objective met, epoch by epoch, beside what the index shows."""
    index = _index(tmp_path, _some_labels(), **HARD)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "base_rate": 0.1}\n{"epoch": 2, "base_rate": 0.1}\n')
    assert [record["epoch"] for record in index.audit(k=1).training] == [1, 2]


def test_finer_labels_decide_where_they_are_asked_for(tmp_path: Path) -> None:
    """On an index whose table has the coarse ones; the run's own level if none is named; and the report says which."""
    names = [f"{'ab'[i % 2]}/{'xy'[i % 3 == 0]}/{i}.png" for i in range(24)]
    coarse = [name[0] for name in names]
    save_encoder(FakeEncoder(), tmp_path, config={**HARD, "label_level": "fine"})
    index = build_index(Corpus.from_arrays(pictures(24), coarse, ids=names), FakeEncoder(), tmp_path)
    fine = [name.rpartition("/")[0] for name in names]
    for level, labels in (("coarse", coarse), ("fine", fine), (2, fine), (None, fine)):
        report = index.audit(k=3, label_level=level)
        _agrees(report, index, labels, 3)
        assert report.to_dict()["label_level"] == str(level or "fine")
    with pytest.raises(InputError, match="unknown label level 'deep'"):
        index.audit(label_level="deep")
    assert any(
        "one level" in note for note in _index(tmp_path / "flat", _some_labels(), **HARD).audit(1, label_level=2).notes
    )
