"""Pairs a second of one method on one work, in this process, which is a fresh one.

Ours is `samekind.train` as users call it, stopped after some seconds. The peer is what its documentation has one write: `SimCLRTransform`,
`NTXentLoss`, a loader with two workers, and our network, number format and optimiser. The ceiling is a step on views that are ready.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

import samekind as sk
from samekind.comparison.machine import peak_memory_bytes
from samekind.comparison.stopwatch import EnoughError, Stopwatch
from samekind.data.types.images import Pixels
from samekind.training.config.presets import preset
from samekind.training.engine.networks import build_network
from samekind.training.engine.streams.network import StreamedNetwork
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.streams import one_thread
from samekind.training.objectives.functional import info_nce
from samekind.training.runtime.devices import autocast, use_bfloat16

WARM_UP, WORKERS = 3, 2
LEAST = 3
"""Steps that a measurement has at least: large networks take seconds a step, and `--seconds 0` only sees that all works."""
CPU = torch.device("cpu")


class _Watch(Stopwatch):
    """Also notes when the first step has been taken."""

    first: float | None = None

    def lap(self, seconds: float) -> None:
        """Adds a step."""
        self.first = self.first or time.perf_counter()
        super().lap(seconds)


def ours(corpus: sk.Corpus, settings: dict[str, Any], seconds: float) -> tuple[float, float]:
    """Steps a second, and seconds from the call to the end of the first step."""
    started, watch, asked = time.perf_counter(), _Watch(seconds, LEAST), {"epochs": 10_000, **settings}
    with TemporaryDirectory(prefix="samekind-timing-") as folder, contextlib.suppress(EnoughError):
        sk.train(corpus.split("train"), asked.pop("preset"), Path(folder), probe=False, progress=watch, **asked)
    assert watch.first is not None
    return len(watch.counted) / sum(watch.counted), watch.first - started


def peer(corpus: sk.Corpus, settings: dict[str, Any], seconds: float) -> float:
    """Steps a second of `lightly` with our network.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    pixels, grey = _pixels(corpus, settings), corpus.channels == 1
    lightly_loss: Any = importlib.import_module("lightly.loss")
    lightly_transforms: Any = importlib.import_module("lightly.transforms")
    transform = lightly_transforms.SimCLRTransform(input_size=pixels.shape[1], **({"normalize": None} if grey else {}))

    class Views(Dataset[list[Tensor]]):
        def __len__(self) -> int:
            return len(pixels)

        def __getitem__(self, row: int) -> list[Tensor]:
            views: list[Tensor] = transform(Image.fromarray(pixels[row, :, :, 0] if grey else pixels[row]))
            return views

    loader = DataLoader(
        Views(),
        settings["batch_size"],
        shuffle=True,
        drop_last=True,
        num_workers=WORKERS,
        persistent_workers=True,
        prefetch_factor=4,
    )

    def batches() -> Iterator[Tensor]:
        while True:
            for first, second in loader:
                yield torch.cat([first, second])

    network, criterion = _network(pixels, settings), lightly_loss.NTXentLoss(temperature=0.2)
    return _rate(network, lambda first, second: criterion(first, second), batches(), seconds)


def ceiling(corpus: sk.Corpus, settings: dict[str, Any], seconds: float) -> float:
    """Steps a second of our step on the same tensors again and again."""
    pixels = _pixels(corpus, settings)
    network = _network(pixels, settings)
    views = torch.rand(2 * settings["batch_size"], pixels.shape[3], *pixels.shape[1:3]).to(
        memory_format=torch.channels_last
    )
    threads = torch.get_num_threads()
    streamed = StreamedNetwork(network, threads) if threads > 1 else network
    with one_thread():
        return _rate(streamed, info_nce, _again(views), seconds)


def peak_mib() -> float:
    """High-water mark of this process; processes that make views are not in it."""
    return (peak_memory_bytes() or 0) / 2**20


def _again(views: Tensor) -> Iterator[Tensor]:
    while True:
        yield views


def _pixels(corpus: sk.Corpus, settings: dict[str, Any]) -> Pixels:
    """`(N, S, S, C)` uint8 of the images that are trained on, up to 5,000: a peer needs no more to be timed."""
    train = corpus.split("train")
    native = train.native_array
    if native is not None and native.shape[1] == settings.get("image_size", native.shape[1]):
        return np.ascontiguousarray(native[:5000]).reshape(-1, *native.shape[1:3], corpus.channels)
    side = settings.get("image_size", 64)
    pictures = (train.image(row).convert("RGB").resize((side, side)) for row in range(min(5000, len(train))))
    return np.stack([np.asarray(picture) for picture in pictures])


def _network(pixels: Pixels, settings: dict[str, Any]) -> torch.nn.Module:
    config = preset(**{"name": "small", **settings})
    channels = pixels.shape[3]
    spec = EncoderSpec(
        config.backbone.removesuffix("@none"), pixels.shape[1], channels, 0, (0.5,) * channels, (0.25,) * channels,
        config.width, config.stem_stride, config.pool,
    )  # fmt: skip
    torch.manual_seed(0)
    return build_network(config, Encoder(spec)).to(memory_format=torch.channels_last).train()


def _rate(
    network: torch.nn.Module, loss: Callable[[Tensor, Tensor], Tensor], batches: Iterator[Tensor], seconds: float
) -> float:
    """Steps a second after the first few."""
    optimizer, bfloat16, taken = torch.optim.AdamW(network.parameters()), use_bfloat16("auto", CPU), 0
    started = time.perf_counter()
    for number, views in enumerate(batches):
        if number == WARM_UP:
            started = time.perf_counter()
        optimizer.zero_grad()
        with autocast(CPU, bfloat16):
            projection = network(views.contiguous(memory_format=torch.channels_last))
        loss(*projection.float().chunk(2)).backward()
        optimizer.step()
        taken = number + 1 - WARM_UP
        if taken >= LEAST and time.perf_counter() - started >= seconds:
            break
    return taken / (time.perf_counter() - started)
