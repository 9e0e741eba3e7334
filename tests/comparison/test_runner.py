"""The comparison itself: which trials are computed, kept and written up."""

from __future__ import annotations

import csv
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samekind.comparison import runner
from samekind.comparison.launch import TrialError
from samekind.comparison.methods import Method, chosen_methods
from samekind.comparison.settings import Settings
from samekind.core.errors import InputError, SamekindError
from tests.comparison.conftest import Child, answer_of, replaced


def test_finished_trials_are_kept(asked: Settings, child: Child) -> None:
    """The second call starts no child and leaves each trial's bytes and time alone; more seeds add only the new ones."""
    first = runner.run(asked)
    assert (first.computed, first.kept) == (4, 0)
    trials = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in asked.out.glob("cells/*/*/*.json")}
    assert len(trials) == len(child.tasks) == 4
    second = runner.run(asked)
    assert (second.computed, second.kept, len(child.tasks)) == (0, 4, 4)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in trials} == trials
    third = runner.run(replace(asked, seeds=3))
    assert (third.computed, third.kept) == (2, 4)
    assert third.tables[0].rows[0].seeds == (0, 1, 2)


def test_seeds_are_the_outer_loop(asked: Settings, child: Child) -> None:
    """Stopped early, every method is there once before any is there twice."""
    runner.run(asked)
    order = [(task["config"]["seed"], task["config"]["objective"]) for task in child.tasks]
    assert order == [(0, "info_nce"), (0, "hard"), (1, "info_nce"), (1, "hard")]


def test_the_files(asked: Settings, child: Child) -> None:
    """Mean and deviation stand in the Markdown, every trial in the CSV, and the picture is one."""
    answer = runner.run(asked)
    (table,) = answer.tables
    assert table.rows[0].figures["knn_accuracy"].values == (0.9, 0.92)
    page = (asked.out / "photos.md").read_text()
    assert "| `info_nce` | 2 | 91.00 ± 1.41 | 80.00 ± 0.00 |" in page
    assert "(photos.png)" in page
    assert (asked.out / "photos.png").read_bytes().startswith(b"\x89PNG")
    with (asked.out / "cells.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert sorted((line["method"], line["seed"]) for line in lines) == [
        (m, s) for m in ("hard", "info_nce") for s in "01"
    ]
    assert str(asked.out.parent) not in page + "".join(map(str, lines)), (
        "results hold nothing of this machine's folders"
    )
    json.dumps(answer.to_dict(), allow_nan=False)
    names = ("photos.md", "photos.png", "cells.csv")
    assert answer.text().splitlines()[-1] == "wrote " + ", ".join(str(asked.out / name) for name in names)


