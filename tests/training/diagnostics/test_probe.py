"""The probe against double loops, and that looking changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from samekind.training.diagnostics import probe_statistics as tally
from samekind.training.diagnostics.gradient_weights import GradientWeights
from samekind.training.diagnostics.probe import BatchLook, Probe, draw_probe, hardest, look_at, note_on_labels
from samekind.training.objectives.similarity import Contrast
from samekind.training.run.train import train
from samekind.training.runtime.artefact import WEIGHTS
from samekind.training.runtime.checkpoint import Counters
from samekind.training.training_set import load_training_images
from tests.training.runs import config, corpus, without_times

LABELS: dict[str, Callable[[int], NDArray[np.int64]]] = {
    "three classes": lambda n: np.arange(n) % 3,
    "one class": lambda n: np.zeros(n, np.int64),
    "each its own": lambda n: np.arange(n),
    "half unknown": lambda n: np.where(np.arange(n) % 2, -1, np.arange(n) % 3),
}


@pytest.fixture(autouse=True)
def few_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks that small matrices reach, and one that they do not."""
    monkeypatch.setattr(tally, "RANKS", (1, 5, 10, 50))


def a_probe(labels: NDArray[np.int64]) -> Probe:
    """Every other labelled image is an anchor, all are the sample."""
    anchors = np.flatnonzero(labels >= 0)[::2]
    names = [f"class {i}" for i in range(max(labels) + 1)]
    return Probe(labels, names, [f"id {i}" for i in range(len(labels))], anchors, np.arange(len(labels)), "coarse")


