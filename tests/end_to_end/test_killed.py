"""`kill -9` in the middle of a run, then the same command again: it continues and the result is the same, bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samekind

ROOT = Path(samekind.__file__).parents[1]
EPOCHS = 8


def train(corpus: Path, out: Path) -> list[str]:
    """The command under test."""
    flags = ["--preset", "smoke", "--epochs", str(EPOCHS), "--batch-size", "32", "--workers", "0", "--device", "cpu"]
    return [sys.executable, "-m", "samekind", "train", "--corpus", str(corpus), "--out", str(out), *flags, "--json"]


def epochs_done(out: Path) -> int:
    """How many epochs the run has recorded."""
    metrics = out / "metrics.jsonl"
    return len(metrics.read_text().splitlines()) if metrics.is_file() else 0


@pytest.mark.slow
def test_a_killed_training_continues_to_the_same_weights(tmp_path: Path) -> None:
    """The weights of a run that was killed after a few epochs and started again equal those of an undisturbed one."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    rng = np.random.default_rng(0)
    for i in range(96):
        Image.fromarray(rng.integers(0, 255, (28, 28), dtype=np.uint8)).save(corpus / f"{i:03d}.png")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(train(corpus, tmp_path / "killed"), env=environment, stdout=subprocess.DEVNULL) as first:
        give_up = time.monotonic() + 120
        while epochs_done(tmp_path / "killed") < 2 and time.monotonic() < give_up:
            assert first.poll() is None, "the run ended before it could be killed"
            time.sleep(0.01)
        first.kill()
    assert 2 <= epochs_done(tmp_path / "killed") < EPOCHS
    for name in ("killed", "whole"):
        subprocess.run(train(corpus, tmp_path / name), env=environment, check=True, stdout=subprocess.DEVNULL)
        assert epochs_done(tmp_path / name) == EPOCHS
    killed, whole = ((tmp_path / name / "encoder.safetensors").read_bytes() for name in ("killed", "whole"))
    assert killed == whole
