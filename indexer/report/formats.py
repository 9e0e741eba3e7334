"""Numbers of charts and tables that the report alone writes so; all others are in `core.text`."""

from __future__ import annotations


def percent_tick(share: float) -> str:
    """0.25 as `25 %`, for an axis."""
    return f"{100 * share:.3g} %"


def thousands(count: int) -> str:
    """12345 as `12,345`."""
    return f"{count:,}"