class Slow:
    """Counts pair by pair what a tally should hold."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.rows: list[dict[str, Any]] = []

    def add(self, anchor: int, candidates: list[tuple[float, int, float]]) -> None:
        """An anchor with `(similarity, image, push)` of each of its negatives, in the order of columns."""
        labels = self.probe.labels_F
        ordered = sorted(candidates, key=lambda c: -c[0])  # stable: ties stay in the order of columns
        self.rows.append(
            {"anchor": anchor, "label": labels[anchor], "negatives": [(s, i, labels[i], p) for s, i, p in ordered]}
        )

    def figures(self, only: int | None = None) -> dict[str, Any]:
        """What `Tally.record` says of all anchors, or of those of a class."""
        rows = [row for row in self.rows if only is None or row["label"] == only]
        known = [[n for n in row["negatives"] if n[2] >= 0] for row in rows]
        pairs = [(row["label"], n[2]) for row, ns in zip(rows, known, strict=True) for n in ns]
        shares = []
        for row, negatives in zip(rows, known, strict=True):
            total = sum(n[3] for n in negatives)
            if total > 0:
                shares.append(sum(n[3] for n in negatives if n[2] == row["label"]) / total)
        rates, counts = {}, {}
        for rank in (1, 5, 10, 50):
            top = [
                (row["label"], n[2])
                for row in rows
                if len(row["negatives"]) >= rank
                for n in row["negatives"][:rank]
                if n[2] >= 0
            ]
            rates[str(rank)], counts[str(rank)] = share_of_equal(top), len(top)
        return {
            "num_anchors": sum(bool(negatives) for negatives in known),
            "base_rate": share_of_equal(pairs),
            "gradient_share": pytest.approx(np.mean(shares), rel=1e-4, abs=1e-7) if shares else None,
            "false_negative_rate": rates,
            "num_pairs": counts,
        }

    def check(self, record: dict[str, Any]) -> None:
        """Everything in the record equals the slow count."""
        labels, classes = self.probe.labels_F, self.probe.classes
        expected = self.figures()
        assert {name: record[name] for name in expected} == expected
        for rank, rate in expected["false_negative_rate"].items():
            base = expected["base_rate"]
            assert record["lift"][rank] == (rate / base if rate is not None and base else None)
        by_class = {classes[c]: self.figures(c) for c in set(labels[self.probe.anchor_A].tolist())}
        assert record["by_class"] == {name: row for name, row in by_class.items() if row["num_anchors"]}
        cells: dict[tuple[str, str], int] = {}
        false: dict[frozenset[int], float] = {}
        for row in self.rows:
            for _, _, label, _ in row["negatives"][:10]:
                if label >= 0:
                    cell = classes[row["label"]], classes[label]
                    cells[cell] = cells.get(cell, 0) + 1
            for similarity, image, label, _ in row["negatives"][:50]:
                if label == row["label"]:
                    pair = frozenset((row["anchor"], image))
                    false[pair] = max(similarity, false.get(pair, -9.0))
        counted = {(a, b): count for a, b, count in record["class_pairs"]}
        assert counted.items() <= cells.items()
        assert list(counted.values()) == sorted(cells.values(), reverse=True)[:100]
        named = {frozenset((p["anchor"], p["negative"])): p["similarity"] for p in record["hardest"]}
        assert len(named) == len(record["hardest"]) == min(20, len(false))
        assert sorted(named.values(), reverse=True) == sorted(false.values(), reverse=True)[:20]
        for pair, similarity in named.items():
            assert false[frozenset(int(id_.split()[1]) for id_ in pair)] == similarity


def share_of_equal(pairs: list[tuple[int, int]]) -> float | None:
    """Share of pairs of equal numbers; `None` of none."""
    return sum(a == b for a, b in pairs) / len(pairs) if pairs else None


def quantised(random: np.random.Generator, *shape: int) -> torch.Tensor:
    """Similarities with many ties, exact in float32."""
    return torch.from_numpy(random.integers(-8, 9, shape).astype(np.float32) / 8)


@pytest.mark.parametrize("kind", LABELS)
def test_the_look_at_batches_equals_a_double_loop(kind: str) -> None:
    """Three batches with ties, two views an image, and a queue that is not full: every figure, in total and by class."""
    random, probe = np.random.default_rng(3), a_probe(LABELS[kind](24))
    look, slow, among = BatchLook(probe), Slow(probe), set(probe.anchor_A.tolist())
    for _ in range(3):
        index = torch.from_numpy(random.permutation(24)[:12]).repeat(2)
        candidates = torch.cat([index, torch.tensor([-1, -1, 3, 5, 7])])
        similarity, gradient = quantised(random, 24, 29), quantised(random, 24, 29)
        negative = (index[:, None] != candidates[None, :]) & (candidates >= 0)
        nothing = torch.zeros(0)
        look.update(Contrast(nothing, similarity, negative, index, candidates, nothing, nothing), gradient)
        for row, anchor in enumerate(index.tolist()):
            if anchor in among:
                kept = [column for column in range(29) if negative[row, column]]
                of = [(similarity[row, c].item(), int(candidates[c]), max(0.0, gradient[row, c].item())) for c in kept]
                slow.add(anchor, of)
    slow.check(probe.record(look.tally))
    resumed = probe.tally(json.loads(json.dumps(look.tally.state)))
    assert probe.record(resumed) == probe.record(look.tally)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("kind", LABELS)
def test_the_look_at_a_sample_equals_a_double_loop(kind: str, beta: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure with ties and an anchor that is not in the sample; in blocks of 16 anchors; the share by the formula of the paper."""
    random, probe = np.random.default_rng(4), a_probe(LABELS[kind](70))
    monkeypatch.setattr("samekind.training.diagnostics.probe._BLOCK_VALUES", 1)
    vectors = (random.integers(-1, 2, (70, 6)) / 2).astype(np.float32)
    sample, slow, temperature = np.arange(5, 70), Slow(probe), 0.5
    for anchor in probe.anchor_A.tolist():
        others = [image for image in sample.tolist() if image != anchor]
        similarity = np.array([float(vectors[anchor] @ vectors[image]) for image in others])
        e, w = np.exp(similarity / temperature), np.exp(beta * similarity / temperature)
        push = np.maximum(0.0, w * ((1 + beta) * e - beta * (w @ e) / w.sum()))
        slow.add(anchor, list(zip(similarity.tolist(), others, push.tolist(), strict=True)))
    found = look_at(probe, vectors[probe.anchor_A], vectors[sample], sample, GradientWeights(temperature, beta))
    slow.check(probe.record(found))
    assert (
        probe.record(look_at(probe, vectors[probe.anchor_A], vectors[sample], sample, None))["gradient_share"] is None
    )


@pytest.mark.parametrize("k", [1, 3, 7, 40])
def test_the_hardest_are_those_of_a_stable_sort(k: int) -> None:
    """Ties in the order of columns, also those that the k-th cuts through; what does not count comes last."""
    similarity = quantised(np.random.default_rng(k), 50, 30)
    similarity[:, ::7] = -torch.inf
    similarity[:, 1::3] = torch.where(similarity[:, 1::3] == 0, -0.0, similarity[:, 1::3])  # as great as 0
    values, columns = hardest(similarity, k)
    expected = np.argsort(-similarity.numpy(), axis=1, kind="stable")[:, :k]
    finite = torch.isfinite(values)
    assert torch.equal(columns[finite], torch.from_numpy(expected)[finite])
    assert torch.equal(values, similarity.gather(1, columns))


def test_the_probe_is_drawn_once_among_labelled_images_in_training() -> None:
    """The same for the same seed, another for another; without labels there is none, and a sentence says so."""
    images = load_training_images(corpus(count=400).split("train"), config(hold_out=30), _silent())
    first, again = draw_probe(images, config()), draw_probe(images, config())
    other = draw_probe(images, config(seed=1))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.anchor_A.tolist() == again.anchor_A.tolist() == list(range(270))
    assert set(first.ids).isdisjoint(images.corpus.ids[row] for row in images.hold_out)
    unlabelled = load_training_images(corpus(labelled=False).split("train"), config(), _silent())
    assert draw_probe(unlabelled, config()) is None
    assert "no labels" in note_on_labels(unlabelled, config(), None)
    assert note_on_labels(images, config(), first) == ""
    assert "one level" in note_on_labels(images, config(label_level="fine"), first)


