"""A trial is one method on one corpus with one seed: its definition, its file, and the lookup of finished ones.

Trials are found by what they say and not by their file's name: every stored setting must equal the wanted one, and a setting that an
older trial does not know must have its default. So a new field in `TrainConfig` makes no trial obsolete, a changed default only those that
read it, and a point of a curve that is also a row of the table is computed once. The digest in the name only keeps different trials apart.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samekind.comparison.methods import Method
from samekind.core.errors import ArtefactError
from samekind.data.types.same_class import ANY
from samekind.training.config.train_config import TrainConfig, settings_that_count
from samekind.training.runtime.artefact import write_json

TRIALS = "cells"  # the folder's name since release 0.1
FORMAT = 1


@dataclass(frozen=True)
class CorpusPart:
    """A corpus as a comparison knows it, without its images.

    Attributes:
        name: of the corpus.
        content_hash: of all its images and labels.
        source: what `load_corpus` takes to load it again.
        labelled: whether it has labels.
        num_train: images of its training split.
        num_test: images of its test split.
        label_rule: when images of several labels are of the same class; empty if none has several.
    """

    name: str
    content_hash: str
    source: dict[str, Any] = field(default_factory=dict, compare=False)
    labelled: bool = True
    num_train: int = 0
    num_test: int = 0
    label_rule: str = ""

    @property
    def identity(self) -> str:
        """The content, and the rule where it is not the one of all trials before there was a choice."""
        return f"{self.content_hash} {ANY}" if self.label_rule == ANY else self.content_hash

    @property
    def slug(self) -> str:
        """The name as a file name."""
        return slug(self.name)


@dataclass(frozen=True)
class Trial:
    """A trial that is wanted.

    Attributes:
        corpus: on what.
        method: which row or point.
        config: all settings, seed and steps included.
        knn_k: neighbours that vote.
    """

    corpus: CorpusPart
    method: Method
    config: TrainConfig
    knn_k: int

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the figures (machine and versions aside, which the trial records)."""
        return {"config": self.config.identity, "corpus": self.corpus.identity, "knn_k": self.knn_k}

    @property
    def digest(self) -> str:
        """Twelve hex digits of the identity."""
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:12]

    def path(self, out: Path) -> Path:
        """File of the finished trial."""
        return out / TRIALS / self.corpus.slug / slug(self.method.name) / f"{self.config.seed}-{self.digest}.json"

    def __str__(self) -> str:
        return f"{self.corpus.name} · {self.method.mark} · seed {self.config.seed}"


class FinishedTrials:
    """The trials that are kept under a folder of results.

    Raises:
        ArtefactError: a trial's file is damaged.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.records = [_read(path) for path in sorted((out / TRIALS).glob("*/*/*.json"))]

    def find(self, trial: Trial) -> dict[str, Any] | None:
        """The record of this very trial, or `None`."""
        return next((record for record in self.records if _same(record, trial)), None)

    def all_seeds(self, trial: Trial) -> list[dict[str, Any]]:
        """The records of this trial under whatever seed, lowest seed first."""
        records = (record for record in self.records if _same(record, trial, ignoring=("seed",)))
        return sorted(records, key=lambda record: int(record["seed"]))

    def add(self, trial: Trial, record: dict[str, Any]) -> None:
        """Writes a finished trial; a crash leaves the whole file or none."""
        path = trial.path(self.out)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
        self.records.append(record)


def slug(name: str) -> str:
    """A name as a file name: letters, digits, `+`, `.`, `_` and `-`."""
    return re.sub(r"[^\w+.-]+", "-", name.replace("β", "beta")).strip("-.") or "unnamed"


def _same(record: dict[str, Any], trial: Trial, ignoring: tuple[str, ...] = ()) -> bool:
    there, here = record["identity"], trial.identity
    if (there["corpus"], there["knn_k"]) != (here["corpus"], here["knn_k"]):
        return False
    old, new = settings_that_count({**TrainConfig().to_dict(), **there["config"]}), here["config"]
    return all(old.get(name) == new.get(name) for name in {*old, *new}.difference(ignoring))


def _read(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in ("identity", "figures", "method", "corpus", "seed", "steps"):
            record[name]
        record["identity"]["config"], record["identity"]["corpus"], record["identity"]["knn_k"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"the trial {path} is damaged", hint="remove it, and it will be computed again") from error
    if record.get("format", 0) > FORMAT:
        raise ArtefactError(
            f"{path} has format {record['format']}, this samekind reads up to {FORMAT}", hint="upgrade samekind"
        )
    return record
