"""The benchmark of verdicts says how many answers there really were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.verdicts import Experiment, compute, table
from tests.training.runs import corpus

SETTINGS = {"steps": 2, "hold_out": 0, "batch_size": 16, "width": 4, "workers": 0, "device": "cpu"}


def test_a_queue_that_runs_dry_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the way, in the cell and under the table; a queue that has enough says nothing."""
    experiment = Experiment(corpus(), 0, "reciprocal", SETTINGS, tmp_path / "work")
    out = tmp_path / "out"
    compute(experiment, ["queue"], [20, 5000], out)
    enough, dry = (json.loads((out / "cells" / f"queue-{n}-seed-0.json").read_text()) for n in (20, 5000))
    assert enough["answers"] == 20
    assert 20 < dry["answers"] < 60 * 59 / 2
    said = [line for line in capsys.readouterr().out.splitlines() if "no more" in line]
    assert said == [f"seed 0: the queue has no more pairs: {dry['answers']:,} answers instead of 5,000"]
    assert table(out).endswith(f"since there were no more pairs: {dry['answers']:,} of 5,000 (queue, seed 0).\n")


def test_cells_of_older_versions_are_kept(tmp_path: Path) -> None:
    """They do not say how many answers they had; that makes no other experiment of them, and no note."""
    experiment = Experiment(corpus(), 0, "reciprocal", SETTINGS, tmp_path / "work")
    compute(experiment, [], [], tmp_path)
    (file,) = (tmp_path / "cells").iterdir()
    cell = json.loads(file.read_text())
    assert cell.pop("answers") is None
    file.write_text(json.dumps(cell))
    compute(experiment, [], [], tmp_path)
    assert json.loads(file.read_text()) == cell
    assert "answers" not in table(tmp_path)
