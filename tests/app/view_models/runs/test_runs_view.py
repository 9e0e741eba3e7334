"""Tables, curves and sentences of the page *Runs*."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from samekind import preset, runs
from samekind.app.view_models.runs import curves, live, tables


def record(folder: Path, **parts: Any) -> runs.RunRecord:
    """A run from its `meta.json`."""
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"training": {"finished": True}, **parts}))
    (folder / "manifest.json").write_text("{}")
    return runs.read_run(folder)


def test_names_of_columns_are_told_apart(tmp_path: Path) -> None:
    """Runs of one name but for what a line cannot show."""
    assert tables.distinct(["a", "b\n", "a", "b\\n"]) == ["a", "b\\n", "a (3)", "b\\n (4)"]


def test_a_comparison_has_the_settings_that_differ(tmp_path: Path) -> None:
    """But not those that only one of the runs has because the other was not trained here."""
    one = record(tmp_path / "a", config=preset("smoke", beta=0.5).to_dict(), corpus={"name": "c", "num_images": 1234})
    two = record(tmp_path / "b", config=preset("smoke", beta=2.0).to_dict(), corpus={"name": "c", "num_images": 1234})
    frozen = record(tmp_path / "f", corpus={"name": "c", "num_images": 1234})
    rows = {row[""]: row for row in tables.comparison_rows([one, two], runs.differing_settings([one, two]), ["a", "b"])}
    assert (rows["beta"]["a"], rows["beta"]["b"]) == ("0.5", "2")
    assert rows["images"]["b"] == "1,234"
    assert "batch_size" not in rows
    beside = tables.comparison_rows([one, frozen], runs.differing_settings([one, frozen]), ["a", "f"])
    assert not {"beta", "seed", "temperature"} & {row[""] for row in beside}
    assert next(row for row in beside if row[""] == "objective") == {
        "": "objective",
        "a": "hard",
        "f": "not trained here",
    }


def test_runs_of_other_images_are_not_to_be_compared(tmp_path: Path) -> None:
    """A sentence says so; of the same ones nothing is said."""
    given = {"encoder": {"fingerprint": "given:1"}}
    none: dict[str, Any] = {}
    corpora = ((3, "x", none), (3, "x", none), (3, "y", given), (3, "y", none), (4, "x", none))
    found = [
        record(tmp_path / str(i), corpus={"name": "c", "num_images": n, "content_hash": content}, **parts)
        for i, (n, content, parts) in enumerate(corpora)
    ]
    assert tables.figures_note(found[:3]) == "", "the content of given vectors' images is unknown"
    assert "cannot be compared" in tables.figures_note([found[0], found[3]])
    assert "cannot be compared" in tables.figures_note([found[0], found[4]])


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (0.4, "0 s"), (99, "99 s"), (120, "2 min"), (7200, "2.0 h")]
)
def test_durations(seconds: float | None, text: str) -> None:
    """In the unit that people would take."""
    assert tables.duration(seconds) == text


HISTORY: list[dict[str, Any]] = [
    {"epoch": 1, "loss": 3.0, "knn_accuracy": 0.5, "false_negative_rate": {"1": None, "10": 0.25}},
    {"epoch": 2, "loss": 2.0, "knn_accuracy": None, "false_negative_rate": None, "health": {"effective_rank": 7.5}},
]


def test_curves_hold_what_was_measured() -> None:
    """Epochs without a figure have no point; measures that no run has are not offered."""
    assert curves.points(HISTORY, "Hold-out accuracy") == [(1, 0.5)]
    assert curves.points(HISTORY, "False negatives @10") == [(1, 0.25)]
    assert curves.measured([[], HISTORY]) == list(curves.MEASURES)
    assert curves.measured([[{"epoch": 1, "loss": 1.0}]]) == ["Loss"]
    figure = curves.compared({"a": HISTORY, "<b>": HISTORY[:1], "none": []}, "Loss")
    assert [(line.name, list(line.x), list(line.y)) for line in figure.data] == [
        ("a", [1, 2], [3.0, 2.0]),
        ("&lt;b&gt;", [1], [3.0]),
    ]
    assert len({(line.line.dash, line.marker.symbol) for line in figure.data}) == 2


@pytest.mark.parametrize(
    ("phase", "step", "epochs", "expected"),
    [
        ("begin", runs.Step(), 0, (0.0, "starting …")),
        ("train", runs.Step(), 0, (0.0, f"{live.LOADING} …")),
        ("train", runs.Step("Reading pixels", 1, 4), 0, (0.25, "Reading pixels …")),
        ("train", runs.Step("epoch 2/4", 1, 2, 0.375), 1, (0.375, "training: epoch 2 of 4")),
        ("train", runs.Step("epochs 3 to 9/40", 1, 2, 0.15), 2, (0.15, "training: epochs 3 to 9 of 40")),
        ("train", runs.Step("embedding", 9, 10, 0.5), 2, (0.5, "training: measuring after 2 epochs")),
        ("index", runs.Step("Indexing images", 3, 4, 1.0), 4, (0.75, "embedding the images into an index …")),
    ],
)
def test_the_bar(phase: str, step: runs.Step, epochs: int, expected: tuple[float, str]) -> None:
    """Before the first epoch it is that of the work in hand; then that of the training, which no measurement moves back."""
    assert live.progress(phase, step, epochs) == expected


def test_the_latest_figures_are_those_there_are() -> None:
    """Of the last epoch alone."""
    assert live.latest(HISTORY) == {"Epochs": "2", "Loss": "2.000"}
    assert live.latest(HISTORY[:1])["False negatives @10"] == "25.0 %"
    assert live.latest([]) == {}
