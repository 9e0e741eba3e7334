"""The errors that a route may answer with, for the description of the service."""

from __future__ import annotations

from typing import Any

from samekind.service.schemas import Error

_ALWAYS = (400, 401, 408, 429, 503, 504)


def errors(*also: int) -> dict[int | str, dict[str, Any]]:
    """What every route may answer, and what this one may as well."""
    return {status: {"model": Error} for status in sorted((*_ALWAYS, *also))}
