"""Whole runs of an adapter behind lite0, at 32 px and on a few images."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.training.config.presets import preset
from samekind.training.config.train_config import TrainConfig
from samekind.training.features.feature_encoder import FeatureEncoder
from samekind.training.features.training_features import load_training_features
from samekind.training.features.views import CachedViews
from samekind.training.models.adapter import ResidualAdapter
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.models.whitening import whitened
from samekind.training.run import fallback
from samekind.training.run.train import train
from samekind.training.runtime import array_file
from samekind.training.runtime.artefact import WEIGHTS
from samekind.training.runtime.cache_folder import cache_entries
from tests.training.runs import Lines, config, corpus, interrupted_at, without_times

SIZE = 32


def adapting(**overrides: Any) -> TrainConfig:
    """An adapter of a second."""
    settings = {"backbone": "lite0", "image_size": SIZE, "views": 2, "adapter_hidden": 16, "projector_dim": 0}
    return config(**{**settings, "objective": "info_nce", "epochs": 2, **overrides})


def test_an_adapter_that_has_learned_nothing_changes_nothing() -> None:
    """Zero-initialised: the embedding is that of the frozen encoder, bit for bit."""
    adapter, unit = ResidualAdapter(8, 4), torch.nn.functional.normalize(torch.randn(5, 8), dim=1)
    assert torch.equal(adapter(unit), unit)


def test_views_are_two_different_ones_and_follow_the_seed() -> None:
    """Of every image; all pairs occur about equally often."""
    stored = np.arange(4, dtype=np.float16)[None, :, None].repeat(3000, axis=0)
    first, second = CachedViews().batch(stored, (1, 2))
    assert (first != second).all()
    again = CachedViews().batch(stored, (1, 2))
    assert np.array_equal(first, again[0])
    assert np.array_equal(second, again[1])
    pairs = np.unique(np.concatenate([first, second], axis=1), axis=0, return_counts=True)[1]
    assert len(pairs) == 12
    assert pairs.min() > 170  # of 250 expected: six standard deviations


def test_training_sees_what_the_frozen_encoder_gives() -> None:
    """The cached vectors are its whitened embeddings, and the whitening is fitted to the images in training."""
    encoder, images = resolve_encoder("lite0", SIZE), corpus()
    loaded = load_training_features(images.split("train"), adapting(), encoder, NoProgress())
    pictures = [images.image(row).convert("RGB") for row in range(60)]
    np.testing.assert_allclose(loaded.pixels[:], encoder.embed_images(pictures), atol=3e-3)
    assert loaded.views is not None
    assert loaded.views.shape == (60, 2, encoder.dim)
    assert loaded.viewed is loaded.views


def test_an_adapter_stands_on_two_crops_of_each_image(tmp_path: Path) -> None:
    """Artefact and cached vectors agree: whoever embeds an image with what was trained looks at it twice."""
    images = corpus()
    run = train(images, adapting(crops=2), tmp_path)
    assert run.encoder.spec.crops == 2
    loaded = load_training_features(images.split("train"), adapting(crops=2), run.encoder, NoProgress())
    pictures = [images.image(row).convert("RGB") for row in range(60)]
    np.testing.assert_allclose(
        FeatureEncoder(run.encoder).features(loaded.pixels[:]), run.encoder.embed_images(pictures), atol=3e-3
    )


def test_the_whitening_of_a_run_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed adapter stands on the axes that it began with; other images or another exponent have a whitening of their own."""
    by_image = partial(adapting, hold_out_by="image")  # so that another seed has other images in training
    images = corpus(count=72).split("train")
    first = load_training_features(images, by_image(), resolve_encoder("lite0", SIZE), NoProgress())
    other = load_training_features(images, by_image(whitening=0.3), resolve_encoder("lite0", SIZE), NoProgress())
    assert not np.array_equal(other.pixels[:], first.pixels[:])
    monkeypatch.setattr("samekind.training.features.training_features.whiten", None)
    again = load_training_features(images, by_image(), resolve_encoder("lite0", SIZE), NoProgress())
    assert np.array_equal(again.pixels[:], first.pixels[:])
    with pytest.raises(TypeError):  # it would have to be fitted
        load_training_features(images, by_image(seed=1), resolve_encoder("lite0", SIZE), NoProgress())


