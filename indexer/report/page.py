"""The audit as one HTML file that opens anywhere: no script, no address, pictures inside it.

The page's own content policy forbids scripts and every request, and text is escaped where it becomes markup (`indexer.report.markup`), so a
class that is named `<script>` is a name and nothing else. Charts are SVG, class × class is a table, colours follow the reader's scheme.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from samekind.core.text import counted, decimal, times, visible_percent
from samekind.indexer.report.classes import by_class
from samekind.indexer.report.markup import Html, element, single, together
from samekind.indexer.report.pictures import duplicates, hardest
from samekind.indexer.report.run import epochs, settings, verdicts
from samekind.indexer.report.style import STYLE
from samekind.indexer.report.svg_charts import Axes, Series, histogram, line_chart
from samekind.indexer.report.tables import table
from samekind.training.runtime.artefact import write_atomically

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
MOST_RANKS = 100
MOST_POINTS = 200  # of a curve
_BINS = 40
_WITHOUT_LABELS = (
    "This corpus has no labels, so nobody can tell which of these negatives are false: rates, lift and classes are unknown. Similarities, "
    "pictures and duplicates are real all the same. For the figures, sort the images into folder/<class>/<image>, train and index again."
)


def write_report(report: FalseNegativeReport, index: OpenedIndex, path: Path) -> None:
    """Writes the page, whole or not at all.

    Raises:
        ArtefactError: the file cannot be written.
    """
    write_atomically(path, page(report, index).encode())


def page(report: FalseNegativeReport, index: OpenedIndex) -> str:
    """The page as text.

    Args:
        report: the audit.
        index: that it is of; gives pictures and settings.
    """
    now = datetime.now(UTC)
    name = index.path.resolve().name
    about = f"{counted(report.num_rows, 'image')}, {counted(report.num_anchors, 'anchor')}, {report.k} hardest negatives each"
    head = together(
        single("meta", charset="utf-8"),
        single("meta", http_equiv="Content-Security-Policy", content=POLICY),
        single("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"False negatives of {name}"),
        element("style", Html(STYLE)),
    )
    body = element(
        "main",
        element("h1", f"False negatives of {name}"),
        element("p", f"{about} · {now:%Y-%m-%d %H:%M} UTC", class_="soft"),
        _headline(report),
        _notes(report.notes),
        _by_rank(report) if report.k else None,
        by_class(report),
        hardest(report, index),
        duplicates(report, index),
        epochs(report.training),
        verdicts(index),
        settings(report, index, now),
        element("footer", "Written by samekind audit. False negative: a negative that has the anchor's own label."),
    )
    return "<!DOCTYPE html>\n" + element("html", element("head", head), element("body", body), lang="en") + "\n"


def _headline(report: FalseNegativeReport) -> Html:
    if not report.k:
        return element("p", "An index of one image has no negatives.", class_="say")
    if report.base_rate is None or report.false_negative_rate is None:
        return element("p", _WITHOUT_LABELS, class_="say")
    first = report.by_rank[0]
    at_first, at_k = visible_percent(first["false_negative_rate"]), visible_percent(report.false_negative_rate)
    base_rate, push = visible_percent(report.base_rate), (report.gradient_share or {}).get("false_negatives")
    lift = "" if first["lift"] is None else f", {times(first['lift'])} the base rate of {base_rate}"
    sentence = element(
        "p", element("b", at_first), f" of the hardest negatives show the anchor's own class{lift}.",
        class_="lead",
    )  # fmt: skip
    tiles = [
        ("hardest is false", at_first, "how often the hardest negative has the anchor's class", "tile hot"),
        (f"false among {report.k}", at_k, f"share of false ones among the {report.k} hardest", "tile hot"),
        ("base rate", base_rate, "share of false ones among all negatives: what a random one would be", "tile"),
        (f"lift at {report.k}", times(report.lift), f"how many times the base rate the {report.k} hardest reach", "tile"),
        ("of the gradient", visible_percent(push), "share of the push away from negatives that falls on false ones", "tile"),
    ]  # fmt: skip
    return together(sentence, element("div", *(_tile(*tile) for tile in tiles), class_="tiles"))


def _tile(name: str, value: str, meaning: str, style: str) -> Html:
    parts = (element("dt", name), element("dd", value, class_="value"), element("dd", meaning, class_="meaning"))
    return element("dl", *parts, class_=style, style="margin:0")


def _notes(notes: Sequence[str]) -> Html | None:
    if not notes:
        return None
    return element(
        "div", "To know about these figures:", element("ul", *(element("li", n) for n in notes)), class_="say"
    )


def _by_rank(report: FalseNegativeReport) -> Html:
    """The curve over ranks and its table, and how similar the hardest negatives are."""
    labelled = report.false_negative_rate is not None
    charts = [_rate_chart(report) if labelled else _similarity_chart(report), _spread(report)]
    figures = [element("figure", chart, element("figcaption", text), class_="chart") for chart, text in charts]
    rows = [
        [
            row["rank"], *([visible_percent(row["false_negative_rate"]), times(row["lift"])] if labelled else []),
            decimal(row["similarity"], 4), visible_percent(row["gradient_share"]), f"{row['num_pairs']:,}",
        ]
        for row in _shown(report.by_rank)
    ]  # fmt: skip
    rates = ["false negatives", "lift"] if labelled else []
    heads = ["rank", *rates, "mean similarity", "share of gradient", "pairs of known labels"]
    more = f" {len(rows)} of {len(report.by_rank):,} ranks are shown." if len(rows) < len(report.by_rank) else ""
    caption = f"Rank 1 is the hardest negative.{more}"
    return together(element("h2", "By rank"), element("div", *figures, class_="two"), table(heads, rows, caption))


def _shown(by_rank: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All ranks, or about `MOST_RANKS` of many: the first 20 and then evenly in the logarithm."""
    count = len(by_rank)
    if count <= MOST_RANKS:
        return list(by_rank)
    wanted = {*range(20), *np.geomspace(20, count, MOST_RANKS - 20).round().astype(int) - 1}
    return [by_rank[i] for i in sorted(wanted)]


