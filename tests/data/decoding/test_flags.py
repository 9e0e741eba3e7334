"""How files are read is said the same way to every command that reads a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import samekind
from samekind.core.errors import InputError
from samekind.data.sources import registry
from tests.data.decoding.samples import frames
from tests.end_to_end.helpers import call, refused

COMMANDS = [
    ("train", "--corpus", "scans"),
    ("index", "--encoder", "lite0", "--corpus", "scans"),
    ("index", "--vectors", "v.npy", "--corpus", "scans"),
    ("quickstart", "--no-demo", "scans"),
    ("compare", "--corpora", "scans"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_flags_reach_the_reading_of_the_folder(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--frames`, `--max-pixels` and `--depth` of train, index, quickstart and compare are arguments of `load_corpus`."""
    given: dict[str, Any] = {}

    def stop(_: object, **arguments: Any) -> None:
        given.update(arguments)
        raise InputError("far enough")

    monkeypatch.setattr(samekind, "load_corpus", stop, raising=False)
    monkeypatch.setattr(registry, "load_corpus", stop)
    monkeypatch.chdir(tmp_path)
    np.save("v.npy", np.eye(2, dtype=np.float32))
    Path("v.ids.txt").write_text("a\nb\n")
    called = call(*command, "--out", "out", "--frames", "all", "--max-pixels", 12345, "--depth", 12)
    assert "far enough" in called.err
    assert {name: given.get(name) for name in ("frames", "max_pixels", "depth")} == {
        "frames": "all",
        "max_pixels": 12345,
        "depth": 12,
    }


def test_bad_values_are_refused_in_one_line(tmp_path: Path) -> None:
    """The line has the value and what was expected."""
    (tmp_path / "x.tif").write_bytes(frames("TIFF"))
    assert "first, all" in refused(
        "index", "--corpus", tmp_path, "--encoder", "lite0", "--out", tmp_path / "a", "--frames", "last"
    )
    for flag, line in (("--max-pixels", "max_pixels must be"), ("--depth", "depth must be")):
        words = ("index", "--corpus", tmp_path, "--encoder", "lite0", "--out", tmp_path / "a", flag, 0)
        assert line in refused(*words)
