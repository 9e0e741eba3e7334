"""What need not be asked because verdicts answer it already, and what to look at where they contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from samekind.indexer.labeling.verdicts import DUPLICATE, SAME, Verdict, grouped
from samekind.training.false_negatives.constraints import Pair


class ConstraintClosure:
    """Which pairs need not be asked: `pair in answered`.

    A pair is answered if there is a verdict on it, or if one follows: both are of one kind, or of two that a verdict calls different.
    Nothing follows from a kind that contradicts itself.

    Args:
        current: the present verdict on each pair, see `VerdictTable.current`.

    Attributes:
        images: contents that a verdict is about; both images of an answered pair are among them.
    """

    def __init__(self, current: Mapping[Pair, Verdict]) -> None:
        groups = grouped(current.values())
        self.images = frozenset(image for pair in current for image in pair)
        self._given = frozenset(current)
        self._kind: dict[str, str] = {image: min(kind) for kind in groups.must_link_groups for image in kind}
        self._apart = {self._kinds(pair) for pair in groups.cannot_link - groups.contradictions}

    def __contains__(self, pair: Pair) -> bool:
        kinds = self._kinds(pair)
        return pair in self._given or len(kinds) == 1 or kinds in self._apart

    def _kinds(self, pair: Pair) -> frozenset[str]:
        """Each image's kind, named by its first member; an image that nothing is joined to is its own."""
        return frozenset(self._kind.get(image, image) for image in pair)


def joined_by(current: Iterable[Verdict], pair: Pair) -> list[Pair]:
    """The shortest chain of pairs called same or duplicate that leads from one image of a pair to the other; empty if there is none.

    Where the pair itself is called different, one of these verdicts must be wrong.
    """
    neighbours: dict[str, set[str]] = {}
    for verdict in current:
        if verdict.verdict in (SAME, DUPLICATE):
            first, second = verdict.pair
            neighbours.setdefault(first, set()).add(second)
            neighbours.setdefault(second, set()).add(first)
    start, goal = pair
    came_from: dict[str, str] = {start: start}
    frontier = [start]
    for image in frontier:  # grows while it is walked: breadth first
        for other in sorted(neighbours.get(image, set()) - came_from.keys()):
            came_from[other] = image
            frontier.append(other)
    if goal not in came_from:
        return []
    chain: list[Pair] = []
    while goal != start:
        first, second = sorted((goal, came_from[goal]))
        chain.append((first, second))
        goal = came_from[goal]
    return chain[::-1]
