"""A word where the folders look like albums, dates or what a camera and a backup leave: as classes they mean nothing.

It is a guess by names alone, so it is said and changes nothing. A year beside a name is no sign of it: models of cars are called so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from samekind.core.text import counted

_LISTED = 3
_SHARE = 3  # one in so many classes has to look so

_YEAR = r"(?:19|20)\d\d"
_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_OCCASION = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|"
    "spring|summer|autumn|fall|winter|holidays?|vacations?|trips?|travels?|weddings?|birthdays?|christmas|xmas|easter|party|photos?|pictures?"
)
_ALBUM = re.compile(
    rf"{_YEAR}[-_. ](?:{_MONTH}[-_. ]{_DAY}|(?:0[1-9]|1[0-2]))(?!\d).*"  # 2019-05 Rome, 2019_05_12, and not 2019-1
    rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[-_. ].*"  # 20190512 Rome
    rf"|{_DAY}[-_. ]{_MONTH}[-_. ]{_YEAR}(?!\d).*"  # 12.05.2019
    rf"|{_YEAR}[-_. ](?:.*[-_. ])?(?:{_OCCASION})(?:[-_., ].*)?"  # 2019 Holidays, and not 2012 BMW
    rf"|(?:.*[-_. ])?(?:{_OCCASION})[-_., ].*\b{_YEAR}"  # Summer in Rome 2019, Photos from 2019
    r"|(?:.*[-_. ])?backups?(?:[-_. ].*)?"  # IMG backup
    r"|\d{3}(?:apple|canon|nikon|olymp|panas?|msdcf|_?fuji|nz\w+|d\d{3,4}|_\w{4})"
    r"|dcim|camera ?roll|saved pictures|whatsapp (?:images|video)"
    r"|(?:untitled|new)[-_. ](?:album|folder)(?:[-_. (]*\d*\)?)|unsorted(?:[-_. ].*)?",
    re.IGNORECASE,
)
_ONLY_TIME = re.compile(rf"{_YEAR}(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?)?")  # 2019, 201905, 20190512


def albums(labels: Sequence[str | None] | None) -> list[str]:
    """A line if at least a third of the classes, and two of them (one of two classes), are called like albums; otherwise none.

    Args:
        labels: names of folders, one an image.
    """
    classes = sorted({label for label in labels or () if label is not None})
    numbers = [name for name in classes if name.isascii() and name.isdigit()]
    times = numbers if all(map(_ONLY_TIME.fullmatch, numbers)) else []  # beside 0002 and 1501 a 1999 is no year
    found = [name for name in classes if name in times or _ALBUM.fullmatch(name)]
    if len(found) < min(2, len(classes) - 1) or len(found) * _SHARE < len(classes) or not found:
        return []
    shown = ", ".join(map(repr, found[:_LISTED])) + ", …" * (len(found) > _LISTED)
    what = counted(len(found), "class has a name like an album's or a date", "classes have names like albums or dates")
    return [f"{what} ({shown}): if the folders are no classes, --layout flat reads them without labels"]
