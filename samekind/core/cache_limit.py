"""How large the cache may become."""

from __future__ import annotations

import os
import re
import shutil

from samekind.core.cache_home import cache_home
from samekind.core.errors import InputError

LIMIT = "SAMEKIND_CACHE_LIMIT"
"""Names the variable that says how large the cache may become: `50GB`, `800 MB`, a number of bytes."""
KINDS = ("features", "pixels", "vectors", "audits", "lists", "packs")
"""Folders of the cache that count; what lies beside them is small and stays."""
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SHARE = 0.5  # of what is free on the disk and what the cache holds, if nobody says otherwise


def cache_limit(held: int) -> int:
    """Bytes that the cache may hold: as the variable says, or else half of what it holds and what is free beside it.

    Args:
        held: bytes that it holds now.

    Raises:
        InputError: the variable holds no size.
    """
    given = os.environ.get(LIMIT, "").strip()
    if not given:
        return int(_SHARE * (held + free_bytes()))
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", given.upper())
    if size is None:
        raise InputError(f"{LIMIT} is {given!r}, expected a size", hint=f"for example {LIMIT}=50GB")
    return int(float(size[1]) * _UNITS[size[2]])


def held_bytes() -> int:
    """Bytes that the cache holds now."""
    files = (file for kind in KINDS for file in (cache_home() / kind).rglob("*"))
    return sum(file.stat().st_size for file in files if file.is_file())


def free_bytes() -> int:
    """Bytes that are free on the cache's disk."""
    existing = cache_home().absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free
