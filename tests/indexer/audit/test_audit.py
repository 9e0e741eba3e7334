"""The audit against double loops."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.types.splits import Split
from samekind.indexer.audit import neighbours
from samekind.indexer.audit.comparison import Comparison
from samekind.indexer.audit.duplicates import NEAR
from samekind.indexer.audit.neighbours import neighbourhood
from samekind.indexer.index import Index, build_index
from samekind.training.diagnostics.figures import base_rate
from samekind.training.diagnostics.gradient_weights import GradientWeights
from samekind.training.objectives.contrastive import softmax_loss
from samekind.training.objectives.similarity import Contrast
from samekind.training.objectives.terms import plain_terms
from tests import oracles
from tests.indexer.audits import HARD, agrees, index_of, some_labels
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder


@pytest.mark.parametrize("block", [1 << 23, 16 * 40])
def test_every_figure_equals_a_count_by_double_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """In one block or in several."""
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", block)
    labels = some_labels()
    index = index_of(tmp_path, labels, **HARD)
    agrees(index.audit(k=6), index, labels, 6)


def test_one_split_is_audited_as_an_index_of_it_alone(tmp_path: Path) -> None:
    """Rates, pairs and duplicates are those of its images, under their own ids; an unknown split is one line."""
    labels, pixels = some_labels(), pictures(40)
    splits: list[Split] = ["test" if i % 3 == 0 else "train" for i in range(40)]
    pixels[10] = pixels[7]
    for name, kept in (("whole", range(40)), ("part", [i for i in range(40) if i % 3])):
        corpus = Corpus.from_arrays(
            [pixels[i] for i in kept], [labels[i] for i in kept], [splits[i] for i in kept], ids=[str(i) for i in kept]
        )
        save_encoder(FakeEncoder(), tmp_path / name, config=HARD)
        build_index(corpus, FakeEncoder(), tmp_path / name)
    whole, part = (Index.open(tmp_path / name) for name in ("whole", "part"))
    found, alone = whole.audit(k=5, split="train"), part.audit(k=5)
    assert found.to_dict() == {**alone.to_dict(), "split": "train"}
    assert [found.pairs.at(a) for a in range(26)] == [alone.pairs.at(a) for a in range(26)]
    assert found.to_dict() != whole.audit(k=5).to_dict()
    with pytest.raises(InputError, match="no image of the split 'validation'") as caught:
        whole.audit(split="validation")
    assert "test, train" in caught.value.hint


@pytest.mark.parametrize(
    ("config", "beta"),
    [
        (HARD, 1.0),
        ({**HARD, "beta": 0.5}, 0.5),
        ({**HARD, "beta_end": None}, 1.0),
        ({**HARD, "beta_end": 2.0}, 2.0),  # the trained space is the last step's
        ({**HARD, "beta_end": 0.0}, 0.0),
        ({**HARD, "objective": "info_nce", "beta_end": 2.0}, 0.0),
    ],
)
@pytest.mark.parametrize("partly", [False, True])
def test_the_share_of_the_gradient_equals_a_sum_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], beta: float, partly: bool
) -> None:
    """What `hard` pushes by, exp(s/τ) for `info_nce`, over all other rows; for false negatives over those of known label."""
    monkeypatch.setattr(neighbours, "_CACHED_VALUES", 3 * 40)
    labels = [None if partly and i % 4 == 0 else label for i, label in enumerate(some_labels())]
    index = index_of(tmp_path, labels, **config)
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
    assert report.gradient_share["beta"] == beta


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
    found = neighbourhood(vectors, Comparison(classes, np.arange(30), 29, GradientWeights(temperature, beta)))
    candidate = torch.from_numpy(oracles.similarities(vectors)).float().requires_grad_()
    row = torch.arange(30)
    vector = torch.from_numpy(vectors)
    contrast = Contrast(torch.full((30,), 0.3), candidate, row[:, None] != row[None, :], row, row, vector, vector)
    terms = plain_terms(contrast, beta=beta, temperature=temperature)
    (gradient,) = torch.autograd.grad(softmax_loss(terms, temperature=temperature).mean(), candidate)
    push = gradient.double().clamp(min=0).numpy()
    share = push / push.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.share_AK, np.take_along_axis(share, found.row_AK, axis=1), atol=2e-4)
    same = (classes[:, None] == classes[None, :]) & ~np.eye(30, dtype=bool)
    np.testing.assert_allclose(found.false_share_A, (share * same).sum(axis=1), atol=5e-4)


def test_an_easy_negative_that_hard_attracts_draws_no_push() -> None:
    """The hardest of three draws all of it where β is large; exp((1+β)s/τ) would give the others a share."""
    angle = np.array([0.0, 0.1, 1.5, 3.0])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    found = neighbourhood(vectors, Comparison(np.zeros(4, np.int64), np.array([0]), 3, GradientWeights(1.0, 1.0)))
    assert found.share_AK[0, 2] == 0.0
    assert found.share_AK[0].sum() == pytest.approx(1.0)


def test_the_share_of_a_treated_run_says_that_it_is_untreated(tmp_path: Path) -> None:
    """The audit knows no detector's state: it answers for the objective alone."""
    plain = index_of(tmp_path / "a", some_labels(), **HARD).audit(k=2)
    treated = index_of(tmp_path / "b", some_labels(), **HARD, treatment="soft").audit(k=2)
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
    labels = some_labels(49)
    index = index_of(tmp_path, labels, images, **HARD)
    copies = [5, *range(30, 49)]
    report = index.audit(k=3)
    agrees(report, index, labels, 3)
    for anchor in copies:
        assert report.pairs.negative_AK[anchor].tolist() == [row for row in copies if row != anchor][:3]
    assert report.num_duplicates == 190
    assert {d["kind"] for d in report.duplicates} == {"exact"}
    assert report.duplicates[0] == {"a": index.ids[5], "b": index.ids[30], "kind": "exact", "similarity": 1.0}


