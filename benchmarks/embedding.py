"""Images a second of `samekind index` with `lite0`, against the bare model on tensors that are ready.

    python -m benchmarks.embedding FOLDER [--images 200] [--rounds 5] [--batches 1 4 16 64]

The model runs in batches of several sizes, in torch, with all threads together and with one alone, and in onnxruntime where it is
installed; and a whole index is built of the same photos, in turn, so that a busy moment meets all of them; what is printed are medians.
Seconds are those of the processor: beside other work they stay what they are, while the clock runs on.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import samekind
from samekind.data.types.images import Pixels
from samekind.indexer.building.embed import load_image
from samekind.training.models.encoder import Encoder
from samekind.training.models.inference.quick_backbone import QuickBackbone
from samekind.training.models.pretrained.resolve import resolve_encoder

ONNXRUNTIME = "model, onnxruntime"


def main() -> None:
    """Prints a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 64])
    given = parser.parse_args()
    corpus = samekind.load_corpus(given.folder, limit=given.images)
    encoder = resolve_encoder("lite0")
    pixels = np.stack([load_image(corpus, encoder.spec, row).pixels for row in range(len(corpus))])
    works: dict[str, Callable[[], object]] = {
        **{f"model, {size} at once": _model(encoder, pixels, size, torch.get_num_threads()) for size in given.batches},
        **{f"model, {size}, one thread": _model(encoder, pixels, size, 1) for size in given.batches},
        **_in_onnxruntime(encoder, pixels),
        "model, as it is run": lambda: encoder.features(pixels),
        "decoding alone": lambda: [corpus.image(row) for row in range(len(corpus))],
        "decoding, thumbnails": lambda: [load_image(corpus, encoder.spec, row) for row in range(len(corpus))],
        "samekind index": lambda: _index(corpus),
    }
    rates = _rates(works, len(corpus), given.rounds)
    for name, rate in rates.items():
        print(f"{name:22} {rate:7.1f} images a second of processor time")
    index, decoding = rates["samekind index"], rates["decoding alone"]
    models = {
        name: rate for name, rate in rates.items() if name.startswith("model, ") and name != "model, as it is run"
    }
    in_torch = max(rate for name, rate in models.items() if name != ONNXRUNTIME)
    best = max(models.values())
    print(
        f"samekind index reaches {index / in_torch:.0%} of the bare model in torch, {index / best:.0%} of it at its best"
    )
    print(f"more than {decoding / (decoding + best):.0%} cannot be reached on one core: files have to be decoded")


def _model(encoder: Encoder, pixels: Pixels, size: int, threads: int) -> Callable[[], object]:
    """The backbone alone, on normalised tensors."""
    before = torch.get_num_threads()
    batches = encoder.normalise(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).split(size)

    @torch.inference_mode()
    def run() -> list[torch.Tensor]:
        torch.set_num_threads(threads)
        try:
            return [encoder.backbone(batch) for batch in batches]
        finally:
            torch.set_num_threads(before)

    return run


def _in_onnxruntime(encoder: Encoder, pixels: Pixels) -> dict[str, Callable[[], object]]:
    """The same there, if it is installed."""
    run = QuickBackbone().of(encoder.backbone, len(pixels))
    batches = encoder.normalise(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).contiguous().split(4)
    return {} if run is encoder.backbone else {ONNXRUNTIME: lambda: [run(batch) for batch in batches]}


def _index(corpus: samekind.Corpus) -> None:
    with tempfile.TemporaryDirectory() as folder:
        samekind.build_index(corpus, "lite0", folder)


def _rates(works: dict[str, Callable[[], object]], images: int, rounds: int) -> dict[str, float]:
    """Median over the rounds, after one that is not counted, of images a second of processor time."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            start = time.process_time()
            work()
            seconds[name].append(time.process_time() - start)
    return {name: images / statistics.median(each[1:]) for name, each in seconds.items()}


if __name__ == "__main__":
    main()
