"""`samekind compare` from end to end: refusals in one line, a comparison in real child processes, and one that is killed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import samekind
from samekind.cli import main
from tests.processes import heed_ctrl_c

ROOT = Path(samekind.__file__).parents[1]


def command(folder: Path, *more: object) -> list[str]:
    """The arguments of a comparison that takes seconds a trial."""
    flags = ["--preset", "smoke", "--workers", "0", "--train-images", "300", "--batch-size", "64"]
    where = ["--out", str(folder / "results"), "--work", str(folder / "work")]
    return ["compare", "--corpora", "digits", *flags, *where, *map(str, more)]


def trials(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Content and time of every finished trial."""
    found = (folder / "results" / "cells").glob("digits/*/*.json")
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--budget", "soon"), "'soon'"),
        (("--budget", "0s"), "above 0"),
        (("--methods", "info_nce,nothing"), "'nothing'"),
        (("--seeds", "0"), "seeds"),
        (("--corpora", ","), "no corpus"),
        (("--corpora", "nowhere"), "'nowhere'"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, flags: tuple[str, ...], said: str) -> None:
    """Exit code 2, one line and a hint, and nothing was written."""
    out, err = io.StringIO(), io.StringIO()
    arguments = [word for word in command(tmp_path) if flags[0] != "--corpora" or word not in ("--corpora", "digits")]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*arguments, *flags])
    assert code == 2
    lines = err.getvalue().splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["error", "hint"]
    assert said in lines[0]
    assert out.getvalue() == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_comparison_and_the_same_again(tmp_path: Path) -> None:
    """Two methods and two seeds become four trials, a page, a picture and a CSV; the second call computes nothing."""
    arguments = command(
        tmp_path, "--methods", "info_nce,hard", "--seeds", 2, "--budget", "6steps", "--knn-k", 5, "--json"
    )
    answers = []
    for _ in range(2):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            assert main(arguments) == 0
        answers.append((json.loads(out.getvalue()), trials(tmp_path)))
    (first, before), (second, after) = answers
    assert (first["computed"], first["kept"]) == (4, 0)
    assert (second["computed"], second["kept"]) == (0, 4)
    assert before == after
    assert len(before) == 4
    (corpus,) = first["corpora"]
    assert [(row["method"], row["seeds"]) for row in corpus["rows"]] == [("info_nce", [0, 1]), ("hard", [0, 1])]
    for row in corpus["rows"]:
        for name in ("knn_accuracy", "linear_accuracy", "hit_rate_at_1", "false_negative_rate_at_10", "gradient_share"):
            assert all(0 <= value <= 1 for value in row["figures"][name]["values"]), name
        assert all(value > 10**7 for value in row["figures"]["peak_memory_bytes"]["values"])
    record = json.loads(next(iter(before.values()))[0])
    assert record["steps"] == 6
    assert record["identity"]["knn_k"] == 5
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"cells", "cells.csv", "digits.md", "digits.png"}
    assert not any((tmp_path / "work").iterdir()), "the trainings' folders go when their trials are kept"


@pytest.mark.slow
@pytest.mark.parametrize(("how", "jobs"), [pytest.param(signal.SIGINT, 2, marks=pytest.mark.long), (signal.SIGKILL, 1)])
def test_a_stopped_comparison_goes_on(tmp_path: Path, how: signal.Signals, jobs: int) -> None:
    """Stopped in the middle of its trials, it leaves no process behind; the same command continues those very trainings."""
    methods = ["info_nce", "hard"][:jobs]
    arguments = command(
        tmp_path,
        "--methods",
        ",".join(methods),
        "--seeds",
        1,
        "--budget",
        "60steps",
        "--jobs",
        jobs,
        "--precision",
        "float32",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-P", "-m", "samekind", *arguments]
    log = tmp_path / "log"
    with (
        log.open("w") as stream,
        subprocess.Popen(program, env=environment, stderr=stream, preexec_fn=heed_ctrl_c) as first,
    ):
        _wait(lambda: len([*(tmp_path / "work").glob("*/metrics.jsonl")]) == jobs, first)
        first.send_signal(how)
        code = first.wait(60)
    assert code == (130 if how is signal.SIGINT else -signal.SIGKILL), log.read_text()
    assert trials(tmp_path) == {}
    work = [*(tmp_path / "work").iterdir()]
    assert len(work) == jobs
    _wait(lambda: all(map(_is_free, work)), None)
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("continuing from step") == jobs
    assert len(trials(tmp_path)) == jobs


def _wait(until: object, process: subprocess.Popen[bytes] | None) -> None:
    assert callable(until)
    give_up = time.monotonic() + 120
    while not until():
        assert process is None or process.poll() is None, "it ended before it could be stopped"
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _is_free(folder: Path) -> bool:
    """Whether the child of a killed parent has saved and let go of the training's folder."""
    from samekind.core.errors import ArtefactError
    from samekind.training.runtime.lock import exclusive

    try:
        with exclusive(folder):
            return True
    except ArtefactError:
        return False
