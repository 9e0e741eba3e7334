"""What was measured, beside what it must be."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIRST_PAINT, FIRST_PICTURE, INTERACTION, AT_ONCE = 2.0, 3.0, 0.3, 1.0  # seconds
MEMORY, MEMORY_A_SESSION = 1000.0, 50.0  # megabytes


@dataclass(frozen=True)
class Figure:
    """Some measurements of one thing.

    Attributes:
        name: of the thing.
        values: in `unit`; empty if it could not be measured.
        most: what their median must not exceed; `None` where nothing was promised.
        unit: `s` or `MB`.
    """

    name: str
    values: Sequence[float]
    most: float | None = None
    unit: str = "s"

    @property
    def median(self) -> float | None:
        """The median; `None` without values."""
        return statistics.median(self.values) if self.values else None

    @property
    def is_met(self) -> bool | None:
        """True if the median keeps what was promised; `None` where nothing was, or nothing was measured."""
        return None if self.most is None or self.median is None else self.median <= self.most

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        known = {"name": self.name, "unit": self.unit, "median": self.median, "most": self.most, "met": self.is_met}
        return {**known, "values": [round(value, 4) for value in self.values]}


def paint_figures(when: str, seconds: Mapping[str, Sequence[tuple[float, float | None]]]) -> list[Figure]:
    """First paint and first picture of each page.

    Args:
        when: `cold` or `warm`.
        seconds: of each page's visits, until the heading and until the first picture, if it came soon.
    """
    found = []
    for page, visits in seconds.items():
        pictures = [picture for _, picture in visits if picture is not None]
        found.append(Figure(f"{page}, {when}: first paint", [title for title, _ in visits], FIRST_PAINT))
        if pictures:
            found.append(Figure(f"{page}, {when}: first picture", pictures, FIRST_PICTURE))
    return found


def session_figure(before: float, held: Sequence[float]) -> Figure:
    """Megabytes of a further session, on average over all that were opened.

    Args:
        before: what the server held before the first of them.
        held: after each.
    """
    mean = [(held[-1] - before) / len(held)] if held else []
    return Figure(f"a further session, mean of {len(held)}", mean, MEMORY_A_SESSION, "MB")


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table, a row for each figure."""
    rows = ["| what | median | least – greatest | n | at most | kept |", "|---|---|---|---|---|---|"]
    for figure in figures:
        median, unit = figure.median, figure.unit
        span = (
            "" if len(figure.values) < 2 else f"{_shown(min(figure.values), unit)} – {_shown(max(figure.values), unit)}"
        )
        most = "" if figure.most is None else _shown(figure.most, unit)
        kept = {True: "yes", False: "**no**", None: ""}[figure.is_met]
        shown = "not measured" if median is None else _shown(median, unit)
        rows.append(f"| {figure.name} | {shown} | {span} | {len(figure.values)} | {most} | {kept} |")
    return "\n".join(rows)


def _shown(value: float, unit: str) -> str:
    return f"{value:,.0f} MB" if unit == "MB" else f"{1000 * value:,.0f} ms" if value < 1 else f"{value:.2f} s"
