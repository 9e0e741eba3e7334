"""A whole run in two processes, as `accelerate launch` starts them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from accelerate import Accelerator

from samekind.cli import guarded, main
from samekind.core.errors import InputError, SamekindError
from samekind.data.sources.registry import load_corpus
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.training.config.train_config import TrainConfig
from samekind.training.runtime import checkpoint
from samekind.training.runtime.artefact import METRICS, WEIGHTS
from samekind.training.runtime.lock import exclusive
from samekind.training.runtime.processes import check_shareable, continue_randomly, lost_process_told
from samekind.training.runtime.random_state import RandomState
from tests.processes import heed_ctrl_c

ROOT = Path(__file__).resolve().parents[3]


ENDLESS = ("--epochs", "500")


def command(folder: Path, *flags: str) -> list[str]:
    """A training for seconds."""
    return [
        sys.executable, "-P", "-m", "samekind", "train", "--corpus", "digits", "--preset", "smoke", "--limit", "300", "--batch-size", "32",
        "--workers", "0", "--device", "cpu", "--out", str(folder), "--json", *([] if "--epochs" in flags else ["--epochs", "2"]), *flags,
    ]  # fmt: skip


def begun(folder: Path, *flags: str, own: tuple[list[str], list[str]] = ([], [])) -> list[subprocess.Popen[str]]:
    """Both processes of one run; each with flags of its own, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = command(folder, *flags)
    started = []
    for rank in range(2):
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        started.append(
            subprocess.Popen(
                [*program, *own[rank]], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                preexec_fn=heed_ctrl_c,
            )
        )  # fmt: skip
    return started


def ended(started: list[subprocess.Popen[str]]) -> list[subprocess.CompletedProcess[str]]:
    """What became of them."""
    found = []
    for process in started:
        out, err = process.communicate(timeout=240)
        found.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    return found


def launch(
    folder: Path, *flags: str, own: tuple[list[str], list[str]] = ([], [])
) -> list[subprocess.CompletedProcess[str]]:
    """Both processes of one run, to their end."""
    return ended(begun(folder, *flags, own=own))


