"""Numbers as the HTML report writes them; what is undefined is a dash."""

from __future__ import annotations


def percent(share: float | None) -> str:
    """0.1234 as `12.3 %`; a share above zero never reads as zero."""
    if share is None:
        return "–"
    return f"{100 * share:.1f} %" if share == 0 or share >= 0.0005 else f"{100 * share:.1g} %"


def percent_tick(share: float) -> str:
    """0.25 as `25 %`, for an axis."""
    return f"{100 * share:.3g} %"


def times(factor: float | None) -> str:
    """8.23 as `8.2 ×`."""
    return "–" if factor is None else f"{factor:,.1f} ×"


def decimals(value: float | None, digits: int) -> str:
    """A number with that many decimals."""
    return "–" if value is None else f"{value:.{digits}f}"


def thousands(count: int) -> str:
    """12345 as `12,345`."""
    return f"{count:,}"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
