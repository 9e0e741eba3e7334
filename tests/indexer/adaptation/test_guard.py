"""Held-out answers: gains are seen, chance is not taken for one, and the shares are what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.indexer.adaptation.adapt import AnsweredSpace
from samekind.indexer.adaptation.answered import answers_about
from samekind.indexer.labeling.verdicts import Verdict
from samekind.indexer.storage.adaptation import Adaptation
from samekind.training.answers import guard
from samekind.training.answers.answered import Answered
from samekind.training.answers.guard import FOLDS, HeldOut, _explained, _folds, _share, held_out
from samekind.training.answers.start import MapAlone
from tests.indexer.adaptation.worlds import DIM, answers, world


def current(given: list[Verdict]) -> dict[tuple[str, str], Verdict]:
    """As `VerdictTable.current` gives them."""
    return {verdict.pair: verdict for verdict in given}


def random_answers(index: sk.Index, seed: int) -> list[Verdict]:
    """Ten anchors and twelve others each, called same and different whatever they are."""
    rows, sha256 = (
        np.random.default_rng(seed).permutation(len(index))[:130].reshape(10, 13),
        index.rows.column("sha256"),
    )
    return [
        Verdict(sha256[anchor], sha256[other], "same" if place < 6 else "different")
        for anchor, *others in rows.tolist()
        for place, other in enumerate(others)
    ]


def test_shares_are_those_of_all_comparisons() -> None:
    """Held-out against told-apart, for each image that stayed."""
    random = np.random.default_rng(0)
    out, apart, kept = (random.normal(size=(count, 3)).astype(np.float32) for count in (4, 5, 6))
    right = [k @ o > k @ a for k in kept for o in out for a in apart]
    assert _share(out, apart, kept) == pytest.approx(np.mean(right))


def test_equally_near_images_are_not_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of what was told from a group are no nearer to it, in whatever blocks they are put in order."""
    out = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    kept = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
    right = [k @ o > k @ a for k in kept for o in out for a in out]
    assert _share(out, out, kept) == pytest.approx(np.mean(right))
    monkeypatch.setattr(guard, "_MOST_COMPARED", 13)
    assert _share(out, out, kept) == pytest.approx(np.mean(right))


