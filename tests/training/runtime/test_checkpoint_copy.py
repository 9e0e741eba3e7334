"""The checkpoint's copy in an object store: it follows, continues a run elsewhere, and never stops one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import fsspec
import pytest

from samekind.core.errors import ArtefactError, InputError, MissingDependencyError
from samekind.training.run.train import train
from samekind.training.runtime import checkpoint
from samekind.training.runtime.artefact import WEIGHTS
from samekind.training.runtime.checkpoint_copy import CheckpointCopy
from tests.training.runs import Lines, config, corpus, interrupted_at


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_run_continues_elsewhere_from_the_copy(tmp_path: Path, kind: str) -> None:
    """The copy is the folder's checkpoint, byte for byte. An empty folder continues from it to the weights of a run that was
    never interrupted; another run's copy is left where it is, unless somebody forces it.
    """
    url = f"memory://{tmp_path.name}" if kind == "memory" else f"file://{tmp_path}/store"
    settings = config(epochs=3, checkpoint_to=url)
    whole = train(corpus(), config(epochs=3), tmp_path / "whole").out
    with interrupted_at(4):
        train(corpus(), settings, tmp_path / "here")
    with fsspec.open(f"{url}/state.safetensors") as copy:
        assert copy.read() == (tmp_path / "here" / checkpoint.CHECKPOINT).read_bytes()
    lines = Lines()
    there = train(corpus(), settings, tmp_path / "there", progress=lines).out
    assert f"checkpoint of step 5 taken from {url}" in lines.lines
    assert (there / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    with fsspec.open(f"{url}/state.safetensors") as copy:
        last = copy.read()
    lines = Lines()
    with pytest.raises(ArtefactError, match="holds the checkpoint of another run"):
        CheckpointCopy(url, tmp_path / "other run", lines).fetch("another digest")
    assert not checkpoint.exists(tmp_path / "other run")
    assert lines.lines == []
    with pytest.raises(ArtefactError, match="of another run"):
        train(corpus(), config(epochs=4, checkpoint_to=url), tmp_path / "longer")
    with fsspec.open(f"{url}/state.safetensors") as copy:
        assert copy.read() == last
    train(corpus(), config(epochs=4, checkpoint_to=url), tmp_path / "longer", start="force")
    with pytest.raises(InputError, match="no checkpoint to resume"):
        train(corpus(), config(checkpoint_to=f"{url}-empty"), tmp_path / "empty", start="resume")


def test_an_upload_that_fails_is_tried_again_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice refused and then taken: nothing is said. Always refused: one line, and the run is whole."""
    monkeypatch.setattr("samekind.training.runtime.checkpoint_copy.WAITS", (0.0, 0.0))
    upload, refused = CheckpointCopy._upload, [2]

    def fails(self: CheckpointCopy) -> None:
        if refused[0]:
            refused[0] -= 1
            raise OSError("503 slow down")
        upload(self)

    monkeypatch.setattr(CheckpointCopy, "_upload", fails)
    url, lines = f"memory://{tmp_path.name}", Lines()
    folder = train(corpus(), config(epochs=1, checkpoint_to=url), tmp_path / "twice", progress=lines).out
    assert not any("not copied" in line for line in lines.lines)
    with fsspec.open(f"{url}/state.safetensors") as copy:
        assert copy.read() == (folder / checkpoint.CHECKPOINT).read_bytes()
    refused[0] = 10**6
    assert train(
        corpus(), config(epochs=1, checkpoint_to=url), tmp_path / "always", start="force", progress=lines
    ).history
    (told,) = (line for line in lines.lines if "not copied" in line)
    assert "after 3 tries: 503 slow down" in told


def test_half_an_upload_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that breaks in the middle leaves the copy of before."""
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    state = tmp_path / "run" / checkpoint.CHECKPOINT
    for kind in (f"memory://half-{tmp_path.name}", f"file://{tmp_path}/store"):
        copy = CheckpointCopy(kind, tmp_path / "run", Lines())
        state.write_bytes(b"whole" * 100)
        copy._upload()

        def breaks(source: Any, target: Any) -> None:
            target.write(source.read(10))
            raise ConnectionError("gone")

        state.write_bytes(b"newer" * 100)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "copyfileobj", breaks)
            with pytest.raises(ConnectionError):
                copy._upload()
        with fsspec.open(f"{kind}/state.safetensors") as there:
            assert there.read() == b"whole" * 100


def test_addresses_that_cannot_be_reached_are_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown kind, a kind whose package is missing, a store that does not answer: one line each, and no folder."""
    with pytest.raises(InputError, match="nonsense"):
        train(corpus(), config(checkpoint_to="nonsense://x"), tmp_path / "run")

    def missing(url: str) -> None:
        raise ImportError("Install s3fs to access S3")

    with monkeypatch.context() as patch:
        patch.setattr(fsspec.core, "url_to_fs", missing)
        with pytest.raises(MissingDependencyError, match="Install s3fs"):
            train(corpus(), config(checkpoint_to="s3://bucket/x"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    copy = CheckpointCopy("memory://x", tmp_path, Lines())

    def silent(place: str) -> bool:
        raise PermissionError("403 forbidden")

    monkeypatch.setattr(copy._files, "exists", silent)
    with pytest.raises(ArtefactError, match="403 forbidden"):
        copy.fetch("run")
