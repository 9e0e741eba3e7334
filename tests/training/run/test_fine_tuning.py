"""Whole runs that train a pretrained backbone further (lite0 at 32 px, a few images), and runs whose weights are averaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.epoch_space import epoch_space
from samekind.training.engine.networks import build_network, projection_dim
from samekind.training.false_negatives.build_detector import describe_images
from samekind.training.models.encoder import Encoder
from samekind.training.models.parameter_groups import blocks_of
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.run.begin import begin
from samekind.training.run.train import train
from samekind.training.runtime.artefact import META, WEIGHTS
from samekind.training.runtime.checkpoint import CHECKPOINT
from tests.training.runs import config, corpus, interrupted_at, without_times

SIZE = 32


def tuning(**overrides: Any) -> TrainConfig:
    """Two steps on lite0's last two blocks."""
    settings = {"backbone": "lite0", "train": "last-2", "image_size": SIZE, "projector_dim": 0, "steps": 2}
    return config(**{**settings, "objective": "info_nce", "epochs": None, **overrides})


class Lines(NoProgress):
    """Keeps what is printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def print(self, line: str) -> None:
        """Keeps it."""
        self.lines.append(line)


def moved(encoder: Encoder) -> set[str]:
    """Names of the tensors in which the backbone differs from the pretrained one."""
    before = resolve_encoder("lite0", SIZE).backbone.state_dict()
    return {name for name, value in encoder.backbone.state_dict().items() if not torch.equal(value, before[name])}


def parameters_of(encoder: Encoder, last: int) -> set[str]:
    """Names of the parameters of the last blocks."""
    return {name for block in blocks_of(encoder.backbone)[-last:] for name in block}


@pytest.mark.parametrize(("trained", "last"), [("last-2", 2), ("all", 17)])
def test_only_what_is_asked_for_learns(trained: str, last: int, tmp_path: Path) -> None:
    """Everything else, the norms' statistics among it, stays bit for bit; and the first line says so."""
    told = Lines()
    run = train(corpus(count=40), tuning(train=trained), tmp_path, progress=told)
    assert moved(run.encoder) == parameters_of(run.encoder, last)
    part = "all of" if trained == "all" else "the last 2 of"
    said = f"lite0: {part} 17 blocks at 32 px, statistics of batch norms frozen, layer decay 0.75"
    assert any(said in line for line in told.lines if line.startswith("training on"))
    state = safetensors.torch.load_file(tmp_path / CHECKPOINT)
    assert len({name.split(".")[1] for name in state if name.startswith("optimizer.")}) == len(moved(run.encoder))


def test_moving_statistics_move_where_blocks_learn(tmp_path: Path) -> None:
    """Those of frozen blocks stay."""
    run = train(corpus(count=40), tuning(train="last-1", batch_norm="moving"), tmp_path)
    learned = parameters_of(run.encoder, 1)
    places = {name.rpartition(".")[0] for name in learned}
    statistics = moved(run.encoder) - learned
    assert statistics
    assert {name.rpartition(".")[0] for name in statistics} <= places


