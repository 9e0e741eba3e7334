"""Trainings in processes of their own, from the start to the end, on a folder of 48 small pictures."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import samekind as sk
from samekind import runs
from samekind.core.cache_home import VARIABLE
from tests.end_to_end.helpers import draw_folder

pytestmark = pytest.mark.slow
PATIENCE_SECONDS = 240


@pytest.fixture
def artefact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run that knows where the pictures are and nothing else; whatever training is left at the end is ended."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    draw_folder(tmp_path / "photos", 16)
    folder = tmp_path / "runs" / "first"
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"corpus": {"corpus": str(tmp_path / "photos")}}))
    yield folder
    for run in runs.list_runs(folder.parent):
        if run.state == "running":
            os.kill(process_of(run.folder), signal.SIGKILL)


def process_of(folder: Path) -> int:
    """The process that trains into a folder, by its command line."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        words = entry.read_bytes().decode(errors="replace").split("\0")
        if "samekind.runs.worker" in words and str(folder) in words:
            return int(entry.parent.name)
    raise AssertionError(f"nobody trains into {folder}")


def wait_until(is_so: Callable[[], object]) -> None:
    """Waits; the machine may be busy."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def request(artefact: Path, name: str, minutes: float | None = None) -> runs.TrainingRequest:
    """A training of seconds, or of as many minutes as it takes to meet it."""
    return runs.TrainingRequest(artefact, name, preset="smoke", minutes=minutes)


def state(folder: Path) -> str:
    """What the list says."""
    return runs.read_run(folder).state


def test_a_training_ends_as_a_run_that_can_be_looked_at(artefact: Path) -> None:
    """Trained, indexed and evaluated, with a log that begins with what it does; there is one at a time."""
    launch = runs.start(request(artefact, "new"))
    assert launch.is_alive
    assert runs.busy_with() == launch.folder
    with pytest.raises(sk.InputError, match="busy with the training new"):
        runs.start(request(artefact, "other"))
    assert not (artefact.parent / "other").exists()
    wait_until(lambda: state(launch.folder) != "running")
    run = runs.read_run(launch.folder)
    assert (run.state, run.steps) == ("done", 56), runs.log_tail(launch.folder)
    assert runs.busy_with() is None
    assert len(sk.Index.open(launch.folder)) == 48
    assert run.figures["k-NN"] == sk.evaluate(launch.folder).knn_accuracy
    assert runs.first_line(launch.folder).startswith("training on ")
    epochs = [record["epoch"] for record in runs.run_history(launch.folder)]
    assert len(epochs) == 21, "a record of the first epoch, and twenty more"
    assert epochs[-1] == run.epochs == 56
    losses = runs.read_step(launch.folder).losses
    assert losses
    assert max(epoch for epoch, _ in losses) <= run.epochs
    with pytest.raises(sk.InputError, match="ended well"):
        runs.resume(launch.folder)


def test_a_training_that_is_stopped_resumes_to_what_it_would_have_been(artefact: Path) -> None:
    """Stopped amid its epochs it keeps a checkpoint; resumed, it has the weights of one that was never stopped."""
    whole, parts = runs.start(request(artefact, "whole")).folder, artefact.parent / "parts"
    wait_until(lambda: state(whole) != "running")
    runs.start(request(artefact, "parts"))
    wait_until(lambda: runs.run_history(parts))
    runs.stop(parts)
    wait_until(lambda: state(parts) != "running")
    assert state(parts) == "stopped", runs.log_tail(parts)
    assert not (parts / "encoder.safetensors").exists()
    taken = len(runs.run_history(parts))
    runs.resume(parts)
    assert state(parts) == "running"
    assert len(runs.run_history(parts)) >= taken
    wait_until(lambda: state(parts) != "running")
    assert state(parts) == "done", runs.log_tail(parts)
    assert any(line.startswith("continuing from step") for line in runs.log_tail(parts, 500))
    assert (parts / "encoder.safetensors").read_bytes() == (whole / "encoder.safetensors").read_bytes()


def test_a_training_that_is_killed_is_known_to_be(artefact: Path) -> None:
    """Nothing waits for it: it reads as broken off, the machine is free, and it can be resumed."""
    folder = runs.start(request(artefact, "killed", minutes=5)).folder
    wait_until(lambda: runs.run_history(folder))
    os.kill(process_of(folder), signal.SIGKILL)
    wait_until(lambda: state(folder) != "running")
    assert state(folder) == "broken off"
    assert runs.busy_with() is None
    assert runs.resume(folder).is_alive
    runs.stop(folder)
    wait_until(lambda: state(folder) == "stopped")


def test_a_training_that_fails_says_why(artefact: Path) -> None:
    """The error's own line, without its traceback's neighbourhood."""
    for picture in (artefact.parents[1] / "photos").rglob("*.png"):
        picture.write_bytes(b"no picture")
    folder = runs.start(request(artefact, "failing")).folder
    wait_until(lambda: state(folder) != "running")
    launch = runs.read_launch(folder)
    assert launch is not None
    assert launch.state == "failed"
    assert "image" in launch.message
    assert "Traceback" not in "\n".join(runs.log_tail(folder, 500))
