"""A whole run in two processes, as `accelerate launch` starts them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from samekind.core.errors import InputError
from samekind.data.sources.registry import load_corpus
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.training.config.train_config import TrainConfig
from samekind.training.runtime.processes import check_shareable

ROOT = Path(__file__).resolve().parents[3]


def launch(
    folder: Path, *flags: str, own: tuple[list[str], list[str]] = ([], [])
) -> list[subprocess.CompletedProcess[str]]:
    """Both processes of one run, to their end; each with flags of its own, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [
        sys.executable, "-P", "-m", "samekind", "train", "--corpus", "digits", "--preset", "smoke", "--limit", "300",
        "--epochs", "2", "--batch-size", "32", "--workers", "0", "--device", "cpu", "--out", str(folder), "--json", *flags,
    ]  # fmt: skip
    started = []
    for rank in range(2):
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        started.append(
            subprocess.Popen(
                [*program, *own[rank]], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    ended = []
    for process in started:
        out, err = process.communicate(timeout=240)
        ended.append(subprocess.CompletedProcess(program, process.returncode, out, err))
    return ended


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        pytest.param([], marks=pytest.mark.long),
        ["--objective", "nce", "--effective-batch", "64"],
        ["--queue-size", "128", "--treatment", "soft"],
    ],
)
def test_two_processes_train_one_encoder(tmp_path: Path, flags: list[str]) -> None:
    """One artefact, one answer, negatives from both; the finished run is kept by both."""
    first, second = launch(tmp_path, *flags)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    answer = json.loads(first.stdout)
    assert second.stdout == ""
    images = 64 if flags[-1:] == ["64"] else 32
    assert answer["steps"] == 2 * (270 // images)
    assert answer["knn_accuracy"] > 0.9
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert len(records) == 2
    kept, _ = launch(tmp_path, *flags)
    assert "kept" in kept.stderr


@pytest.mark.slow
def test_the_first_process_answers_are_everybodys(tmp_path: Path) -> None:
    """What the second one reads, a moment later perhaps, trains nothing: the weights are those of two that read the same."""
    train_rows = load_corpus("digits").split("train")
    content = [train_rows.sha256(row) for row in range(300)]
    folders = []
    for name, verdict in (("first", "same"), ("second", "different")):
        (tmp_path / name).mkdir()
        table = VerdictTable(tmp_path / name)
        table.add([Verdict(content[2 * i], content[2 * i + 1], verdict) for i in range(150)])
        folders.append(["--verdicts", str(tmp_path / name)])
    weights = []
    for name, second in (("alike", folders[0]), ("apart", folders[1])):
        ended = launch(tmp_path / name, own=(folders[0], second))
        assert [process.returncode for process in ended] == [0, 0], ended[0].stderr + ended[1].stderr
        weights.append((tmp_path / name / "encoder.safetensors").read_bytes())
    assert weights[0] == weights[1]
    used = json.loads((tmp_path / "apart" / "meta.json").read_text())["verdicts"]
    assert used["same"] > 0 == used["different"]


def test_what_processes_cannot_share_is_refused() -> None:
    """Uneven shares, shares of one image, and a detector that learns by itself."""
    for settings in (
        {"batch_size": 33},
        {"batch_size": 2},
        {"treatment": "soft", "detector": "quantile"},
        {"objective": "cpc"},
    ):
        check_shareable(TrainConfig(**settings), 1)
        with pytest.raises(InputError):
            check_shareable(TrainConfig(**settings), 2)
