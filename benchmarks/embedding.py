"""Images a second of `samekind index` with `lite0`, against the bare model on tensors that are ready.

    python -m benchmarks.embedding FOLDER [--images 200] [--rounds 5] [--batches 1 4 16 64] [--whitening 0]

An index of half of the images and one of all are built: what an image more costs is the difference, without what every index costs once.
Take at least 2,600 images, so that both have the whitening of large ones, whose neighbours cost more with every image up to 5,000; or take
none at all, and see what each image costs from then on. The model runs on at most 200 of the photos, in batches of
several sizes, in torch, with all threads together and with one alone, and in onnxruntime where it is installed; all in turn, so that a
busy moment meets all of them; what is printed are medians.
Seconds are those of the processor: beside other work they stay what they are, while the clock runs on.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

import samekind
from samekind.data.types.images import Pixels
from samekind.indexer.building.engines.engine import load_image
from samekind.training.models.encoder import Encoder
from samekind.training.models.inference import quick_backbone
from samekind.training.models.inference.lite0_graph import IMAGES
from samekind.training.models.pretrained.lite0_network import Lite0
from samekind.training.models.pretrained.resolve import resolve_encoder

HALF, WHOLE, MORE = "samekind index, half of the images", "samekind index", "samekind index, an image more"
SOME = 200


def main() -> None:
    """Prints a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whitening", type=float, help="0: none is fitted")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 64])
    given = parser.parse_args()
    corpus = _mixed(samekind.load_corpus(given.folder), given.images)
    some, half = corpus.subset(range(min(SOME, len(corpus)))), corpus.subset(range(len(corpus) // 2))
    encoder = resolve_encoder("lite0")
    pixels = np.stack([load_image(some, encoder.spec, row).pixels for row in range(len(some))])
    works: dict[str, Callable[[], object]] = {
        **{f"model, {size} at once": _model(encoder, pixels, size, torch.get_num_threads()) for size in given.batches},
        **{f"model, {size}, one thread": _model(encoder, pixels, size, 1) for size in given.batches},
        **_in_onnxruntime(encoder, pixels),
        "model, as it is run": lambda: encoder.features(pixels),
        "decoding alone": lambda: [some.image(row) for row in range(len(some))],
        "decoding, thumbnails": lambda: [load_image(some, encoder.spec, row) for row in range(len(some))],
        HALF: lambda: _index(half, given.whitening),
        WHOLE: lambda: _index(corpus, given.whitening),
    }
    seconds = _seconds(works, given.rounds)
    each = {name: spent / {HALF: len(half), WHOLE: len(corpus)}.get(name, len(some)) for name, spent in seconds.items()}
    each[MORE] = (seconds[WHOLE] - seconds[HALF]) / (len(corpus) - len(half))
    for name, spent in each.items():
        print(f"{name:36} {1 / spent:7.1f} images a second of processor time, {1000 * spent:6.2f} ms each")
    models = {name: spent for name, spent in each.items() if name.startswith("model, ")}
    del models["model, as it is run"]
    best = min(models.values())
    print(
        f"the best of the bare model is that of {min(models, key=lambda name: models[name])}; samekind index reaches of it"
    )
    print(f"{best / each[WHOLE]:.1%} with {len(corpus):,} images, and {best / each[MORE]:.1%} with each image more")
    print(
        f"more than {best / (best + each['decoding alone']):.1%} is out of reach on one core: files have to be decoded"
    )


def _mixed(corpus: samekind.Corpus, images: int) -> samekind.Corpus:
    """A seeded choice, so that each half has all sorts of images."""
    return corpus.subset(np.random.default_rng(0).permutation(len(corpus))[:images].tolist())


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
    if find_spec("onnxruntime") is None:
        return {}
    assert isinstance(encoder.backbone, Lite0)
    session = quick_backbone._session(encoder.backbone)
    normal = encoder.normalise(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).contiguous()
    batches = [batch.numpy() for batch in normal.split(4)]
    return {"model, onnxruntime": lambda: [session.run(None, {IMAGES: batch}) for batch in batches]}


def _index(corpus: samekind.Corpus, whitening: float | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        samekind.build_index(corpus, "lite0", folder, whitening=whitening)


def _seconds(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median over the rounds, after one without an index that is not counted, of seconds of processor time."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for name, work in works.items():
        if name not in (HALF, WHOLE):
            work()
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            work()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(each) for name, each in seconds.items()}


if __name__ == "__main__":
    main()
