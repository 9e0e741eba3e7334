"""Numbers as people read them, the same on the command line, in the HTML report and in the app; what is undefined is a dash."""

from __future__ import annotations

import re

UNDEFINED = "–"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    """Text on one line of a terminal: what would end the line, steer the terminal or turn the direction of writing is shown escaped."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 image`, `70,000 images`; `many` where the plural is more than an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size_text(size: int) -> str:
    """Bytes as people read them: 45 kB, 640 MB, 15.1 GB; in powers of ten, as disks are sold."""
    if size < 1e6:
        return f"{size / 1e3:,.0f} kB"
    return f"{size / 1e6:,.0f} MB" if size < 1e10 else f"{size / 1e9:,.1f} GB"


def percent(share: float | None, digits: int = 1) -> str:
    """0.1234 as `12.3 %`."""
    return UNDEFINED if share is None else f"{100 * share:.{digits}f} %"


def visible_percent(share: float | None) -> str:
    """As `percent`, but a share above zero never reads as zero: 0.00012 is `0.01 %`. For reports, where that is a finding."""
    if share is None or share == 0 or share >= 0.0005:
        return percent(share)
    return f"{100 * share:.1g} %"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with that many decimals."""
    return UNDEFINED if value is None else f"{value:.{digits}f}"


def times(factor: float | None) -> str:
    """8.23 as `8.2 ×`."""
    return UNDEFINED if factor is None else f"{factor:,.1f} ×"


def duration(seconds: float) -> str:
    """A time in words: `40 s`, `12 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
