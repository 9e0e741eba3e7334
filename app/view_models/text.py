"""Numbers in words."""

from __future__ import annotations


def percent(share: float | None, digits: int = 1) -> str:
    """0.1234 as `12.3 %`; a dash where the figure is unknown."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 image`, `70,000 images`; `many` where the plural is more than an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
