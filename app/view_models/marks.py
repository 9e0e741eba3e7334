"""What a person has marked on a screen, by the places of its images, from 1 on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Marks:
    """The answer to a screen.

    Attributes:
        same: places of images of the anchor's kind, copies of it included.
        duplicate: those of them that show the very thing that the anchor shows.
        wrong_label: places of images whose label is wrong, whatever their kind.
        name: class name of the anchor and of what is the same; empty for none.
    """

    same: tuple[int, ...] = ()
    duplicate: tuple[int, ...] = ()
    wrong_label: tuple[int, ...] = ()
    name: str = ""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Marks:
        """As the browser sends them."""
        same, duplicate, wrong_label = (_places(given[key]) for key in ("same", "duplicate", "wrong_label"))
        return cls(tuple(sorted({*same, *duplicate})), duplicate, wrong_label, " ".join(str(given["name"]).split()))

    def to_data(self) -> dict[str, Any]:
        """As the browser takes them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in self.__dict__.items()}


NO_MARKS = Marks()


def _places(given: Sequence[Any]) -> tuple[int, ...]:
    return tuple(sorted(map(int, given)))