def test_near_duplicates_are_held_out_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slightly noisy copies of a picture are in training or held out, never both; the lines and the summary say by what."""
    random = np.random.default_rng(1)
    scenes = np.kron(random.integers(0, 256, (40, 4, 4, 3)), np.ones((1, 8, 8, 1)))
    shots = (scenes.repeat(3, axis=0) + random.integers(0, 6, (120, 32, 32, 3))).clip(0, 255).astype(np.uint8)
    labels = [f"class {scene % 2}" for scene in range(40) for _ in range(3)]
    photos = Corpus.from_arrays(shots, labels, name="photos", source={"corpus": "nowhere"})
    loaded = load_training_features(photos, adapting(), resolve_encoder("lite0", SIZE), NoProgress())
    fit, held = (set((rows // 3).tolist()) for rows in (loaded.fit, loaded.hold_out))
    assert 9 <= len(loaded.hold_out) <= 12
    assert not fit & held
    by_image = load_training_features(
        photos, adapting(hold_out_by="image"), resolve_encoder("lite0", SIZE), NoProgress()
    )
    assert set((by_image.fit // 3).tolist()) & set((by_image.hold_out // 3).tolist())
    monkeypatch.setattr("samekind.training.features.training_features.neighbour_groups", None)  # they are found once
    told: list[str] = []
    progress = NoProgress()
    monkeypatch.setattr(progress, "print", told.append)
    run = train(photos, adapting(seed=1, whitening=0.3), tmp_path, progress=progress)
    assert any("held out by near duplicates)" in line for line in told)
    assert any("(hold-out by near duplicates)" in line for line in told)
    assert run.summary["hold_out_by"] == "near_duplicates"


def test_the_adapter_is_trained_and_the_backbone_stays(tmp_path: Path) -> None:
    """The artefact is lite0 with a trained adapter; its embedding is that of the engine's end on cached vectors."""
    images = corpus()
    run = train(images, adapting(), tmp_path)
    encoder, frozen = run.encoder, resolve_encoder("lite0", SIZE)
    for name, tensor in frozen.backbone.state_dict().items():
        assert torch.equal(encoder.backbone.state_dict()[name], tensor), name
    assert encoder.adapter is not None
    assert encoder.adapter.fall.weight.abs().max() > 0
    loaded = load_training_features(images.split("train"), adapting(), encoder, NoProgress())
    by_parts = FeatureEncoder(encoder).embed(loaded.pixels)
    whole = encoder.embed_images([images.image(row) for row in range(60)])
    np.testing.assert_allclose(by_parts, whole, atol=3e-3)
    assert run.summary["num_test"] == 20


@pytest.mark.parametrize(
    "detector", ["oracle", "threshold", "quantile", "reciprocal", "relation", "combined", "cluster"]
)
def test_every_kind_of_detector_treats_adapters(detector: str, tmp_path: Path) -> None:
    """Those that read embeddings, batches, descriptions and labels."""
    run = train(corpus(), adapting(treatment="soft_attract", detector=detector, treatment_start=0.0), tmp_path)
    assert run.history[-1]["detector"] is not None


@pytest.mark.parametrize("changes", [{}, {"objective": "supervised"}, {"queue_size": 64, "treatment": "none"}])
def test_the_preset_trains(changes: dict[str, Any], tmp_path: Path) -> None:
    """What a folder of photos gets; also with an objective that takes no treatment, and with a queue."""
    small = {"image_size": SIZE, "views": 2, "batch_size": 32, "epochs": 2, "device": "cpu", "workers": 0}
    run = train(corpus(), preset("adapter", **small, **changes), tmp_path)
    assert run.encoder.adapter is not None
    assert run.encoder.adapter.fall.weight.abs().max() > 0


