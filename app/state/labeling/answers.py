"""What people have said by now, read once a run of the page: verdicts on pairs, and what follows from the class names that they gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samekind.app.state.library import Library
from samekind.app.view_models.pairs import Pair

if TYPE_CHECKING:
    import samekind as sk


@dataclass(frozen=True)
class Answers:
    """The tables of an artefact as they are now.

    Attributes:
        verdicts: the present verdict on each pair: what people said of pairs, which can be listed and taken back.
        naming: these and the class names, joined.
        names: all names that people have given, in alphabetical order.
    """

    verdicts: Mapping[Pair, sk.Verdict]
    naming: sk.Naming
    names: tuple[str, ...]

    @property
    def known(self) -> dict[Pair, sk.Verdict]:
        """The present answer on each pair, as `sk.current_answers`: with what names say, and without conflicts."""
        return self.naming.answers

    @property
    def asked(self) -> dict[Pair, sk.Verdict]:
        """What need not be asked: `known`, and the verdicts that conflict with names, which a second asking would not settle."""
        return {**self.verdicts, **self.naming.answers}

    @classmethod
    def of(cls, library: Library) -> Answers:
        """Reads both tables.

        Raises:
            ArtefactError: one of them is damaged.
        """
        from samekind import Naming

        verdicts, labels = library.verdicts.current(), library.labels.current()
        names = sorted({given.label for held in labels.values() for given in held})
        return cls(verdicts, Naming.of(labels, verdicts), tuple(names))
