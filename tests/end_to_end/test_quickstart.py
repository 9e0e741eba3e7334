"""`samekind quickstart`: one command from a folder to the demo, and the same command from then on."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samekind
from samekind import demo as demo_module
from tests.end_to_end.helpers import CLASSES, PER_CLASS, call, refused

HUES = {"blue": (60, 90, 220), "red": (220, 70, 60)}


def put(folder: Path, hue: str, number: int) -> None:
    """A photo of 120 px in a class folder: its colour, under blurred noise."""
    rng = np.random.default_rng(number)
    noise = np.clip(np.array(HUES[hue]) + rng.integers(-50, 50, (6, 6, 3)), 0, 255).astype(np.uint8)
    (folder / hue).mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).resize((120, 120), Image.Resampling.BICUBIC).save(folder / hue / f"{number:02d}.jpg")


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Ten photos in two classes."""
    for hue in HUES:
        for number in range(5):
            put(tmp_path / "colours", hue, number)
    return tmp_path / "colours"


def test_a_folder_of_photos_is_indexed_and_evaluated_once(colours: Path, tmp_path: Path) -> None:
    """The encoder and why, then the figures; again, nothing is done; a new photo is added by the same command."""
    quickstart = ("quickstart", colours, "--out", tmp_path / "out", "--no-demo", "--json")
    first = call(*quickstart)
    assert first.code == 0, first.err
    assert [line for line in first.err.splitlines() if "photos" in line and "lite0" in line]
    assert first.answer["num_images"] == 10
    assert first.answer["evaluation"]["num_train"] + first.answer["evaluation"]["num_test"] == 10
    assert "MAP@R" not in first.err
    again = call(*quickstart)
    assert (again.answer["num_images"], again.answer["evaluation"]) == (10, None)
    assert "nothing new" in again.err
    put(colours, "red", 7)
    more = call(*quickstart)
    assert more.answer["num_images"] == 11
    assert more.answer["evaluation"]["num_train"] + more.answer["evaluation"]["num_test"] == 11
    assert "1 are new" in more.err


def test_a_newcomer_reads_five_lines(colours: Path, tmp_path: Path) -> None:
    """What was understood, the encoder, one figure, the index and what comes next; the others are what `--verbose` and `evaluate` print."""
    out = tmp_path / "out"
    called = call("quickstart", colours, "--out", out, "--no-demo")
    lines = [*called.err.splitlines(), *called.out.splitlines()]
    assert len(lines) == 5, lines
    figures = call("evaluate", out, "--json").answer
    share, aside = f"{100 * figures['hit_rate_at_1']:.0f} %", figures["num_test"]
    assert lines[2].startswith(f"for {share} of {aside} image")
    assert lines[2].endswith(f"(more figures: samekind evaluate {out})")
    verbose = call("quickstart", colours, "--out", tmp_path / "verbose", "--no-demo", "--verbose").err
    assert verbose.count("whitening: ") == 1
    assert [line for line in verbose.splitlines() if line.startswith("MAP@R")], "a line each"


def test_the_demo_opens_on_the_finished_index(colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default the artefact lies in `artifacts/` under the folder's name."""
    served: list[tuple[Path, int, int]] = []

    def serve(artefact: Path, *, host: str, port: int, console: object) -> None:
        served.append((artefact, port, len(samekind.Index.open(artefact))))

    monkeypatch.setattr(demo_module, "serve", serve)
    monkeypatch.chdir(tmp_path)
    called = call("quickstart", os.path.relpath(colours, tmp_path) + "/", "--port", 8765)
    assert called.code == 0, called.err
    assert served == [(Path("artifacts/colours"), 8765, 10)]


def test_small_pictures_are_trained_on_first(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is said, and what is trained is what the index is built on; five steps of it are enough here."""
    monkeypatch.setattr(samekind, "train", partial(samekind.train, steps=5, workers=0))
    called = call("quickstart", photos, "--out", tmp_path / "out", "--preset", "smoke", "--no-demo", "--json")
    assert called.code == 0, called.err
    assert " px, so the encoder is" in called.err
    assert "resnet-small" in called.err
    assert called.answer["num_images"] == len(CLASSES) * PER_CLASS
    assert samekind.load_encoder(tmp_path / "out").spec.backbone == "resnet-small"
    again = call("quickstart", photos, "--out", tmp_path / "out", "--no-demo")
    assert again.code == 0
    assert "nothing new" in again.err
    assert "samekind demo" in again.out


def test_a_folder_without_labels_is_not_evaluated(tmp_path: Path) -> None:
    """No figures and no note that says why: nobody asked."""
    for number in range(5):
        put(tmp_path / "flat", "red", number)
    for file in sorted((tmp_path / "flat" / "red").iterdir()):
        file.rename(tmp_path / "flat" / file.name)
    (tmp_path / "flat" / "red").rmdir()
    called = call("quickstart", tmp_path / "flat", "--out", tmp_path / "out", "--no-demo", "--json")
    assert called.answer["evaluation"] is None
    assert "accuracy" not in called.err


def test_mistakes_are_one_line_before_anything_is_made(photos: Path, tmp_path: Path) -> None:
    """A folder that is not there, no images, a port that is none."""
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    assert "no such folder" in refused("quickstart", tmp_path / "missing", "--out", out)
    assert "empty" in refused("quickstart", tmp_path / "empty", "--out", out)
    assert "--port" in refused("quickstart", photos, "--out", out, "--port", 0)
    assert not out.exists()


def test_the_demo_of_what_is_no_artefact_points_here(photos: Path, tmp_path: Path) -> None:
    """A folder of images, and one that does not exist."""
    assert f"samekind quickstart {photos}" in call("demo", photos).err
    assert f"samekind quickstart FOLDER --out {tmp_path / 'no'}" in call("demo", tmp_path / "no").err