def test_few_labels_are_all_anchors_and_a_sentence_says_how_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anchors are labelled, as many as allowed; the sample takes whatever comes first."""
    monkeypatch.setattr("samekind.training.diagnostics.probe.ANCHORS", 4)
    monkeypatch.setattr("samekind.training.diagnostics.probe.SAMPLE", 9)
    whole = corpus()
    labels = [label if i % 5 == 0 else None for i, label in enumerate(whole.labels or [])]
    images = load_training_images(
        type(whole)(**{**whole.__dict__, "labels": labels}).split("train"), config(), _silent()
    )
    probe = draw_probe(images, config())
    assert probe is not None
    assert (len(probe.anchor_A), len(probe.sample_S)) == (4, 9)
    assert (probe.labels_F[probe.anchor_A] >= 0).all()
    assert note_on_labels(images, config(), probe) == (
        f"{(probe.labels_F < 0).sum()} of {len(probe.labels_F)} images in training have no label: pairs with them count as unknown"
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"queue_size": 32},
        {"effective_batch": 32, "hold_out": 0},
        pytest.param({"objective": "cpc"}, marks=pytest.mark.slow),
    ],
)
def test_looking_changes_nothing(tmp_path: Path, settings: dict[str, Any]) -> None:
    """The same weights, bit by bit, and the same other figures with and without the probe."""
    seen = train(corpus(), config(epochs=1, **settings), tmp_path / "seen")
    blind = train(corpus(), config(epochs=1, **settings), tmp_path / "blind", probe=False)
    assert (seen.out / WEIGHTS).read_bytes() == (blind.out / WEIGHTS).read_bytes()
    assert seen.summary["knn_accuracy"] == blind.summary["knn_accuracy"]
    for with_probe, without in zip(without_times(seen.history), without_times(blind.history), strict=True):
        assert with_probe.pop("probe") is not None
        assert without.pop("probe") is None
        assert with_probe == without


def test_a_run_records_its_looks(tmp_path: Path) -> None:
    """Each epoch batches and sample, the last one the corpus too; each view of an anchor is met once an epoch, in blocks of rows too."""
    plain, blocks = {"hold_out": 0, "whitening": 0.0}, {"effective_batch": 16, "batch_size": 8, "epochs": 1}
    run = train(corpus(), config(**plain), tmp_path / "plain")
    first, last = (record["probe"] for record in run.history)
    assert (set(first), set(last)) == ({"label_level", "objective", "sample"}, {*first, "corpus"})
    assert first["sample"]["num_anchors"] == 60
    assert first["objective"]["num_anchors"] == 2 * 48  # three whole batches of 16
    assert last["corpus"] == last["sample"]  # few images: all are the sample
    assert last["objective"]["gradient_share"] > last["objective"]["base_rate"]
    in_blocks = train(corpus(), config(**plain, **blocks), tmp_path / "blocks").history[0]["probe"]
    assert in_blocks["objective"]["num_anchors"] == 2 * 48


def test_a_checkpoint_of_an_older_version_opens() -> None:
    """It lacks the probe's half of the epoch."""
    old = {name: value for name, value in Counters("run").__dict__.items() if name != "probe"}
    assert Counters(**old).probe == {}


def test_the_usual_labels_are_no_other_run() -> None:
    """A run, or a cell of a comparison, that was begun before there were levels goes on; other labels are other records."""
    assert "label_level" not in config().identity
    assert config(label_level=1).identity == config().identity
    assert config(label_level="fine").identity["label_level"] == "fine"


def test_other_labels_count_and_train_nothing_else(tmp_path: Path) -> None:
    """Measured by finer labels: the same weights, and the run says which labels it was measured by."""
    whole = corpus()
    ids = [f"{label}/{'old' if i % 2 else 'new'}/{i}.png" for i, label in enumerate(whole.labels or [])]
    nested = type(whole)(**{**whole.__dict__, "ids": ids})
    coarse = train(nested, config(epochs=1), tmp_path / "coarse")
    fine = train(nested, config(epochs=1, label_level="fine"), tmp_path / "fine")
    assert (coarse.out / WEIGHTS).read_bytes() == (fine.out / WEIGHTS).read_bytes()
    assert fine.history[-1]["probe"]["label_level"] == "fine"
    assert fine.history[-1]["base_rate"] < 0.6 * coarse.history[-1]["base_rate"]
    assert set(fine.history[-1]["probe"]["corpus"]["by_class"]) == {
        f"kind {k}/{age}" for k in range(3) for age in ("old", "new")
    }
    assert fine.history[-1]["knn_accuracy"] == coarse.history[-1]["knn_accuracy"]


def _silent() -> Any:
    from samekind.core.progress import NoProgress

    return NoProgress()
