"""An artefact of any size with pictures, without a network: handwritten digits with noise, and random vectors in clusters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import samekind as sk
from samekind.data.types.splits import Split
from samekind.indexer.storage.layout import MANIFEST

DIM, SIDE, CLUSTERS, NOISE = 128, 28, 200, 0.09
"""`NOISE`: a row is its cluster's centre plus this much of a standard normal vector: rows of a cluster have a mean cosine of about 0.5."""
MISPLACED = 0.05
"""Share of the images whose vector lies in a cluster of any class: without these no list of the demo would have an entry."""


def make(rows: int, out: Path) -> Path:
    """Leaves an index of that many images in ten classes in `out`, with a random map; one that is finished is kept.

    Every image is one of scikit-learn's digits at 28 × 28 with noise of its own, so that no two are copies. The map is not laid out (that
    takes minutes): the points of a cluster lie together.
    """
    if (out / MANIFEST).exists():
        return out
    random = np.random.default_rng(0)
    digits = sk.load_corpus("digits")
    assert digits.native_array is not None
    assert digits.labels is not None
    drawn_N = random.integers(0, len(digits.labels), rows)
    labels = [digits.labels[drawn] for drawn in drawn_N]
    names = sorted(set(labels), key=str)
    number_N = np.array([names.index(label) for label in labels])
    moved_N = random.random(rows) < MISPLACED
    number_N[moved_N] = random.integers(0, len(names), int(moved_N.sum()))
    cluster_N = random.integers(0, CLUSTERS // len(names), rows) * len(names) + number_N
    splits: list[Split] = ["train" if place % 7 else "test" for place in range(rows)]
    corpus = sk.Corpus.from_arrays(
        _pictures(np.asarray(digits.native_array), drawn_N, random), labels, splits, name="digits"
    )
    centre_CD = random.normal(size=(CLUSTERS, DIM)).astype(np.float32)
    centre_CD /= np.linalg.norm(centre_CD, axis=1, keepdims=True)
    vectors_ND = centre_CD[cluster_N] + NOISE * random.normal(size=(rows, DIM)).astype(np.float32)
    index = sk.index_vectors(vectors_ND, corpus.ids, out, corpus=corpus, made_by="random clusters")
    place_N2 = 10 * random.normal(size=(CLUSTERS, 2))[cluster_N] + random.normal(size=(rows, 2))
    sk.ImageMap(place_N2.astype(np.float32), index.state, None, 0, None, None, "random").write(out)
    return out


def _pictures(digits: NDArray[np.uint8], drawn_N: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.uint8]:
    """`(N, SIDE, SIDE)` uint8: the drawn digits, enlarged pixel by pixel, with noise."""
    times = -(-SIDE // digits.shape[1])
    large = digits.repeat(times, axis=1).repeat(times, axis=2)[:, :SIDE, :SIDE]
    noise = random.integers(0, 32, (len(drawn_N), SIDE, SIDE), dtype=np.uint8)
    pictures: NDArray[np.uint8] = np.minimum(large[drawn_N], 223) + noise
    return pictures
