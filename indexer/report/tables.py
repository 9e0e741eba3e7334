"""Tables of the HTML report."""

from __future__ import annotations

from collections.abc import Sequence

from samekind.core.text import UNDEFINED
from samekind.indexer.report.markup import Child, Html, element


def table(heads: Sequence[str], rows: Sequence[Sequence[Child]], caption: str, style: str | None = None) -> Html:
    """A table whose first column names the row; text goes to the left, figures to the right.

    Args:
        heads: of the columns.
        rows: cells; `Html` is taken as it is.
        caption: what it shows.
        style: CSS class.
    """
    head = element("tr", *(element("th", text, scope="col") for text in heads))
    body = [element("tr", element("th", row[0], scope="row"), *map(_cell, row[1:])) for row in rows]
    parts = (element("caption", caption), element("thead", head), element("tbody", *body))
    return element("div", element("table", *parts, class_=style), class_="scroll")


def _cell(value: Child) -> Html:
    if isinstance(value, Html):
        return element("td", value, class_="bars")
    figure = isinstance(value, int) or (value or UNDEFINED)[0] in "0123456789–-"
    return element("td", value, class_=None if figure else "text")
