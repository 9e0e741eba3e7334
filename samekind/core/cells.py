"""Cells of CSV files that spreadsheets open: text that they would compute stays text, and comes back as it was.

A class name, a note or a file name may begin with `=`, `+`, `-` or `@`, and Excel, LibreOffice and others take such a cell for a formula:
it could fetch an address, or start a program. An apostrophe before it makes it text. Reading takes one apostrophe away from before such
a beginning, so that whatever was written is read.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def guarded(cell: object) -> object:
    """A cell as it is written; numbers and `None` as they are."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """A cell as it was before `guarded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
