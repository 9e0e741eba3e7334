"""What people's answers buy in a retraining, beside what they buy at once: MAP@R and k-NN of test images against the number of answers.

    samekind index --corpus PACK --encoder lite0 --out ARTEFACT
    python -m benchmarks.people.retrain PACK --index ARTEFACT [--counts 50 200 1000] [--seeds 3] [--ways screens random]
    python -m benchmarks.people.retrain PACK --hold-out

For each seed and count an oracle annotator answers (see `benchmarks.answers`); then, with the same answers: the index of the frozen encoder
is adapted; an adapter is trained that starts from the frozen space, and one that starts from the space adapted to them (the default of
`train --verdicts`); and the space of each is adapted in turn. Beside them SupCon in the same adapter, and a logistic regression on the
frozen space, with labels of as many images (a class that has none is never right).

`--hold-out` is for choosing settings (`--set learning_rate=3e-4`): a third of the training split, whole groups of near duplicates, is
searched for instead of the test split, which is not looked at; the index of the frozen encoder is then made of the features. These come
from the cache, so that a training takes seconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import samekind as sk
from benchmarks.answers import Bench as AnswersBench
from benchmarks.answers import Said
from benchmarks.photos import Bench as PhotosBench
from samekind.comparison.machine import processor
from samekind.console import Console
from samekind.data.corpus import Corpus
from samekind.training.features.training_features import load_training_features
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.models.pretrained.whiten import whiten

Figures = dict[str, float | None]
FIGURES = ("MAP@R", "k-NN 1", "k-NN 20")
SUPERVISED = {"objective": "supervised", "treatment": "none", "learning_rate": 1e-3}


class Experiment:
    """One seed: images that are trained on and searched, images that are looked for, and the oracle.

    Args:
        photos: the corpus with its features.
        seed: of the hold-out, the answers and the trainings.
        work: folder for indexes and runs.
        index: of the frozen encoder; `None` looks for a third of the training split instead of the test split.
        settings: of the trainings with answers.
    """

    def __init__(
        self, photos: PhotosBench, seed: int, work: Path, *, index: Path | None, settings: dict[str, Any]
    ) -> None:
        self.seed, self.work, self.settings = seed, work, settings
        self.train, features = photos.train, photos.features[0]
        self.size = 0 if index else len(self.train) // 3
        fit = np.arange(len(self.train))
        if index is None:
            config = sk.preset("adapter", seed=seed, hold_out=self.size)
            images = load_training_features(self.train, config, resolve_encoder("lite0"), photos.progress)
            fit = images.fit
        self.fit_features = features[fit]
        parts: list[tuple[Corpus, NDArray[np.float32]]] = [(self.train, features)]
        self.splits = np.where(np.isin(np.arange(len(self.train)), fit), "train", "test").tolist()
        if index is not None:
            parts.append((photos.test, photos.features[1]))
            self.splits += ["test"] * len(photos.test)
        self.features = np.concatenate([each for _, each in parts])
        self.ids = [id_ for part, _ in parts for id_ in part.ids]
        self.labels = [label for part, _ in parts for label in part.labels or []]
        self.sha256 = [part.sha256(row) for part, _ in parts for row in range(len(part))]
        self.frozen = resolve_encoder("lite0")
        whiten(self.frozen, self.fit_features[:5000], None, photos.progress)
        self.bench = self._indexed(self.frozen, "frozen") if index is None else AnswersBench(index, self._benches)

    def _indexed(self, encoder: Encoder, name: str) -> AnswersBench:
        """An index of the encoder's vectors, to search and to adapt."""
        made = sk.index_vectors(
            encoder.embed_features(self.features), self.ids, self.work / f"{self.seed}-{name}", labels=self.labels,
            splits=self.splits, sha256=self.sha256,
        )  # fmt: skip
        return AnswersBench(made.path, self._benches)

    @property
    def _benches(self) -> Path:
        """A folder of its own for the copies of this seed's indexes."""
        (folder := self.work / f"benches-{self.seed}").mkdir(exist_ok=True)
        return folder

    def said(self, way: str, count: int) -> Said:
        """The oracle's answers: `screens` or `random` pairs."""
        return self.bench.screens(count, self.seed) if way == "screens" else self.bench.random(count, self.seed)

    def retrained(self, said: Said | None, start_from: str | None, name: str) -> tuple[Figures, Figures]:
        """Of an adapter with these answers, as it is and adapted to them afterwards."""
        given: dict[str, Any] = {}
        if said is not None:
            sk.VerdictTable(self.bench.folder).add(said.verdicts)
            given = {"verdicts": self.bench.folder, "start_from": start_from, **self.settings}
        indexed = self._indexed(self._trained(self.train, name, given), name)
        self.bench.forget()
        figures = indexed.figures()
        return figures, figures if said is None else indexed.adapted(said)

    def supervised(self, count: int) -> Figures:
        """SupCon in the same adapter, with the labels of this many images."""
        known = set(self._chosen(count).tolist())
        labels = [label if row in known else None for row, label in enumerate(self.train.labels or [])]
        few = replace(self.train, labels=labels)
        return self._indexed(self._trained(few, f"supervised-{count}", SUPERVISED), f"supervised-{count}").figures()

    def linear(self, count: int) -> float:
        """Accuracy of a logistic regression on the frozen space, with the labels of this many images."""
        from sklearn.linear_model import LogisticRegression

        vectors = self.frozen.embed_features(self.features)
        class_N = np.unique(np.array(self.labels), return_inverse=True)[1]
        rows = self._chosen(count)
        head = LogisticRegression(C=100.0, max_iter=1000).fit(vectors[rows], class_N[rows])
        test = np.array(self.splits) == "test"
        return float(head.score(vectors[test], class_N[test]))

    def _chosen(self, count: int) -> NDArray[np.int64]:
        """Rows of the images whose labels are known."""
        fit = np.flatnonzero(np.array(self.splits) == "train")
        return np.random.default_rng(self.seed).choice(fit, min(count, len(fit)), replace=False)

    def _trained(self, corpus: Corpus, name: str, settings: dict[str, Any]) -> Encoder:
        out = self.work / f"run-{self.seed}-{name}"
        common = {"seed": self.seed, "hold_out": self.size, "probe": False, "fall_back": False}
        return sk.train(corpus, "adapter", out, **{**common, **settings}).encoder


