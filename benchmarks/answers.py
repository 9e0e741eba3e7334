"""What people's answers buy at once: MAP@R and k-NN of test images against the number of answers that an index is adapted to.

    samekind index --corpus photos.npz --encoder lite0 --out artifacts/photos
    python -m benchmarks.answers artifacts/photos [--seeds 3] [--counts 50 200 1000] [--ways screens …]

An *oracle annotator*, a script that answers from labels and never errs, is asked about training images: screens of ten (what the demo
shows), pairs that the queue puts first or that are drawn at random among its candidates, or class names of single images (as many as
answers, and as many as fit into the seconds that the screens took). Every answer is stored and `samekind adapt` does the rest, guard
included. Assumed, not measured: a person takes 3 s to look at a screen, a pair or an image, and 1.5 s for a click or a name; of a screen,
the fewer of *same* and *different* are clicked.

Test images are taken out of the index: they are queries from outside, and training images are found. So nothing is learned from
them, neither covariances nor neighbours.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import samekind as sk
from samekind.comparison.machine import processor
from samekind.indexer.evaluation.retrieval import hit_rate_at_1, map_at_r
from samekind.indexer.labeling.screen_pool import IMAGES, ScreenPool
from samekind.indexer.search.leaning import leaning, leaning_index, usual_lean
from samekind.training.diagnostics.accuracy import knn_accuracy

LOOK, CLICK = 3.0, 1.5
"""Seconds of a person, assumed."""
ROUND, HITS = 50, 10
ANNOTATOR = "oracle annotator"


@dataclass(frozen=True)
class Said:
    """Answers, and the seconds that a person would have taken for them."""

    verdicts: list[sk.Verdict]
    seconds: float


class Bench:
    """An index with labels and a test split, and the oracle that answers about it.

    Args:
        artefact: the index; it is copied, without its test images, answers and adaptations.
        work: folder for the copy.
    """

    def __init__(self, artefact: Path, work: Path) -> None:
        kept = shutil.ignore_patterns("verdicts.lance", "adapt*", ".lock")
        self.folder = Path(shutil.copytree(artefact, work / artefact.name, ignore=kept))
        self.index = sk.Index.open(self.folder)
        names = [label or "" for label in self.index.labels or []]
        self.label_of: dict[str, str] = dict(zip(self.index.rows.column("sha256"), names, strict=True))
        numbers = {name: number for number, name in enumerate(sorted(set(names)))}
        self.class_N = np.array([numbers[name] for name in names])
        is_test = np.array(self.index.splits) == "test"
        self.test_vectors, self.test_classes = self.index.vectors(np.flatnonzero(is_test)), self.class_N[is_test]
        self.index.remove([id_ for id_, test in zip(self.index.ids, is_test, strict=True) if test])
        self.class_N = self.class_N[~is_test]
        self.train = np.flatnonzero(np.array(self.index.splits) == "train")

    def figures(self) -> dict[str, float | None]:
        """Of test images against training images, in the space that searches use."""
        bank, query, adaptation = self.index.adapted_vectors(self.train), self.test_vectors, self.index.adaptation
        if adaptation is not None:
            query = adaptation(leaning(query, self.index.vector_index, adaptation.neighbours, adaptation.lean))
        return self._compared(bank, query)

    def leaning_alone(self) -> dict[str, float | None]:
        """The same without a map, groups or answers: vectors that lean towards their neighbours, and nothing else."""
        space, vectors = usual_lean(self.index.vector_index), self.index.vector_index
        bank = leaning_index(vectors, *space).vectors(self.train)
        return self._compared(bank, leaning(self.test_vectors, vectors, *space))

    def _compared(self, bank: NDArray[np.float32], query: NDArray[np.float32]) -> dict[str, float | None]:
        classes = self.class_N[self.train], self.test_classes
        return {
            "MAP@R": map_at_r(bank, classes[0], query, classes[1]),
            "hits": hit_rate(bank, classes[0], query, classes[1]),
            "k-NN 1": hit_rate_at_1(bank, classes[0], query, classes[1]),
            "k-NN 20": knn_accuracy(bank, classes[0], query, classes[1]),
        }

    def adapted(self, said: Said) -> dict[str, Any]:
        """Stores the answers, adapts to them, measures, and forgets everything again."""
        table = sk.VerdictTable(self.folder)
        table.add(said.verdicts)
        started = time.perf_counter()
        report = self.index.adapt()
        seconds = time.perf_counter() - started
        found = {**self.figures(), "adapted": report.adapted, "groups": report.groups}
        if report.adapted:
            self.index.undo_adaptation()
        self.forget()
        return {**found, "person": said.seconds, "seconds": seconds}

    def forget(self) -> None:
        """Takes the answers away."""
        shutil.rmtree(self.folder / "db" / "verdicts.lance", ignore_errors=True)
        (self.folder / "db" / "verdicts.sha256").unlink(missing_ok=True)

    def screens(self, count: int, seed: int) -> Said:
        """One screen after the other, each asked under the answers so far."""
        pool, current, given, seconds = ScreenPool(self.index), dict[Any, sk.Verdict](), list[sk.Verdict](), 0.0
        while len(given) < count:
            (screen,) = pool.acquire(current, 1, min(IMAGES, count - len(given)), seed=seed)
            same = {image.id for image in screen.images if self._is_same(screen.anchor.sha256, image.sha256)}
            verdicts = screen.verdicts(same, who=ANNOTATOR)
            seconds += LOOK + CLICK * min(len(same), len(verdicts) - len(same))
            current |= {verdict.pair: verdict for verdict in verdicts}
            given += verdicts
        return Said(given, seconds)

    def queue(self, count: int, seed: int, order: Any = "informative") -> Said:
        """Pairs in rounds, chosen under the answers so far."""
        pool, current = sk.CandidatePool(self.index), dict[Any, sk.Verdict]()
        while len(current) < count:
            pairs = pool.acquire(current, min(ROUND, count - len(current)), order=order, seed=seed + len(current))
            if not pairs.items:
                break
            for pair in pairs.items:
                verdict = self._verdict(pair.anchor_sha256, pair.negative_sha256)
                current[verdict.pair] = verdict
        return Said(list(current.values()), len(current) * (LOOK + CLICK))

    def random(self, count: int, seed: int) -> Said:
        """Pairs drawn at random among the same candidates."""
        return self.queue(count, seed, "random")

    def labels(self, count: int, seed: int) -> Said:
        """Class names of single images: those of one name are the same, and one of each name tells it from the others."""
        rows = np.random.default_rng(seed).choice(self.train, min(count, len(self.train)), replace=False)
        return Said(self._named(rows), len(rows) * (LOOK + CLICK))

    def _named(self, rows: NDArray[np.int64]) -> list[sk.Verdict]:
        sha256 = list(dict.fromkeys(self.index.rows.values("sha256", rows)))
        first: dict[str, str] = {}
        given = []
        for image in sha256:
            own = first.setdefault(self.label_of[image], image)
            if own != image:
                given.append(self._verdict(own, image))
        heads = list(first.values())
        return [*given, *(self._verdict(a, b) for i, a in enumerate(heads) for b in heads[:i])]

    def _is_same(self, first: str, second: str) -> bool:
        """What the labels say."""
        return self.label_of[first] == self.label_of[second]

    def _verdict(self, first: str, second: str) -> sk.Verdict:
        return sk.Verdict(first, second, "same" if self._is_same(first, second) else "different", who=ANNOTATOR)


def hit_rate(
    bank_ND: NDArray[np.float32], class_N: NDArray[np.int64], query_QD: NDArray[np.float32], class_Q: NDArray[np.int64]
) -> float:
    """Share of the ten hits of each query that are of its class."""
    nearest_QH = np.argpartition(-(query_QD @ bank_ND.T), HITS, axis=1)[:, :HITS]
    return float((class_N[nearest_QH] == class_Q[:, None]).mean())


def main() -> None:
    """Prints a line a run, and the table at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefact", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="*", default=[50, 200, 1000])
    parser.add_argument(
        "--ways", nargs="*", default=["screens", "labels", "labels in the same seconds", "queue", "random"]
    )
    parser.add_argument("--all-labels", action="store_true", help="also adapt to the labels of all training images")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        _run(Bench(arguments.artefact, Path(work)), arguments)


