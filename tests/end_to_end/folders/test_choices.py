"""How a folder is read is chosen once: later commands on the same artefact read it the same way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samekind
from samekind.indexer.storage.remedies import rebuild_command
from tests.end_to_end.helpers import call, refused


def photo(root: Path, name: str, seed: int) -> None:
    """A picture of 100 px."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((100, 100), Image.Resampling.NEAREST).save(root / name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures and two thumbnails, and labels in a table that calls the column by another name."""
    root = tmp_path / "photos"
    for i, name in enumerate(("x/1.png", "x/1_thumb.png", "y/2.png", "y/2_thumb.png")):
        photo(root, name, i)
    (root / "species.csv").write_text("picture,file,kind\nfirst,x/1.png,cat\nsecond,y/2.png,dog\nthird,y/3.png,cat\n")
    return root


def test_an_index_reads_what_is_added_as_it_read_the_rest(folder: Path, tmp_path: Path) -> None:
    """Flags of the first command hold for the second, which names none; a flag given again takes their place."""
    out = tmp_path / "artefact"
    choices = ("--labels", f"{folder / 'species.csv'}:kind", "--exclude", "*_thumb.png", "--exclude", "z")
    first = call("index", "--corpus", folder, "--encoder", "lite0", "--out", out, *choices)
    assert first.code == 0, first.err
    assert "read as: no splits, about 80/20 are drawn; 2 classes; labels of species.csv, column kind" in first.err
    photo(folder, "y/3.png", 9)
    photo(folder, "z/4.png", 10)
    second = call("index", "--corpus", folder, "--out", out)
    assert second.code == 0, second.err
    assert f"read as it was for {out}: --labels" in second.err
    index = samekind.Index.open(out)
    assert dict(zip(index.ids, index.labels or [], strict=True)) == {
        "x/1.png": "cat",
        "y/2.png": "dog",
        "y/3.png": "cat",
    }
    assert "--exclude '*_thumb.png' --exclude z" in rebuild_command(out)
    third = call("index", "--corpus", folder, "--out", out, "--exclude", "*_thumb.png")
    assert third.code == 0, third.err
    index = samekind.Index.open(out)
    assert dict(zip(index.ids, index.labels or [], strict=True)) == {
        "x/1.png": "cat",
        "y/2.png": "dog",
        "y/3.png": "cat",
        "z/4.png": None,
    }
    assert "--exclude z" not in rebuild_command(out)
    afresh = call("index", "--corpus", folder, "--out", out, "--layout", "auto", "--exclude", "*_thumb.png")
    assert afresh.code == 0, afresh.err
    index = samekind.Index.open(out)
    assert dict(zip(index.ids, index.labels or [], strict=True))["z/4.png"] == "z"
    assert "--labels" not in rebuild_command(out)


@pytest.mark.parametrize(
    "flag",
    [("--depth", "16"), ("--max-pixels", "90000000"), ("--frames", "all"), ("--several", "exact"), ("--exclude", "w")],
)
def test_one_flag_given_again_keeps_the_others(flag: tuple[str, str], folder: Path, tmp_path: Path) -> None:
    """Labels and patterns of the first command hold, whichever other choice the second one makes; a line says which."""
    out = tmp_path / "artefact"
    labels = f"{folder / 'species.csv'}:kind"
    first = call(
        "index", "--corpus", folder, "--encoder", "lite0", "--out", out, "--labels", labels, "--exclude", "*_thumb.png"
    )
    assert first.code == 0, first.err
    second = call("index", "--corpus", folder, "--out", out, *flag)
    assert second.code == 0, second.err
    assert f"--labels {labels}" in second.err
    assert samekind.Index.open(out).classes == ["cat", "dog"]
    assert ("--exclude '*_thumb.png'" in rebuild_command(out)) == (flag[0] != "--exclude")


def test_what_says_how_files_are_read_is_remembered_beside_what_is_given(folder: Path, tmp_path: Path) -> None:
    """Each later command names one flag, of reading or of the layout: all that were named before it still hold."""
    out, names = tmp_path / "artefact", ["--frames", "--max-pixels"]
    words = ("index", "--corpus", folder, "--out", out)
    assert call(*words, "--encoder", "lite0", "--frames", "all", "--max-pixels", "90000000").code == 0
    for flag, value in (("--depth", "16"), ("--layout", "flat"), ("--exclude", "w"), ("--max-pixels", "80000000")):
        again = call(*words, flag, value)
        assert again.code == 0, again.err
        told = next(line for line in again.err.splitlines() if line.startswith("read as it was"))
        assert {name for name in names if name in told} == {*names} - {flag}
        names.append(flag)
    assert "--max-pixels 80000000" in call(*words).err


def test_audit_and_evaluation_say_the_rule_for_several_labels(folder: Path, tmp_path: Path) -> None:
    """Equal sets are one class in every figure: of three images, two have the same two labels, so a third of the pairs is false."""
    photo(folder, "y/3.png", 9)
    (folder / "several.csv").write_text("file,label\nx/1.png,cat|dog\ny/2.png,dog|cat\ny/3.png,dog\n")
    out = tmp_path / "artefact"
    flags = ("--labels", folder / "several.csv", "--exclude", "*_thumb.png")
    assert call("index", "--corpus", folder, "--encoder", "lite0", "--out", out, *flags).code == 0
    rule = "Some images have several labels: two images are of the same class if all of theirs are the same (exact)."
    report = call("audit", out, "--json").answer
    assert (report["base_rate"], report["notes"].count(rule)) == (1 / 3, 1)
    assert set(report["by_class"]) == {"cat + dog", "dog"}
    assert rule in call("evaluate", out, "--json").answer["notes"]


