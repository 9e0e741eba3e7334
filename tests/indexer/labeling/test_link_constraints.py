"""What follows from verdicts, held to slow loops over a few images."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.indexer.labeling.constraint_closure import ConstraintClosure, must_link_path
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.verdicts import ANSWERS, Verdict
from tests.indexer.labeling.test_verdicts import said, sha


@given(
    answers=st.dictionaries(
        st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1]), st.sampled_from(ANSWERS)
    )
)
def test_groups_are_what_paths_join(answers: dict[tuple[int, int], str]) -> None:
    """Against a transitive closure by repetition; a group that holds a pair called different is left out."""
    groups = link_constraints(said(a, b, verdict) for (a, b), verdict in answers.items())
    together = {(a, b) for (a, b), verdict in answers.items() if verdict in ("same", "duplicate")}
    together |= {(b, a) for a, b in together}
    for k, i, j in itertools.product(range(8), repeat=3):
        if (i, k) in together and (k, j) in together:
            together.add((i, j))
    named = {sha(number): number for number in range(8)}
    torn = {(a, b) for (a, b), verdict in answers.items() if verdict == "different" and (a, b) in together}
    doubtful = {x for a, b in torn for x in range(8) if (x, a) in together}
    found = {(named[a], named[b]) for group in groups.must_link_groups for a in group for b in group if a != b}
    assert found == {(a, b) for a, b in together if a != b and a not in doubtful}
    assert sum(len(group) for group in groups.must_link_groups) == len(frozenset().union(*groups.must_link_groups)), (
        "no image is in two groups"
    )
    pairs = {tuple(sorted((sha(a), sha(b)))): (a, b) for a, b in answers}
    different = {pair for pair, key in pairs.items() if answers[key] == "different"}
    assert groups.contradictions == {pair for pair in different if pairs[pair] in torn}
    assert groups.cannot_link == different
    joined = {pair for pair, key in pairs.items() if answers[key] in ("same", "duplicate")}
    assert groups.must_link == {pair for pair in joined if pairs[pair][0] not in doubtful}
    assert groups.duplicates == {pair for pair, key in pairs.items() if answers[key] == "duplicate"}
    assert groups.wrong_labels == {sha(a) for (a, _), verdict in answers.items() if verdict == "wrong_label"}, (
        "the anchors"
    )


ANSWERS_ON_SIX = st.dictionaries(
    st.sampled_from(list(itertools.combinations(range(6), 2))), st.sampled_from(["same", "different"])
)


@given(ANSWERS_ON_SIX)
@settings(max_examples=60, deadline=None)
def test_what_follows_is_what_a_loop_over_images_finds(given_answers: dict[tuple[int, int], str]) -> None:
    """Same is an equivalence, different holds between whole groups, and a group that contradicts itself says only its verdicts."""
    joined = {i: {i} for i in range(6)}
    for _ in range(6):
        for (a, b), answer in given_answers.items():
            if answer == "same":
                joined[a] = joined[b] = joined[a] | joined[b]
    different = [pair for pair, answer in given_answers.items() if answer == "different"]
    torn = {i for x, y in different if y in joined[x] for i in joined[x]}
    kind = {i: {i} if i in torn else joined[i] for i in range(6)}
    apart = {frozenset((a, b)) for x, y in different if y not in joined[x] for a in kind[x] for b in kind[y]}
    answered = ConstraintClosure(
        {v.pair: v for (a, b), answer in given_answers.items() for v in [Verdict(sha(a), sha(b), answer)]}
    )
    for a, b in itertools.combinations(range(6), 2):
        first, second = sorted((sha(a), sha(b)))
        expected = (a, b) in given_answers or b in kind[a] or frozenset((a, b)) in apart
        assert ((first, second) in answered) == expected


@given(ANSWERS_ON_SIX)
@settings(max_examples=40, deadline=None)
def test_the_chain_that_joins_two_images_is_whole_and_shortest(given_answers: dict[tuple[int, int], str]) -> None:
    """It leads from the one to the other by answers called same, in as few steps as any."""
    verdicts = [Verdict(sha(a), sha(b), answer) for (a, b), answer in given_answers.items()]
    same = {v.pair for v in verdicts if v.verdict == "same"}
    reached, steps = {sha(0)}, 0
    while sha(5) not in reached and steps < 6:
        steps += 1
        reached |= {image for pair in same if reached & set(pair) for image in pair}
    chain = must_link_path(verdicts, (sha(0), sha(5)))
    assert len(chain) == (steps if sha(5) in reached else 0)
    assert set(chain) <= same
    at = {sha(0)}
    for pair in chain:
        assert at & set(pair)
        at = set(pair) - at
    assert not chain or at == {sha(5)}
