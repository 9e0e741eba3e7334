"""What the HTML report says of the run: epochs of training, verdicts of people, settings and versions."""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samekind.core.errors import ArtefactError
from samekind.core.text import counted, decimal, visible_percent
from samekind.indexer.report.markup import Html, element, together
from samekind.indexer.report.svg_charts import Axes, Series, line_chart
from samekind.indexer.report.tables import table
from samekind.training.diagnostics.figures import BATCH_RANKS

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex

_PACKAGES = ("samekind", "torch", "faiss-cpu", "faiss-gpu", "lancedb", "numpy")
_NAMED_RANKS = (("the hardest", "false"), ("10 hardest", "second"), ("100 hardest", "third"))
_RANKS = dict(zip(map(str, BATCH_RANKS), _NAMED_RANKS, strict=True))
MOST_EPOCHS = 100


def epochs(history: Sequence[Mapping[str, Any]]) -> Html | None:
    """Curves and table of what training measured; nothing where there are no records."""
    if not history:
        return None
    charts = [chart for chart in (_rates(history), _quality(history), _bound(history)) if chart is not None]
    figures = [element("figure", chart, element("figcaption", text), class_="chart") for chart, text in charts]
    rows = [
        [
            epoch["epoch"], decimal(epoch.get("loss"), 3), decimal(epoch.get("knn_accuracy"), 4),
            *(visible_percent((epoch.get("false_negative_rate") or {}).get(rank)) for rank in _RANKS),
            visible_percent(epoch.get("base_rate")), visible_percent(epoch.get("gradient_share")), decimal(epoch.get("mi_bound"), 2),
        ]
        for epoch in history[-MOST_EPOCHS:]
    ]  # fmt: skip
    heads = [
        "epoch",
        "loss",
        "k-NN accuracy",
        *(f"false, {name}" for name, _ in _RANKS.values()),
        "base rate",
        "share of gradient",
        "bound, nats",
    ]
    last = f" The last {MOST_EPOCHS} of {len(history):,} epochs." if len(history) > MOST_EPOCHS else ""
    caption = f"k-NN accuracy is on held-out images; the bound is one on mutual information between two views, not an estimate.{last}"
    text = (
        "False negatives among the negatives that the objective really met, those of a batch or queue, in its own projection: other "
        "negatives and another space than above."
    )
    return together(
        element("h2", "Over the epochs of training"), element("p", text, class_="soft"), element("div", *figures, class_="two"),
        table(heads, rows, caption),
    )  # fmt: skip


def _rates(history: Sequence[Mapping[str, Any]]) -> tuple[Html, str] | None:
    known = [epoch for epoch in history if epoch.get("false_negative_rate")]
    series = [
        Series(
            name, style, [(e["epoch"], rate) for e in known if (rate := e["false_negative_rate"].get(rank)) is not None]
        )
        for rank, (name, style) in _RANKS.items()
    ]
    if not any(one.points for one in series):
        return None
    level = [(epoch["epoch"], rate) for epoch in known if (rate := epoch.get("base_rate")) is not None]
    axes = Axes("epoch", "false-negative rate", format_y=lambda value: f"{100 * value:.3g} %")
    last = ", ".join(f"{one.name} {visible_percent(one.points[-1][1])}" for one in series if one.points)
    chart = line_chart(
        [*series, Series("base rate", "level", level)], axes, f"False-negative rate by epoch; in the last one {last}."
    )
    return chart, "False-negative rate by epoch, among the hardest negatives of each anchor."


def _quality(history: Sequence[Mapping[str, Any]]) -> tuple[Html, str] | None:
    points = [(epoch["epoch"], epoch["knn_accuracy"]) for epoch in history if epoch.get("knn_accuracy") is not None]
    if not points:
        return None
    axes = Axes("epoch", "k-NN accuracy", format_y=lambda value: f"{100 * value:.3g} %", zero=False, share=True)
    sentence = f"k-NN accuracy by epoch: {visible_percent(points[0][1])} first, {visible_percent(points[-1][1])} last."
    return line_chart(
        [Series("k-NN accuracy", "quality", points)], axes, sentence
    ), "k-NN accuracy on held-out images by epoch."


def _bound(history: Sequence[Mapping[str, Any]]) -> tuple[Html, str] | None:
    points = [(epoch["epoch"], epoch["mi_bound"]) for epoch in history if epoch.get("mi_bound") is not None]
    if not points:
        return None
    cap = [(epoch["epoch"], epoch["mi_cap"]) for epoch in history if epoch.get("mi_cap") is not None]
    sentence = f"Lower bound on mutual information by epoch: {points[-1][1]:.2f} nats in the last one."
    series = [Series("lower bound", "bound", points), Series("cap: log K", "level", cap)]
    return line_chart(series, Axes("epoch", "nats"), sentence), (
        "Lower bound on the mutual information between two views: a bound with a cap, and not an estimate."
    )


