"""k-NN accuracy without any encoder: raw pixels, and raw pixels under the same whitening that the encoder's features get.

    python -m benchmarks.pixel_baseline --corpus fashion-mnist

Bank: all training images, queries: the test split, k = 20 weighted by exp(cosine / 0.1). An encoder that does not beat the second figure
has learned nothing that a covariance matrix did not know.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

import samekind as sk
from samekind.comparison.machine import processor
from samekind.data.prepared import prepare_corpus
from samekind.data.types.preprocessing import Preprocessing
from samekind.training.diagnostics.accuracy import knn_accuracy
from samekind.training.models.whitening import Whitening
from samekind.training.training_set import label_numbers

EXPONENTS = (None, 0.25, 0.5)


def main() -> None:
    """Prints what was measured where, then one line a variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="fashion-mnist")
    parser.add_argument("--data-dir")
    parser.add_argument("--image-size", type=int, default=28)
    arguments = parser.parse_args()
    corpus = sk.load_corpus(arguments.corpus, data_dir=arguments.data_dir)
    classes = corpus.classes
    pixels, labels = {}, {}
    for name in ("train", "test"):
        part = corpus.split(name)
        prepared = prepare_corpus(part, Preprocessing(arguments.image_size, corpus.channels))
        pixels[name] = torch.from_numpy(prepared.reshape(len(part), -1)).float() / 255
        numbers = label_numbers(part.labels, classes)
        assert numbers is not None, f"{corpus.name} has no labels to measure with"
        labels[name] = numbers
    print(
        f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}, numpy {np.__version__}; {corpus.name}: "
        f"{len(labels['train']):,} training and {len(labels['test']):,} test images; nothing is random"
    )
    for exponent in EXPONENTS:
        bank, query = (_embed(pixels[name], pixels["train"], exponent) for name in ("train", "test"))
        accuracy = knn_accuracy(bank, labels["train"], query, labels["test"])
        print(
            f"{corpus.name}: {'raw pixels' if exponent is None else f'whitened with exponent {exponent}'}: {accuracy:.4f}"
        )


def _embed(pixels: torch.Tensor, train: torch.Tensor, exponent: float | None) -> NDArray[np.float32]:
    if exponent is not None:
        whitening = Whitening(pixels.shape[1], min(256, pixels.shape[1]))
        whitening.fit(train, exponent)
        pixels = whitening(pixels)
    unit: NDArray[np.float32] = functional.normalize(pixels, dim=1).numpy()
    return unit


if __name__ == "__main__":
    main()
