"""How much of a space a map keeps, and how long it takes: ours beside t-SNE (scikit-learn) and UMAP.

    python -m benchmarks.maps.layout digits fashion-mnist:20000 fashion-mnist artifacts/photos --seeds 0 1 2
    pip install --target /tmp/umap --no-deps umap-learn pynndescent numba llvmlite    # no dependency of ours
    python -m benchmarks.maps.layout digits artifacts/photos --umap /tmp/umap

A space is the pixels of `digits`, the first 50 principal components of those of Fashion-MNIST (of its first N images), or the vectors of an
artefact; all scaled to unit norm. t-SNE runs up to 5,000 images. Settings are the libraries' own, with the cosine as metric and 15
neighbours for UMAP, as for ours; all on one thread, and UMAP once before its clock starts, so that it is compiled. Figures are for ten
neighbours (`samekind.indexer.map.kept`), without labels.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

import samekind as sk
from samekind.indexer.map.kept import kept
from samekind.indexer.map.neighbour_embedding import NEIGHBOURS, STEPS, embed_neighbours
from samekind.training.neighbours import nearest_others

Float32 = NDArray[np.float32]
Layout = Callable[[Float32, int], Float32]
COMPONENTS, MOST_FOR_TSNE = 50, 5000


def main() -> None:
    """Prints one JSON object a line: space, method, seed, figures and seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, nargs="*", default=[STEPS], help="of our own")
    parser.add_argument("--umap", type=Path, help="a folder that pip installed umap-learn into")
    parser.add_argument("--no-tsne", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    methods: dict[str, Layout] = {f"ours, {steps} steps": _ours(steps) for steps in arguments.steps}
    if not arguments.no_tsne:
        methods["t-SNE"] = _tsne
    if arguments.umap is not None:
        methods["UMAP"] = _umap(arguments.umap)
    for name in arguments.spaces:
        vectors_ND = space(name)
        for method, layout in methods.items():
            if method == "t-SNE" and len(vectors_ND) > MOST_FOR_TSNE:
                continue
            for seed in arguments.seeds:
                started = time.perf_counter()
                points = layout(vectors_ND, seed)
                seconds = time.perf_counter() - started
                found = kept(torch.from_numpy(vectors_ND), torch.from_numpy(points))
                assert found is not None
                line = {"space": name, "images": len(vectors_ND), "method": method, "seed": seed, "seconds": seconds}
                print(json.dumps({**line, **vars(found)}), flush=True)


def space(name: str) -> Float32:
    """Unit vectors by name."""
    corpus, _, count = name.partition(":")
    if Path(name).is_dir():
        return sk.Index.open(name).vectors()
    pixels = sk.load_corpus(corpus).native_array
    assert pixels is not None
    rows = torch.from_numpy(np.asarray(pixels)[: int(count) if count else None].reshape(-1, pixels[0].size)).float()
    rows -= rows.mean(0)
    if rows.shape[1] > COMPONENTS:
        rows = rows @ torch.linalg.eigh(rows.T @ rows / len(rows))[1][:, -COMPONENTS:]
    unit: Float32 = functional.normalize(rows, dim=1).numpy()
    return unit


def _ours(steps: int) -> Layout:
    def layout(vectors_ND: Float32, seed: int) -> Float32:
        vectors = torch.from_numpy(vectors_ND)
        points: Float32 = embed_neighbours(vectors, nearest_others(vectors, NEIGHBOURS), seed=seed, steps=steps).numpy()
        return points

    return layout


def _tsne(vectors_ND: Float32, seed: int) -> Float32:
    from sklearn.manifold import TSNE

    points: Float32 = TSNE(metric="cosine", random_state=seed, n_jobs=1).fit_transform(vectors_ND)
    return points


def _umap(folder: Path) -> Layout:
    sys.path.append(str(folder))
    started = time.perf_counter()
    library = import_module("umap")
    print(json.dumps({"import of UMAP": time.perf_counter() - started}), flush=True)

    def layout(vectors_ND: Float32, seed: int) -> Float32:
        made = library.UMAP(n_neighbors=NEIGHBOURS, metric="cosine", random_state=seed, n_jobs=1)
        points: Float32 = np.ascontiguousarray(made.fit_transform(vectors_ND), dtype=np.float32)
        return points

    for count in (500, 5000):  # two ways to find neighbours, each compiled when it is first used
        layout(np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32), 0)
    return layout


if __name__ == "__main__":
    main()