def test_a_trial_that_fails_leaves_the_others(asked: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are computed and written, the failure is told, and the next call tries it alone."""

    def one_fails(task: dict[str, Any]) -> dict[str, Any]:
        if task["config"]["objective"] == "hard" and task["config"]["seed"] == 0:
            raise TrialError("the loss is not finite", hint="a smaller learning rate")
        return answer_of(task)

    replaced(monkeypatch, Child(one_fails))
    answer = runner.run(asked)
    assert [failure.error for failure in answer.failed] == ["the loss is not finite"]
    assert [row.seeds for row in answer.tables[0].rows] == [(0, 1), (1,)]
    with pytest.raises(SamekindError, match="not finite"):
        answer.raise_failures()
    again = replaced(monkeypatch, Child())
    runner.run(asked).raise_failures()
    assert [(t["config"]["objective"], t["config"]["seed"]) for t in again.tasks] == [("hard", 0)]


def test_a_method_that_is_unknown_here_leaves_the_others(
    asked: Settings, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row whose settings this samekind refuses is told once, not once a seed."""
    strange = Method("strange", {"objective": "strange"})
    monkeypatch.setattr("samekind.comparison.settings.chosen_methods", lambda names: (*chosen_methods(names), strange))
    answer = runner.run(asked)
    assert len(answer.failed) == 1
    assert "'strange'" in answer.failed[0].error
    assert answer.computed == 4


def test_ctrl_c_keeps_what_is_finished(asked: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It passes through, after the tables of what is there were written; the next call computes the rest."""

    def stopped(task: dict[str, Any]) -> dict[str, Any]:
        if task["config"]["seed"] == 1:
            raise KeyboardInterrupt
        return answer_of(task)

    replaced(monkeypatch, Child(stopped))
    with pytest.raises(KeyboardInterrupt):
        runner.run(asked)
    assert "| `hard` | 1 | 90.00 |" in (asked.out / "photos.md").read_text()
    child = replaced(monkeypatch, Child())
    assert runner.run(asked).computed == len(child.tasks) == 2


def test_trials_are_computed_side_by_side(asked: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs are under way at once: each waits for the other. All trials are there in the end."""
    both = threading.Barrier(2, timeout=30)

    def together(task: dict[str, Any]) -> dict[str, Any]:
        both.wait()
        return answer_of(task)

    replaced(monkeypatch, Child(together))
    assert runner.run(replace(asked, jobs=2)).computed == 4


def test_a_table_is_of_one_number_format(asked: Settings, child: Child) -> None:
    """`auto` becomes what this machine takes, and is then part of every trial and of the command that repeats them."""
    (table,) = runner.run(asked).tables
    (precision,) = {task["config"]["precision"] for task in child.tasks}
    assert precision in ("float32", "bfloat16")
    assert f"--precision {precision}" in table.command
    other = {"float32": "bfloat16", "bfloat16": "float32"}[precision]
    assert runner.run(replace(asked, precision=other)).computed == 4


def test_a_time_is_turned_into_steps_once(asked: Settings, child: Child) -> None:
    """8 s at 2.5 steps a second are 20 steps for everybody, also in the next call."""
    timed = replace(asked, budget="8s")
    for _ in range(2):
        (table,) = runner.run(timed).tables
        assert table.steps == 20
    assert [task["kind"] for task in child.tasks] == ["timing"] + ["trial"] * 4
    assert {task["config"]["steps"] for task in child.tasks[1:]} == {20}
    assert child.tasks[0]["config"]["objective"] == "info_nce"
    assert json.loads((asked.out / "budget.json").read_text())[0]["steps"] == 20


def test_curves_share_trials_with_the_table(asked: Settings, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hard` at the preset's β, and `info_nce` at its views, are computed once."""
    monkeypatch.setattr("samekind.comparison.methods.BATCH_SIZES", (8, 16, 64))  # of which the images fill two
    answer = runner.run(replace(asked, curves=True, seeds=1))
    assert len(child.tasks) == 2 + (5 - 1) + 2 + (4 - 1)
    drawn = {curve.name: points for curve, points in answer.tables[0].curves}
    assert {name: len(points) for name, points in drawn.items()} == {"beta": 5, "batch-size": 2, "strength": 4}
    assert [point.x for point in drawn["strength"]] == ["none", "light", "medium", "heavy"]
    assert {path.name for path in answer.files} >= {"photos.md", "photos.png", "photos-beta.png", "photos-strength.png"}
    assert "### Batch size" in (asked.out / "photos.md").read_text()


def test_without_labels_there_are_no_rows_that_need_them(asked: Settings, child: Child, photos: Path) -> None:
    """A flat folder is compared by speed and bound; supervised and oracle rows are left out."""
    flat = replace(asked, corpora=(str(photos / "a"),), methods=(), seeds=1)
    runner.run(flat)
    assert not any("oracle" in str(t["config"]) or t["config"]["objective"] == "supervised" for t in child.tasks)


def test_two_corpora_of_one_name_are_refused(asked: Settings, child: Child) -> None:
    """Their tables would go to one file."""
    with pytest.raises(InputError, match="'photos'"):
        runner.run(replace(asked, corpora=asked.corpora * 2))
    assert not child.tasks


def test_the_command_is_the_same_on_every_machine(asked: Settings) -> None:
    """What is stored repeats what decides the figures, and leaves folders of the machine out."""
    settings = replace(asked, corpora=("digits",), curves=True, data_dir=Path("/somewhere"), workers=0)
    assert (
        settings.command() == "samekind compare --corpora digits --methods info_nce,hard --seeds 2 --budget 5 --curves"
    )