def test_a_run_begins_where_an_index_on_the_pretrained_encoder_stands() -> None:
    """Before the first step the objective sees its whitened embeddings; detectors get those of all images, and they stay."""
    begun = begin(corpus(labelled=False).split("train"), tuning(), NoProgress())
    assert isinstance(begun.encoder, Encoder)
    network = build_network(tuning(), begun.encoder).eval()
    pixels = torch.from_numpy(begun.images.pixels[:].transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        seen = network(begun.encoder.normalise(pixels)).numpy()
    embedded = begun.encoder.embed(begun.images.pixels)
    np.testing.assert_allclose(seen, embedded, atol=1e-5)
    np.testing.assert_allclose(describe_images(begun.images, 0), embedded, atol=1e-5)
    assert abs(begun.encoder.features(begun.images.pixels).mean(0) - begun.encoder.whitening.mean.numpy()).max() < 1e-5


def test_the_queue_holds_what_the_network_gives() -> None:
    """Keys have the dimension of the whitened embedding, which is less than the feature's where there are many images."""
    encoder = resolve_encoder("lite0", SIZE)
    encoder.renew_whitening(8)
    network = build_network(tuning(), encoder).eval()
    assert network(torch.zeros(1, 3, SIZE, SIZE)).shape[1] == projection_dim(tuning(), encoder) == 8
    assert projection_dim(tuning(projector_dim=5), encoder) == 5
    assert projection_dim(config(projector_dim=0), Encoder(replace(encoder.spec, dim=8))) == encoder.feature_dim


def test_the_finished_encoder_is_whitened_by_what_it_has_become(tmp_path: Path) -> None:
    """And so is the space in which an epoch is measured."""
    images = corpus(labelled=False)
    run = train(images, tuning(learning_rate=1e-2), tmp_path)
    encoder, begun = run.encoder, begin(images.split("train"), tuning(), NoProgress())
    features = encoder.features(begun.images.pixels)
    np.testing.assert_allclose(encoder.whitening.mean.numpy(), features.mean(0), atol=1e-5)
    assert isinstance(begun.encoder, Encoder)
    assert abs(begun.encoder.whitening.mean - encoder.whitening.mean).max() > 1e-2
    space = epoch_space(encoder, begun.images, tuning())
    np.testing.assert_allclose(space.bank_BD, encoder.embed(begun.images.pixels), atol=1e-4)


def test_an_interrupted_run_continues_bitwise(tmp_path: Path) -> None:
    """Average, key encoder, frozen blocks and description: the same weights and figures as without the interruption."""
    treated = {"treatment": "attract_likely", "detector": "neighbourhood", "treatment_start": 0.0, "queue_size": 16}
    settings = tuning(steps=3, ema=0.9, **treated)
    whole = train(corpus(count=40), settings, tmp_path / "whole")
    with interrupted_at(1):
        train(corpus(count=40), settings, tmp_path / "cut")
    cut = train(corpus(count=40), settings, tmp_path / "cut")
    assert (tmp_path / "cut" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    assert without_times(cut.history) == without_times(whole.history)


@pytest.mark.parametrize("step", [0, 4])
def test_the_artefact_holds_the_average(step: int, tmp_path: Path) -> None:
    """From random weights too: what the checkpoint has as the average, not the last weights; alike after an interruption."""
    whole = train(corpus(), config(ema=0.8), tmp_path / "whole")
    with interrupted_at(step):
        train(corpus(), config(ema=0.8), tmp_path / "cut")
    cut = train(corpus(), config(ema=0.8), tmp_path / "cut")
    assert (tmp_path / "cut" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    assert without_times(cut.history) == without_times(whole.history)
    state = safetensors.torch.load_file(tmp_path / "whole" / CHECKPOINT)
    for name, value in whole.encoder.backbone.state_dict().items():
        assert torch.equal(value, state[f"module.average.module.{name}"])
    weight = "stages.2.body.0.weight"
    assert not torch.equal(state[f"module.average.module.{weight}"], state[f"module.network.backbone.{weight}"])
    plain = train(corpus(), config(), tmp_path / "plain")
    online = safetensors.torch.load_file(tmp_path / "plain" / CHECKPOINT)[f"module.network.backbone.{weight}"]
    assert torch.equal(state[f"module.network.backbone.{weight}"], online), "the average changes no step"
    assert whole.history[-1]["health"] != plain.history[-1]["health"], "what is measured is the average"


def test_the_rate_of_a_block_is_its_share(tmp_path: Path) -> None:
    """After one step of AdamW a weight without decay has moved by its rate: less in the block before the last one."""
    run = train(corpus(count=40), tuning(steps=1, layer_decay=0.5, learning_rate=1e-3), tmp_path)
    before = resolve_encoder("lite0", SIZE).backbone.state_dict()
    steps = [
        max(
            (run.encoder.backbone.state_dict()[n] - before[n]).abs().max().item()
            for n, p in block.items()
            if p.ndim == 1
        )
        for block in blocks_of(run.encoder.backbone)[-3:]
    ]
    assert steps == pytest.approx([0.0, 2.5e-4, 5e-4], rel=0.02)


def test_more_blocks_than_there_are_are_refused(tmp_path: Path) -> None:
    """With their number, and before the folder becomes that of a run."""
    with pytest.raises(InputError, match="lite0 has 17 blocks, its stem included, and last-18 asks for more") as caught:
        train(corpus(), tuning(train="last-18"), tmp_path)
    assert "up to 17" in caught.value.hint
    assert not (tmp_path / META).exists()
