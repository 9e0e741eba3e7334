"""Answers as pairs of a batch: what is the same, what follows from it, and what a training does with it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.links import LinkConstraints, Pair
from samekind.training.false_negatives.treatments import TREATMENTS, FalseNegativePrediction
from samekind.training.objectives.contrastive import softmax_loss
from samekind.training.objectives.similarity import Contrast, against_keys, in_batch
from samekind.training.objectives.terms import plain_terms

NAMES = [f"{row:064x}" for row in range(12)]


def groups(
    kinds: list[set[int]] | None = None,
    different: list[tuple[int, int]] | None = None,
    duplicates: list[tuple[int, int]] | None = None,
    contradictions: list[tuple[int, int]] | None = None,
) -> LinkConstraints:
    """By rows instead of hashes."""

    def pairs(rows: list[tuple[int, int]] | None) -> frozenset[Pair]:
        return frozenset((NAMES[min(pair)], NAMES[max(pair)]) for pair in rows or [])

    named = tuple(frozenset(NAMES[row] for row in kind) for kind in kinds or [])
    same = pairs([pair for kind in kinds or [] for pair in itertools.combinations(sorted(kind), 2)])
    return LinkConstraints(named, same, pairs(duplicates), pairs(different), pairs(contradictions), frozenset())


def batch(index: list[int]) -> Contrast:
    """Two views of some images."""
    views = [
        torch.nn.functional.normalize(torch.randn(len(index), 6, generator=torch.Generator().manual_seed(n)), dim=1)
        for n in (0, 1)
    ]
    return in_batch(views[0], views[1], torch.tensor(index))


@settings(deadline=None)
@given(data=st.data())
def test_masks_are_what_sets_say(data: st.DataObject) -> None:
    """For any kinds and pairs: same within a kind, different between the kinds of a pair, never an image and itself."""
    kind_of = data.draw(st.lists(st.integers(0, 4), min_size=12, max_size=12))
    kinds = [{row for row in range(12) if kind_of[row] == kind} for kind in range(3)]  # kinds 3 and 4 are not known
    pair = st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda p: p[0] != p[1])
    different = [p for p in data.draw(st.lists(pair, max_size=5)) if not any(set(p) <= kind for kind in kinds)]
    duplicates = data.draw(st.lists(pair, max_size=3))
    known = PairConstraints(groups(kinds, different, duplicates), NAMES)
    index = data.draw(st.permutations(range(12)))[:7]
    contrast = batch(index)

    def mates(row: int) -> set[int]:
        return next((kind for kind in kinds if row in kind), {row})

    same, other, twin = known.must_link(contrast), known.cannot_link(contrast), known.duplicates(contrast)
    for a, c in itertools.product(range(14), range(14)):
        i, j = index[a % 7], index[c % 7]
        assert same[a, c] == (i != j and j in mates(i))
        said = any((mates(i) & {p[x]}) and (mates(j) & {p[1 - x]}) for p in different for x in (0, 1))
        assert other[a, c] == (i != j and said)
        assert twin[a, c] == (i != j and ((i, j) in duplicates or (j, i) in duplicates))


def test_an_empty_slot_and_an_unknown_image_have_no_kind() -> None:
    """A queue's slot without a key stands for no image; answers about images that are not there are counted."""
    answers = groups([{0, 1, 11}], [(2, 3), (2, 11)], [(0, 1)])
    known = PairConstraints(answers, NAMES[:8])
    key = torch.nn.functional.normalize(torch.randn(2, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    contrast = against_keys(key, key, torch.tensor([0, 2]), key[[0, 1, 1]], torch.tensor([1, -1, 3]))
    assert known.must_link(contrast).tolist() == [[False, False, True, False, False], [False] * 5]
    assert known.cannot_link(contrast).tolist() == [[False] * 5, [False, False, False, False, True]]
    assert known.used == {"same": 1, "different": 1, "duplicates": 1, "kinds": 1}
    assert known.left_out == {"not_trained_on": 3, "contradictions": 0}  # 0–11, 1–11, 2–11


def test_copies_share_their_answers() -> None:
    """Of two images with the same bytes, each is meant."""
    known = PairConstraints(groups([{0, 1}], [(0, 2)]), [NAMES[0], NAMES[2], NAMES[0], NAMES[1]])
    assert known.unit.tolist() == [0, 1, 0, 0]
    contrast = batch([1, 2])
    assert known.cannot_link(contrast).equal(contrast.is_negative)


def test_copies_of_an_image_do_not_repeat_an_answer() -> None:
    """Masks hold for every copy; what a detector learns from, and what is counted, is one answer."""
    known = PairConstraints(groups([{0, 1}], [(0, 2)]), [NAMES[0]] * 3 + [NAMES[1]] * 2 + [NAMES[2]])
    assert (known.used["same"], known.used["different"]) == (1, 1)
    assert known.annotated_P2.tolist() == [[0, 3], [0, 5]]
    assert known.is_same_P.tolist() == [True, False]
    assert known.cannot_link(batch([0, 1, 2, 5]))[:3, 3].all()


def test_what_is_said_of_an_image_with_a_contradiction_is_still_heard() -> None:
    """A≠C against others that join them; A≠X has nothing to do with it."""
    known = PairConstraints(groups([], [(0, 2), (0, 5)], contradictions=[(0, 2)]), NAMES)
    assert known.used["different"] == 1
    assert known.annotated_P2.tolist() == [[0, 5]]


def test_contradictions_are_neither() -> None:
    """Who is called same and different is neither pulled in nor kept from suspicion."""
    known = PairConstraints(groups([], [(0, 1), (2, 3)], [], [(0, 1)]), NAMES)
    contrast = batch([0, 1, 2, 3])
    assert not known.must_link(contrast).any()
    assert known.cannot_link(contrast).any(1).tolist() == [False, False, True, True] * 2
    assert known.used["different"] == 1


def test_the_same_are_positives_or_dropped_and_duplicates_always_go() -> None:
    """By the definition of the loss: −log(e⁺/(e⁺ + G)), G without them but for as many; pulled in, their own terms are averaged in."""
    contrast = batch([0, 1, 2, 3])
    terms = plain_terms(contrast, temperature=0.5)
    known = PairConstraints(groups([{0, 1}], [], [(2, 3)]), NAMES)
    dropped = known.apply_constraints(terms, contrast, attract=False)
    assert dropped.positive_weight is None
    gone = torch.tensor([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]).bool().repeat(2, 2)
    assert torch.equal(dropped.negative_mask, terms.negative_mask & ~gone)
    pulled = known.apply_constraints(terms, contrast, attract=True)
    assert torch.equal(pulled.negative_mask, dropped.negative_mask)
    assert pulled.positive_weight is not None
    assert (pulled.positive_weight > 0).equal(gone & (torch.arange(8) % 4 < 2)[:, None])
    e, p = np.exp(terms.candidate.double().numpy() / 0.5), np.exp(terms.positive.double().numpy() / 0.5)
    for a in range(8):
        kept = dropped.negative_mask[a].numpy()
        mass = e[a][kept].mean() * terms.negative_mask[a].sum().item()
        losses = [-np.log(p[a] / (p[a] + mass))]
        np.testing.assert_allclose(softmax_loss(dropped, temperature=0.5)[a].item(), losses[0], rtol=1e-5)
        losses += [-np.log(e[a, c] / (e[a, c] + mass)) for c in np.flatnonzero(pulled.positive_weight[a].numpy())]
        np.testing.assert_allclose(softmax_loss(pulled, temperature=0.5)[a].item(), np.mean(losses), rtol=1e-5)


def test_answers_overrule_the_detector() -> None:
    """What was called different stays a negative under every treatment, what was called the same is one under none."""
    contrast = batch([0, 1, 2, 3])
    known = PairConstraints(groups([{0, 1}], [(2, 3)]), NAMES)
    everybody = contrast.is_negative & ~known.must_link(contrast)
    suspects = known.clear_cannot_link(FalseNegativePrediction(everybody, everybody.float() / 2), contrast)
    assert torch.equal(suspects.flagged, everybody & ~known.cannot_link(contrast))
    assert torch.equal(suspects.probability, suspects.flagged / 2)
    for treat in TREATMENTS.values():
        terms = known.apply_constraints(treat(plain_terms(contrast), suspects), contrast, attract=True)
        assert terms.negative_mask[known.cannot_link(contrast)].all()
        assert not terms.negative_mask[known.must_link(contrast)].any()
        assert terms.positive_weight is not None
        assert (terms.positive_weight[known.must_link(contrast)] == 1).all()


def test_answers_that_do_not_meet_change_nothing() -> None:
    """The very same terms come back."""
    contrast = batch([4, 5, 6])
    terms = plain_terms(contrast)
    assert (
        PairConstraints(groups([{0, 1}], [(2, 3)], [(0, 1)]), NAMES).apply_constraints(terms, contrast, attract=True)
        is terms
    )


def test_the_digest_names_what_is_read() -> None:
    """Neither the order of kinds nor wrong labels matter; another answer does."""
    one = groups([{0, 1}, {2, 3}], [(4, 5)])
    other = LinkConstraints(
        one.must_link_groups[::-1], one.must_link, one.duplicates, one.cannot_link, one.contradictions, frozenset({"a"})
    )
    assert one.digest == other.digest
    assert one.digest != groups([{0, 1}, {2, 3}], [(4, 6)]).digest
    assert one.digest != groups([{0, 1}], [(4, 5)]).digest
    assert one.digest != groups([{0, 1}, {2, 3}], [(4, 5)], contradictions=[(4, 5)]).digest, "it is not heard then"


def test_answers_come_back_from_json() -> None:
    """All of them, and in one form whatever the order of the sets."""
    one = replace(groups([{0, 1, 2}, {3, 4}], [(4, 5), (0, 7)], [(3, 4)], [(4, 5)]), wrong_labels=frozenset(NAMES[5:7]))
    assert LinkConstraints.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert one.to_dict()["kinds"] == [NAMES[:3], NAMES[3:5]]


@pytest.mark.parametrize(
    ("old", "new"), [("kinds", "must_link_groups"), ("same", "must_link"), ("different", "cannot_link")]
)
def test_names_of_release_01_still_answer(old: str, new: str) -> None:
    """With a warning that says the new one; any other name is an error as ever."""
    constraints = groups([{0, 1}], [(0, 2)])
    with pytest.warns(DeprecationWarning, match=f"LinkConstraints.{new}$"):
        assert getattr(constraints, old) == getattr(constraints, new)
    with pytest.raises(AttributeError, match="no attribute 'diferent'"):
        constraints.diferent  # type: ignore[attr-defined]  # noqa: B018