def verdicts(index: OpenedIndex) -> Html | None:
    """What people have said of pairs, by answer, and how much of it is about images that are gone; nothing where nobody said anything."""
    from samekind.indexer.labeling.verdicts import VerdictTable, grouped, num_gone

    current = VerdictTable(index.path).current()
    if not current:
        return None
    answers: dict[str, int] = {}
    for verdict in current.values():
        answers[verdict.verdict] = answers.get(verdict.verdict, 0) + 1
    rows = [
        [name.replace("_", " "), f"{count:,}"] for name, count in sorted(answers.items(), key=lambda item: -item[1])
    ]
    gone, torn = num_gone(index.path, current.values()), len(grouped(current.values()).contradictions)
    said = [f"{counted(len(current), 'verdict')} on pairs of images."]
    said += (
        [f"{counted(gone, 'verdict is', 'verdicts are')} about images that the index does not hold; they are kept."]
        if gone
        else []
    )
    said += [f"{counted(torn, 'pair')} called different that other verdicts join all the same."] if torn else []
    return together(
        element("h2", "What people said"),
        element("p", " ".join(said), class_="soft"),
        table(["verdict", "pairs"], rows, "Verdicts that hold now."),
    )


def settings(report: FalseNegativeReport, index: OpenedIndex, now: datetime) -> Html:
    """Where the figures come from, so that somebody can have them again."""
    meta = _meta(index)
    corpus, encoder, training = ({**(meta.get(part) or {})} for part in ("corpus", "encoder", "training"))
    config = meta.get("config") or {}
    manifest = index.manifest
    command = f"samekind audit {shlex.quote(_shown(index.path))} --k {report.k}"
    if report.label_level != "coarse":
        command += f" --label-level {shlex.quote(report.label_level)}"
    sampled = f" --anchors {report.num_anchors}" if report.num_anchors < report.num_rows else ""
    backbone = _without_folders(encoder.get("backbone") or "unknown")
    facts = [
        ("command", command + sampled), ("date", f"{now:%Y-%m-%d %H:%M:%S} UTC"), ("artefact", _shown(index.path)),
        ("corpus", _without_folders(corpus.get("corpus") or corpus.get("name"))), ("images", f"{report.num_rows:,}"),
        ("encoder", f"{backbone}, {index.dim} dimensions, fingerprint {manifest['encoder'][:16]}"),
        ("objective", _objective(config)), ("epochs trained", training.get("epochs")),
        ("index", f"{manifest['index_type']}, table version {manifest['table_version']}, written by samekind {manifest['samekind']}"),
        ("versions", f"Python {platform.python_version()}, {_versions()}"), ("machine", f"{platform.system()} {platform.machine()}"),
    ]  # fmt: skip
    rows = [[name, str(value)] for name, value in facts if value not in (None, "")]
    parts = [
        element("h2", "Settings and versions"),
        table(["what", "value"], rows, "Where these figures come from.", "facts"),
    ]
    if config:
        every = [[name, "–" if value is None else _without_folders(value)] for name, value in sorted(config.items())]
        inside = table(["setting", "value"], every, "As the artefact's meta.json has them.", "facts")
        parts.append(element("details", element("summary", "Every setting of the training"), inside))
    return together(*parts)


def _shown(path: Path) -> str:
    """A folder as seen from the working directory, or else its name alone: the page goes to others, and a home folder stays at home."""
    there, here = Path(os.path.abspath(path)), Path.cwd()  # links stay as they were named
    return there.relative_to(here).as_posix() if there != here and there.is_relative_to(here) else there.name


def _without_folders(value: object) -> str:
    """A setting, whose path (as in `timm/resnet18@/models/r.pt`) loses the folders above its name."""
    before, at, path = str(value).rpartition("@")
    return f"{before}{at}{_shown(Path(path))}" if Path(path).is_absolute() else str(value)


def _objective(config: Mapping[str, Any]) -> str | None:
    if "objective" not in config:
        return None
    treated = config.get("treatment", "none") != "none"
    more = f", treatment {config['treatment']} by {config.get('detector')}" if treated else ", no treatment"
    end = config.get("beta_end")
    beta = f"{config.get('beta')}" + ("" if end is None else f" to {end}")
    hard = f", β = {beta}, τ⁺ = {config.get('tau_plus')}" if config["objective"] == "hard" else ""
    return f"{config['objective']}, τ = {config.get('temperature')}{hard}{more}, seed {config.get('seed')}"


def _meta(index: OpenedIndex) -> dict[str, Any]:
    try:
        return index.meta
    except ArtefactError:
        return {}


def _versions() -> str:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
