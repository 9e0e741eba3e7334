"""Figures as the HTML report writes them, and tables of them; what is undefined is a dash."""

from __future__ import annotations

from collections.abc import Sequence

from samekind.indexer.report.markup import Child, Html, element


def percent(share: float | None) -> str:
    """0.1234 as `12.3 %`; what is not nothing does not look like it."""
    if share is None:
        return "–"
    return f"{100 * share:.1f} %" if share == 0 or share >= 0.0005 else f"{100 * share:.1g} %"


def times(factor: float | None) -> str:
    """8.23 as `8.2 ×`."""
    return "–" if factor is None else f"{factor:,.1f} ×"


def figure_of(value: float | None, digits: int) -> str:
    """A number with so many decimals."""
    return "–" if value is None else f"{value:.{digits}f}"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


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
    figure = isinstance(value, int) or (value or "–")[0] in "0123456789–-"
    return element("td", value, class_=None if figure else "text")
