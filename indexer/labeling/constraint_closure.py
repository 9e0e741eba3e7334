"""Pairs that verdicts answer already, directly or by what follows from them, and what to review where they contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.verdicts import DUPLICATE, SAME, Verdict
from samekind.training.answers.answered import adjacency
from samekind.training.false_negatives.links import Pair


class ConstraintClosure:
    """The pairs that need not be asked about: `pair in closure`.

    A pair is answered if there is a verdict on it, or if one follows: both are in one must-link group, or in two that a verdict calls
    different. Nothing follows from a group that contradicts itself.

    Args:
        current: the present verdict on each pair, see `VerdictTable.current`.

    Attributes:
        images: contents that a verdict is about; both images of an answered pair are among them.
    """

    def __init__(self, current: Mapping[Pair, Verdict]) -> None:
        constraints = link_constraints(current.values())
        self.images = frozenset(image for pair in current for image in pair)
        self._given = frozenset(current)
        self._group: dict[str, str] = {image: min(group) for group in constraints.must_link_groups for image in group}
        self._cannot_link = {self._groups(pair) for pair in constraints.cannot_link - constraints.contradictions}

    def __contains__(self, pair: Pair) -> bool:
        groups = self._groups(pair)
        return pair in self._given or len(groups) == 1 or groups in self._cannot_link

    def group_of(self, image: str) -> str:
        """An image's must-link group, named by its first member; an image that is linked to none is its own."""
        return self._group.get(image, image)

    def answer(self, pair: Pair) -> bool | None:
        """True for a pair of the same class, False for one of different classes, `None` where that is open, unsure or contradicted."""
        groups = self._groups(pair)
        return True if len(groups) == 1 else False if groups in self._cannot_link else None

    def _groups(self, pair: Pair) -> frozenset[str]:
        return frozenset(map(self.group_of, pair))


def must_link_path(current: Iterable[Verdict], pair: Pair) -> list[Pair]:
    """The shortest chain of pairs called same or duplicate that leads from one image of a pair to the other; empty if there is none.

    Where the pair itself is called different, one of these verdicts must be wrong.
    """
    neighbours = adjacency(verdict.pair for verdict in current if verdict.verdict in (SAME, DUPLICATE))
    start, goal = pair
    came_from: dict[str, str] = {start: start}
    frontier = [start]
    for image in frontier:  # grows while it is walked: breadth first
        for other in sorted(neighbours.get(image, set()) - came_from.keys()):
            came_from[other] = image
            frontier.append(other)
    if goal not in came_from:
        return []
    path: list[Pair] = []
    while goal != start:
        first, second = sorted((goal, came_from[goal]))
        path.append((first, second))
        goal = came_from[goal]
    return path[::-1]
