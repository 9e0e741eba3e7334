"""The choices of a user on how a folder is read. They are part of a corpus' source, so that every later command reads it the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samekind.core.errors import InputError
from samekind.data.types.same_class import EXACT, RULES

LAYOUTS = ("auto", "folders", "flat", "splits", "class-splits", "yolo", "lists")
"""Names for `--layout`: recognise it · every top folder is a class · no classes · splits with classes inside · classes with splits inside ·
`images/` without classes, labels of boxes beside it · splits from lists of files.
"""

CHOICES = ("layout", "labels", "several", "exclude")
"""Names of these choices in a corpus' source."""


@dataclass(frozen=True)
class FolderChoices:
    """Choices on reading one folder.

    Attributes:
        layout: one of `LAYOUTS`.
        labels: `FILE` or `FILE:COLUMN`, where the labels are not the folders'.
        exclude: patterns of files and folders that are left out.
        several: when images of several labels are of the same class, one of `RULES`.

    Raises:
        InputError: the layout or the rule is unknown, or a pattern is empty.
    """

    layout: str = "auto"
    labels: str | None = None
    exclude: tuple[str, ...] = ()
    several: str = EXACT

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise InputError(f"unknown layout {self.layout!r}", hint=f"choose one of {', '.join(LAYOUTS)}")
        if self.several not in RULES:
            raise InputError(
                f"unknown rule for several labels {self.several!r}", hint=f"choose one of {', '.join(RULES)}"
            )
        if any(not pattern.strip("/ ") for pattern in self.exclude):
            raise InputError("--exclude needs a pattern, got an empty one", hint="for example --exclude '*_thumb.jpg'")

    @classmethod
    def of(
        cls,
        layout: str | None = None,
        labels: str | Path | None = None,
        exclude: str | Sequence[str] | None = None,
        several: str | None = None,
    ) -> FolderChoices:
        """Choices from what a caller has at hand; `None` keeps a default."""
        patterns = (exclude,) if isinstance(exclude, str) else tuple(exclude or ())
        return cls(layout or "auto", None if labels is None else str(labels), patterns, several or EXACT)

    @property
    def source(self) -> dict[str, Any]:
        """The choices that differ from the defaults, as arguments of `load_corpus`."""
        values = {name: getattr(self, name) for name in CHOICES} | {"exclude": list(self.exclude)}
        defaults: dict[str, Any] = {"layout": "auto", "labels": None, "several": EXACT, "exclude": []}
        return {name: value for name, value in values.items() if value != defaults[name]}


def choices_of(source: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a corpus' source, or of a record of it, that says how the folder is read."""
    return {name: source[name] for name in CHOICES if source.get(name)}


def choice_flags(choices: Mapping[str, Any]) -> tuple[str, ...]:
    """The same as words of a command line."""
    words: list[str] = []
    for name in CHOICES:
        values = choices.get(name) or ()
        for value in (values,) if isinstance(values, str) else values:
            words += [f"--{name}", str(value)]
    return tuple(words)
