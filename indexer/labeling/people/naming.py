"""What given labels say of pairs, and where they conflict with each other or with verdicts.

Images of one name are the same, images of different names different. Written as pairs of all images that would be N² / 2; here it is a
chain through the images of each name, and about as many pairs between names as there are images, at least one for each two names
(docs/decisions/0025-class-labels-by-people.md). They are made when they are read, and stored nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from typing import Any, Literal

from samekind.indexer.labeling.link_constraints import connected
from samekind.indexer.labeling.people.given_labels import GivenLabel
from samekind.indexer.labeling.verdicts import DIFFERENT, DUPLICATE, SAME, UNSURE, WRONG_LABEL, Verdict
from samekind.training.false_negatives.links import Pair

Reason = Literal["two_names", "same", "different"]
NOTE = "follows from labels"
_TIME = "0001-01-01T00:00:00+00:00"  # what follows is nobody's answer of any time


@dataclass(frozen=True)
class NamingConflict:
    """Answers that cannot all be true; none of them is used.

    Attributes:
        reason: `two_names` of one image, `same` said of images with different names, or `different` of images with the same name, directly
            or through others that were called the same.
        images: content hashes, of one image or two.
        names: the different names of these images, in alphabetical order.
        who: whose names or verdict these are, in alphabetical order.
    """

    reason: Reason
    images: tuple[str, ...]
    names: tuple[str, ...]
    who: tuple[str, ...]

    def to_dict(self, ids: Mapping[str, str]) -> dict[str, Any]:
        """The conflict as `--json` prints it, with the ids of its images by their hashes, `None` where there is none."""
        return {**asdict(self), "ids": [ids.get(image) for image in self.images]}


@dataclass(frozen=True)
class Naming:
    """Given labels and verdicts together.

    Attributes:
        name: of each image that has one without conflict, by content hash.
        answers: the present verdicts, but for those of conflicts, and what the names say of pairs.
        conflicts: what was left out: names of one image first, then verdicts.
    """

    name: dict[str, str]
    answers: dict[Pair, Verdict]
    conflicts: tuple[NamingConflict, ...]

    @property
    def num_names(self) -> int:
        """How many different names there are."""
        return len(set(self.name.values()))

    @classmethod
    def of(cls, labels: Mapping[str, Sequence[GivenLabel]], verdicts: Mapping[Pair, Verdict]) -> Naming:
        """Joins both.

        Args:
            labels: those of each image that hold, see `LabelTable.current`.
            verdicts: the present one on each pair, see `VerdictTable.current`.
        """
        joining = _Joining(labels, verdicts)
        joining.leave_out_direct_conflicts()
        joining.leave_out_groups_in_conflict()
        kept = {pair: verdict for pair, verdict in verdicts.items() if pair not in joining.left_out}
        return cls(joining.name, _with_names(kept, joining.name), tuple(joining.conflicts))


class _Joining:
    """Names and verdicts while conflicts are taken out of them, smallest first, so that one slip of a finger costs no whole class."""

    def __init__(self, labels: Mapping[str, Sequence[GivenLabel]], verdicts: Mapping[Pair, Verdict]) -> None:
        self.labels, self.verdicts = labels, verdicts
        self.name: dict[str, str] = {}
        self.left_out: set[Pair] = set()
        self.conflicts: list[NamingConflict] = []
        for image, given in sorted(labels.items()):
            names = {each.label for each in given}
            if len(names) == 1:
                self.name[image] = names.pop()
            else:
                self._tell("two_names", (image,), names)

    def leave_out_direct_conflicts(self) -> None:
        """Verdicts that deny the names of their own two images: both names go, and the verdict."""
        doubtful = set[str]()
        for pair, verdict in sorted(self.verdicts.items()):
            names = {self.name[image] for image in pair if image in self.name}
            both = all(image in self.name for image in pair)
            if both and len(names) == 2 and verdict.verdict in (SAME, DUPLICATE):
                self._tell("same", pair, names, verdict)
            elif both and len(names) == 1 and verdict.verdict == DIFFERENT:
                self._tell("different", pair, names, verdict)
            else:
                continue
            doubtful |= {*pair}
        self._forget(doubtful)

    def leave_out_groups_in_conflict(self) -> None:
        """Groups that verdicts join, with images of two names, and two such groups of one name with images that were called different.

        All their names and all that joins them go. Of a group that contradicts itself only the names go: the rest is found without them.
        """
        linked = {pair for pair, each in self.verdicts.items() if each.verdict in (SAME, DUPLICATE)} - self.left_out
        different = {pair for pair, each in self.verdicts.items() if each.verdict == DIFFERENT}
        apart = sorted(different - self.left_out)
        group_of = {image: group for group in connected(linked) for image in group}
        groups = sorted(set(group_of.values()), key=min)
        for first, second in apart:
            if first in group_of and group_of[first] is group_of.get(second):
                self._forget(group_of[first])
        torn = set[frozenset[str]]()
        for group in groups:
            one_of = {self.name[image]: image for image in sorted(group, reverse=True) if image in self.name}
            if len(one_of) > 1:
                torn.add(group)
                first, second = sorted(one_of[name] for name in sorted(one_of)[:2])
                self._tell("same", (first, second), {*one_of})
        self._forget(frozenset().union(*torn))
        name_of = {image: self.name[named] for group in groups for named in group & self.name.keys() for image in group}
        name_of = {**self.name, **name_of}
        denied = set[frozenset[str]]()
        for first, second in apart:
            if first in name_of and name_of[first] == name_of.get(second):
                denied |= {group_of.get(image, frozenset({image})) for image in (first, second)}
                self._tell("different", (first, second), {name_of[first]}, self.verdicts[first, second])
        self._forget(frozenset().union(*denied))
        doubtful = frozenset().union(*torn, *denied)
        self.left_out |= {pair for pair in linked if pair[0] in doubtful and self._is_same(pair)}

    def _is_same(self, pair: Pair) -> bool:
        """True for a verdict about a class: that two images show the very same thing holds, whatever that is called."""
        return self.verdicts[pair].verdict == SAME

    def _forget(self, images: frozenset[str] | set[str]) -> None:
        for image in images:
            self.name.pop(image, None)

    def _tell(self, reason: Reason, images: tuple[str, ...], names: set[str], verdict: Verdict | None = None) -> None:
        who = {given.who for image in images for given in self.labels.get(image, ())}
        if verdict is not None:
            who.add(verdict.who)
            if verdict.verdict != DUPLICATE:
                self.left_out.add(verdict.pair)
        self.conflicts.append(NamingConflict(reason, images, tuple(sorted(names)), tuple(sorted(who))))


def _with_names(verdicts: dict[Pair, Verdict], name: Mapping[str, str]) -> dict[Pair, Verdict]:
    """Verdicts, and what names say of pairs.

    It takes the place of `unsure`, and of `wrong_label`, which is about the label that an image has in the corpus.
    """
    images_of: dict[str, list[str]] = {}
    for image in sorted(name):
        images_of.setdefault(name[image], []).append(image)
    answers = dict(verdicts)
    for answer, pair in _pairs(list(images_of.values())):
        if pair not in answers or answers[pair].verdict in (UNSURE, WRONG_LABEL):
            answers[pair] = Verdict(*pair, answer, when=_TIME, note=NOTE)
    return answers


def _pairs(classes: Sequence[Sequence[str]]) -> Iterator[tuple[str, Pair]]:
    """A chain through each class, and pairs between each two of them that take each image in turn. Hashes in order are images at random."""
    for images in classes:
        yield from ((SAME, pair) for pair in pairwise(images))
    num_pairs = len(classes) * (len(classes) - 1) // 2
    each = -(-sum(map(len, classes)) // max(num_pairs, 1))
    for (i, first), (j, second) in combinations(enumerate(classes), 2):
        for turn in range(min(each, max(len(first), len(second)))):
            a, b = sorted((first[(j + turn) % len(first)], second[(i + turn) % len(second)]))
            yield DIFFERENT, (a, b)