def _run(bench: Bench, arguments: argparse.Namespace) -> None:
    print(
        f"{processor()}; {arguments.artefact.name}: {len(bench.train):,} training and {len(bench.test_classes):,} test images"
    )
    start = bench.figures()
    leant = bench.leaning_alone()
    print(json.dumps({"way": "none", **start}) + "\n" + json.dumps({"way": "leaning alone", **leant}), flush=True)
    rows: dict[tuple[str, int], list[dict[str, Any]]] = {}
    ways: dict[str, Callable[[int, int], Said]] = {
        "screens": bench.screens, "queue": bench.queue, "random": bench.random, "labels": bench.labels,
    }  # fmt: skip
    for count in arguments.counts:
        for seed in range(arguments.seeds):
            fitting = 0
            for way in arguments.ways:
                said = ways["labels" if way.startswith("labels") else way](
                    fitting if way.endswith("seconds") else count, seed
                )
                fitting = round(said.seconds / (LOOK + CLICK)) if way == "screens" else fitting
                found = bench.adapted(said)
                rows.setdefault((way, count), []).append(found)
                print(json.dumps({"way": way, "answers": count, "seed": seed, **found}), flush=True)
    if arguments.all_labels:
        print(json.dumps({"way": "all labels", **bench.adapted(bench.labels(len(bench.train), 0))}), flush=True)
    names = ("hits", "k-NN 1", "k-NN 20")
    print("\n| way | answers | person | MAP@R | gain by seed | hits of 10 | k-NN 1 | k-NN 20 |\n" + "|---" * 8 + "|")
    for way, found in (("none", start), ("none, leaning", leant)):
        print(f"| {way} | 0 | 0 s | {found['MAP@R']:.4f} | | {' | '.join(f'{found[name]:.4f}' for name in names)} |")
    for (way, count), runs in rows.items():
        gains = ", ".join(f"{100 * (run['MAP@R'] - start['MAP@R']):+.1f}" for run in runs)
        person = np.mean([run["person"] for run in runs])
        means = [f"{np.mean([run[name] for run in runs]):.4f}" for name in ("MAP@R", *names)]
        print(f"| {way} | {count} | {person:.0f} s | {means[0]} | {gains} | {' | '.join(means[1:])} |")


if __name__ == "__main__":
    main()
