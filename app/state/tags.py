"""Tags on images: read once for all sessions until somebody changes them; a session remembers its last change, to undo it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import labeling_session
from samekind.app.state.library import Library
from samekind.app.view_models.cards import Badge, Card

if TYPE_CHECKING:
    import samekind as sk

MOST_SHOWN = 3
"""Tags on a card; the others are counted."""
_LAST, _FAILURE = "tags_last", "tags_failure"


@dataclass(frozen=True)
class Change:
    """What a session has changed last.

    Attributes:
        changes: as the table has them, for undo; none if all was so already.
        tags: that were put or taken away.
        put: true if they were put on images.
    """

    changes: tuple[sk.Tag, ...]
    tags: tuple[str, ...]
    put: bool

    @property
    def num_images(self) -> int:
        """How many images it is about."""
        return len({each.sha256 for each in self.changes})


class Tags:
    """The tags of one artefact."""

    def __init__(self, library: Library) -> None:
        from samekind import TagTable

        self.table = TagTable(library.index.path)
        self._read: tuple[int, dict[str, tuple[str, ...]]] = (0, {})
        self._rows: dict[str, tuple[object, frozenset[int]]] = {}

    def current(self) -> dict[str, tuple[str, ...]]:
        """The tags of each image that has any, by its hash.

        Raises:
            ArtefactError: the table is damaged.
        """
        version = self.table.version
        if version != self._read[0]:
            self._read = (version, self.table.current())
        return self._read[1]

    def rows(self, library: Library, tag: str) -> frozenset[int]:
        """Rows of the images that have a tag."""
        state = (self.table.version, library.index.state)
        known = self._rows.get(tag)
        if known is None or known[0] != state:
            known = self._rows[tag] = (state, frozenset(library.index.positions_where(self.table.where(tag)).tolist()))
        return known[1]


def names(library: Library) -> list[str]:
    """All tags that an image of the artefact has, in alphabetical order."""
    return sorted({tag for tags in _held(library).values() for tag in tags})


def of_image(library: Library, id_: str) -> tuple[str, ...]:
    """The tags of one image of the index."""
    return _held(library).get(library.index.row(id_)["sha256"], ())


def rows(library: Library, tag: str) -> frozenset[int]:
    """Rows of the index whose image has a tag."""
    return _of(library).rows(library, tag)


def condition(library: Library, tag: str) -> str:
    """The filter of `Index.search` for a tag."""
    return _of(library).table.where(tag)


def marked(library: Library, cards: Sequence[Card]) -> list[Card]:
    """Cards that name the tags of their images; cards of no image of this index stay as they are."""
    held, there = _held(library), library.positions
    if not held:
        return list(cards)
    own = [held.get(library.index.row(card.id)["sha256"], ()) if card.id in there else () for card in cards]
    return [replace(card, badges=(*card.badges, *_badges(tags))) for card, tags in zip(cards, own, strict=True)]


def put(library: Library, ids: Sequence[str], chosen: Sequence[str]) -> None:
    """Puts tags on images of the index."""
    _change(library, ids, chosen, is_put=True)


def take_away(library: Library, ids: Sequence[str], chosen: Sequence[str]) -> None:
    """Takes tags from images of the index."""
    _change(library, ids, chosen, is_put=False)


def set_tags(library: Library, id_: str, chosen: Collection[str]) -> None:
    """Makes these the tags of one image."""
    held = of_image(library, id_)
    if new := [tag for tag in chosen if tag not in held]:
        put(library, [id_], new)
    if gone := [tag for tag in held if tag not in chosen]:
        take_away(library, [id_], gone)


def last() -> Change | None:
    """What this session has changed last, unless it has been undone."""
    found: Change | None = st.session_state.get(_LAST)
    return found


def undo(library: Library) -> None:
    """Undoes the last change."""
    change = last()
    if change is not None and _try(lambda: _of(library).table.take_back(change.changes)):
        st.session_state.pop(_LAST, None)


def pop_failure() -> tuple[str, str] | None:
    """Message and hint of what could not be written or read; given once."""
    failure: tuple[str, str] | None = st.session_state.pop(_FAILURE, None)
    return failure


def _change(library: Library, ids: Sequence[str], chosen: Sequence[str], *, is_put: bool) -> None:
    from samekind.runs import contents

    tags, who = list(dict.fromkeys(chosen)), labeling_session.annotator()
    table = _of(library).table
    changes: list[sk.Tag] = []

    def write() -> None:
        hashes = contents(library.index, [id_ for id_ in ids if id_ in library.positions])
        for tag in tags:
            changes.extend(table.put(hashes, tag, who) if is_put else table.remove(hashes, tag, who))

    is_written = _try(write)
    if tags and ids and (is_written or changes):
        st.session_state[_LAST] = Change(tuple(changes), tuple(tags), is_put)


def _of(library: Library) -> Tags:
    return library.kept(Tags)


def _held(library: Library) -> dict[str, tuple[str, ...]]:
    """The tags of each image by its hash; none, and a failure to show, where they cannot be read."""
    found: dict[str, tuple[str, ...]] = {}
    _try(lambda: found.update(_of(library).current()))
    return found


def _badges(held: Sequence[str]) -> list[Badge]:
    more = [f"+{len(held) - MOST_SHOWN} tags"] if len(held) > MOST_SHOWN else []
    return [Badge(text) for text in (*(f"# {tag}" for tag in held[:MOST_SHOWN]), *more)]


def _try(act: Callable[[], object]) -> bool:
    from samekind import SamekindError

    try:
        act()
    except SamekindError as error:
        st.session_state[_FAILURE] = (str(error), error.hint)
        return False
    return True