def test_what_folds_compare_is_what_each_group_would() -> None:
    """Read and mapped at once, and as it is group by group; one of which nothing was told from is compared with any others."""
    groups = (np.arange(0, 5), np.arange(5, 11), np.arange(11, 15), np.arange(15, 17))
    told = (np.array([20, 6, 21]), np.array([], dtype=np.int64), np.array([20, 25]), np.array([], dtype=np.int64))
    vectors = np.random.default_rng(0).normal(size=(40, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    space = MapAlone(np.diag(np.linspace(1, 0.1, DIM)))
    others = np.arange(4, 39, 3)
    judged = held_out(
        Answered(groups, ((),) * 4, told, 1, 1, 0, 0), lambda rows: vectors[rows], others, lambda *_: space
    )
    folds = _folds(groups, [0, 1, 2], 0)
    for found, moved in ((judged.before, vectors), (judged.after, space.mapped(vectors))):
        shares = []
        for number in range(3):
            group, apart = groups[number], told[number]
            if not len(apart):
                apart = np.array([row for row in others if row not in group])
            parts = [(group[folds[number] == fold], group[folds[number] != fold]) for fold in range(FOLDS)]
            shares.append(np.mean([_share(moved[out], moved[apart], moved[kept]) for out, kept in parts if len(out)]))
        assert found == pytest.approx(np.average(shares, weights=[5, 6, 4]))


def test_every_image_of_a_large_group_is_held_out_once() -> None:
    """And of small groups none."""
    groups = [np.arange(7), np.arange(2), np.arange(23)]
    folds = _folds(groups, [0, 2], seed=0)
    assert (folds[1] == -1).all()
    for number in (0, 2):
        counts = np.bincount(folds[number], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
        assert counts.sum() == len(groups[number])


def test_true_answers_improve_what_was_held_out(tmp_path: Path) -> None:
    """The share rises in a space whose noise can be told from its classes."""
    assert _judged(world(tmp_path / "w"), tmp_path / "w").improves


def test_answers_at_random_are_rarely_taken_for_a_gain(tmp_path: Path) -> None:
    """One in five would be, of many."""
    index = world(tmp_path / "w")
    space = AnsweredSpace(index.vector_index)
    found = [
        held_out(
            answers_about(current(random_answers(index, seed)), index.rows), space.vectors, space.evenly(99), space.fit
        )
        for seed in range(30)
    ]
    assert all(each.enough for each in found)
    assert sum(each.improves for each in found) <= 10


def _judged(index: sk.Index, folder: Path) -> HeldOut:
    space = AnsweredSpace(index.vector_index)
    return held_out(answers_about(current(answers(index)), index.rows), space.vectors, space.evenly(99), space.fit)


def test_only_what_stayed_is_pulled_and_no_fold_sees_what_it_holds_out() -> None:
    """The groups that a fold is made from, and the group numbers that it asks the adaptation for."""
    groups = (np.arange(0, 5), np.arange(5, 11), np.arange(11, 15), np.arange(15, 17))
    answered = Answered(groups, ((),) * 4, tuple(np.array([20, 0, *range(21, 26)]) for _ in groups), 1, 1, 0, 0)
    vectors = np.random.default_rng(0).normal(size=(30, DIM)).astype(np.float32)
    fitted: list[list[np.ndarray]] = []
    apart: list[list[np.ndarray]] = []
    gathered: list[tuple[int, np.ndarray]] = []

    class Spy(Adaptation):
        """Remembers what it is asked."""

        def mapped(self, vectors_ND: np.ndarray) -> np.ndarray:
            return vectors_ND

        def gathered(self, mapped_ND: np.ndarray, group_N: np.ndarray) -> np.ndarray:
            gathered.append((len(mapped_ND), group_N))
            return mapped_ND

    def fit(kept: list[np.ndarray], strangers: list[np.ndarray]) -> Adaptation:
        fitted.append(kept)
        apart.append(strangers)
        nothing = np.eye(DIM, dtype=np.float32), np.zeros((4, DIM), np.float32)
        return Spy(0, "", *nothing, np.empty((0, 32), np.uint8), np.empty(0, np.int64), "", {})

    judged = held_out(answered, lambda rows: vectors[rows], np.arange(30), fit)
    assert len(fitted) == FOLDS
    for number in range(3):
        kept = np.concatenate([each[number] for each in fitted])
        assert (np.bincount(kept)[groups[number]] == FOLDS - 1).all()
    assert all((each[3] == groups[3]).all() for each in fitted)
    assert all(
        (np.bincount(np.concatenate(each), minlength=26)[20:] == FOLDS - 1).all() for each in zip(*apart, strict=True)
    )
    assert not any((rows < 20).any() for each in apart for rows in each)  # what is in a group is no stranger
    sizes = {number: {len(each[number]) for each in fitted} for number in range(3)}
    assert all((group_N == group_N[0]).all() and count in sizes[group_N[0]] for count, group_N in gathered)
    assert judged.before == judged.after
    assert not judged.improves


def test_two_large_groups_are_too_few() -> None:
    """Nothing is fitted then."""
    answered = Answered((np.arange(4), np.arange(4, 9), np.arange(9, 11)), ((),) * 3, (np.array([20]),) * 3, 1, 1, 0, 0)
    found = held_out(answered, lambda rows: pytest.fail("read"), np.arange(9), lambda *groups: pytest.fail("fitted"))
    assert found == HeldOut(2)
    assert not found.enough
    assert not found.improves


def test_a_gain_must_be_above_chance() -> None:
    """A t-test: with three groups 1.06 standard errors, with many 0.85."""
    assert not HeldOut(3, 0.5, 0.510, 0.01).improves
    assert HeldOut(3, 0.5, 0.511, 0.01).improves
    assert HeldOut(60, 0.5, 0.509, 0.01).improves
    assert not HeldOut(60, 0.5, 0.508, 0.01).improves


def test_what_probabilities_explain_of_answers() -> None:
    """All of them, none, and less than none; nothing can be said where all answers are the same."""
    assert _explained(np.ones(3), np.zeros(5)) == pytest.approx(1, abs=1e-5)
    assert _explained(np.full(3, 3 / 8), np.full(5, 3 / 8)) == pytest.approx(0)
    assert (_explained(np.full(3, 0.1), np.full(5, 0.9)) or 0) < -1
    assert _explained(np.full(3, 0.1), np.empty(0)) is None
    assert (
        -100 < (_explained(np.zeros(3), np.ones(5)) or 0) < -10
    )  # what was thought impossible does not cost everything


def test_only_true_answers_tell_who_belongs_to_a_group(tmp_path: Path) -> None:
    """So answers at random pull nothing but what they name."""
    index = world(tmp_path / "w")
    space = AnsweredSpace(index.vector_index)
    for given, told in ((answers(index), True), (random_answers(index, 0), False), (random_answers(index, 1), False)):
        answered = answers_about(current(given), index.rows)
        assert held_out(answered, space.vectors, space.evenly(99), space.fit).tells_belonging == told


@pytest.mark.parametrize(
    ("groups", "explained", "told"),
    [(5, 0.46, True), (5, 0.44, False), (6, 0.11, True), (6, 0.09, False), (6, None, False)],
)
def test_few_groups_have_to_explain_more(groups: int, explained: float | None, told: bool) -> None:
    """With many classes most images belong to none of a few groups, and would be pulled all the same."""
    assert HeldOut(groups, 0.5, 0.6, 0.01, explained).tells_belonging == told
