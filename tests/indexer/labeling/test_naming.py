"""What names say of pairs, held to all pairs of a few images; and what is left out where people contradict each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.indexer.labeling.constraint_closure import ConstraintClosure
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.people.given_labels import GivenLabel
from samekind.indexer.labeling.people.naming import Naming
from samekind.indexer.labeling.verdicts import Verdict
from tests.indexer.labeling.test_verdicts import said, sha


def named(names: Mapping[int, str], *verdicts: Verdict, who: str = "Ana") -> Naming:
    """Names by one person, and verdicts."""
    labels = {sha(image): (GivenLabel(sha(image), name, who),) for image, name in names.items()}
    return Naming.of(labels, {verdict.pair: verdict for verdict in verdicts})


NUMBER = {sha(number): number for number in range(40)}


def told(naming: Naming) -> list[tuple[str, set[int], tuple[str, ...]]]:
    """The conflicts in short."""
    return [(each.reason, {NUMBER[image] for image in each.images}, each.names) for each in naming.conflicts]


def groups_of(naming: Naming) -> set[frozenset[int]]:
    """Must-link groups, by numbers."""
    found = link_constraints(naming.answers.values())
    assert not found.contradictions
    return {frozenset(NUMBER[image] for image in group) for group in found.must_link_groups}


@given(names=st.lists(st.sampled_from(["rose", "tulip", "lily", "aster"]), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_names_decide_every_pair(names: list[str]) -> None:
    """Against all pairs: the same name is the same, another is different; and that costs no N² / 2 of them."""
    naming = named(dict(enumerate(names)))
    closure = ConstraintClosure(naming.answers)
    for first, second in itertools.combinations(range(len(names)), 2):
        pair = tuple(sorted((sha(first), sha(second))))
        assert closure.answer((pair[0], pair[1])) is (names[first] == names[second])
    kinds = len(set(names))
    assert len(naming.answers) <= 2 * len(names) + kinds * (kinds - 1) // 2
    assert naming.conflicts == ()


def test_each_image_is_told_from_some_others() -> None:
    """Pairs between two names take each image in turn, so that held-out answers have something to be told from."""
    naming = named({number: "ab"[number >= 20] for number in range(40)})
    different = [verdict.pair for verdict in naming.answers.values() if verdict.verdict == "different"]
    assert len(different) == 20
    assert {image for pair in different for image in pair} == NUMBER.keys()
    uneven = named({number: "ab"[number >= 38] for number in range(40)})
    assert len({v.pair for v in uneven.answers.values() if v.verdict == "different"}) == 38


def test_names_and_verdicts_add_up() -> None:
    """Images without a name join by a verdict, and unsure and wrong_label give way to names; verdicts of people stay as they are."""
    same, unsure = said(3, 0, who="Ben"), said(0, 1, "unsure")
    naming = named({0: "rose", 1: "rose", 2: "tulip"}, same, unsure, said(0, 2, "wrong_label"), said(5, 6))
    assert groups_of(naming) == {frozenset({0, 1, 3}), frozenset({5, 6})}
    assert naming.answers[same.pair] == same
    assert naming.answers[unsure.pair].verdict == "same"
    assert ConstraintClosure(naming.answers).answer(said(3, 2).pair) is False
    assert naming.num_names == 2


def test_two_names_of_one_image_are_left_out() -> None:
    """By two people, or by one at the same moment; the image is in no class, and the others stay in theirs."""
    labels: dict[str, tuple[GivenLabel, ...]] = {sha(n): (GivenLabel(sha(n), "rose", "Ana"),) for n in range(3)}
    labels[sha(2)] = (GivenLabel(sha(2), "tulip", "Ben"), *labels[sha(2)])
    naming = Naming.of(labels, {})
    assert told(naming) == [("two_names", {2}, ("rose", "tulip"))]
    assert naming.conflicts[0].who == ("Ana", "Ben")
    assert groups_of(naming) == {frozenset({0, 1})}
    assert naming.conflicts[0].to_dict({sha(2): "2.png"}) == {
        "reason": "two_names", "images": (sha(2),), "names": ("rose", "tulip"), "who": ("Ana", "Ben"), "ids": ["2.png"]
    }  # fmt: skip


def test_a_verdict_that_denies_names_costs_only_its_two_images() -> None:
    """Called different with one name, the same with two: names and verdict go, the rest of both classes stays."""
    roses, tulips = dict.fromkeys(range(5), "rose"), dict.fromkeys(range(5, 10), "tulip")
    clashes = said(0, 1, "different", who="Ben"), said(2, 5, who="Ben")
    naming = named({**roses, **tulips}, *clashes, said(0, 10))
    assert sorted(told(naming)) == [("different", {0, 1}, ("rose",)), ("same", {2, 5}, ("rose", "tulip"))]
    assert {each.who for each in naming.conflicts} == {("Ana", "Ben")}
    assert groups_of(naming) == {frozenset({3, 4}), frozenset({6, 7, 8, 9}), frozenset({0, 10})}
    assert not naming.answers.keys() & {said(0, 1).pair, said(2, 5).pair}


def test_a_group_of_one_name_outlives_a_slip() -> None:
    """Three roses that were joined by verdicts, too, of which two were called different: the third keeps its name, and the group."""
    naming = named(dict.fromkeys(range(5), "rose"), said(0, 2), said(2, 1), said(0, 1, "different"))
    assert told(naming) == [("different", {0, 1}, ("rose",))]
    assert groups_of(naming) == {frozenset(range(5))}


def test_through_images_without_a_name() -> None:
    """A chain of verdicts from a rose to a tulip, and roses that are told apart by others that are the same as they."""
    chain = named({0: "rose", 1: "rose", 2: "rose", 3: "tulip"}, said(0, 10), said(10, 3))
    assert told(chain) == [("same", {0, 3}, ("rose", "tulip"))]
    assert groups_of(chain) == {frozenset({1, 2})}
    apart = named(dict.fromkeys(range(4), "rose"), said(0, 10), said(1, 11), said(10, 11, "different"))
    assert told(apart) == [("different", {10, 11}, ("rose",))]
    assert groups_of(apart) == {frozenset({2, 3})}
    assert said(10, 11).pair not in apart.answers


def test_the_very_same_thing_stays_a_duplicate() -> None:
    """Whatever it is called: training must not take it for a negative."""
    naming = named({0: "rose", 1: "tulip", 2: "rose", 3: "tulip"}, said(0, 1, "duplicate"))
    assert told(naming) == [("same", {0, 1}, ("rose", "tulip"))]
    assert link_constraints(naming.answers.values()).duplicates == {said(0, 1).pair}
    assert naming.name.keys() == {sha(2), sha(3)}
    longer = named({0: "rose", 1: "tulip"}, said(0, 10, "duplicate"), said(10, 1))
    assert told(longer) == [("same", {0, 1}, ("rose", "tulip"))]
    assert longer.answers.keys() == {said(0, 10).pair}


def test_verdicts_that_contradict_themselves_do_not_take_a_class_along() -> None:
    """The group is left out as ever; the class of the image in it loses that image only."""
    naming = named(dict.fromkeys(range(3), "rose"), said(0, 10), said(10, 11), said(0, 11, "different"))
    found = link_constraints(naming.answers.values())
    assert found.contradictions == {said(0, 11).pair}
    assert found.must_link_groups == (frozenset({sha(1), sha(2)}),)
    assert naming.conflicts == ()


ON_SIX = st.dictionaries(
    st.sampled_from(list(itertools.combinations(range(6), 2))), st.sampled_from(["same", "different", "duplicate"])
)


@given(answers=ON_SIX, names=st.dictionaries(st.integers(0, 5), st.sampled_from("ab")))
@settings(max_examples=150, deadline=None)
def test_names_bring_no_contradiction_of_their_own(answers: dict[tuple[int, int], str], names: dict[int, str]) -> None:
    """Whatever is said: what remains contradicts itself only where the verdicts alone do, and names that remain decide their pairs."""
    verdicts = [said(*pair, verdict) for pair, verdict in answers.items()]
    naming = named(names, *verdicts)
    alone = link_constraints(verdicts).contradictions
    assert link_constraints(naming.answers.values()).contradictions <= alone
    closure = ConstraintClosure(naming.answers)
    for first, second in itertools.combinations(sorted(naming.name), 2):
        assert closure.answer((first, second)) is (naming.name[first] == naming.name[second])
    if not naming.conflicts and not alone:
        assert naming.name == {sha(image): name for image, name in names.items()}


@pytest.mark.parametrize("who", ["", "Ana"])
def test_without_labels_the_verdicts_are_all(who: str) -> None:
    """The very ones."""
    verdicts = {v.pair: v for v in [said(0, 1, who=who), said(1, 2, "different"), said(3, 4, "unsure")]}
    assert Naming.of({}, verdicts).answers == verdicts
