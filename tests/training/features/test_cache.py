from __future__ import annotations

import errno
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from samekind.core.errors import ArtefactError, ImageError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepare_corpus
from samekind.data.types.preprocessing import preprocessing_of
from samekind.data.views.policies import policy_for
from samekind.training.features.cache import FeatureCache
from samekind.training.models.encoder import Encoder, EncoderSpec
from tests.training.runs import corpus

SPEC = EncoderSpec("resnet-small", 16, 1, 0, (0.5,), (0.25,), width=4)


def tiny_encoder(seed: int = 0) -> Encoder:
    """Random weights, 16 px."""
    torch.manual_seed(seed)
    return Encoder(SPEC).eval()


def cache_of(images: Corpus, encoder: Encoder | None = None, **changes: Any) -> FeatureCache:
    """Three medium views of each image."""
    given = FeatureCache(encoder or tiny_encoder(), images, policy_for("", 1, "medium"), 3, 0)
    return replace(given, **changes)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_plain_image_comes_first_and_its_views_after_it() -> None:
    """Row by row what the encoder gives for the image itself, to float16; views differ from it and from each other."""
    images, encoder = corpus(count=40), tiny_encoder()
    features = cache_of(images, encoder).features(NoProgress())
    assert features.shape == (40, 4, encoder.feature_dim)
    plain = encoder.features(prepare_corpus(images, preprocessing_of(SPEC)))
    np.testing.assert_allclose(features[:, 0], plain, rtol=2e-3, atol=2e-3)
    for view in range(1, 4):
        for other in range(view):
            assert np.abs(features[:, view].astype(np.float32) - features[:, other]).max(axis=1).min() > 0.01


def test_it_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same images under the same encoder and policy are read from disk: nothing runs, and the file stays."""
    images = corpus(count=40)
    first = cache_of(images)
    stored = np.array(first.features(NoProgress()))
    monkeypatch.setattr(Encoder, "features", None)
    again = cache_of(images)
    assert again.file == first.file
    assert np.array_equal(again.features(NoProgress()), stored)


def test_whatever_decides_the_features_names_the_file() -> None:
    """Another image, order, encoder, policy, number of views or seed is another file; another whitening or adapter is not."""
    images, encoder = corpus(count=40), tiny_encoder()
    first = cache_of(images, encoder)
    others = [
        cache_of(images.subset([*range(39)]), encoder),
        cache_of(images.subset([1, 0, *range(2, 40)]), encoder),
        cache_of(images, tiny_encoder(1)),
        cache_of(images, encoder, policy=policy_for("", 1, "heavy")),
        cache_of(images, encoder, views=4),
        cache_of(images, encoder, seed=1),
    ]
    assert len({each.file for each in (first, *others)}) == 7
    adapted = tiny_encoder()
    adapted.renew_whitening(8)
    adapted.add_adapter(4)
    assert cache_of(images, adapted).file == first.file


def test_an_interrupted_computation_continues_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after two batches, the third is the next; the file is the very same as without the kill."""
    images = corpus(count=60)
    whole = np.array(cache_of(images, seed=0).features(NoProgress()))
    cut = cache_of(images)
    cut._mark.write_text(json.dumps({"done": 32}))
    stored = np.memmap(cut.file, np.float16, "r+", shape=cut.shape)
    stored[32:] = 0
    stored.flush()
    seen: list[int] = []
    features = Encoder.features

    def counted(self: Encoder, inputs: Any, *rest: Any) -> Any:
        seen.append(len(inputs))
        return features(self, inputs, *rest)

    monkeypatch.setattr(Encoder, "features", counted)
    assert np.array_equal(cut.features(NoProgress()), whole)
    assert sum(seen) == (60 - 32) * 4


def test_a_second_run_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that want the same features at once: one computes them, the other finds them."""
    images, passes, features = corpus(count=40), [], Encoder.features

    def counted(self: Encoder, inputs: Any, *rest: Any) -> Any:
        passes.append(len(inputs))
        return features(self, inputs, *rest)

    monkeypatch.setattr(Encoder, "features", counted)
    caches = [
        cache_of(images) for _ in range(2)
    ]  # before there are threads: both seed the one generator of random weights
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda cache: np.array(cache.features(NoProgress())), caches)
    assert np.array_equal(first, second)
    assert sum(passes) == 40 * 4


def test_a_damaged_mark_or_a_short_file_starts_anew() -> None:
    """Neither a truncated file nor an unreadable mark is trusted."""
    images = corpus(count=40)
    given = cache_of(images)
    whole = np.array(given.features(NoProgress()))
    for path, damage in ((given._mark, b"{"), (given.file, b"short")):
        path.write_bytes(damage)
        assert np.array_equal(cache_of(images).features(NoProgress()), whole)


def test_an_image_that_vanished_is_named(tmp_path: Path) -> None:
    """One line that names it; what has been computed stays."""
    for number in range(20):
        Image.new("L", (16, 16), number).save(tmp_path / f"{number:02}.png")
    images = Corpus.from_folder(tmp_path)
    (tmp_path / "17.png").unlink()
    with pytest.raises(ImageError, match=r"17\.png"):
        cache_of(images).features(NoProgress())
    assert cache_of(images)._done() == 16


def test_a_full_disk_is_told_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the size and what to do."""
    full = type("Usage", (), {"free": 1})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(ArtefactError, match="more than is free") as caught:
        cache_of(corpus(count=40)).features(NoProgress())
    assert "--views" in caught.value.hint


def test_room_that_is_not_there_after_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is allocated in full, so that a disk that is full fails here and not in the middle; nothing is left behind."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    given = cache_of(corpus(count=40))
    with pytest.raises(ArtefactError, match="more than is free"):
        given.features(NoProgress())
    assert not given.file.exists()