def test_duplicates_are_capped_and_still_counted(tmp_path: Path) -> None:
    """60 copies make 1,770 pairs; 1,000 are listed."""
    report = index_of(tmp_path, None, np.repeat(pictures(1), 60, axis=0)).audit(k=2)
    assert report.num_duplicates == 1770
    assert len(report.duplicates) == 1000
    assert len({(d["a"], d["b"]) for d in report.duplicates}) == 1000


def test_near_duplicates_are_pairs_of_other_content_above_the_threshold(tmp_path: Path) -> None:
    """A few grey levels apart: counted once each, most similar first, smaller row first."""
    base = pictures(20, seed=6)
    close = np.clip(base[:4].astype(int) + np.array([1, 1, 2, 0])[:, None, None], 0, 255).astype(np.uint8)
    close[3] = base[3]
    close[3, 0, 0] ^= 1
    index = index_of(tmp_path, None, np.concatenate([base, close]))
    report = index.audit(k=2)
    similarity = oracles.similarities(index.vectors())
    expected = {(a, b) for a in range(24) for b in range(a + 1, 24) if similarity[a, b] >= NEAR}
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
    found = neighbourhood(vectors, Comparison(random.integers(-1, 3, count), anchors, k, GradientWeights(0.3)))
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
    index = index_of(tmp_path, some_labels(), **HARD)
    whole, some = index.audit(k=3), index.audit(k=3, anchors=15)
    assert some.num_anchors == 15
    assert any("15 of 40" in note for note in some.notes)
    assert some.to_dict() == index.audit(k=3, anchors=15).to_dict()
    for anchor_id in some.pairs.anchor_ids:
        for mine, same in zip(some.pairs.of(anchor_id), whole.pairs.of(anchor_id), strict=True):
            assert mine.gradient_share == pytest.approx(
                same.gradient_share, rel=1e-5
            )  # sums of float32, of other blocks
            assert replace(mine, gradient_share=same.gradient_share) == same
    beyond = index.audit(k=3, anchors=4000)
    assert beyond.notes == ["anchors is 40 instead of 4,000: that many images there are", *whole.notes]
    assert {**beyond.to_dict(), "notes": whole.notes} == whole.to_dict()


def test_frame_csv_and_json_say_the_same_as_the_pairs(tmp_path: Path) -> None:
    """One row a pair, in the order of anchors and ranks."""
    index = index_of(tmp_path / "index", [None if i == 3 else label for i, label in enumerate(some_labels())], **HARD)
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
    index = index_of(tmp_path, some_labels(), **HARD)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "base_rate": 0.1}\n{"epoch": 2, "base_rate": 0.1}\n')
    assert [record["epoch"] for record in index.audit(k=1).training] == [1, 2]


def test_finer_labels_decide_where_they_are_asked_for(tmp_path: Path) -> None:
    """On an index whose table has the coarse ones; the run's own level if none is named; and the report says which."""
    names = [f"{'ab'[i % 2]}/{'xy'[i % 3 == 0]}/{i}.png" for i in range(24)]
    coarse = [name[0] for name in names]
    save_encoder(FakeEncoder(), tmp_path, config={**HARD, "label_level": "fine"})
    index = build_index(Corpus.from_arrays(pictures(24), coarse, ids=names), FakeEncoder(), tmp_path)
    fine = [name.rpartition("/")[0] for name in names]
    assert not any("while training" in note for note in index.audit(k=3, label_level="coarse").notes), "nothing was"
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "base_rate": 0.1}\n')
    for level, labels in (("coarse", coarse), ("fine", fine), (2, fine), (None, fine)):
        report = index.audit(k=3, label_level=level)
        agrees(report, index, labels, 3)
        assert report.to_dict()["label_level"] == str(level or "fine")
        told = [note for note in report.notes if note == "What was measured while training goes by the fine labels."]
        assert bool(told) == (level == "coarse"), "what the run itself measured has another level then"
    with pytest.raises(InputError, match="unknown label level 'deep'"):
        index.audit(label_level="deep")
    assert any(
        "one level" in note for note in index_of(tmp_path / "flat", some_labels(), **HARD).audit(1, label_level=2).notes
    )
