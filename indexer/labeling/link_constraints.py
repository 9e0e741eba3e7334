"""Must-link groups, cannot-link pairs and contradictions: the consequences of pairwise annotations."""

from __future__ import annotations

from collections.abc import Iterable

from samekind.indexer.labeling.verdicts import DIFFERENT, DUPLICATE, SAME, VERDICTS, WRONG_LABEL, Verdict
from samekind.training.answers.answered import adjacency
from samekind.training.false_negatives.links import LinkConstraints, Pair


def link_constraints(current: Iterable[Verdict]) -> LinkConstraints:
    """Draws the consequences of the current verdicts: being of the same class is transitive, and no group holds a pair called different.

    Args:
        current: at most one verdict a pair.
    """
    by_answer: dict[str, set[Pair]] = {answer: set() for answer in VERDICTS}
    wrong_labels = set[str]()
    for verdict in current:
        by_answer[verdict.verdict].add(verdict.pair)
        if verdict.verdict == WRONG_LABEL:
            wrong_labels.add(verdict.anchor_sha256)
    linked = by_answer[SAME] | by_answer[DUPLICATE]
    groups = connected(linked)
    group_of = {image: number for number, group in enumerate(groups) for image in group}
    contradictions = {pair for pair in by_answer[DIFFERENT] if group_of.get(pair[0], -1) == group_of.get(pair[1], -2)}
    doubtful = {group_of[first] for first, _ in contradictions}
    return LinkConstraints(
        must_link_groups=tuple(group for number, group in enumerate(groups) if number not in doubtful),
        must_link=frozenset(pair for pair in linked if group_of[pair[0]] not in doubtful),
        duplicates=frozenset(by_answer[DUPLICATE]),
        cannot_link=frozenset(by_answer[DIFFERENT]),
        contradictions=frozenset(contradictions),
        wrong_labels=frozenset(wrong_labels),
    )


def connected(pairs: Iterable[Pair]) -> tuple[frozenset[str], ...]:
    """Connected components, in alphabetical order of their first members."""
    neighbours = adjacency(pairs)
    components, seen = [], set[str]()
    for image in sorted(neighbours):
        if image not in seen:
            component, frontier = {image}, [image]
            while frontier:
                found = neighbours[frontier.pop()] - component
                component |= found
                frontier += found
            seen |= component
            components.append(frozenset(component))
    return tuple(components)
