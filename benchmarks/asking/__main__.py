"""Ways to choose what a screen asks, compared on training images alone: gains of MAP@R per answer and per second of a person.

    python -m benchmarks.asking ARTEFACT [--seeds 3] [--counts 200 1000] [--ways today …]

A third of the training images, in whole groups of near copies, are queries; the others are asked about and found. An oracle annotator
answers from labels; the space is adapted as `samekind adapt` does it, without the guard. What is kept is `screens`, in
`samekind.indexer.labeling.screen_pool`; the other ways live here only. A person is taken to need 3 s for a look and 1.5 s for a click or a
name; of a screen, the fewer of *same* and *different* are clicked.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.asking.asked import CLICK, LOOK, Corpus, Rows, State
from samekind.indexer.labeling.screen_pool import IMAGES, MOST_BRIDGES

# D dimension, M images near an anchor

COMMITTEE, CONSIDERED = 5, 120
Pick = Callable[[State, int, int], Rows]


def plain(state: State, anchor: int, size: int) -> Rows:
    """Spread over the nearest, as deep as the answers suggest."""
    return state.spread(anchor, state.near(anchor, max(size, round(state.depth))), size)


def bridged(most: int) -> Pick:
    """The same, but up to that many places are groups'."""

    def pick(state: State, anchor: int, size: int) -> Rows:
        beside = state.bridges(anchor, min(most, size))
        near = state.near(anchor, max(size, round(state.depth)), beside)
        return np.concatenate([beside, state.spread(anchor, near, size - len(beside))])

    return pick


def expected_change(state: State, anchor: int, size: int) -> Rows:
    """By the probability of *same* times the norm, under W⁻¹, of the difference that the answer would add to W."""
    near, vectors = state.near(anchor, CONSIDERED), state.corpus.vectors
    now = state.adaptation(state.groups())
    map_DD = np.eye(vectors.shape[1]) if now is None else now.map_DD
    slope, threshold = (12.0, 0.5) if now is None else (now.slope, now.threshold)
    likely_M = 1 / (1 + np.exp(-slope * (state.corpus.similarity[anchor, near] - threshold)))
    change_M = np.square((vectors[near] - vectors[anchor]) @ map_DD).sum(axis=1)
    return near[np.argsort(-likely_M * change_M, kind="stable")[:size]]


def committee(state: State, anchor: int, size: int) -> Rows:
    """Those whose similarity to the anchor bootstrap adaptations disagree about most."""
    near, groups, votes = state.near(anchor, CONSIDERED), state.groups(), list[NDArray[np.float32]]()
    if len(groups) < 3:
        return plain(state, anchor, size)
    for _ in range(COMMITTEE):
        drawn = state.adaptation([groups[number] for number in state.random.integers(len(groups), size=len(groups))])
        assert drawn is not None
        mapped = drawn.mapped(state.corpus.vectors[[anchor, *near]])
        votes.append(mapped[1:] @ mapped[0])
    return near[np.argsort(-np.std(votes, axis=0), kind="stable")[:size]]


Way = Callable[[Corpus, int, int], State]


def by_screens(
    pick: Pick, size: int = IMAGES, anchor: Callable[[State], int] = State.drawn, *, joins: int = 0, named: bool = False
) -> Way:
    """A way to ask.

    Args:
        pick: the images of a screen.
        size: their number.
        anchor: which image a screen is about.
        joins: each screen of that number asks about groups alone.
        named: the class of a screen is named, too, so that screens of one class join.
    """

    def ask(corpus: Corpus, count: int, seed: int) -> State:
        state, heads = State(corpus, seed), dict[int, int]()
        while state.answers < count:
            about, room = anchor(state), min(size, count - state.answers)
            images = pick(state, about, room)
            if joins and state.screens % joins == joins - 1 and len(state.groups()) > 3:
                largest = max(state.groups(), key=len)
                joined = state.bridges(int(largest[0]), room)
                about, images = (int(largest[0]), joined) if len(joined) > 4 else (about, images)
            state.asked_N[about] += not len(images)
            if len(images):
                state.answer(about, images)
                if named:
                    head = heads.setdefault(int(corpus.classes[about]), about)
                    state.seconds += LOOK
                    state.say(head, about, True)
        return state

    return ask


def pairs(corpus: Corpus, count: int, seed: int) -> State:
    """Random images, each with one of its ten nearest."""
    state = State(corpus, seed)
    while state.answers < count:
        first = int(state.random.integers(len(corpus.vectors)))
        second = corpus.nearest[first, 1 + state.random.integers(10, size=1)]
        if state.is_open(first, int(second[0])):
            state.answer(first, second, LOOK + CLICK)
    return state


def names(corpus: Corpus, count: int, seed: int) -> State:
    """Class names of random images."""
    state, heads = State(corpus, seed), dict[int, int]()
    for row in state.random.choice(len(corpus.vectors), count, replace=False).tolist():
        state.say(heads.setdefault(int(corpus.classes[row]), row), row, True)
    for number, first in enumerate(heads.values()):
        for second in list(heads.values())[:number]:
            state.say(first, second, False)
    state.answers, state.seconds = count, count * (LOOK + CLICK)
    return state


WAYS: dict[str, Way] = {
    "screens": by_screens(bridged(MOST_BRIDGES)),
    "anchors at random": by_screens(bridged(MOST_BRIDGES), anchor=State.at_random),
    "anchors of greatest gain": by_screens(bridged(MOST_BRIDGES), anchor=State.greatest),
    "6 images": by_screens(bridged(MOST_BRIDGES), 6),
    "16 images": by_screens(bridged(MOST_BRIDGES), 16),
    "20 images, five bridges, anchors at random": by_screens(bridged(5), 20, State.at_random),
    "no bridges": by_screens(plain),
    "every third screen joins groups": by_screens(plain, joins=3),
    "expected change": by_screens(expected_change),
    "committee": by_screens(committee),
    "a name a screen": by_screens(bridged(MOST_BRIDGES), named=True),
    "random pairs": pairs,
    "class names": names,
}


def main() -> None:
    """Prints a line a way and number of answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefact", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="*", default=[200, 1000])
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    arguments = parser.parse_args()
    corpus = Corpus(arguments.artefact)
    asked, held = len(corpus.vectors), len(corpus.queries[1])
    print(
        f"{arguments.artefact.name}: {asked:,} images, {held:,} queries, MAP@R {corpus.start[0]:.3f}, k = 1 {corpus.start[1]:.3f}"
    )
    print(
        "| way | answers | seconds | MAP@R, points | by seed | k = 1 | MAP@R in 100 s |\n|---|---|---|---|---|---|---|"
    )
    for count in arguments.counts:
        for way in arguments.ways:
            states = [WAYS[way](corpus, count, seed) for seed in range(arguments.seeds)]
            gains = 100 * np.array([corpus.gain(state) for state in states])
            seconds, (gain, rank) = np.mean([state.seconds for state in states]), gains.mean(axis=0)
            seeds = ", ".join(f"{each:+.1f}" for each in gains[:, 0])
            print(
                f"| {way} | {count:,} | {seconds:.0f} | {gain:+.2f} | {seeds} | {rank:+.2f} | {100 * gain / seconds:+.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
