"""Whole runs of an adapter with answers: where they start from, what is told of it, and that they resume there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samekind.core.errors import ArtefactError, InputError
from samekind.core.progress import NoProgress
from samekind.training.answers import start as start_module
from samekind.training.answers.guard import HeldOut
from samekind.training.models.exchange.describe import described
from samekind.training.models.exchange.model_card import model_card
from samekind.training.models.pretrained import whiten as whiten_module
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.run.train import train
from samekind.training.runtime.artefact import WEIGHTS, read_meta
from tests.training.features.test_adapter_runs import SIZE, adapting
from tests.training.run.test_annotated_runs import answered, weights
from tests.training.runs import Lines, config, corpus, interrupted_at, without_times

IMAGES = corpus()
ANSWERS = answered(IMAGES, 24)
GAIN, LOSS = HeldOut(3, 0.5, 0.6, 0.01), HeldOut(3, 0.6, 0.5, 0.01)


@pytest.fixture(autouse=True)
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Held-out images gain; a space of 16 directions instead of 1,280; a cache in which no other test's start lies."""
    monkeypatch.setattr(start_module, "held_out", lambda *_: GAIN)
    monkeypatch.setattr(whiten_module, "DIRECTIONS", 16)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_an_adapter_with_answers_starts_in_the_space_adapted_to_them(tmp_path: Path) -> None:
    """Told in the first line, in `meta.json`, the summary and the model card; with `frozen` it does not, and that is another run."""
    told = Lines()
    run = train(IMAGES, adapting(), tmp_path / "run", answers=ANSWERS, progress=told)
    assert run.config.start_from == "adapted"
    start = run.summary["start"]
    assert start == read_meta(run.out)["start"]
    assert (start["adapted"], start["groups"]) == (True, 3)
    lines = [line for line in told.lines if line.startswith("starts from: the frozen space adapted by")]
    assert len(lines) == 1
    assert f"adapted by {start['answers']:,} answers" in model_card(described(run.encoder))
    frozen = train(IMAGES, adapting(start_from="frozen"), tmp_path / "frozen", answers=ANSWERS)
    assert "start" not in frozen.summary
    assert "starts from" not in model_card(described(frozen.encoder))
    first, second = (each.encoder.whitening.matrix for each in (run, frozen))
    assert not np.allclose(first, second)
    with pytest.raises(ArtefactError, match=r"another start_from \(frozen there, adapted asked for\)"):
        train(IMAGES, adapting(), tmp_path / "frozen", answers=ANSWERS)


def test_without_gain_it_starts_in_the_frozen_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same weights as if it had been asked to."""
    monkeypatch.setattr(start_module, "held_out", lambda *_: LOSS)
    told = Lines()
    run = train(IMAGES, adapting(), tmp_path / "run", answers=ANSWERS, progress=told)
    assert any("starts from: the frozen space (no clear gain" in line for line in told.lines)
    assert run.summary["start"]["adapted"] is False
    frozen = train(IMAGES, adapting(start_from="frozen"), tmp_path / "frozen", answers=ANSWERS)
    assert weights(run) == weights(frozen)


def test_an_interrupted_run_continues_where_it_started_from(tmp_path: Path) -> None:
    """Bit for bit, whatever has been answered since."""
    settings = adapting(treatment="attract_likely", detector="neighbourhood")
    whole = train(IMAGES, settings, tmp_path / "whole", answers=ANSWERS)
    with interrupted_at(4):
        train(IMAGES, settings, tmp_path / "cut", answers=ANSWERS)
    cut = train(IMAGES, settings, tmp_path / "cut", answers=answered(IMAGES, 30))
    assert (cut.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()
    assert without_times(cut.history) == without_times(whole.history)


def test_an_artefact_holds_the_map_in_its_whitening(tmp_path: Path) -> None:
    """An artefact is whole by itself: its embeddings are those of the turned space, moved by the adapter alone."""
    run = train(IMAGES, adapting(), tmp_path, answers=ANSWERS)
    encoder, pictures = run.encoder, [IMAGES.image(row).convert("RGB") for row in range(8)]
    assert encoder.adapter is not None
    encoder.adapter.forget()
    bare = resolve_encoder("lite0", SIZE)
    bare.take_whitening(encoder.whitening)
    np.testing.assert_allclose(encoder.embed_images(pictures), bare.embed_images(pictures), atol=1e-5)


def test_only_adapters_with_answers_start_somewhere(tmp_path: Path) -> None:
    """Others have no such setting, are the runs that they were, and refuse to be asked."""
    assert train(IMAGES, adapting(), tmp_path / "plain", progress=NoProgress()).config.start_from is None
    assert train(IMAGES, config(), tmp_path / "scratch", answers=ANSWERS).config.start_from is None
    for settings, answers in ((adapting(start_from="adapted"), None), (config(start_from="adapted"), ANSWERS)):
        with pytest.raises(InputError, match="nothing asks where to start from") as caught:
            train(IMAGES, settings, tmp_path / "refused", answers=answers)
        assert "--start-from" in caught.value.hint
