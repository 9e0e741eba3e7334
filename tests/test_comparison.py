"""The comparison without a training: children are replaced by a table of answers, everything around them is real."""

from __future__ import annotations

import csv
import json
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samekind.comparison import plan, runner
from samekind.comparison.launch import CellError
from samekind.comparison.methods import Method, chosen_methods
from samekind.comparison.settings import Settings
from samekind.comparison.stopwatch import LEAST_STEPS, STEPS_BEFORE, EnoughError, Stopwatch
from samekind.comparison.summary import Spread
from samekind.comparison.trials import CorpusPart, FinishedTrials, Trial, slug
from samekind.core.errors import ArtefactError, InputError, SamekindError
from samekind.training.config.train_config import TrainConfig

FIGURES = {
    "knn_accuracy": 0.9, "linear_accuracy": 0.8, "hit_rate_at_1": 0.85, "map_at_r": 0.4, "false_negative_rate_at_10": 0.5,
    "lift_at_10": 5.0, "base_rate": 0.1, "gradient_share": 0.3, "mi_bound": 2.0, "mi_cap": 5.5, "loss": 1.0,
    "pairs_per_second": 500.0, "peak_memory_bytes": 10**9, "peak_gpu_memory_bytes": None,
}  # fmt: skip

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Child:
    """Stands in for all child processes: counts its tasks, and answers better with every seed."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.tasks: list[dict[str, Any]] = []
        self._answer = answer

    def run(self, task: dict[str, Any]) -> dict[str, Any]:
        """Answers a task."""
        self.tasks.append(task)
        if self._answer is not None:
            return self._answer(task)
        return answer_of(task)

    def stop(self) -> None:
        """Nothing to stop."""


def answer_of(task: dict[str, Any]) -> dict[str, Any]:
    """What a worker answers; a timing finds 2.5 steps a second."""
    if task["kind"] == "timing":
        return {"steps_per_second": 2.5}
    return {
        "epochs": 1,
        "num_train": 29,
        "num_hold_out": 3,
        "figures": {**FIGURES, "knn_accuracy": 0.9 + 0.02 * task["config"]["seed"]},
        "notes": [],
        "hardware": {"cpu": "a processor", "cores": 2, "threads": 1, "gpu": None},
        "torch": "2",
        "samekind": "0",
        "date": "2026-11-24T00:00:00+00:00",
        "train_seconds": 1.0,
        "wall_seconds": 2.0,
    }


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled folder of 40 tiny images."""
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    rng = np.random.default_rng(0)
    for kind in ("a", "b"):
        (folder / kind).mkdir(parents=True)
        for i in range(20):
            Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / kind / f"{i}.png")
    return folder


@pytest.fixture
def asked(photos: Path, tmp_path: Path) -> Settings:
    """Two methods, two seeds, five steps."""
    return Settings(
        (str(photos),), ("info_nce", "hard"), seeds=2, budget="5", out=tmp_path / "out", work=tmp_path / "work"
    )


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Child:
    """Every child process, replaced."""
    return replaced(monkeypatch, Child())


def replaced(monkeypatch: pytest.MonkeyPatch, child: Child) -> Child:
    """Puts `child` where children are started."""
    monkeypatch.setattr(runner, "Children", lambda at_once: child)
    monkeypatch.setattr(plan, "run_child", child.run)
    return child


def trial_of(**changes: Any) -> Trial:
    """A trial that is wanted."""
    corpus = CorpusPart("photos", changes.pop("content_hash", "abc"))
    knn_k = changes.pop("knn_k", 20)
    return Trial(corpus, Method("hard", {"objective": "hard"}), TrainConfig(**changes), knn_k)


def stored(trial: Trial) -> dict[str, Any]:
    """What the trial's file holds."""
    return {
        "identity": trial.identity, "figures": FIGURES, "method": "hard", "corpus": "photos", "seed": trial.config.seed, "steps": 5,
    }  # fmt: skip


def test_the_digest_is_of_what_decides_the_figures() -> None:
    """Equal settings give equal digests, workers and device do not count, and everything else does."""
    digest = trial_of().digest
    assert digest == trial_of().digest == trial_of(workers=3, device="cpu").digest
    changed = ({"seed": 1}, {"steps": 7}, {"limit": 100}, {"beta": 2.0}, {"content_hash": "abd"}, {"knn_k": 200})
    assert len({digest, *(trial_of(**change).digest for change in changed)}) == 1 + len(changed)


def test_a_cell_is_found_by_its_settings(tmp_path: Path) -> None:
    """A setting that a trial does not know had its default; another value, corpus, seed or k is another trial."""
    trial = trial_of()
    old = stored(trial)
    old["identity"] = json.loads(json.dumps(old["identity"]))
    del old["identity"]["config"]["whitening"]
    FinishedTrials(tmp_path).add(trial, old)
    finished = FinishedTrials(tmp_path)
    assert finished.find(trial) == old
    for change in ({"whitening": 0.25}, {"seed": 1}, {"steps": 7}, {"content_hash": "abd"}, {"knn_k": 200}):
        assert finished.find(trial_of(**change)) is None, change
    assert finished.all_seeds(trial_of(seed=1)) == [old]


def test_a_damaged_cell_is_named(tmp_path: Path) -> None:
    """Half a file is no figure: the error says which one to remove."""
    path = trial_of().path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text('{"identity": ')
    with pytest.raises(ArtefactError, match=path.name):
        FinishedTrials(tmp_path)


def test_file_names_hold_no_path() -> None:
    """A method or corpus name never leaves its folder."""
    assert slug("hard, β 0.5") == "hard-beta-0.5"
    assert slug("../a/b") == "a-b"
    assert slug("hard+soft+oracle") == "hard+soft+oracle"


def test_mean_and_deviation() -> None:
    """Mean 0.93 and √(0.0026 / 2) by hand; one value has no deviation, none has no mean."""
    spread = Spread((0.90, 0.92, 0.97))
    assert spread.mean == pytest.approx(0.93)
    assert spread.std == pytest.approx(math.sqrt(0.0013))
    assert spread.text(2, 100) == "93.00 ± 3.61"
    assert Spread((0.5, None)).to_dict() == {"mean": 0.5, "std": None, "values": [0.5, None]}
    assert Spread((None,)).text() is None


def test_the_stopwatch_times_steps_only() -> None:
    """Bars of other work do not count, the first steps do not either, and it ends the training at the time."""
    watch = Stopwatch(seconds=0.0)
    with watch.task("Preparing", 3) as task:
        task.advance(3)
    with watch.task("epoch 1/9", 10**6) as task:
        task.advance(0)
        for _ in range(STEPS_BEFORE + LEAST_STEPS - 1):
            task.advance()
        with pytest.raises(EnoughError):
            task.advance()
    assert len(watch.steps) == STEPS_BEFORE + LEAST_STEPS
    assert watch.counted == watch.steps[STEPS_BEFORE:]


def test_finished_cells_are_kept(asked: Settings, child: Child) -> None:
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


def test_a_cell_that_fails_leaves_the_others(asked: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are computed and written, the failure is told, and the next call tries it alone."""

    def one_fails(task: dict[str, Any]) -> dict[str, Any]:
        if task["config"]["objective"] == "hard" and task["config"]["seed"] == 0:
            raise CellError("the loss is not finite", hint="a smaller learning rate")
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


def test_cells_are_computed_side_by_side(asked: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_curves_share_cells_with_the_table(asked: Settings, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
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