def main() -> None:
    """Prints a line a variant and seed, and the table at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--counts", type=int, nargs="*", default=[50, 200, 1000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="*", default=["screens"], choices=["screens", "random"])
    parser.add_argument("--starts", nargs="*", default=["frozen", "adapted"], choices=["frozen", "adapted"])
    parser.add_argument("--only-retrained", action="store_true", help="leave out what is not retrained with answers")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--index", type=Path, metavar="ARTEFACT", help="of the frozen encoder")
    place.add_argument("--hold-out", action="store_true", help="choose settings without the test split")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=NUMBER", help="settings of the trainings")
    arguments = parser.parse_args()
    settings = {name: float(value) for name, value in (each.split("=") for each in arguments.set)}
    corpus = sk.load_corpus(arguments.corpus)
    with tempfile.TemporaryDirectory() as work:
        photos = PhotosBench(corpus, Path(work), Console(as_json=False).progress)
        print(f"{processor()}; {corpus.name}: {len(photos.train):,} training and {len(photos.test):,} test images")
        rows: dict[tuple[str, int], list[Figures]] = {}

        def note(name: str, count: int, seed: int, figures: Figures) -> None:
            kept = {each: figures.get(each) for each in FIGURES}
            rows.setdefault((name, count), []).append(kept)
            print(json.dumps({"variant": name, "answers": count, "seed": seed, **kept}), flush=True)

        for seed in range(arguments.seeds):
            run = Experiment(photos, seed, Path(work), index=arguments.index, settings=settings)
            if not arguments.only_retrained:
                note("frozen", 0, seed, run.bench.figures())
                note("retrained", 0, seed, run.retrained(None, None, "plain")[0])
            for count in arguments.counts:
                _measure(run, count, arguments, lambda name, figures, n=count, s=seed: note(name, n, s, figures))
    _table(rows)


def _measure(run: Experiment, count: int, arguments: argparse.Namespace, note: Any) -> None:
    """All variants of one count and seed."""
    for way in arguments.ways:
        said = run.said(way, count)
        if not arguments.only_retrained:
            note(f"{way}: adapted", run.bench.adapted(said))
        for start in arguments.starts:
            alone, both = run.retrained(said, start, f"{way}-{count}-{start}")
            note(f"{way}: retrained from {start}", alone)
            note(f"{way}: retrained from {start}, then adapted", both)
    if not arguments.only_retrained:
        note("labels: SupCon", run.supervised(count))
        note("labels: linear head", {"k-NN 1": run.linear(count)})


def _table(rows: dict[tuple[str, int], list[Figures]]) -> None:
    print("\n| variant | answers | " + " | ".join(FIGURES) + " |\n|---|---|" + "---|" * len(FIGURES))
    for (name, count), runs in rows.items():
        cells = []
        for figure in FIGURES:
            known = [value for run in runs if (value := run[figure]) is not None]
            spread = f" ± {np.std(known, ddof=1):.4f}" if len(known) > 1 else ""
            cells.append(f"{np.mean(known):.4f}{spread}" if known else "")
        print(f"| {name} | {count:,} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