def test_a_manifest_without_choices_is_as_it_was(folder: Path, tmp_path: Path) -> None:
    """Who chooses nothing gets files that an older samekind reads."""
    out = tmp_path / "artefact"
    assert call("index", "--corpus", folder, "--encoder", "lite0", "--out", out).code == 0
    (entry,) = json.loads((out / "manifest.json").read_text())["corpora"]
    assert sorted(entry) == ["content_hash", "key", "num_images", "source"]


def test_a_run_records_how_it_read_the_folder(folder: Path, tmp_path: Path) -> None:
    """The same `train` without flags finds the finished run, `evaluate` reads the folder so, and the next command is printed with them."""
    for i in range(12):
        photo(folder, f"x/more{i}.png", 20 + i)
    out = tmp_path / "artefact"
    flags = ("--preset", "smoke", "--steps", "2", "--image-size", "16", "--workers", "0")
    command = ("train", "--corpus", folder, "--out", out, *flags)
    first = call(*command, "--layout", "folders", "--exclude", "*_thumb.png")
    assert first.code == 0, first.err
    assert "--layout folders --exclude '*_thumb.png'" in first.out
    again = call(*command)
    assert again.code == 0, again.err
    assert "kept" in again.err
    evaluated = call("evaluate", out, "--json")
    assert evaluated.code == 0, evaluated.err
    assert evaluated.answer["num_train"] + evaluated.answer["num_test"] == 14
    assert "has changed" not in evaluated.out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--layout", "imagenet"), "unknown layout 'imagenet'"),
        (("--labels", "nowhere.csv"), "there is no file 'nowhere.csv' of labels"),
        (("--exclude", "*"), "holds no readable image: 3 files were looked at and left out (3 × excluded by *)"),
        (("--layout", "splits"), "no folder is called like a split"),
    ],
)
@pytest.mark.parametrize("command", ["index", "train", "inspect"])
def test_a_choice_that_cannot_be_is_one_line(
    command: str, flags: tuple[str, ...], message: str, folder: Path, tmp_path: Path
) -> None:
    """The same line from every command that reads a folder."""
    where = (folder,) if command == "inspect" else ("--corpus", folder, "--out", tmp_path / "out")
    assert message in refused(command, *where, *flags)


def test_frames_are_read_again_without_the_flag(tmp_path: Path) -> None:
    """An index of all pictures stays one, and says that it does."""
    pages = [Image.effect_noise((40, 40), 50) for _ in range(8)]
    (tmp_path / "scans").mkdir()
    pages[0].save(tmp_path / "scans" / "x.tif", save_all=True, append_images=pages[1:])
    words = ("index", "--corpus", tmp_path / "scans", "--out", tmp_path / "a", "--encoder", "lite0")
    assert call(*words, "--frames", "all").code == 0
    again = call(*words)
    assert "--frames all" in again.err
    assert "8 images" in again.out


def test_an_explicit_default_undoes_what_is_remembered(tmp_path: Path) -> None:
    """`--frames first` wins over a remembered `all`, for this command and those after it."""
    pages = [Image.effect_noise((40, 40), 50) for _ in range(3)]
    (tmp_path / "scans").mkdir()
    pages[0].save(tmp_path / "scans" / "x.tif", save_all=True, append_images=pages[1:])
    photo(tmp_path / "scans", "y.png", 1)
    words = ("index", "--corpus", tmp_path / "scans", "--out", tmp_path / "a", "--encoder", "lite0")
    assert call(*words, "--frames", "all").code == 0
    undone = call(*words, "--frames", "first")
    assert undone.code == 0, undone.err
    assert "read as it was" not in undone.err
    assert "x.tif" in samekind.Index.open(tmp_path / "a").ids
    assert json.loads((tmp_path / "a" / "meta.json").read_text())["corpus"].get("frames") is None
    assert "read as it was" not in call(*words).err


def test_a_shared_label_is_enough_if_it_is_asked_for(folder: Path, tmp_path: Path) -> None:
    """`--several any` is told, kept by the artefact, used by audit and evaluation, and changed by indexing again, without embedding."""
    photo(folder, "y/3.png", 9)
    (folder / "several.csv").write_text("file,label\nx/1.png,cat|dog\ny/2.png,cat\ny/3.png,dog\n")
    out = tmp_path / "artefact"
    flags = ("--labels", folder / "several.csv", "--exclude", "*_thumb.png")
    made = call("index", "--corpus", folder, "--encoder", "lite0", "--out", out, *flags, "--several", "any")
    assert made.code == 0, made.err
    assert "1 image has several labels: two images are of the same class if they share a label (any)" in made.err
    rule = "Some images have several labels: two images are of the same class if they share a label (any)."
    report = call("audit", out, "--json").answer
    assert (report["base_rate"], report["notes"].count(rule)) == (2 / 3, 1)
    assert set(report["by_class"]) == {"cat", "dog"}
    assert rule in call("evaluate", out, "--json").answer["notes"]
    assert "--several any" in rebuild_command(out)
    assert "share one are of the same class" in call("suspects", out, "--json").answer["notes"][0]
    again = call("index", "--corpus", folder, "--out", out, "--several", "exact")
    assert again.code == 0, again.err
    report = call("audit", out, "--json").answer
    assert (report["base_rate"], set(report["by_class"])) == (0.0, {"cat", "cat + dog", "dog"})


def test_several_needs_a_rule_and_labels_without_the_sign(folder: Path) -> None:
    """An unknown rule and a label that looks like two are refused in one line."""
    assert "unknown rule for several labels 'some'" in refused("inspect", folder, "--several", "some")
    (folder / "sign.csv").write_text("file,label\nx/1.png,cat|black + white\ny/2.png,cat\n")
    message = refused("inspect", folder, "--labels", folder / "sign.csv", "--several", "any")
    assert "the label 'black + white' holds the sign between labels" in message