def _rate_chart(report: FalseNegativeReport) -> tuple[Html, str]:
    known = _thinned([row for row in report.by_rank if row["false_negative_rate"] is not None])
    points = [(row["rank"], row["false_negative_rate"]) for row in known]
    level = [(rank, report.base_rate) for rank, _ in points if report.base_rate is not None]
    series = [Series("false-negative rate", "false", points), Series("base rate", "level", level)]
    axes = Axes("rank of the negative, 1 the hardest", "false-negative rate", format_y=_percent_tick)
    (first, at_first), (last, at_last) = points[0], points[-1]
    sentence = f"False-negative rate by rank: {visible_percent(at_first)} at rank {first}, {visible_percent(at_last)} at rank {last}"
    return line_chart(series, axes, f"{sentence}; base rate {visible_percent(report.base_rate)}."), (
        "How often the negative at each rank is false, against the base rate: what a random negative would be."
    )


def _similarity_chart(report: FalseNegativeReport) -> tuple[Html, str]:
    points = [(row["rank"], row["similarity"]) for row in _thinned(report.by_rank) if row["similarity"] is not None]
    axes = Axes("rank of the negative, 1 the hardest", "mean similarity", format_y="{:.2f}".format, zero=False)
    sentence = f"Mean similarity by rank: {points[0][1]:.3f} at rank 1, {points[-1][1]:.3f} at rank {points[-1][0]}."
    return line_chart(
        [Series("mean similarity", "quality", points)], axes, sentence
    ), "How similar the negative at each rank is."


def _thinned(by_rank: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    step = -(-len(by_rank) // MOST_POINTS)
    return list(by_rank[::step])


def _spread(report: FalseNegativeReport) -> tuple[Html, str]:
    """How many pairs there are of each similarity, false, true and unknown ones on top of each other."""
    similarity, false = report.pairs.similarity_AK.ravel(), report.pairs.false_AK.ravel()
    low, high = float(similarity.min()), float(similarity.max())
    edges = np.linspace(low, max(high, low + 1e-3), _BINS + 1)
    layers = []
    for name, style, value in (("false", "false", 1), ("of another class", "other", 0), ("class unknown", "third", -1)):
        counts = np.histogram(similarity[false == value], edges)[0]
        if counts.any():
            layers.append(Series(name, style, [(float(x), float(n)) for x, n in zip(edges[:-1], counts, strict=True)]))
    axes = Axes("similarity to the anchor (cosine)", "pairs", "{:.2f}".format, _count_tick, whole=False)
    chart = histogram(layers, axes, float(edges[1] - edges[0]), f"Pairs by similarity, from {low:.2f} to {high:.2f}.")
    return (
        chart,
        f"The {similarity.size:,} pairs of an anchor and one of its {report.k} hardest negatives by their similarity.",
    )


def _percent_tick(value: float) -> str:
    return f"{100 * value:.3g} %"


def _count_tick(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
