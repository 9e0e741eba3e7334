"""Files that run code when they are unpickled, through every way in: nothing runs, and one line says what is wrong."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.end_to_end.helpers import Called, call, refused

NETWORK = "timm/test_efficientnet"


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def payload(tmp_path: Path) -> Iterator[Payload]:
    """A payload that works, and must not have."""
    pickle.loads(pickle.dumps(Payload(tmp_path / "works")))
    assert (tmp_path / "works").is_dir()
    payload = Payload(tmp_path / "ran")
    yield payload
    assert not payload.mark.exists(), "code of the file was run"


def checkpoint(payload: Payload, path: Path, form: str) -> Path:
    """What `torch.save` makes of it, alone or among tensors, in its present and its old form; or a bare pickle."""
    content = {"state_dict": {"conv_stem.weight": torch.zeros(2), "head": payload}}
    if form == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    return path


@pytest.mark.parametrize(
    ("form", "suffix"), [("zip", ".pt"), ("legacy", ".bin"), ("pickle", ".ckpt"), ("pickle", ".safetensors")]
)
def test_a_checkpoint_runs_nothing(photos: Path, tmp_path: Path, payload: Payload, form: str, suffix: str) -> None:
    """As the encoder of an index, as the backbone of a training, and as its guide."""
    file = checkpoint(payload, tmp_path / f"weights{suffix}", form)
    out = ("--out", tmp_path / "out")
    said = refused("index", "--corpus", photos, "--encoder", f"{NETWORK}@{file}", *out)
    assert str(file) in said
    assert str(file) in refused("train", "--corpus", photos, "--backbone", f"{NETWORK}@{file}", *out)
    guided = ("--treatment", "eliminate", "--detector", "guide", "--preset", "smoke", "--workers", 0)
    assert str(file) in refused("train", "--corpus", photos, *guided, "--guide", f"{NETWORK}@{file}", *out)


@pytest.mark.parametrize(
    "name", ["encoder.safetensors", "index.faiss", "rows.arrow", "manifest.json", "meta.json", "metrics.jsonl"]
)
def test_an_artefact_runs_nothing(artefact: Path, tmp_path: Path, payload: Payload, name: str) -> None:
    """One of its files is a pickle: it is refused where it is read."""
    broken = tmp_path / "broken"
    shutil.copytree(artefact, broken)
    (broken / name).write_bytes(pickle.dumps(payload))
    for command in ("verify", "evaluate", "audit"):
        assert_one_line(call(command, broken))
    assert call("verify", broken).code == 2


@pytest.mark.parametrize("name", ["encoder.safetensors", "meta.json"])
def test_an_artefact_as_encoder_or_guide_runs_nothing(
    photos: Path, artefact: Path, tmp_path: Path, payload: Payload, name: str
) -> None:
    """The weights and their description, which are all that is read of it."""
    broken = tmp_path / "broken"
    shutil.copytree(artefact, broken)
    (broken / name).write_bytes(pickle.dumps(payload))
    out = ("--out", tmp_path / "out")
    assert str(broken) in refused("index", "--corpus", photos, "--encoder", broken, *out)
    guided = ("--treatment", "eliminate", "--detector", "guide", "--guide", broken, "--preset", "smoke", "--workers", 0)
    assert str(broken) in refused("train", "--corpus", photos, *guided, *out)


def assert_one_line(called: Called) -> None:
    """It worked, or one line says why not."""
    assert called.code in (0, 2), called.err
    assert "Traceback" not in called.err
    assert sum(line.startswith("error: ") for line in called.err.splitlines()) == (called.code == 2)


def test_a_checkpoint_of_an_interrupted_run_runs_nothing(photos: Path, tmp_path: Path, payload: Payload) -> None:
    """The state that a training continues from, and the answers that it began with."""
    command = ("train", "--corpus", photos, "--preset", "smoke", "--limit", 24, "--batch-size", 16, "--workers", 0)
    out = tmp_path / "out"
    assert call(*command, "--epochs", 1, "--out", out).code == 0
    (out / "encoder.safetensors").unlink()
    for name in ("checkpoint/state.safetensors", "answers.json"):
        (out / name).write_bytes(pickle.dumps(payload))
    assert_one_line(call(*command, "--epochs", 1, "--out", out, "--resume"))


@pytest.mark.parametrize("name", ["v.npy", "v.npz", "v.parquet", "pickled.npy", "pickled.parquet"])
def test_vectors_run_nothing(tmp_path: Path, payload: Payload, name: str) -> None:
    """Arrays of objects, archives of them, and pickles under other names."""
    file = tmp_path / name
    if name.startswith("pickled"):
        file.write_bytes(pickle.dumps(payload))
    elif name.endswith(".npz"):
        np.savez(file, vectors=np.array([payload], dtype=object))
    else:
        with file.open("wb") as stream:
            np.save(stream, np.array([payload], dtype=object))
    file.with_suffix(".ids.txt").write_text("a\n")
    assert str(file) in refused("index", "--vectors", file, "--out", tmp_path / "out")


@pytest.mark.parametrize("part", ["jpeg", "offsets", "label", "classes", "split"])
def test_a_pack_runs_nothing(tmp_path: Path, payload: Payload, part: str) -> None:
    """An array of objects in any place of it."""
    whole: dict[str, Any] = {
        "jpeg": np.zeros(4, np.uint8),
        "offsets": np.array([0, 4]),
        "label": np.array([0]),
        "classes": np.array(["hat"]),
        "split": np.array(["train"]),
    }
    file = tmp_path / "pack.npz"
    np.savez(file, **{**whole, part: np.array([payload], dtype=object)})
    assert str(file) in refused("train", "--corpus", file, "--preset", "smoke", "--out", tmp_path / "out")
    assert "data folder" in refused(
        "train", "--corpus", "cifar10", "--data-dir", tmp_path, "--preset", "smoke", "--out", tmp_path / "out"
    )


def test_official_batches_run_nothing(tmp_path: Path, payload: Payload) -> None:
    """They are pickles, and read as arrays and texts only."""
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        (tmp_path / name).write_bytes(pickle.dumps({"data": payload, "labels": [0]}))
    said = refused("train", "--corpus", "cifar10", "--data-dir", tmp_path, "--preset", "smoke", "--out", tmp_path / "o")
    assert "refused to load posix.mkdir" in said


def test_files_of_answers_run_nothing(artefact: Path, tmp_path: Path, payload: Payload) -> None:
    """A pickle in place of the CSV file."""
    file = tmp_path / "answers.csv"
    file.write_bytes(pickle.dumps(payload))
    for command in ("verdicts", "labels"):
        assert str(file) in refused(command, "import", artefact, file)
