"""The share of same-class pairs from drawn ones: unbiased, with an interval that mostly holds, and untouched by other answers."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.data.corpus import Corpus
from samekind.data.types.splits import Split
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.acquisition import CandidatePool, acquire_pairs
from samekind.indexer.labeling.base_rate import BaseRate, base_rate, base_rate_of, drawn_pairs
from samekind.indexer.labeling.constraint_closure import ConstraintClosure
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.training.false_negatives.links import Pair
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder
from tests.indexer.labeling.test_verdicts import sha


def classes(count: int, each: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit rows around random centres that overlap, and their labels."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(count), each)
    rows = random.standard_normal((count, 16))[label] + 0.8 * random.standard_normal((len(label), 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), label


def ordered(first: int, second: int) -> Pair:
    """Their hashes in alphabetical order."""
    a, b = sorted((sha(first), sha(second)))
    return a, b


def test_weights_are_those_of_the_draws() -> None:
    """One over the number of ordered pairs times the probability of this one, so that their mean is 1; and every pair can be drawn."""
    vectors, _ = classes(3, 4)
    draws = list(itertools.islice(drawn_pairs(vectors), 30_000))
    assert np.mean([weight for *_, weight in draws]) == pytest.approx(1, abs=0.02)
    assert {(first, second) for first, second, _ in draws} == set(itertools.permutations(range(12), 2))
    cosine = vectors @ vectors.T
    for first, second, weight in draws[:50]:
        rank = 1 + sum(cosine[first, other] > cosine[first, second] for other in range(12) if other != first)
        mass = [1 / (r + 12 / 50) for r in range(1, 12)]
        assert weight == pytest.approx(1 / (11 * mass[rank - 1] / sum(mass)))
    assert draws[:100] == list(itertools.islice(drawn_pairs(vectors), 100))


@pytest.mark.parametrize(("count", "each"), [(80, 10), (10, 60), (5, 60)])
def test_two_hundred_answers_tell_the_share(count: int, each: int) -> None:
    """Of 40 sets of draws nearly all within a factor of 2, no bias, and nine of ten intervals hold the truth."""
    vectors, label = classes(count, each)
    true = (each - 1) / (count * each - 1)
    found = []
    for seed in range(40):
        draws = list(itertools.islice(drawn_pairs(vectors, seed), 200))
        pairs = [(ordered(first, second), weight) for first, second, weight in draws]
        kinds = ["same" if label[first] == label[second] else "different" for first, second, _ in draws]
        answers = {pair: Verdict(*pair, kind) for (pair, _), kind in zip(pairs, kinds, strict=True)}
        found.append(base_rate_of(pairs, ConstraintClosure(answers)))
    shares = np.array([one.share for one in found], dtype=float)
    assert shares.mean() == pytest.approx(true, rel=0.15)
    assert ((shares > true / 2) & (shares < 2 * true)).mean() > 0.94
    assert np.mean([(one.low or 0) <= true <= (one.high or 0) for one in found]) >= 0.85
    assert {one.num_answers for one in found} == {200}


def test_what_was_not_drawn_does_not_count() -> None:
    """Answers behind the first open pair are left out, unsure ones are skipped, and few or none of *same* tell nothing."""
    pairs = [(ordered(i, i + 60), 1.0) for i in range(60)]
    answers = {pair: Verdict(*pair, "same" if i % 4 == 0 else "different") for i, (pair, _) in enumerate(pairs)}
    assert base_rate_of(pairs, ConstraintClosure(answers)).share == pytest.approx(0.25)
    unsure = {**answers, pairs[0][0]: Verdict(*pairs[0][0], "unsure")}
    assert base_rate_of(pairs, ConstraintClosure(unsure)).share == pytest.approx(14 / 59)
    later = {pair: answer for pair, answer in answers.items() if pair != pairs[40][0]}
    assert base_rate_of(pairs, ConstraintClosure(later)).num_answers == 40
    few = {pair: answers[pair] for pair, _ in pairs[:19]}
    assert base_rate_of(pairs, ConstraintClosure(few)) == BaseRate(None, None, None, 19)
    none = {pair: Verdict(*pair, "different") for pair, _ in pairs}
    assert base_rate_of(pairs, ConstraintClosure(none)) == BaseRate(None, None, None, 60)


def build(folder: Path) -> Index:
    """60 noise pictures of three labels, a copy of one, and four of another split."""
    labels = [("Bag", "Coat", "Shirt")[i % 3] for i in range(60)] + ["Bag"] * 5
    pixels = [*pictures(60), pictures(60)[3], *pictures(64)[60:]]
    splits: list[Split] = ["train"] * 61 + ["test"] * 4  # type: ignore[assignment]
    corpus = Corpus.from_arrays(pixels, labels, splits, name="noise", source={"corpus": "noise"})
    save_encoder(FakeEncoder(), folder, config={"objective": "info_nce", "temperature": 0.2})
    return build_index(corpus, FakeEncoder(), folder)


def test_pairs_are_asked_about_until_they_tell(tmp_path: Path) -> None:
    """Each pair once, of two contents in training, in the same order whatever was answered; answered ones are not asked again."""
    index = build(tmp_path)
    pool = CandidatePool(index)
    first = pool.acquire({}, 40, order="share")
    assert len({item.pair for item in first}) == 40
    trained = {row["sha256"] for row in map(index.row, index.ids[:61])}
    assert {content for item in first for content in item.pair} <= trained
    answers = [
        Verdict(
            item.anchor_sha256,
            item.negative_sha256,
            "same" if item.anchor_label == item.negative_label else "different",
        )
        for item in first
    ]
    VerdictTable(index.path).add(answers)
    current = VerdictTable(index.path).current()
    assert not {item.pair for item in pool.acquire(current, 40, order="share")} & {item.pair for item in first}
    told = base_rate(index)
    assert told.num_answers >= 40
    assert told.share == pytest.approx(1 / 3, rel=0.6)
    assert acquire_pairs(index, 5, order="share").items == pool.acquire(current, 5, order="share").items
