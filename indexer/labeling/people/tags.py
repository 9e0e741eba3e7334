"""Tags that people put on images: the LanceDB table `tags`.

A tag says nothing of classes or pairs, and no training and no adaptation reads it: it is a name for a selection. Append-only, and images
are named by the hash of their content, as in the tables of verdicts and labels, so tags survive a new index of the same images. An image
has any number of tags, and a tag is everybody's: whoever adds or removes it last decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from difflib import get_close_matches

from samekind.core.errors import InputError
from samekind.indexer.labeling.append_only import AppendOnlyTable, check_hash, check_time

ADD, REMOVE = "add", "remove"
LONGEST = 60
"""Characters of a tag."""
_NEAREST = 3  # tags that an error tells of
SEPARATOR = "; "
"""Between the tags of one image in a cell of a table."""


@dataclass(frozen=True)
class Tag:
    """One tag that somebody put on an image, or took from it.

    Attributes:
        sha256: content hash of the image, 64 hex digits.
        tag: one line of at most 60 characters, without semicolons and without blanks around it.
        act: `add` or `remove`.
        who: did so; may be empty.
        when: ISO 8601 time with its offset; now, if left out.

    Raises:
        InputError: the hash, the tag, the act or the time is none.
    """

    sha256: str
    tag: str
    act: str = ADD
    who: str = ""
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def __post_init__(self) -> None:
        check_hash("sha256", self.sha256)
        is_one = self.tag == self.tag.strip() and self.tag.isprintable() and ";" not in self.tag
        if not is_one or not 0 < len(self.tag) <= LONGEST:
            raise InputError(
                f"{self.tag!r} is no tag", hint=f"one line of at most {LONGEST} characters, without semicolons"
            )
        if self.act not in (ADD, REMOVE):
            raise InputError(f"act must be {ADD} or {REMOVE}, got {self.act!r}")
        check_time(self.when)

    @property
    def moment(self) -> datetime:
        """`when` as a point in time."""
        return datetime.fromisoformat(self.when)


COLUMNS = tuple(f.name for f in fields(Tag))


class TagTable(AppendOnlyTable[Tag]):
    """The tags of one artefact.

    Args:
        folder: the artefact; the table is made by the first tag.
    """

    name = "tags"
    answer = Tag

    @property
    def version(self) -> int:
        """A number that grows whenever somebody adds or removes tags; 0 before the first."""
        return len(self._versions())

    def current(self) -> dict[str, tuple[str, ...]]:
        """The tags of each image that has any, in alphabetical order, by its hash.

        Raises:
            ArtefactError: the table is damaged.
        """
        latest = {(each.sha256, each.tag): each.act for each in self.all()}
        found: dict[str, list[str]] = {}
        for (sha256, tag), act in sorted(latest.items()):
            if act == ADD:
                found.setdefault(sha256, []).append(tag)
        return {sha256: tuple(tags) for sha256, tags in found.items()}

    def where(self, tag: str) -> str:
        """SQL condition for `Index.search(where=…)`: only images that have a tag.

        Raises:
            ArtefactError: the table is damaged.
        """
        return condition([sha256 for sha256, tags in self.current().items() if tag in tags])

    def among(self, tag: str, where: str | None = None) -> str:
        """`where`, and that images have a tag, as one SQL condition.

        Raises:
            InputError: no image has the tag; the hint names the nearest of those that there are.
            ArtefactError: the table is damaged.
        """
        current = self.current()
        known = sorted({each for tags in current.values() for each in tags})
        if tag not in known:
            raise InputError(f"no image has the tag {tag!r}", hint=_nearest(tag, known))
        tagged = condition([sha256 for sha256, tags in current.items() if tag in tags])
        return tagged if where is None else f"({where}\n) AND {tagged}"

    def put(self, images: Iterable[str], tag: str, who: str = "") -> tuple[Tag, ...]:
        """Puts a tag on images; returns what is new, for `take_back`.

        Args:
            images: content hashes; those that have the tag are left alone.
            tag: as `Tag` takes it.
            who: does so.

        Raises:
            InputError: it is no tag.
            ArtefactError: the table is damaged or cannot be written.
        """
        return self._change(images, tag, ADD, who)

    def remove(self, images: Iterable[str], tag: str, who: str = "") -> tuple[Tag, ...]:
        """Takes a tag from images; those that do not have it are left alone. Otherwise as `put`."""
        return self._change(images, tag, REMOVE, who)

    def take_back(self, changes: Sequence[Tag]) -> int:
        """Undoes what `put` or `remove` has changed, but for images whose tag somebody has changed since; returns how many it was.

        Raises:
            ArtefactError: the table is damaged or cannot be written.
        """
        latest = {(each.sha256, each.tag): each for each in self.all()}
        when = self.next_time().isoformat()
        back = [
            replace(each, act=REMOVE if each.act == ADD else ADD, when=when)
            for each in changes
            if latest.get((each.sha256, each.tag)) == each
        ]
        self.add(back)
        return len(back)

    def _change(self, images: Iterable[str], tag: str, act: str, who: str) -> tuple[Tag, ...]:
        held, when = self.current(), self.next_time().isoformat()
        changes = [
            Tag(sha256, tag, act, who, when)
            for sha256 in dict.fromkeys(images)
            if (tag in held.get(sha256, ())) != (act == ADD)
        ]
        self.add(changes)
        return tuple(changes)


def _nearest(tag: str, known: Sequence[str]) -> str:
    """Which tags may be meant. All of them would be no help where there are hundreds, and a visitor of a service need not learn them."""
    if not known:
        return "put tags on images in the demo, or samekind tags import"
    near = get_close_matches(tag, known, n=_NEAREST, cutoff=0.5)
    return f"the nearest: {', '.join(near)}" if near else "none is called like it; samekind tags list shows all"


def condition(images: Collection[str]) -> str:
    """SQL condition for `Index.search(where=…)`: images of these content hashes, and no others.

    Raises:
        InputError: one is no hash.
    """
    for sha256 in images:
        check_hash("sha256", sha256)
    hashes = ", ".join(f"'{sha256}'" for sha256 in sorted(images))
    return f"sha256 IN ({hashes})" if images else "1 = 0"