def wait_for_epochs(folder: Path, count: int) -> None:
    """Until the records of so many epochs are on disk."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if (folder / METRICS).read_text().count("\n") >= count:
                return
        time.sleep(0.02)
    raise TimeoutError


def errors(process: subprocess.CompletedProcess[str]) -> list[str]:
    """What a process says of failures: one line and a remedy, in JSON where the first one was asked for that."""
    answers = [f"error: {json.loads(line).get('error')}" for line in process.stdout.splitlines()]
    return answers + [line for line in process.stderr.splitlines() if "error" in line or "Traceback" in line]


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
        both = launch(tmp_path / name, own=(folders[0], second))
        assert [process.returncode for process in both] == [0, 0], both[0].stderr + both[1].stderr
        weights.append((tmp_path / name / "encoder.safetensors").read_bytes())
    assert weights[0] == weights[1]
    used = json.loads((tmp_path / "apart" / "meta.json").read_text())["verdicts"]
    assert used["same"] > 0 == used["different"]


@pytest.mark.slow
@pytest.mark.parametrize("killed", [1, pytest.param(0, marks=pytest.mark.long)])
def test_a_killed_process_ends_the_others_with_one_line(tmp_path: Path, killed: int) -> None:
    """Whichever it is, one that survives says so, and that the same command continues, which it does."""
    started = begun(tmp_path, *ENDLESS)
    wait_for_epochs(tmp_path, 1)
    started[killed].kill()
    told = ended(started)[1 - killed]
    assert told.returncode == 2
    speaker = "process 1: " if killed == 0 else ""
    assert errors(told) == [f"{speaker}error: another of the 2 processes of this training has ended"], told.stderr
    assert checkpoint.exists(tmp_path)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("pressed", [[0, 1], [1]])
def test_an_interrupted_run_continues_bitwise(tmp_path: Path, pressed: list[int]) -> None:
    """Ctrl-C, to whichever of them, ends both after the same step; the first says so. Both continue with random numbers of their own:
    the mixes of `mixed` are drawn from them. One process continues it as well, and is told that it is another run from there on.
    """
    flags = ("--objective", "mixed", "--epochs", "6")
    whole, parted, alone = (tmp_path / name for name in ("whole", "parted", "alone"))
    assert [process.returncode for process in launch(whole, *flags)] == [0, 0]
    started = begun(parted, *flags)
    wait_for_epochs(parted, 2)
    for process in pressed:
        started[process].send_signal(signal.SIGINT)
    first, second = ended(started)
    assert [first.returncode, second.returncode] == [130, 130]
    assert errors(first) == ["error: interrupted"]
    assert errors(second) == []
    shutil.copytree(parted, alone)
    assert [process.returncode for process in launch(parted, *flags)] == [0, 0]
    assert (parted / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    single = subprocess.run(
        command(alone, *flags), env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert "in 1 process instead of 2" in single.stderr


def fake_accelerator(process: int, processes: int = 2) -> Accelerator:
    """Of one of several processes."""
    names = {"process_index": process, "num_processes": processes, "is_main_process": process == 0}
    return cast("Accelerator", SimpleNamespace(device=torch.device("cpu"), **names))


def drawn(process: int, states: list[RandomState], step: int = 7) -> float:
    """The next number of a process that continues from these states, where all begin with the same seed."""
    torch.manual_seed(0)
    continue_randomly(fake_accelerator(process, 3), states, (0, step))
    return float(torch.rand(()))


def test_each_process_has_random_numbers_of_its_own() -> None:
    """At the start the first keeps the run's, and the others begin their own; a process that was there continues its own, further ones
    begin others, which follow from seed, step and number.
    """
    torch.manual_seed(0)
    own = float(torch.rand(()))
    fresh = [drawn(process, []) for process in range(3)]
    assert fresh[0] == own
    assert len(set(fresh)) == 3
    states = []
    for seed in (5, 6):
        torch.manual_seed(seed)
        states.append(RandomState(torch.get_rng_state()))
    expected = []
    for seed in (5, 6):
        torch.manual_seed(seed)
        expected.append(float(torch.rand(())))
    assert [drawn(process, states) for process in range(2)] == expected
    assert drawn(2, states) == fresh[2] != drawn(2, states, step=8)


def test_a_broken_connection_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by the first process, or by another where nobody holds the folder; what is no connection's stays as it is."""
    monkeypatch.setattr("samekind.training.runtime.processes._LONG_ENOUGH_TO_BE_SEEN", 0.0)
    broken = RuntimeError("[…/gloo/transport/tcp/pair.cc:545] Read error [127.0.0.1]:1: Connection reset by peer")
    told = {}
    for process in (0, 1):
        for is_there in (True, False):
            with (
                exclusive(tmp_path) if is_there else contextlib.nullcontext(),
                pytest.raises(SamekindError) as caught,
                lost_process_told(fake_accelerator(process), tmp_path),
            ):
                raise broken
            assert "continues" in caught.value.hint
            told[process, is_there] = not caught.value.is_told_elsewhere
    assert told == {(0, True): True, (0, False): True, (1, True): False, (1, False): True}
    for error, processes in ((RuntimeError("shapes do not fit"), 2), (broken, 1)):
        with pytest.raises(RuntimeError) as left, lost_process_told(fake_accelerator(0, processes), tmp_path):
            raise error
        assert left.value is error


def test_an_error_of_all_is_told_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags that do not fit are the first process' to refuse; what only another one meets, it says under its number."""
    monkeypatch.setenv("RANK", "1")
    assert main(["train", "--nonsense"]) == 2
    assert capsys.readouterr().err == ""

    def fail(console: object) -> None:
        raise SamekindError("no disk")

    assert guarded(fail) == 2
    assert capsys.readouterr().err == "process 1: error: no disk\n"


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
