"""Gain from confirmed pairs: k-NN accuracy on test against the number of verdicts that a training is given.

    python -m benchmarks.verdicts --out docs/results/verdicts

For each seed an encoder is trained without verdicts, its training images are indexed, and an *oracle annotator*, a script that answers from
labels and never errs, is asked about pairs: those that the queue of the demo puts first (in rounds, so that its probabilities learn), or
pairs drawn at random. Then everything is trained anew with those answers, at the same steps. Beside it SupCon with labels of as many
images: a verdict costs a look at two images and one word, a label a look at one and its name.

Each training is a cell, a small JSON file under `--out`, never computed twice; `--seeds 0` in one terminal and `--seeds 1` in another share
the work. Every call writes the table from the cells that are there. Where the queue has fewer pairs than are asked for, the cell
(`answers`) and the table say how many there were.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import samekind as sk
from samekind.comparison.machine import hardware
from samekind.console import Console
from samekind.data.corpus import Corpus
from samekind.indexer.labeling.acquisition import CandidatePool
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.training.config.false_negatives import DETECTORS
from samekind.training.diagnostics.accuracy import knn_accuracy
from samekind.training.models.embed_corpus import embed_corpus
from samekind.training.models.encoder import Encoder
from samekind.training.runtime.artefact import write_json
from samekind.training.training_set import label_numbers, training_corpus

COUNTS = (50, 200, 1000)
ARMS = ("queue", "random", "supervised")
METHOD = {"objective": "hard", "treatment": "soft_attract"}
ANNOTATOR = "oracle annotator"


class Experiment:
    """One seed.

    Args:
        corpus: labelled, with a test split.
        seed: of the training and of every choice.
        detector: of all trainings but SupCon's.
        settings: of `TrainConfig`, the same for all trainings.
        work: folder of the trainings.
    """

    def __init__(self, corpus: Corpus, seed: int, detector: str, settings: dict[str, Any], work: Path) -> None:
        self.seed, self.settings, self.work = seed, {**settings, "seed": seed}, work / f"seed-{seed}"
        self.method = {**METHOD, "detector": detector}
        self.train = training_corpus(corpus, sk.preset("plain", **self.settings))
        self.test = corpus.split("test")
        self.classes = corpus.classes
        assert self.train.labels is not None
        self.label = dict(zip((self.train.sha256(i) for i in range(len(self.train))), self.train.labels, strict=True))

    def without(self) -> dict[str, Any]:
        """The training that the questions are about, and what the others are compared with."""
        return self._trained(self.train, "none", self.method)

    def queue(self, count: int) -> dict[str, Any]:
        """Answers to what the queue asks first, round by round."""
        folder = self.work / f"queue-{count}"
        return self._trained(
            self.train, folder.name, self.method, self._answered(folder, self._asked_by_the_queue, count)
        )

    def random(self, count: int) -> dict[str, Any]:
        """Answers about pairs of training images drawn at random."""
        folder = self.work / f"random-{count}"
        return self._trained(self.train, folder.name, self.method, self._answered(folder, self._drawn, count))

    def supervised(self, count: int) -> dict[str, Any]:
        """SupCon that knows the labels of some images; the others have their own view alone, as in InfoNCE."""
        labels = self.train.labels
        assert labels is not None
        known = set(np.random.default_rng((self.seed, 31)).permutation(len(labels))[:count].tolist())
        some = replace(self.train, labels=[label if i in known else None for i, label in enumerate(labels)])
        return self._trained(some, f"supervised-{count}", {"objective": "supervised"})

    def _trained(
        self, corpus: Corpus, name: str, method: dict[str, str], verdicts: Path | None = None
    ) -> dict[str, Any]:
        folder = self.work / name
        run = sk.train(
            corpus, "plain", folder, verdicts=verdicts, progress=Console().progress, **{**self.settings, **method}
        )
        told = run.summary.get("verdicts")
        return {
            "knn_accuracy": self._accuracy(run.encoder),
            "verdicts": told,
            "answers": None if told is None else told["same"] + told["different"] + told["not_trained_on"],
            "detector": run.history[-1]["detector"],
            "train_seconds": run.summary["seconds"],
        }

    def _accuracy(self, encoder: Encoder) -> float | None:
        """On test, against the training images with their labels, which no training but SupCon's saw."""
        bank, query = (embed_corpus(encoder, part) for part in (self.train, self.test))
        numbers = [label_numbers(part.labels, self.classes) for part in (self.train, self.test)]
        assert numbers[0] is not None
        assert numbers[1] is not None
        return knn_accuracy(bank, numbers[0], query, numbers[1])

    def _answered(self, folder: Path, ask: Callable[[VerdictTable, int], None], count: int) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        table = VerdictTable(folder)
        if len(table.current()) < count:
            ask(table, count)
        return folder

    def _asked_by_the_queue(self, table: VerdictTable, count: int) -> None:
        base = self.work / "none"
        if not (base / "manifest.json").is_file():
            sk.build_index(self.train, sk.load_encoder(base), out=base)
        pool = CandidatePool(sk.Index.open(base))
        for until in sorted({*(n for n in COUNTS if n < count), count}):
            # An interrupted round is finished. A list asks about an image three times at most, so that there may be more than one.
            while until > len(current := table.current()):
                asked = pool.acquire(current, until - len(current), seed=self.seed)
                if not len(asked):
                    break
                table.add([self._answer(q.anchor_sha256, q.negative_sha256) for q in asked])
        if (answers := len(table.current())) < count:
            print(f"seed {self.seed}: the queue has no more pairs: {answers:,} answers instead of {count:,}")

    def _drawn(self, table: VerdictTable, count: int) -> None:
        names, random = sorted(self.label), np.random.default_rng((self.seed, 32))
        pairs: set[tuple[str, str]] = set(table.current())
        answers = []
        while len(pairs) < count:
            first, second = sorted(names[i] for i in random.choice(len(names), 2, replace=False))
            if (first, second) not in pairs:
                pairs.add((first, second))
                answers.append(self._answer(first, second))
        table.add(answers)

    def _answer(self, first: str, second: str) -> Verdict:
        return Verdict(first, second, "same" if self.label[first] == self.label[second] else "different", ANNOTATOR)


