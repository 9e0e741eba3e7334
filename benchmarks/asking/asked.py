"""Training images that a script asks about, and what follows from its answers, in arrays: for `benchmarks.asking`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import samekind as sk
from samekind.indexer.adaptation.adapt import AnsweredSpace
from samekind.indexer.evaluation.retrieval import hit_rate_at_1, map_at_r
from samekind.indexer.labeling.anchors import CANDIDATES, SHARPNESS
from samekind.indexer.labeling.link_constraints import connected
from samekind.indexer.search.leaning import LEAN, NEIGHBOURS, leaning, leaning_index
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.adaptation import Adaptation

# N images that can be asked about, Q queries, D dimension, M images near an anchor

LOOK, CLICK = 3.0, 1.5
"""Seconds of a person, assumed as in `benchmarks.answers`."""
Rows = NDArray[np.int64]
NEAR_COPY = 0.9


class Corpus:
    """Training images of an artefact, a third of them held out as queries."""

    def __init__(self, artefact: Path) -> None:
        index = sk.Index.open(artefact)
        train = np.flatnonzero(np.array(index.splits) == "train")
        vectors, names = index.vectors(train), np.array([label or "" for label in index.labels or []])[train]
        near = np.argwhere(np.triu(vectors @ vectors.T > NEAR_COPY, 1))
        copies = [sorted(map(int, group)) for group in connected((f"{a}", f"{b}") for a, b in near)]
        group_N = np.arange(len(train))
        for group in copies:
            group_N[group] = group[0]
        heads = np.unique(group_N)
        held = np.isin(group_N, np.random.default_rng(1).permutation(heads)[: len(heads) // 3])
        _, class_N = np.unique(names, return_inverse=True)
        self.vectors, self.classes = vectors[~held], class_N[~held]
        bare = VectorIndex.build(lambda: [self.vectors], vectors.shape[1], len(self.vectors))
        self.queries = leaning(vectors[held], bare, NEIGHBOURS, LEAN), class_N[held]
        leant = leaning_index(bare, NEIGHBOURS, LEAN)
        self.leaning, self.space = leant.vectors(), AnsweredSpace(leant)
        self.similarity = self.vectors @ self.vectors.T
        self.alike = self.similarity.clip(0) ** SHARPNESS
        self.nearest = np.argsort(-self.similarity, axis=1)[:, :1000]
        self.start = self.figures(self.leaning, self.queries[0])

    def figures(self, bank: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float64]:
        """MAP@R and the hit rate at rank 1."""
        given = bank, self.classes, queries, self.queries[1]
        return np.array([map_at_r(*given), hit_rate_at_1(*given)], dtype=np.float64)

    def gain(self, state: State) -> NDArray[np.float64]:
        """Of both figures, over vectors that lean without answers."""
        groups = state.groups()
        if not groups:
            return np.zeros(2)
        adaptation = self.space.pulling(self.space.fit(groups, [state.strangers(group) for group in groups]))
        bank, rows = adaptation(self.leaning), np.concatenate(groups)
        own = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        bank[rows] = adaptation.gathered(adaptation.mapped(self.leaning[rows]), own)
        return self.figures(bank, adaptation(self.queries[0])) - self.start


class State:
    """Answers so far, with what follows from them."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        self.corpus, self.random = corpus, np.random.default_rng(seed)
        count = len(corpus.vectors)
        self.group_N, self.asked_N = np.arange(count), np.zeros(count, dtype=int)
        self.apart: set[tuple[int, int]] = set()
        self.answers, self.seconds, self.depth, self.screens = 0, 0.0, 40.0, 0

    def is_open(self, first: int, second: int) -> bool:
        """True if nothing is known of a pair."""
        a, b = sorted((int(self.group_N[first]), int(self.group_N[second])))
        return a != b and (a, b) not in self.apart

    def groups(self) -> list[Rows]:
        """Must-link groups of two or more."""
        names, counts = np.unique(self.group_N, return_counts=True)
        return [np.flatnonzero(self.group_N == name) for name in names[counts > 1]]

    def strangers(self, group: Rows) -> Rows:
        """Images in no group that were told from one."""
        name = int(self.group_N[group[0]])
        others = [b if a == name else a for a, b in self.apart if name in (a, b)]
        single = np.bincount(self.group_N, minlength=len(self.group_N)) == 1
        return np.array([other for other in others if single[other]], dtype=np.int64)

    def answer(self, anchor: int, images: Rows, seconds: float | None = None) -> None:
        """What the labels say of a screen."""
        same_M = self.corpus.classes[images] == self.corpus.classes[anchor]
        clicks = min(int(same_M.sum()), int((~same_M).sum()))
        self.seconds += LOOK + CLICK * clicks if seconds is None else seconds
        self.answers, self.screens = self.answers + len(images), self.screens + 1
        self.asked_N[[anchor, *images]] += 1
        for image, same in zip(images.tolist(), same_M, strict=True):
            self.say(anchor, image, bool(same))
        self.depth *= 1.5 if same_M.mean() > 0.5 else 1 / 1.5 if same_M.mean() < 0.3 else 1
        self.depth = min(max(self.depth, 20), 600)

    def say(self, first: int, second: int, same: bool) -> None:
        """Joins two groups, or tells them apart."""
        a, b = sorted((int(self.group_N[first]), int(self.group_N[second])))
        if a != b and same:
            self.group_N[self.group_N == b] = a
            named = ((a if x == b else x, a if y == b else y) for x, y in self.apart)
            self.apart = {(min(pair), max(pair)) for pair in named}
        elif a != b:
            self.apart.add((a, b))

    def at_random(self) -> int:
        """One of those that the fewest answers are about."""
        return int(self.random.choice(np.flatnonzero(self.asked_N == self.asked_N.min())))

    def gains(self) -> tuple[Rows, NDArray[np.float64]]:
        """A thousand candidates, of those that the fewest answers are about, and how much each would stand for."""
        candidates = self.random.permutation(np.flatnonzero(self.asked_N == self.asked_N.min()))[:CANDIDATES]
        grouped = np.bincount(self.group_N, minlength=len(self.group_N))[self.group_N] > 1
        reached_N = self.corpus.alike[grouped].max(axis=0, initial=0)
        return candidates, np.maximum(self.corpus.alike[candidates] - reached_N, 0).sum(axis=1, dtype=np.float64)

    def drawn(self) -> int:
        """In proportion to what it would stand for, as screens do."""
        candidates, gains = self.gains()
        odds = np.maximum(gains, 1e-12)
        return int(self.random.choice(candidates, p=odds / odds.sum()))

    def greatest(self) -> int:
        """The one that stands for most."""
        candidates, gains = self.gains()
        return int(candidates[gains.argmax()])

    def near(self, anchor: int, count: int, beside: Rows | None = None) -> Rows:
        """The nearest open images, one of each group."""
        met = {int(self.group_N[row]) for row in [anchor, *([] if beside is None else beside)]}
        found: list[int] = []
        for row in self.corpus.nearest[anchor].tolist():
            if int(self.group_N[row]) not in met and self.is_open(anchor, row):
                met.add(int(self.group_N[row]))
                found.append(row)
            if len(found) == count:
                break
        return np.array(found, dtype=np.int64)

    def spread(self, anchor: int, near_M: Rows, size: int) -> Rows:
        """Ever the one farthest from the anchor and those chosen."""
        closest_M, chosen = self.corpus.similarity[anchor, near_M].copy(), list[int]()
        while len(chosen) < min(size, len(near_M)):
            chosen.append(int(closest_M.argmin()))
            closest_M = np.maximum(closest_M, self.corpus.similarity[near_M, near_M[chosen[-1]]])
            closest_M[chosen] = np.inf
        return near_M[chosen]

    def bridges(self, anchor: int, count: int) -> Rows:
        """An image of each of the groups nearest to the anchor's."""
        vectors, found = self.corpus.vectors, list[tuple[float, int]]()
        mean_D = vectors[self.group_N == self.group_N[anchor]].mean(axis=0)
        for group in self.groups():
            if self.is_open(anchor, int(group[0])):
                centre_D = vectors[group].mean(axis=0)
                nearest = int(group[(vectors[group] @ mean_D).argmax()])
                found.append((float(centre_D @ mean_D / np.linalg.norm(centre_D)), nearest))
        return np.array([row for _, row in sorted(found, reverse=True)[:count]], dtype=np.int64)

    def adaptation(self, groups: list[Rows]) -> Adaptation | None:
        """What groups make of the space."""
        return self.corpus.space.fit(groups, [self.strangers(group) for group in groups]) if groups else None
