"""An interruption changes nothing: not the weights, not the records; and a checkpoint is only ever continued by its own run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from samekind.core.errors import ArtefactError, InputError
from samekind.data.loader import Batch
from samekind.training.config.presets import preset
from samekind.training.config.train_config import TrainConfig
from samekind.training.engine.trainer import Trainer
from samekind.training.run.request import RunRequest
from samekind.training.run.train import train
from samekind.training.runtime import checkpoint
from samekind.training.runtime.artefact import META, METRICS, WEIGHTS, read_history, read_meta
from tests.training.runs import config, corpus, interrupted_at, slow, without_times


@pytest.mark.parametrize("queue_size", [0, 32])
@pytest.mark.parametrize("step", [0, 2, 4, 5])
def test_an_interrupted_run_continues_bitwise(tmp_path: Path, queue_size: int, step: int) -> None:
    """Ctrl-C at any step, in the middle or at the end of an epoch, queue or not: the same weights, records and accuracy."""
    whole = train(corpus(), config(queue_size=queue_size), tmp_path / "whole")
    with interrupted_at(step):
        train(corpus(), config(queue_size=queue_size), tmp_path / "parts")
    assert checkpoint.exists(tmp_path / "parts")
    assert not (tmp_path / "parts" / WEIGHTS).exists()
    parts = train(corpus(), config(queue_size=queue_size), tmp_path / "parts")
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()
    assert without_times(parts.history) == without_times(whole.history)
    assert parts.summary["knn_accuracy"] == whole.summary["knn_accuracy"]


@pytest.mark.parametrize(
    "detector", ["quantile", "reciprocal", "relation", *slow("threshold", "cluster", "posterior", "oracle")]
)
def test_a_treated_run_continues_bitwise(tmp_path: Path, detector: str) -> None:
    """Interrupted in the middle of a treated epoch, with a queue: what the detector learned is in the checkpoint."""
    settings = config(treatment="attract", detector=detector, treatment_start=0.5, neighbours=0.2, queue_size=32)
    train(corpus(), settings, tmp_path / "whole")
    with interrupted_at(4):
        train(corpus(), settings, tmp_path / "parts")
    train(corpus(), settings, tmp_path / "parts")
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()


@pytest.mark.parametrize("objective", ["mixed", "cpc"])
def test_what_an_objective_draws_is_the_same_after_an_interruption_and_for_any_workers(
    tmp_path: Path, objective: str
) -> None:
    """The loader draws nothing from the numbers that the objective draws from."""
    whole = train(corpus(), config(objective=objective), tmp_path / "whole")
    with interrupted_at(1):
        train(corpus(), config(objective=objective), tmp_path / "parts")
    train(corpus(), config(objective=objective, workers=1), tmp_path / "parts")
    assert (tmp_path / "parts" / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()


def test_a_kill_between_weights_and_meta_is_mended(tmp_path: Path) -> None:
    """Killed after the last step, before the artefact was declared finished: the next start finishes it, alike."""
    train(corpus(), config(), tmp_path)
    weights = (tmp_path / WEIGHTS).read_bytes()
    meta = read_meta(tmp_path)
    (tmp_path / META).write_text(json.dumps({**meta, "training": {"finished": False}}))
    (tmp_path / WEIGHTS).unlink()
    (tmp_path / METRICS).unlink()
    run = train(corpus(), config(), tmp_path)
    assert not run.kept
    assert (tmp_path / WEIGHTS).read_bytes() == weights
    assert len(read_history(tmp_path)) == 2


def test_a_run_of_an_older_version_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that came later, at its default, is no other run: neither for the meta data nor for the checkpoint."""
    with monkeypatch.context() as patch:
        patch.setattr(
            TrainConfig,
            "identity",
            property(lambda c: {k: v for k, v in c.to_dict().items() if k not in {"workers", "device", "hold_out"}}),
        )
        with interrupted_at(3):
            train(corpus(), config(), tmp_path)
    assert train(corpus(), config(), tmp_path).summary["steps"] == 6


