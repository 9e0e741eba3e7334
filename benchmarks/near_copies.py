"""Near copies made on purpose: how many the list of near duplicates finds, beside perceptual hashes.

    python -m benchmarks.near_copies grocery160.npz --out artifacts/near-copies

Of 300 training images (seed 0) one copy each is added, in turn: JPEG quality 30, half size, a crop of 5 % and of 10 % a side scaled back,
mirrored, darker (0.7). All images are indexed with `lite0`. A pair of an image and its copy is right, every other pair is wrong; photos of
one scene seconds apart are hard to tell from copies, so precision is a lower bound. Hashes (package `imagehash`, if it is installed; no
dependency) see the thumbnails that the pixels of our score come from, and rank all pairs, with and without mirroring one of the two.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import samekind as sk
from samekind.indexer.curation import near_duplicates as near

COPIES, PRECISION = 300, 0.9
KINDS = ("JPEG 30", "half size", "crop 5 %", "crop 10 %", "mirrored", "darker")


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    corpus, source = with_copies(sk.load_corpus(arguments.corpus).split("train"))
    index = sk.build_index(corpus, "lite0", arguments.out)
    place = {id_: number for number, id_ in enumerate(corpus.ids)}
    number = np.array([place[id_] for id_ in index.ids])
    found, _ = near.near_candidates(index, index.rows.numbered("sha256"))
    pair = np.sort(number[found.row_P2], axis=1)
    alike = found.similarity_P >= near.ALIKE
    listed, sure = near.zoomed(index, found).score_P[alike], found.similarity_P >= near.SURE_SIMILARITY
    table = {
        "ours": _figures(pair[alike], -listed, source),
        "ours, as listed": _at(pair[alike], -listed, source, -near.SAME_PICTURE),
        "ours, without zoom": _figures(pair[alike], -found.score_P[alike], source),
        "ours, sure": _at(pair[sure], -found.score_P[sure], source, -near.SURE_SCORE),
        "cosine": _figures(pair, -found.similarity_P, source),
    }
    if find_spec("imagehash"):
        encoded = index.thumbnails(corpus.ids)
        pictures = [Image.open(io.BytesIO(each)).convert("RGB") for each in encoded]
        for name, distance in hash_distances(pictures):
            pairs = np.stack(np.triu_indices(len(pictures), 1), axis=1)
            table[name] = _figures(pairs, distance[pairs[:, 0], pairs[:, 1]], source)
    print(json.dumps({"images": len(corpus), "copies": COPIES, "rankings": table}, indent=1))


def with_copies(corpus: sk.Corpus) -> tuple[sk.Corpus, NDArray[np.int64]]:
    """The images with copies of some behind them, and the number of each one's source (of the others their own)."""
    random, count = np.random.default_rng(0), len(corpus)
    images = [np.asarray(corpus.image(i).convert("RGB")) for i in range(count)]
    chosen = random.permutation(count)[:COPIES]
    for n, i in enumerate(chosen.tolist()):
        images.append(np.asarray(_copy(Image.fromarray(images[i]), KINDS[n % len(KINDS)], random)))
    ids = [f"image-{i:05d}" for i in range(count)] + [f"copy-{n:05d}" for n in range(len(chosen))]
    return sk.Corpus.from_arrays(images, None, ids=ids, name="near"), np.concatenate([np.arange(count), chosen])


def hash_distances(pictures: list[Image.Image]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Names and `(N, N)` Hamming distances."""
    library = import_module("imagehash")
    for name, size in (("phash", 8), ("phash", 16), ("dhash", 8), ("dhash", 16)):
        make = getattr(library, name)
        plain, mirrored = (
            np.stack([np.asarray(make(each, hash_size=size).hash).ravel() for each in turned]) * np.float32(2) - 1
            for turned in (pictures, [each.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for each in pictures])
        )
        distance = (size * size - plain @ plain.T) / 2
        yield f"{name}, {size * size} bits", distance
        yield f"{name}, {size * size} bits, also mirrored", np.minimum(distance, (size * size - mirrored @ plain.T) / 2)


def _copy(image: Image.Image, kind: str, random: np.random.Generator) -> Image.Image:
    width, height = image.size
    if kind == "JPEG 30":
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=30)
        return Image.open(stream).convert("RGB")
    if kind == "half size":
        return image.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    if kind == "mirrored":
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if kind == "darker":
        return Image.fromarray((np.asarray(image) * 0.7).astype(np.uint8))
    less = [int(side * (0.05 if kind == "crop 5 %" else 0.1)) for side in image.size]
    left, top = (int(random.integers(0, each + 1)) for each in less)
    box = (left, top, left + width - less[0], top + height - less[1])
    return image.crop(box).resize((width, height), Image.Resampling.BICUBIC)


def _figures(pairs: NDArray[np.int64], distance: NDArray[Any], source: NDArray[np.int64]) -> dict[str, Any]:
    """The greatest recall at a precision of 0.9, whole groups of equal distance at once, and what is found there."""
    order = np.argsort(distance, kind="stable")
    hit, sorted_ = _is_copy(pairs[order], source), distance[order]
    last = np.flatnonzero(np.append(sorted_[1:] != sorted_[:-1], True))
    good = last[np.cumsum(hit)[last] >= PRECISION * (last + 1)]
    return _at(pairs, distance, source, float(sorted_[good[-1]])) if len(good) else {"recall": 0.0}


def _at(pairs: NDArray[np.int64], distance: NDArray[Any], source: NDArray[np.int64], most: float) -> dict[str, Any]:
    """Recall, precision and recall by kind of the pairs up to a distance."""
    taken = pairs[distance <= most]
    hit = _is_copy(taken, source)
    kind = (taken[hit][:, 1] - (len(source) - COPIES)) % len(KINDS)
    return {
        "recall": round(float(hit.sum() / COPIES), 3),
        "precision": round(float(hit.mean()), 3),
        "distance": round(most, 4),
        "by_kind": {name: round(float((kind == n).sum() * len(KINDS) / COPIES), 2) for n, name in enumerate(KINDS)},
    }


def _is_copy(pairs: NDArray[np.int64], source: NDArray[np.int64]) -> NDArray[np.bool_]:
    first, second = pairs.T
    return np.asarray((second >= len(source) - COPIES) & (first < len(source) - COPIES) & (source[second] == first))


if __name__ == "__main__":
    main()
