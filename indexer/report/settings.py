"""Where the figures come from, so that somebody can compute them again: command, settings and versions, and the verdicts there are."""

from __future__ import annotations

import os
import platform
import shlex
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samekind.core.errors import ArtefactError
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.verdicts import VerdictTable, num_gone

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex

_PACKAGES = ("samekind", "torch", "faiss-cpu", "faiss-gpu", "lancedb", "numpy")


def verdicts(index: OpenedIndex) -> dict[str, Any]:
    """Verdicts that hold: `total`, by `answers`, most frequent first, `gone` (about images that are gone) and `contradictions`."""
    current = VerdictTable(index.path).current().values()
    return {
        "total": len(current),
        "answers": Counter(verdict.verdict for verdict in current).most_common(),
        "gone": num_gone(index.path, current) or 0,
        "contradictions": len(link_constraints(current).contradictions),
    }


def facts(report: FalseNegativeReport, index: OpenedIndex, now: datetime) -> dict[str, str]:
    """Facts about the run and this audit, by name."""
    meta, manifest = meta_of(index), index.manifest
    corpus, encoder, training, config = (meta.get(part) or {} for part in ("corpus", "encoder", "training", "config"))
    backbone = without_folders(encoder.get("backbone") or "unknown")
    known = {
        "command": _command(report, index),
        "date": f"{now:%Y-%m-%d %H:%M:%S} UTC",
        "artefact": _shown(index.path),
        "corpus": without_folders(corpus.get("corpus") or corpus.get("name")),
        "images": f"{report.num_rows:,}" + (f", of the split {report.split}" if report.split else ""),
        "encoder": f"{backbone}, {index.dim} dimensions, fingerprint {manifest['encoder'][:16]}",
        "objective": objective(config),
        "epochs trained": training.get("epochs"),
        "index": f"{manifest['index_type']}, table version {manifest['table_version']}, "
        f"written by samekind {manifest['samekind']}",
        "versions": f"Python {platform.python_version()}, {_versions()}",
        "machine": f"{platform.system()} {platform.machine()}",
    }
    return {name: str(value) for name, value in known.items() if value not in (None, "")}


def config(index: OpenedIndex) -> dict[str, str]:
    """Every setting of the training, by name."""
    settings = meta_of(index).get("config") or {}
    return {name: "–" if value is None else without_folders(value) for name, value in sorted(settings.items())}


def objective(config: Mapping[str, Any]) -> str | None:
    """Objective and treatment in one line; `None` where they are unknown."""
    if "objective" not in config:
        return None
    treated = config.get("treatment", "none") != "none"
    more = f", treatment {config['treatment']} by {config.get('detector')}" if treated else ", no treatment"
    end = config.get("beta_end")
    beta = f"{config.get('beta')}" + ("" if end is None else f" to {end}")
    hard = f", β = {beta}, τ⁺ = {config.get('tau_plus')}" if config["objective"] == "hard" else ""
    return f"{config['objective']}, τ = {config.get('temperature')}{hard}{more}, seed {config.get('seed')}"


def _command(report: FalseNegativeReport, index: OpenedIndex) -> str:
    if report.split is not None:  # which no flag says
        anchors = f", anchors={report.num_anchors}" if report.num_anchors < report.num_rows else ""
        settings = f"k={report.k}{anchors}, label_level={report.label_level!r}, split={report.split!r}"
        return f"samekind.Index.open({_shown(index.path)!r}).audit({settings})"
    command = f"samekind audit {shlex.quote(_shown(index.path))} --k {report.k}"
    if report.label_level != "coarse":
        command += f" --label-level {shlex.quote(report.label_level)}"
    return command + (f" --anchors {report.num_anchors}" if report.num_anchors < report.num_rows else "")


def _shown(path: Path) -> str:
    """A folder as seen from the working directory, or else its name alone: the page goes to others, and a home folder stays at home."""
    there, here = Path(os.path.abspath(path)), Path.cwd()  # links stay as they were named
    return there.relative_to(here).as_posix() if there != here and there.is_relative_to(here) else there.name


def without_folders(value: object) -> str:
    """A setting, whose path (as in `timm/resnet18@/models/r.pt`) loses the folders above its name."""
    before, at, path = str(value).rpartition("@")
    return f"{before}{at}{_shown(Path(path))}" if Path(path).is_absolute() else str(value)


def meta_of(index: OpenedIndex) -> dict[str, Any]:
    """`meta.json`, or nothing where it cannot be read."""
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
