"""Conditions that visitors may filter by: any comparison of the columns, but few functions.

`length(repeat(id, 100000000)) > 0` is a condition, too, and would take all memory there is.
"""

from __future__ import annotations

import re

_FUNCTIONS = (
    *(
        "lower",
        "upper",
        "length",
        "char_length",
        "character_length",
        "trim",
        "ltrim",
        "rtrim",
        "btrim",
        "substr",
        "substring",
    ),
    *(
        "left",
        "right",
        "starts_with",
        "ends_with",
        "contains",
        "strpos",
        "regexp_like",
        "regexp_match",
        "coalesce",
        "nullif",
    ),
    *("abs", "floor", "ceil", "round"),
)
"""None makes a text that is longer than what it is given."""
_BEFORE_BRACKETS = (
    *("and", "or", "not", "in", "like", "ilike", "between", "is", "when", "then", "else", "case", "cast", "try_cast"),
)
_TEXT_OR_NAME = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`")
_HIDING = re.compile(r"--|/\*|['\"`$]|@\s*\(")
"""A comment may stand between a function and its bracket; a text in dollars, or one without an end, may hide a call."""
_CALL = re.compile(r"(\w+)\s*\(")


def answerable(condition: str) -> str:
    """The condition as it is, if the service answers it.

    Raises:
        ValueError: it calls a function that is not known to be cheap, or is written so that this cannot be seen.
    """
    code = _TEXT_OR_NAME.sub(lambda found: " 0 " if found.group().startswith("'") else "@", condition)
    if (found := _HIDING.search(code)) is not None:
        what = "name in quotes before a bracket" if found.group().startswith("@") else found.group()
        raise ValueError(f"no {what} outside of texts")
    depth = 0
    for bracket in re.findall(r"[()]", code):
        depth += 1 if bracket == "(" else -1
        if depth < 0:
            break
    if depth:
        raise ValueError("a bracket is open, or closes nothing")
    for name in _CALL.findall(code):
        if name.lower() not in _FUNCTIONS + _BEFORE_BRACKETS:
            raise ValueError(f"the function {name} is not for visitors; these are: {', '.join(_FUNCTIONS)}")
    return condition
