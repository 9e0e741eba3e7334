"""Runs with `prior="auto"`: estimated once, recorded, kept when they resume; a stated share, and a run begun with one, stay as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samekind.core.errors import ArtefactError, InputError
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.base_rate import AutoPrior, estimate_prior
from samekind.training.run import train as running
from samekind.training.run.begin import begin
from samekind.training.run.train import train
from samekind.training.runtime.artefact import META, WEIGHTS, read_meta
from samekind.training.training_set import TrainingImages, training_corpus
from tests.training.false_negatives.test_base_rate import classes
from tests.training.runs import Lines, config, corpus, interrupted_at, without_times

FOUND = AutoPrior(0.3, estimated=True)


def adapting(**overrides: Any) -> TrainConfig:
    """An adapter of a second, whose detector assumes a prior."""
    small = {"backbone": "lite0", "image_size": 32, "views": 2, "adapter_hidden": 16, "projector_dim": 0}
    treated = {"objective": "info_nce", "treatment": "soft_attract", "detector": "combined", "epochs": 2}
    return config(**{**small, **treated, **overrides})


def found(_: TrainingImages) -> AutoPrior:
    """Stands in for the estimate."""
    return FOUND


def refused(_: TrainingImages) -> AutoPrior:
    """Must not be asked."""
    raise AssertionError("estimated again")


def test_from_scratch_it_is_what_it_was() -> None:
    """There are no vectors before training: 0.1, and the same run as one that states it."""
    assert config().prior == 0.1
    assert config(treatment="soft", detector="combined").identity["prior"] == 0.1
    assert adapting().prior == "auto"
    assert adapting().identity["prior"] == "auto"
    assert "prior" not in adapting(detector="neighbourhood").identity
    with pytest.raises(InputError, match=r"prior must be auto or lie between 0.0001 and 0.9, got 'most'"):
        config(prior="most")


def test_the_estimate_is_trained_with_and_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it had been stated; `meta.json`, summary and one line have it, and the finished run is kept."""
    monkeypatch.setattr(running, "estimate_prior", found)
    told = Lines()
    run = train(corpus(), adapting(), tmp_path / "auto", progress=told)
    stated = train(corpus(), adapting(prior=0.3), tmp_path / "stated")
    other = train(corpus(), adapting(prior=0.1), tmp_path / "other")
    weights = [(one.out / WEIGHTS).read_bytes() for one in (run, stated, other)]
    assert weights[0] == weights[1] != weights[2]
    assert read_meta(run.out)["prior"] == run.summary["prior"] == {"share": 0.3, "estimated": True}
    assert "prior" not in read_meta(stated.out)
    assert FOUND.line in told.lines
    monkeypatch.setattr(running, "estimate_prior", refused)
    assert train(corpus(), adapting(), tmp_path / "auto").kept


def test_a_resumed_run_does_not_estimate_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It continues bitwise with what it began with."""
    monkeypatch.setattr(running, "estimate_prior", found)
    whole = train(corpus(), adapting(), tmp_path / "whole")
    with interrupted_at(4):
        train(corpus(), adapting(), tmp_path / "cut")
    monkeypatch.setattr(running, "estimate_prior", refused)
    cut = train(corpus(), adapting(), tmp_path / "cut")
    assert (cut.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()
    assert without_times(cut.history) == without_times(whole.history)


@pytest.mark.parametrize("step", [4, None], ids=["interrupted", "finished"])
def test_a_run_begun_with_the_old_default_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int | None
) -> None:
    """The same command continues it, or keeps it; one that was begun with another share is another run."""
    monkeypatch.setattr(running, "estimate_prior", refused)
    whole = train(corpus(), adapting(prior=0.1), tmp_path / "whole")
    if step is not None:
        with interrupted_at(step):
            train(corpus(), adapting(prior=0.1), tmp_path / "old")
    else:
        train(corpus(), adapting(prior=0.1), tmp_path / "old")
    told = Lines()
    run = train(corpus(), adapting(), tmp_path / "old", progress=told)
    assert run.kept == (step is None)
    assert (run.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()
    assert any("begun with a prior of 0.1" in line for line in told.lines)
    train(corpus(), adapting(prior=0.2), tmp_path / "other")
    with pytest.raises(ArtefactError, match=r"another prior \(0.2 there, auto asked for\)"):
        train(corpus(), adapting(), tmp_path / "other")


@pytest.mark.parametrize("trained", ["adapter", "last-1"])
def test_it_is_estimated_from_what_a_frozen_encoder_says(trained: str) -> None:
    """Of the images in training: twelve classes to be seen; of sixty images none; from scratch there is nothing to look at."""
    settings = adapting(train=trained)
    few = begin(training_corpus(corpus(), settings), settings, Lines()).images
    assert estimate_prior(few) == AutoPrior(0.1, estimated=False)
    seen, fit = classes([20] * 12), np.arange(200)
    vectors = {"pixels": seen.astype(np.float16), "fit": fit} if trained == "adapter" else {"described": seen[fit]}
    estimate = estimate_prior(replace(few, **vectors))
    assert estimate.estimated
    assert estimate.share == pytest.approx(1 / 12, rel=0.33)
    untrained = begin(training_corpus(corpus(), config()), config(), Lines()).images
    assert estimate_prior(untrained) == AutoPrior(0.1, estimated=False)


def test_the_estimate_lies_in_the_meta_data_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readable without samekind."""
    monkeypatch.setattr(running, "estimate_prior", found)
    run = train(corpus(), adapting(), tmp_path)
    meta = json.loads((run.out / META).read_text())
    assert (meta["config"]["prior"], meta["prior"]["share"]) == ("auto", 0.3)
