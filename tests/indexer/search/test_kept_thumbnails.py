"""Thumbnails that were asked for a moment ago are not read again."""

from __future__ import annotations

import pytest

from samekind.indexer.search.state import thumbnails as module
from samekind.indexer.search.state.thumbnails import KeptThumbnails


def test_only_what_is_missing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order that was asked for, repeats included; what was asked for last is kept."""
    monkeypatch.setattr(module, "KEPT", 3)
    asked: list[list[int]] = []

    def read(rows: list[int]) -> list[bytes]:
        asked.append(rows)
        return [bytes([row]) for row in rows]

    kept = KeptThumbnails(read)
    assert kept.of([5, 2, 5]) == [b"\x05", b"\x02", b"\x05"]
    assert kept.of([2, 7]) == [b"\x02", b"\x07"]
    assert kept.of([5]) == [b"\x05"]
    assert kept.of([8]) == [b"\x08"]  # 2 goes: it was asked for longest ago
    assert kept.of([7, 5, 8]) == [b"\x07", b"\x05", b"\x08"]
    assert kept.of([2]) == [b"\x02"]
    assert kept.of(range(6)) == [bytes([row]) for row in range(6)]
    assert kept.of([]) == []
    assert asked == [[5, 2], [7], [8], [2], [0, 1, 3, 4]]
