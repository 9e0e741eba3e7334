"""People's answers as rows: must-link groups, and what each of them was called different from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samekind.training.false_negatives.links import LinkConstraints, Pair

# R images of a group

Rows64 = NDArray[np.int64]


@dataclass(frozen=True)
class Answered:
    """The answers that are about the images of an index or a training.

    Attributes:
        groups: rows `(R,)` of each must-link group of two images or more, R ≥ 2; of copies, and of images called duplicates, one row.
        members: SHA-256 of all images of each of these groups, duplicates included.
        different: rows that an answer tells from the group, for each group; perhaps none.
        same: how many pairs were called same or duplicate.
        not_same: how many were called different.
        contradictions: how many of these other answers join all the same; the groups that they are in are left out.
        gone: how many answers are about an image that is not there (any more).
    """

    groups: tuple[Rows64, ...]
    members: tuple[tuple[str, ...], ...]
    different: tuple[Rows64, ...]
    same: int
    not_same: int
    contradictions: int
    gone: int

    @property
    def num_answers(self) -> int:
        """Pairs called same, duplicate or different, of which nothing is gone."""
        return self.same + self.not_same

    @property
    def strangers(self) -> list[Rows64]:
        """Rows that an answer tells from each group and that are in no group themselves."""
        grouped = np.concatenate([np.empty(0, dtype=np.int64), *self.groups])
        return [np.setdiff1d(rows, grouped) for rows in self.different]

    @property
    def apart(self) -> list[Rows64]:
        """Rows that are told from each group, directly or because an image of their own group is."""
        number_of = {row: number for number, group in enumerate(self.groups) for row in group.tolist()}
        told = [{number_of[row] for row in rows.tolist() if row in number_of} for rows in self.different]
        return [
            np.unique(np.concatenate([rows, *(self.groups[number] for number in sorted(numbers))]))
            for rows, numbers in zip(self.different, told, strict=True)
        ]

    @classmethod
    def of(cls, constraints: LinkConstraints, row_of: Mapping[str, int]) -> Answered:
        """Finds the images of the answers.

        Args:
            constraints: what the present answers say.
            row_of: a row of each content, at least of those that an answer is about.
        """
        own = _one_of_duplicates(constraints)
        told_apart = adjacency(constraints.cannot_link - constraints.contradictions)
        groups, listed, different = [], [], []
        for members in constraints.must_link_groups:
            group = {row_of[own.get(image, image)] for image in members if own.get(image, image) in row_of}
            if len(group) > 1:
                others = set[str]().union(*(told_apart.get(image, ()) for image in members))
                groups.append(np.array(sorted(group)))
                listed.append(tuple(sorted(members)))
                different.append(
                    np.array(sorted({row_of[image] for image in others if image in row_of}), dtype=np.int64)
                )
        pairs = constraints.must_link | constraints.cannot_link
        return cls(
            groups=tuple(groups),
            members=tuple(listed),
            different=tuple(different),
            same=sum(_both(pair, row_of) for pair in constraints.must_link),
            not_same=sum(_both(pair, row_of) for pair in constraints.cannot_link),
            contradictions=len(constraints.contradictions),
            gone=sum(not _both(pair, row_of) for pair in pairs),
        )


def adjacency(pairs: Iterable[Pair]) -> dict[str, set[str]]:
    """The images that each image is paired with."""
    neighbours: dict[str, set[str]] = {}
    for first, second in pairs:
        neighbours.setdefault(first, set()).add(second)
        neighbours.setdefault(second, set()).add(first)
    return neighbours


def _one_of_duplicates(constraints: LinkConstraints) -> dict[str, str]:
    """For each image that shows the very thing of others: the first of them. What differs between them tells nothing about a class."""
    near = adjacency(constraints.duplicates)
    first: dict[str, str] = {}
    for image in sorted(near):
        if image in first:
            continue
        frontier = [image]
        while frontier:
            found = frontier.pop()
            if found not in first:
                first[found] = image
                frontier += near[found]
    return first


def _both(pair: Pair, row_of: Mapping[str, int]) -> bool:
    return pair[0] in row_of and pair[1] in row_of
