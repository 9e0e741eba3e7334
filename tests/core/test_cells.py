"""Cells that a spreadsheet would compute are text, and come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samekind.core.cells import guarded, unguarded


@given(st.text() | st.text(alphabet="'=+-@\t\r\na", max_size=6))
def test_whatever_was_written_is_read(text: str) -> None:
    """Apostrophes and signs in any number included."""
    written = guarded(text)
    assert isinstance(written, str)
    assert unguarded(written) == text
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize("cell", [-1, 0.5, None, "plain", "a=b", "'quoted'", "2026-01-01T00:00:00+00:00"])
def test_what_is_no_formula_stays(cell: object) -> None:
    """Numbers are numbers."""
    assert guarded(cell) == cell
