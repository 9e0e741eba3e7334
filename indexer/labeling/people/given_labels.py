"""Class labels that people gave to images: the LanceDB table `labels`.

Append-only, and images are named by the hash of their content, as in the table of verdicts. Each person's latest label of an image holds
beside those of others: where two people differ, that is a conflict, and neither is overruled (`naming.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from itertools import groupby

from samekind.core.errors import InputError
from samekind.indexer.labeling.append_only import AppendOnlyTable, check_hash, check_time


@dataclass(frozen=True)
class GivenLabel:
    """One person's class label of one image.

    Attributes:
        sha256: content hash of the image, 64 hex digits.
        label: name of the class, without blanks around it; empty where the person takes the label back.
        who: gave it; may be empty.
        when: ISO 8601 time with its offset; now, if left out.

    Raises:
        InputError: the hash, the label or the time is none.
    """

    sha256: str
    label: str
    who: str = ""
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def __post_init__(self) -> None:
        check_hash("sha256", self.sha256)
        if self.label != self.label.strip() or len(self.label.splitlines()) > 1:
            raise InputError(f"a label is one line without blanks around it, got {self.label!r}")
        check_time(self.when)

    @property
    def moment(self) -> datetime:
        """`when` as a point in time."""
        return datetime.fromisoformat(self.when)


COLUMNS = tuple(f.name for f in fields(GivenLabel))


class LabelTable(AppendOnlyTable[GivenLabel]):
    """The given labels of one artefact.

    Args:
        folder: the artefact; the table is made by the first label.
    """

    name = "labels"
    answer = GivenLabel

    def take_back(self, when: str, who: str, images: Collection[str] | None = None) -> tuple[GivenLabel, ...]:
        """Takes back what a person named at one moment, as on a screen of *Same or different?*; an earlier name by that person holds again.

        An image that the person has named anew since is left alone.

        Args:
            when: the time of these labels, as it is stored.
            who: gave them.
            images: content hashes of those that are meant; all of that moment, if left out.

        Returns:
            The labels that hold no longer.

        Raises:
            ArtefactError: the table is damaged or cannot be written.
        """
        own: dict[str, list[GivenLabel]] = {}
        for given in self.all():
            if given.who == who and (images is None or given.sha256 in images):
                own.setdefault(given.sha256, []).append(given)
        standing = [names for each in own.values() if (names := _standing(each))]
        taken = tuple(names[-1] for names in standing if names[-1].when == when)
        now, back = datetime.now(UTC).isoformat(), list[GivenLabel]()
        for names in standing:
            if names[-1].when == when:
                image, before = names[-1].sha256, [each for each in names if each.moment < names[-1].moment]
                again = [GivenLabel(image, each.label, who, now) for each in before[-1:]]
                back += [GivenLabel(image, "", who, now), *again]
        self.add(back)
        return taken

    def current(self) -> dict[str, tuple[GivenLabel, ...]]:
        """The labels of each image that hold, by its hash: the latest of each person, unless that one took it back.

        Somebody who gave an image two labels at the same moment, as to two copies of it in one file, has both hold.
        """
        latest: dict[tuple[str, str], list[GivenLabel]] = {}
        for given in self.all():
            held = latest.setdefault((given.sha256, given.who), [])
            if held and held[0].moment < given.moment:
                held.clear()
            held.append(given)
        found: dict[str, list[GivenLabel]] = {}
        for (sha256, _), held in sorted(latest.items()):
            if named := [given for given in held if given.label]:
                found.setdefault(sha256, []).extend(named)
        return {sha256: tuple(held) for sha256, held in found.items()}


def _standing(given: Sequence[GivenLabel]) -> list[GivenLabel]:
    """What one person named one image, oldest first, without what was taken back.

    An empty label takes all of them back; with a name of the same moment only the last, and that name is the one before it.
    """
    names: list[GivenLabel] = []
    for _, together in groupby(given, key=lambda each: each.moment):
        at_once = list(together)
        named = [each for each in at_once if each.label]
        if len(named) == len(at_once):
            names += named
        elif not named:
            names = []
        elif names:
            names = [each for each in names if each.moment < names[-1].moment]
    return names