def compute(experiment: Experiment, arms: Sequence[str], counts: Sequence[int], out: Path) -> None:
    """Every cell of one seed that is not there yet."""
    for arm, count in [("none", 0), *((arm, count) for count in counts for arm in arms)]:
        file = out / "cells" / f"{arm}-{count}-seed-{experiment.seed}.json"
        asked = {"arm": arm, "count": count, "seed": experiment.seed, "corpus": experiment.train.name}
        asked |= {"method": "+".join(experiment.method.values()), "settings": experiment.settings}
        if file.is_file():
            if {name: json.loads(file.read_text()).get(name) for name in asked} != asked:
                raise SystemExit(f"{file} is of another experiment: name another folder with --out and --work")
            continue
        started = time.perf_counter()
        file.parent.mkdir(parents=True, exist_ok=True)
        trained = experiment.without() if arm == "none" else getattr(experiment, arm)(count)
        made = {"hardware": hardware("cpu"), "date": datetime.now(UTC).isoformat(timespec="seconds")}
        write_json(file, {**asked, **trained, **made, "wall_seconds": round(time.perf_counter() - started, 1)})


def table(out: Path) -> str:
    """Mean and standard deviation over seeds of the cells that are there, as Markdown."""
    cells = [json.loads(file.read_text()) for file in sorted((out / "cells").glob("*.json"))]
    methods = sorted({cell["method"] for cell in cells})
    lines = [
        f"`{'`, `'.join(methods)}`; mean ± standard deviation (seeds)\n",
        "| verdicts, or labels | the queue's pairs | random pairs | SupCon, as many labelled images |",
        "|---|---|---|---|",
    ]
    for count in sorted({cell["count"] for cell in cells}):
        arms = ("none",) * 3 if count == 0 else ARMS
        found = [_mean([c["knn_accuracy"] for c in cells if (c["arm"], c["count"]) == (arm, count)]) for arm in arms]
        lines.append(f"| {count:,} | " + " | ".join(found if count else [found[0], found[0], "–"]) + " |")
    return "\n".join([*lines, *_fewer(cells)]) + "\n"


def _fewer(cells: Sequence[dict[str, Any]]) -> list[str]:
    """Notes that the table must not hide: cells with fewer answers than their row says. Cells of older versions did not count them."""
    short = [cell for cell in cells if cell.get("answers") is not None and cell["answers"] < cell["count"]]
    said = [f"{cell['answers']:,} of {cell['count']:,} ({cell['arm']}, seed {cell['seed']})" for cell in short]
    return ["", f"Fewer answers than asked for, since there were no more pairs: {', '.join(said)}."] if said else []


def _mean(values: list[float]) -> str:
    if not values:
        return "not run"
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread} ({len(values)})"


def main() -> None:
    """Computes what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="fashion-mnist")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--train-images", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=390)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2], help="none: only the table")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--detector", choices=DETECTORS, default="combined", help="another needs other folders")
    parser.add_argument("--out", type=Path, default=Path("docs/results/verdicts"))
    parser.add_argument("--work", type=Path, default=Path("artifacts/verdicts"))
    asked = parser.parse_args()
    settings = {"limit": asked.train_images, "steps": asked.steps, "hold_out": 0, "precision": asked.precision}
    if asked.seeds:
        corpus = sk.load_corpus(asked.corpus, data_dir=asked.data_dir)
        for seed in asked.seeds:
            experiment = Experiment(corpus, seed, asked.detector, settings, asked.work)
            compute(experiment, asked.arms, asked.counts, asked.out)
    text = table(asked.out)
    (asked.out / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
