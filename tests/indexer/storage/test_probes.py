"""The table `probes`: what went in comes out, once, whatever is repeated or fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import samekind
from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress
from samekind.indexer.storage.probes import read_probes, record_probes
from samekind.training.runtime.artefact import META
from tests.training.runs import corpus


class Lines(NoProgress):
    """A progress that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def print(self, line: str) -> None:
        """Keeps the line."""
        self.said.append(line)


TINY: dict[str, Any] = {
    "epochs": 2, "batch_size": 16, "width": 4, "projector_hidden": 16, "projector_dim": 8, "workers": 0, "device": "cpu",
}  # fmt: skip


def figures(rate: float | None, base: float | None = 0.25, pairs: int = 4) -> dict[str, Any]:
    """What a tally says of some anchors."""
    return {
        "num_anchors": 4, "base_rate": base, "gradient_share": 0.5, "false_negative_rate": {"1": rate, "5": None},
        "num_pairs": {"1": pairs, "5": 0},
    }  # fmt: skip


def look(rate: float | None) -> dict[str, Any]:
    """What it says of all, with two classes."""
    return {
        **figures(rate),
        "lift": {},
        "by_class": {"all": figures(1.0), "b's": figures(0.5, 0.0)},
        "class_pairs": [],
        "hardest": [],
    }


def an_artefact(folder: Path, identity: str = "one") -> Path:
    """A folder with the meta data of a run."""
    folder.mkdir(exist_ok=True)
    (folder / META).write_text(json.dumps({"format": 1, "encoder": {}, "identity": identity}))
    return folder


HISTORY = [
    {"epoch": 1, "probe": {"label_level": "fine", "objective": look(0.5), "sample": look(None)}},
    {"epoch": 2, "probe": {"label_level": "fine", "objective": look(0.5), "sample": look(0.75), "corpus": look(0.0)}},
]


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    """A row for each epoch, look, rank and class (which may be called anything), with types; undefined is NaN."""
    assert record_probes(an_artefact(tmp_path), HISTORY) == 5 * 3 * 2
    rows = read_probes(tmp_path)
    assert len(rows) == 30
    key = ["epoch", "against", "scope", "label", "rank"]
    assert not rows.duplicated(key).any()
    first = rows[rows["rank"] == 1].set_index(["epoch", "against", "scope"]).sort_index()
    total = first.loc[[(2, "sample", "all")]].iloc[0]
    assert (total.false_negative_rate, total.lift, total.base_rate, total.num_pairs) == (0.75, 3.0, 0.25, 4)
    assert (total.gradient_share, total.num_anchors, total.label_level) == (0.5, 4, "fine")
    assert pd.isna(total.label)
    assert pd.isna(first.loc[[(1, "sample", "all")]].iloc[0].false_negative_rate)
    classes = first.loc[[(2, "corpus", "class")]].set_index("label")
    assert classes.loc["all"].lift == 4.0
    assert pd.isna(classes.loc["b's"].lift)  # nothing false among all: no ratio
    assert {name: str(kind) for name, kind in rows.dtypes.items() if name in ("epoch", "rank", "num_pairs", "lift")} == {
        "epoch": "int32", "rank": "int32", "num_pairs": "int64", "lift": "float64",
    }  # fmt: skip


def test_writing_again_replaces_and_keeps_the_version_before(tmp_path: Path) -> None:
    """Never a row twice; another run's rows are not taken for this one's; an older history has none."""
    folder = an_artefact(tmp_path)
    record_probes(folder, HISTORY[:1])
    record_probes(folder, HISTORY)
    assert len(read_probes(folder)) == 30
    assert record_probes(folder, HISTORY, renew=False) == 0
    assert len(list((folder / "db" / "probes.lance" / "_versions").glob("*.manifest"))) == 2
    (folder / "metrics.jsonl").write_text("")  # younger than the table: the run was stopped before it could write that
    assert record_probes(folder, HISTORY, renew=False) == 30
    an_artefact(tmp_path, "another")  # begun, and not yet at its end
    assert len(read_probes(folder)) == 0
    record_probes(folder, [{"epoch": 1}, {"epoch": 2, "probe": None}])
    assert len(read_probes(folder)) == 0


def test_without_a_table_there_are_columns_and_no_rows(tmp_path: Path) -> None:
    """An older run, or one without labels; without an artefact there is an error."""
    assert record_probes(an_artefact(tmp_path), [{"epoch": 1, "probe": None}]) == 0
    assert not (tmp_path / "db").exists()
    assert list(read_probes(tmp_path))[:3] == ["epoch", "against", "scope"]
    with pytest.raises(ArtefactError, match="does not exist"):
        read_probes(tmp_path / "nowhere")


def test_training_fills_the_table_once(tmp_path: Path) -> None:
    """As the history says; the same after the run is kept, and after it is forced."""
    run = samekind.train(corpus(), "smoke", tmp_path, **TINY)
    rows = samekind.read_probes(tmp_path)
    assert set(rows.against) == {"objective", "sample", "corpus"}
    for record in run.history:
        for against in record["probe"].keys() - {"label_level"}:
            mine = rows[(rows.epoch == record["epoch"]) & (rows.against == against) & (rows.scope == "all")]
            expected = [record["probe"][against]["false_negative_rate"][str(rank)] for rank in mine["rank"]]
            assert [None if pd.isna(rate) else rate for rate in mine.false_negative_rate] == expected
    assert samekind.train(corpus(), "smoke", tmp_path, **TINY).kept
    samekind.train(corpus(), "smoke", tmp_path, force=True, **TINY)
    pd.testing.assert_frame_equal(samekind.read_probes(tmp_path), rows)


def test_a_table_that_cannot_be_written_costs_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without LanceDB, or where its folder is a file: the run is whole, a line says what is missing, and the next call mends it."""
    lines = Lines()
    (tmp_path / "db").write_text("in the way")
    run = samekind.train(corpus(), "smoke", tmp_path, progress=lines, **{**TINY, "epochs": 1})
    assert run.encoder.dim > 0
    assert "table probes was not written" in lines.said[-1]
    (tmp_path / "db").unlink()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "lancedb", None)
        assert samekind.train(corpus(), "smoke", tmp_path, progress=lines, **{**TINY, "epochs": 1}).kept
    assert lines.said[-1].startswith("the table probes was not written")
    assert samekind.train(corpus(), "smoke", tmp_path, **{**TINY, "epochs": 1}).kept
    assert len(samekind.read_probes(tmp_path)) > 0


def test_without_labels_a_sentence_says_why_there_is_nothing(tmp_path: Path) -> None:
    """Null in the records, no table."""
    lines = Lines()
    run = samekind.train(corpus(labelled=False), "smoke", tmp_path, progress=lines, **{**TINY, "epochs": 1})
    assert run.history[0]["probe"] is None
    assert any("no labels" in line for line in lines.said)
    assert len(samekind.read_probes(tmp_path)) == 0