def test_a_run_begun_with_the_epochs_of_a_preset_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Release 0.1's presets had epochs: the same command continues such a run, keeps it when it is finished, and anew has steps."""
    monkeypatch.setattr("samekind.training.run.request.EPOCHS_BEFORE", {"smoke": 2})
    today = replace(config(), steps=preset("smoke").steps)
    whole = train(corpus(), config(), tmp_path / "whole")
    with interrupted_at(4):
        train(corpus(), config(), tmp_path / "old")
    forget_minutes(tmp_path / "old")
    run = train(corpus(), today, tmp_path / "old")
    assert (run.summary["steps"], run.config.steps) == (6, None)
    assert (run.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()
    forget_minutes(tmp_path / "old")
    assert train(corpus(), today, tmp_path / "old").kept
    with pytest.raises(ArtefactError, match=r"epochs \(2 there, None asked for\), steps \(None there, 56 asked for\)"):
        train(corpus(), today, tmp_path / "whole")
    assert train(corpus(), today, tmp_path / "old", start="force").summary["steps"] == 56


def forget_minutes(out: Path) -> None:
    """Makes the settings those of a release that knew no minutes."""
    meta = read_meta(out)
    del meta["config"]["minutes"]
    (out / META).write_text(json.dumps(meta))


def test_steps_beside_the_epochs_of_a_preset_name_the_same_run() -> None:
    """`plain` had 5 epochs in release 0.1, also where steps replaced them: an unfinished run is found by that digest."""
    request = RunRequest(preset("plain", steps=900), corpus(), {})
    assert request.digest == digest_of(
        {"preset": "plain", "pool": 1, "whitening": 0.0, "epochs": 5, "steps": 900}, request
    )
    request = RunRequest(preset("small", steps=900), corpus(), {})
    assert request.digest == digest_of({"steps": 900}, request)


def digest_of(chosen: dict[str, Any], request: RunRequest) -> str:
    """As release 0.1 computed it."""
    named = [chosen, request.corpus.content_hash, {}]
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def test_a_forced_run_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`force`, Ctrl-C, and the same command again: it does not start from zero, and gives the same weights."""
    whole = train(corpus(), config(beta=0.5), tmp_path / "whole")
    train(corpus(), config(), tmp_path / "forced")
    with interrupted_at(4):
        train(corpus(), config(beta=0.5), tmp_path / "forced", start="force")
    steps: list[int] = []
    take = Trainer.step

    def counted(self: Trainer, batch: Batch, step: int, *rest: Any) -> dict[str, Tensor]:
        steps.append(step)
        return take(self, batch, step, *rest)

    monkeypatch.setattr(Trainer, "step", counted)
    again = train(corpus(), config(beta=0.5), tmp_path / "forced", start="force")
    assert steps == [5]
    assert (again.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    """A checkpoint whose `meta.json` is gone does not become the start of a run with other settings."""
    with interrupted_at(4):
        train(corpus(), config(), tmp_path)
    (tmp_path / META).unlink()
    with pytest.raises(ArtefactError, match="cannot be resumed"):
        train(corpus(), config(beta=0.0), tmp_path)


def test_resume_demands_a_checkpoint(tmp_path: Path) -> None:
    """`resume` on an empty folder is an error, not a new run."""
    with pytest.raises(InputError, match="no checkpoint"):
        train(corpus(), config(), tmp_path, start="resume")
    assert not (tmp_path / META).exists()


def test_a_damaged_checkpoint_is_named_and_force_starts_anew(tmp_path: Path) -> None:
    """A torn file (not ours: ours are renamed whole) gives one clear error, however much of it is left; forced as its hint says, the
    run starts anew.
    """
    with interrupted_at(2):
        train(corpus(), config(), tmp_path)
    path = tmp_path / checkpoint.CHECKPOINT
    whole = path.read_bytes()
    for torn in (whole[:-100], whole[:1000]):
        path.write_bytes(torn)
        with pytest.raises(ArtefactError, match="cannot be resumed") as caught:
            train(corpus(), config(), tmp_path)
        assert "--force" in caught.value.hint
    assert train(corpus(), config(), tmp_path, start="force").summary["steps"] == 6


def test_a_run_keeps_its_number_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` is settled where a run begins: it goes on in that format on a machine that would choose another, and says which it was."""

    def choose(bfloat16: bool) -> None:
        monkeypatch.setattr("samekind.training.engine.trainer.use_bfloat16", lambda *_: bfloat16)

    choose(False)
    whole = train(corpus(), config(), tmp_path / "whole")
    with interrupted_at(2):
        train(corpus(), config(), tmp_path / "moved")
    choose(True)
    moved = train(corpus(), config(), tmp_path / "moved")
    other = train(corpus(), config(), tmp_path / "other")
    assert [run.summary["precision"] for run in (whole, moved, other)] == ["float32", "float32", "bfloat16"]
    assert without_times(moved.history) == without_times(whole.history)
    assert without_times(other.history) != without_times(whole.history), "or the formats could not be told apart here"
