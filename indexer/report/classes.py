"""Classes in the HTML report: their rates, class × class as a heat map, and which are taken for each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from samekind.core.text import times, visible_percent
from samekind.indexer.report.markup import Html, element, together
from samekind.indexer.report.tables import table

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport

MOST_CLASSES = 100  # rows of the table
MOST_HEAT = 30  # classes a side
SIDE_BY_SIDE = 12  # classes up to which there is room beside the heat map
MOST_CONFUSED = 12

Shares = Sequence[Sequence[float | None]]


def by_class(report: FalseNegativeReport) -> Html | None:
    """All that is said of classes; nothing without labels."""
    if report.false_negative_rate is None:
        return None
    classes, shares = report.class_shares()
    beside = "two" if len(classes) <= SIDE_BY_SIDE else None
    maps = element("div", _heat(report, classes, shares), _confused(report, classes, shares), class_=beside)
    return together(element("h2", "By class"), maps, _rates(report))


def _rates(report: FalseNegativeReport) -> Html:
    worst = sorted(report.by_class.items(), key=lambda item: (-(item[1]["false_negative_rate"] or 0.0), item[0]))
    rows = []
    for name, row in worst[:MOST_CLASSES]:
        rate, base, push = (visible_percent(row[key]) for key in ("false_negative_rate", "base_rate", "gradient_share"))
        bar = element(
            "span", class_="bar", style=f"width:{80 * (row['false_negative_rate'] or 0.0):.0f}px", aria_hidden="true"
        )
        rows.append([name, f"{row['num_images']:,}", bar, rate, base, times(row["lift"]), push])
    more = f" {MOST_CLASSES} of {len(worst):,} classes are shown, --json has all." if len(worst) > MOST_CLASSES else ""
    heads = ["class of the anchor", "images", "", "false negatives", "base rate", "lift", "share of gradient"]
    return table(heads, rows, f"Classes by their false-negative rate, highest first.{more}")


def _heat(report: FalseNegativeReport, classes: Sequence[str], shares: Shares) -> Html | None:
    """Class × class as a table whose cells have their figure and a colour that says the same."""
    pairs = report.class_pairs["num_pairs"]
    shown = sorted(sorted(range(len(classes)), key=lambda c: -pairs[c])[:MOST_HEAT])
    if len(shown) < 2:
        return None
    total = len(report.by_class)
    left_out = f" The {MOST_HEAT} classes with most pairs of {total:,} are shown." if len(shown) < total else ""
    caption = (
        f"Per cent of the {report.k} hardest negatives of a class (row) that are of each class (column). The framed diagonal is false "
        f"negatives; below half a per cent a cell is empty.{left_out}"
    )
    head = element("tr", element("th", "anchor"), *(element("th", classes[c], scope="col") for c in shown))
    rows = [
        element("tr", element("th", classes[a], scope="row"), *(_cell(shares[a][n], a == n) for n in shown))
        for a in shown
    ]
    parts = (element("caption", caption), element("thead", head), element("tbody", *rows))
    return element("div", element("table", *parts, class_="heat"), class_="scroll")


def _cell(share: float | None, own: bool) -> Html:
    text = "" if share is None or share < 0.005 else f"{100 * share:.0f}"
    depth = 0.8 * (share or 0.0) ** 0.6  # the text stays readable on it in either scheme
    return element("td", text, class_="own" if own else None, style=f"--share:{depth:.3f}")


def _confused(report: FalseNegativeReport, classes: Sequence[str], shares: Shares) -> Html | None:
    """Pairs of different classes that lie nearest to each other."""
    counts = report.class_pairs["counts"]
    found = [
        (share, counts[a][n], classes[a], classes[n])
        for a, row in enumerate(shares)
        for n, share in enumerate(row)
        if a != n and share
    ]
    found.sort(key=lambda pair: (-pair[0], -pair[1], pair[2:]))
    if not found:
        return None
    rows = [
        [anchor, negative, visible_percent(share), f"{count:,}"]
        for share, count, anchor, negative in found[:MOST_CONFUSED]
    ]
    caption = "Classes most often taken for another: share of the anchor class's hardest negatives."
    return table(["class of the anchor", "class of the negative", "share", "pairs"], rows, caption)
