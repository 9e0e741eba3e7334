"""Streams of one thread: the vectors of one thread alone, whatever the number of streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from samekind.training.models.encoder import Encoder
from samekind.training.models.streams import images_at_once, in_streams
from samekind.training.models.whitening import Whitening
from tests.training.models.test_encoder import SPEC, pixels

TIMM = replace(SPEC, backbone="timm/test_byobnet", image_size=64, channels=3, dim=0, mean=(0.3,) * 3, std=(0.2,) * 3)


@pytest.fixture
def three_threads() -> Iterator[None]:
    """torch has three threads for as long as the test runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_vectors_do_not_depend_on_the_number_of_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, over batches of which the last is short."""
    torch.manual_seed(0)
    encoder, images, inside = Encoder(TIMM), pixels(5, 64, 3), []
    monkeypatch.setattr("samekind.training.models.streams._CACHED_PIXELS", 2 * 64 * 64)
    original = encoder.backbone.forward

    def forward(batch: torch.Tensor) -> torch.Tensor:
        inside.append(torch.get_num_threads())
        features: torch.Tensor = original(batch)
        return features

    monkeypatch.setattr(encoder.backbone, "forward", forward)
    several = encoder.features(images)
    assert inside == [1] * 3
    torch.set_num_threads(1)
    np.testing.assert_array_equal(encoder.features(images), several)
    assert np.ptp(several, axis=0).max() > 0


@pytest.mark.usefixtures("three_threads")
def test_who_runs_in_streams() -> None:
    """Whatever is on a CPU, a library's backbones in small batches; what is on a GPU, in one and in the batches asked for."""
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert list(in_streams(cpu, lambda _: torch.get_num_threads(), range(2))) == [1, 1]
    assert list(in_streams(gpu, lambda _: torch.get_num_threads(), range(2))) == [3, 3]
    assert images_at_once("timm/resnet18", 224, cpu) == 4
    assert images_at_once("timm/resnet18", 512, cpu) == 1
    assert images_at_once("resnet-small", 64, cpu) == 128
    assert images_at_once("timm/resnet18", 224, gpu) > 1e6 < images_at_once("resnet-small", 64, gpu)


@pytest.mark.usefixtures("three_threads")
def test_our_own_vectors_do_not_depend_on_the_number_of_streams() -> None:
    """Bit for bit, over batches of which the last is short."""
    torch.manual_seed(0)
    encoder, images = Encoder(SPEC), pixels(300, SPEC.image_size, SPEC.channels)
    several = encoder.features(images)
    torch.set_num_threads(1)
    np.testing.assert_array_equal(encoder.features(images), several)


@pytest.mark.usefixtures("three_threads")
def test_a_whitening_is_fitted_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Axes are then the same, sign and all, on machines with other numbers of threads; the caller's threads come back."""
    original, seen = torch.linalg.eigh, []

    def eigh(covariance: torch.Tensor) -> object:
        seen.append(torch.get_num_threads())
        return original(covariance)

    monkeypatch.setattr(torch.linalg, "eigh", eigh)
    Whitening(8, 4).fit(torch.randn(50, 8), 0.5)
    assert seen == [1]
    assert torch.get_num_threads() == 3
