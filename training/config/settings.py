"""The base of all parts of `TrainConfig`: a setting says, in the one place where it stands, what it may be, how its flag reads and when
it counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from samekind.core.errors import InputError

Values = Mapping[str, Any]
"""Settings by name, of all parts."""
Check = Callable[[str, Any], None]
Counts = Callable[[Values], bool]


class Flag(NamedTuple):
    """The command line's word for a setting: `--batch-size N` of `batch_size`.

    Attributes:
        metavar: placeholder of the value.
        help: one sentence.
    """

    metavar: str
    help: str


class Rule(NamedTuple):
    """Everything about a setting besides its type and default.

    Attributes:
        check: takes name and value, and raises `InputError`; not asked about a `None` that is the default.
        flag: of `samekind train`; `None` for a setting that only Python and presets reach.
        counts: True if a run with these settings reads this one, so that another value is another run.
    """

    check: Check
    flag: Flag | None
    counts: Counts


def always(of: Values) -> bool:
    """Counts in every run."""
    return True


def never(of: Values) -> bool:
    """Changes no result."""
    return False


def any_value(name: str, value: Any) -> None:
    """Accepts everything."""


def setting(
    default: Any, check: Check = any_value, *, flag: tuple[str, str] | None = None, counts: Counts = always
) -> Any:
    """A dataclass field with its `Rule`; `flag` is metavar and help."""
    return field(default=default, metadata={"rule": Rule(check, Flag(*flag) if flag else None, counts)})


@dataclass(frozen=True)
class Settings:
    """A part of `TrainConfig`, checked when it is made. A part that has more to check does so after `super().__post_init__()`."""

    def __post_init__(self) -> None:
        defaults = self.defaults()
        for name, rule in self.rules().items():
            value = getattr(self, name)
            if value is not None or defaults[name] is not None:
                rule.check(name, value)

    @classmethod
    def rules(cls) -> dict[str, Rule]:
        """The rule of each setting, in order."""
        return {f.name: f.metadata["rule"] for f in fields(cls)}

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The default of each setting, in order."""
        return {f.name: f.default for f in fields(cls)}

    def _settle(self, name: str, value: Any) -> None:
        """Gives a setting the value that follows from others; only while the part is being made."""
        object.__setattr__(self, name, value)


def one_of(*allowed: object) -> Check:
    """Accepts these values only."""

    def check(name: str, value: Any) -> None:
        if value not in allowed:
            raise InputError(f"unknown {name} {value!r}", hint=f"choose one of {', '.join(map(str, allowed))}")

    return check


def at_least(low: int) -> Check:
    """Accepts whole numbers from `low` on."""

    def check(name: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise InputError(f"{name} must be a whole number of at least {low}, got {value!r}")

    return check


def within(low: float, high: float) -> Check:
    """Accepts numbers from `low` to `high`."""

    def check(name: str, value: Any) -> None:
        if not (isinstance(value, int | float) and math.isfinite(value) and low <= value <= high):
            raise InputError(f"{name} must lie between {low:g} and {high:g}, got {value!r}")

    return check