def test_an_interrupted_adapter_continues_bitwise(tmp_path: Path) -> None:
    """The same weights and figures as without the interruption."""
    settings = adapting(treatment="soft_attract", detector="combined")
    whole = train(corpus(), settings, tmp_path / "whole")
    with interrupted_at(4):
        train(corpus(), settings, tmp_path / "cut")
    cut = train(corpus(), settings, tmp_path / "cut")
    assert (tmp_path / "cut" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    assert without_times(cut.history) == without_times(whole.history)


def test_an_adapter_on_vectors_from_disk_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and figures, byte for byte; the whitened vectors lie in the cache then, and another whitening has others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    settings = adapting(treatment="soft_attract", detector="combined")
    memory = train(corpus(), settings, tmp_path / "memory")
    assert [entry.kind for entry in cache_entries()] == ["features"]
    monkeypatch.setattr(array_file, "IN_MEMORY", 0)
    monkeypatch.setattr("samekind.training.features.training_features._BLOCK", 7)
    disk = train(corpus(), settings, tmp_path / "disk")
    assert (disk.out / WEIGHTS).read_bytes() == (memory.out / WEIGHTS).read_bytes()
    assert without_times(disk.history) == without_times(memory.history)
    train(corpus(), adapting(whitening=0.3), tmp_path / "other")
    assert sorted(entry.kind for entry in cache_entries()) == ["features", "vectors", "vectors"]
    assert not any(entry.in_use for entry in cache_entries())


def test_an_adapter_needs_a_pretrained_backbone() -> None:
    """Refused in one line that says what to add."""
    with pytest.raises(InputError, match="pretrained") as caught:
        config(train="adapter")
    assert "--backbone lite0" in caught.value.hint


def test_a_trained_adapter_shows_in_every_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the whole encoder and of its end on cached vectors alike, block by block; and its space is not whitened once more."""
    monkeypatch.setattr("samekind.training.features.feature_encoder._BLOCK", 20)
    encoder = resolve_encoder("lite0", SIZE)
    encoder.add_adapter(16)
    features = np.random.default_rng(0).normal(size=(50, encoder.feature_dim)).astype(np.float32)
    before = encoder.embed_features(features)
    assert encoder.adapter is not None
    torch.nn.init.normal_(encoder.adapter.fall.weight, std=0.3)
    after, end = encoder.embed_features(features), FeatureEncoder(encoder)
    assert (before * after).sum(1).max() < 0.99
    np.testing.assert_allclose(end.embed(before), after, atol=1e-6)
    again = whitened(end.fitted_whitening(after, 0.5, encoder.dim), after)
    np.testing.assert_allclose(again, after, atol=1e-6)


@pytest.mark.parametrize(("gain", "kept"), [(0.01, True), (0.0, False), (-0.01, False)])
def test_an_adapter_that_gains_nothing_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gain: float, kept: bool
) -> None:
    """The artefact is then the frozen encoder, to the last bit but for the second unit norm; a line and the summary say so."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def measured(frozen: torch.Tensor, adapted: torch.Tensor, k: int) -> float:
        assert k == 5
        seen.append((frozen, adapted))
        return gain

    monkeypatch.setattr(fallback, "FEWEST", 10)
    monkeypatch.setattr(fallback, "neighbourhood_gain", measured)
    told: list[str] = []
    progress = NoProgress()
    monkeypatch.setattr(progress, "print", told.append)
    images = corpus()
    run = train(images, adapting(learning_rate=0.01), tmp_path, progress=progress)
    frozen, adapted = seen[0]
    assert frozen.shape == adapted.shape == (len(seen[0][0]), 3, run.encoder.dim)
    assert (frozen - adapted).abs().max() > 1e-3
    assert (run.summary["adapter_gain"], run.summary["adapter_kept"]) == (gain, kept)
    assert any("the frozen space is kept" in line for line in told) == (not kept)
    encoder = run.encoder
    assert encoder.adapter is not None
    assert bool(encoder.adapter.fall.weight.abs().max() > 0) == kept
    pictures = [images.image(row).convert("RGB") for row in range(8)]
    trained = encoder.embed_images(pictures)
    encoder.adapter = None
    assert np.allclose(trained, encoder.embed_images(pictures), atol=1e-6) == (not kept)


@pytest.mark.parametrize("changes", [{"objective": "supervised"}, {"fall_back": False}, {"train": "all", "epochs": 1}])
def test_who_is_not_asked_what_was_gained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """Who knows labels, who does not want to, and a whole encoder; of few images nobody is, and a line says so."""
    monkeypatch.setattr(fallback, "neighbourhood_gain", None)
    told = Lines()
    assert "adapter_gain" not in train(corpus(), adapting(), tmp_path / "few", progress=told).summary
    assert any(
        "images are too few to tell without labels whether it has gained anything" in line for line in told.lines
    )
    monkeypatch.setattr(fallback, "FEWEST", 10)
    assert "adapter_gain" not in train(corpus(count=40), adapting(**changes), tmp_path / "run").summary
