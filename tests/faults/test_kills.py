"""The short form of `make faults`: one kill of everything that writes. The long form has 50 of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
KILLS = 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc for orphans")
def test_what_is_killed_and_done_again_comes_to_the_same(tmp_path: Path) -> None:
    """Bytes, rows and answers; every kill meets the work, no acknowledged answer is lost, no process and no file is left.

    In a process of its own, for its forks.
    """
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.faults", "--kills", str(KILLS), "--json", str(figures)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(figures.read_text())
    assert set(found) == {operation.name for operation in OPERATIONS}
    for name, tally in found.items():
        assert (tally["kills"], tally["same"]) == (KILLS, KILLS), (name, tally)
