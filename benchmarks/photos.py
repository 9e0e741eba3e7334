"""What a pretrained encoder is worth on a folder of photos: as it is, whitened, and with adapters, without labels and with.

    python -m benchmarks.photos FOLDER [--seeds 3] [--limit 6000] [--out artifacts/benchmark] [--only NAME …]

Labels measure (and teach what is marked †). Whitening and adapters are fitted to the training split; k-NN accuracy (k = 1 and 20) and MAP@R
are of test images against training images, and `MAP@R test` of each test image against all other test images. Features of all images are
computed once and kept in the cache, so that a second run takes minutes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import samekind as sk
from samekind.comparison.machine import processor
from samekind.console import Console
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.views.policies import policy_for
from samekind.indexer.evaluation.retrieval import hit_rate_at_1, map_at_r
from samekind.training.diagnostics.accuracy import knn_accuracy
from samekind.training.features.cache import FeatureCache
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.models.pretrained.whiten import whiten
from samekind.training.models.whitening import unit_rows
from samekind.training.training_set import label_numbers

FROZEN: dict[str, float | None] = {
    "frozen + PCA": 0.0, "frozen + whitening 0.1": 0.1, "frozen + whitening 0.25": 0.25, "frozen + whitening 0.5": 0.5,
    "frozen + neighbour whitening": None,
}  # fmt: skip
FAST = {"learning_rate": 1e-3}  # what labels say may be learned fast, and a poor space has much to learn
PLAIN = {"whitening": 0.25, **FAST}
ADAPTERS: dict[str, dict[str, Any]] = {
    "adapter (the preset)": {},
    "adapter, info_nce": {"treatment": "none"},
    "adapter, hard": {"objective": "hard", "treatment": "none"},
    "adapter, hard + soft_attract + relation": {"objective": "hard", "treatment": "soft_attract", "detector": "relation"},
    "adapter, hard + soft_attract + combined": {"objective": "hard", "treatment": "soft_attract", "detector": "combined"},
    "adapter, hard + oracle elimination †": {"objective": "hard", "treatment": "eliminate", "detector": "oracle", **FAST},
    "adapter, supervised †": {"objective": "supervised", "treatment": "none", **FAST},
    "on whitening 0.25: info_nce": {"treatment": "none", **PLAIN},
    "on whitening 0.25: hard": {"objective": "hard", "treatment": "none", **PLAIN},
    "on whitening 0.25: info_nce + attract_likely + neighbourhood": PLAIN,
    "on whitening 0.25: hard + oracle elimination †": {"objective": "hard", "treatment": "eliminate", "detector": "oracle", **PLAIN},
}  # fmt: skip
Figures = dict[str, float | None]


class Bench:
    """A corpus with the features of its images.

    Args:
        corpus: with labels, a training and a test split.
        out: folder of the runs.
        progress: shows bars.
    """

    def __init__(self, corpus: Corpus, out: Path, progress: Progress) -> None:
        self.corpus, self.out, self.progress = corpus, out, progress
        self.train, self.test = corpus.split("train"), corpus.split("test")
        numbers = [label_numbers(part.labels, corpus.classes) for part in (self.train, self.test)]
        self.labels = [each for each in numbers if each is not None]
        assert len(self.labels) == 2, f"{corpus.name} has no labels to measure with"
        self.bare = resolve_encoder("lite0")
        self.features = [self._features(part, views) for part, views in ((self.train, 4), (self.test, 2))]

    def _features(self, part: Corpus, views: int) -> NDArray[np.float32]:
        policy = policy_for(part.name, 3, sk.preset("adapter").strength)
        return FeatureCache(self.bare, part, policy, views, 0).features(self.progress)[:][:, 0].astype(np.float32)

    def measure(self, encoder: Encoder | None) -> Figures:
        """Figures of an encoder behind these features; `None` for the features as they are."""
        bank, query = (
            unit_rows(torch.from_numpy(each)) if encoder is None else encoder.embed_features(each)
            for each in self.features
        )
        bank_class, query_class = self.labels
        return {
            "k-NN 1": hit_rate_at_1(bank, bank_class, query, query_class),
            "k-NN 20": knn_accuracy(bank, bank_class, query, query_class),
            "MAP@R": map_at_r(bank, bank_class, query, query_class),
            "MAP@R test": map_at_r_among(query, query_class),
        }

    def frozen(self, exponent: float | None) -> Figures:
        """Figures with a whitening that is fitted to the training features."""
        encoder = resolve_encoder("lite0")
        if exponent == 0.0:
            encoder.renew_whitening(256, self.features[0], 0.0)
        else:
            whiten(encoder, self.features[0][:5000], exponent, self.progress)
        return self.measure(encoder)

    def adapted(self, name: str, settings: dict[str, Any], seed: int) -> tuple[Figures, float]:
        """Figures of a trained adapter, and the seconds of its training."""
        folder = self.out / self.corpus.name / f"{''.join(c if c.isalnum() else '-' for c in name)}-{seed}"
        run = sk.train(self.train, "adapter", folder, seed=seed, hold_out=0, probe=False, fall_back=False, **settings)
        return self.measure(run.encoder), run.summary["seconds"]


def map_at_r_among(row_ND: NDArray[np.float32], class_N: NDArray[np.int64]) -> float:
    """MAP@R of each row against all others; rows that are alone in their class are left out."""
    row, classes = torch.from_numpy(row_ND), torch.from_numpy(class_N)
    relevant = torch.bincount(classes)[classes] - 1
    similarity = (row @ row.T).fill_diagonal_(-2.0)
    nearest = similarity.topk(int(relevant.max()), dim=1).indices
    rank = torch.arange(1, nearest.shape[1] + 1)
    same = (classes[nearest] == classes[:, None]) & (rank <= relevant[:, None])
    precision = (same.cumsum(1) / rank * same).sum(1) / relevant.clamp(min=1)
    return float(precision[relevant > 0].mean())


def main() -> None:
    """Prints a line a variant and seed, and the table at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=6000)
    parser.add_argument("--out", type=Path, default=Path("artifacts/benchmark"))
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    corpus = sk.load_corpus(arguments.corpus, limit=arguments.limit)
    bench = Bench(corpus, arguments.out, Console(as_json=False).progress)
    sizes = f"{len(bench.train):,} training and {len(bench.test):,} test images"
    print(f"{processor()}, torch {torch.__version__}; {corpus.name}: {sizes}", flush=True)
    rows: dict[str, list[Figures]] = {}

    def note(name: str, figures: Figures, seconds: float | None = None) -> None:
        rows.setdefault(name, []).append({**figures, "seconds": seconds})
        print(json.dumps({"corpus": corpus.name, "variant": name, **rows[name][-1]}), flush=True)

    note("frozen", bench.measure(None))
    for name, exponent in FROZEN.items():
        note(name, bench.frozen(exponent))
    for name, settings in ADAPTERS.items():
        for seed in range(arguments.seeds if not arguments.only or name in arguments.only else 0):
            note(name, *bench.adapted(name, settings, seed))
    columns = ("k-NN 1", "k-NN 20", "MAP@R", "MAP@R test", "seconds")
    print(f"\n| {corpus.name} | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for name, runs in rows.items():
        print(f"| {name} | " + " | ".join(_mean([run[column] for run in runs]) for column in columns) + " |")


def _mean(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    spread = f" ± {np.std(known, ddof=1):.4f}" if len(known) > 1 and max(known) <= 1 else ""
    return f"{np.mean(known):.4f}{spread}" if max(known) <= 1 else f"{np.mean(known):.0f}"


if __name__ == "__main__":
    main()
