"""Runs of a folder as their files tell, whatever state these are in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from samekind import preset, runs
from samekind.indexer.evaluation.kept_evaluation import keep_evaluation


def put(folder: Path, config: dict[str, Any] | None = None, **parts: Any) -> Path:
    """A run's `meta.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    meta = {"config": config or {}, "encoder": {"backbone": "resnet-small"}, **parts}
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def put_history(folder: Path, accuracies: list[float | None]) -> None:
    """Epochs of two seconds each."""
    records = [{"epoch": i + 1, "loss": 5.0 - i, "seconds": 2.0, "knn_accuracy": a} for i, a in enumerate(accuracies)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def put_launch(folder: Path, **values: Any) -> None:
    """A record of a launch."""
    record = {"corpus": ["--corpus", "digits"], "training": ["--preset", "smoke"], "started": 1.0}
    (folder / "launch").mkdir(parents=True, exist_ok=True)
    (folder / "launch" / "launch.json").write_text(
        json.dumps({**record, "phase": "train", "ended": "", "message": "", **values})
    )


def test_a_finished_run_has_its_figures(tmp_path: Path) -> None:
    """Those on the test split from the training, the hold-out's of the last epoch that measured it, and what it took."""
    config = preset("smoke", treatment="soft").to_dict()
    folder = put(tmp_path / "a", config, training={"finished": True, "steps": 56, "seconds": 9.5, "knn_accuracy": 0.5})
    put_history(folder, [0.25, 0.75, None])
    (folder / "manifest.json").write_text("{}")
    run = runs.read_run(folder)
    assert (run.state, run.method, run.steps, run.seconds, run.epochs) == (
        "done",
        "hard + soft + reciprocal",
        56,
        9.5,
        3,
    )
    assert (run.figures, run.hold_out) == ({"k-NN": 0.5}, 0.75)


def test_an_evaluation_knows_better_than_the_training(tmp_path: Path) -> None:
    """Its figures are of the index as it is, whoever evaluated; undefined ones are left out. Of another encoder they do not count."""
    one = {"backbone": "resnet-small", "fingerprint": "one"}
    folder = put(tmp_path / "a", preset("smoke").to_dict(), training={"knn_accuracy": 0.5}, encoder=one)
    manifest = {"encoder": "one", "table_version": 3, "table_files": "x", "corpora": []}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    figures = {"knn_accuracy": 0.625, "map_at_r": 0.25, "linear_accuracy": None, "notes": ["a leak"]}
    keep_evaluation(folder, figures, manifest)
    assert runs.read_run(folder).figures == {"k-NN": 0.625, "mAP@R": 0.25}
    assert runs.read_run(folder).notes == ("a leak",)
    put(folder, preset("smoke").to_dict(), training={"knn_accuracy": 0.5}, encoder={**one, "fingerprint": "trained on"})
    assert runs.read_run(folder).figures == {"k-NN": 0.5}


@pytest.mark.parametrize(
    ("training", "indexed", "launch", "state"),
    [
        ({"finished": False}, False, None, "not finished"),
        ({"finished": True}, False, None, "not indexed"),
        ({"finished": True}, True, None, "done"),
        ({"finished": False}, False, {"ended": "stopped"}, "stopped"),
        ({"finished": False}, False, {"ended": "failed"}, "failed"),
        ({"finished": False}, False, {}, "broken off"),
        ({"finished": True}, True, {"ended": "done"}, "done"),
    ],
)
def test_states(
    tmp_path: Path, training: dict[str, Any], indexed: bool, launch: dict[str, Any] | None, state: str
) -> None:
    """A launch says how it ended; one that says nothing and that no process holds was broken off."""
    folder = put(tmp_path / "a", preset("smoke").to_dict(), training=training)
    if indexed:
        (folder / "manifest.json").write_text("{}")
    if launch is not None:
        put_launch(folder, **launch)
    assert runs.read_run(folder).state == state


def test_the_list_leaves_out_what_is_no_run_and_survives_what_is_damaged(tmp_path: Path) -> None:
    """Newest first; files, hidden folders and folders without a part of an artefact are not runs."""
    put(tmp_path / "old")
    for name in ("photos", ".hidden"):
        (tmp_path / name).mkdir()
    put(tmp_path / ".hidden")
    (tmp_path / "file").write_text("")
    damaged = put(tmp_path / "damaged")
    (damaged / "meta.json").write_text('{"config": 3, "encoder": []')
    (damaged / "metrics.jsonl").write_bytes(b"\xff\xfe{")
    put_launch(damaged, corpus=3)
    os.utime(tmp_path / "old" / "meta.json", (1, 1))
    assert [run.name for run in runs.list_runs(tmp_path)] == ["damaged", "old"]
    assert runs.list_runs(tmp_path / "nowhere") == []


def test_only_settings_that_count_are_told_apart(tmp_path: Path) -> None:
    """β is of `hard` alone, and processes that make views change nothing."""
    one = preset("smoke", objective="hard", beta=0.5, workers=0).to_dict()
    other = preset("smoke", objective="info_nce", beta=2.0, workers=3).to_dict()
    found = [runs.read_run(put(tmp_path / name, config)) for name, config in (("a", one), ("b", other))]
    differing = runs.differing_settings(found)
    assert differing["objective"] == ("hard", "info_nce")
    assert differing["beta"] == (0.5, None)
    assert "workers" not in differing
    assert "batch_size" not in differing


def test_a_record_cannot_name_a_command_or_another_folder(tmp_path: Path) -> None:
    """Folders come from others; what is resumed is `train` and `index` of this folder, or nothing."""
    put_launch(tmp_path, corpus=["--corpus", "digits", "--out", "elsewhere"])
    assert runs.read_launch(tmp_path) is None
    put_launch(tmp_path, training=["--out", "elsewhere"])
    assert runs.read_launch(tmp_path) is None
    put_launch(tmp_path)
    launch = runs.read_launch(tmp_path)
    assert launch is not None
    assert {words[0] for words in launch.commands.values()} == {"train", "index"}
    assert all(words[words.index("--out") + 1] == str(tmp_path) for words in launch.commands.values())
