"""Pairwise annotations as sets of content hashes. Apart from what a batch makes of them: who shows or stores an answer needs no torch."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

Pair = tuple[str, str]

_PAIRS = {
    "same": "must_link",
    "duplicates": "duplicates",
    "different": "cannot_link",
    "contradictions": "contradictions",
}
"""Names on disk of the fields that hold pairs."""
_RENAMED = {"kinds": "must_link_groups", "same": "must_link", "different": "cannot_link"}


@dataclass(frozen=True)
class LinkConstraints:
    """Must-link and cannot-link constraints that follow from the current verdicts; images are content hashes, pairs in alphabetical order.

    Attributes:
        must_link_groups: sets of images of the same class: joined by `same` or `duplicate`, directly or through others, without
            contradiction.
        must_link: the pairs within these groups that were called `same` or `duplicate`.
        duplicates: pairs that show the very same thing.
        cannot_link: pairs of different classes.
        contradictions: those of them that other verdicts join all the same; what joins them is in none of the groups.
        wrong_labels: images whose own label was called wrong; no pairs, for it is the anchor's label that such an answer is about.
    """

    must_link_groups: tuple[frozenset[str], ...]
    must_link: frozenset[Pair]
    duplicates: frozenset[Pair]
    cannot_link: frozenset[Pair]
    contradictions: frozenset[Pair]
    wrong_labels: frozenset[str]

    if not TYPE_CHECKING:  # a type checker would take any name for one of these

        def __getattr__(self, name: str) -> Any:
            """The names of release 0.1, which the next release drops."""
            current = _RENAMED.get(name)
            if current is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            warnings.warn(f"LinkConstraints.{name} is now LinkConstraints.{current}", DeprecationWarning, stacklevel=2)
            return getattr(self, current)

    @property
    def digest(self) -> str:
        """Identity of what a training reads of them; the order in which they were given does not matter."""
        read = [
            sorted(map(sorted, self.must_link_groups)),
            *(sorted(pairs) for pairs in (self.must_link, self.duplicates, self.cannot_link)),
        ]
        if self.contradictions:  # a training ignores a verdict that others contradict
            read.append(sorted(self.contradictions))
        return hashlib.sha256(json.dumps(read).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """All fields as sorted lists by their names on disk, ready for JSON."""
        pairs = {key: sorted(map(list, getattr(self, name))) for key, name in _PAIRS.items()}
        groups = sorted(map(sorted, self.must_link_groups))
        return {"kinds": groups, **pairs, "wrong_labels": sorted(self.wrong_labels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LinkConstraints:
        """Reads what `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        pairs = {name: frozenset((str(a), str(b)) for a, b in values[key]) for key, name in _PAIRS.items()}
        groups = tuple(frozenset(map(str, group)) for group in values["kinds"])
        return cls(must_link_groups=groups, **pairs, wrong_labels=frozenset(map(str, values["wrong_labels"])))
