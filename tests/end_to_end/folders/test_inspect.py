"""`samekind inspect`: what would be read, as what, and what is left out, before anything is trained."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from PIL import Image

import samekind
from tests.end_to_end.helpers import call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Splits with two classes, copies within and across, and files of all kinds that are left out."""
    root = tmp_path / "photos"
    for i, name in enumerate(("train/cat/1.png", "train/dog/2.jpg", "test/cat/3.png", "test/dog/4.png")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (10 * (i + 1), 5 * (i + 1)), (20 * i, 0, 90)).save(root / name)
    shutil.copy(root / "train/cat/1.png", root / "test/cat/leak.png")
    shutil.copy(root / "train/cat/1.png", root / "train/dog/copy.png")
    (root / "train/cat/cut.png").write_bytes((root / "test/dog/4.png").read_bytes()[:60])
    for i in range(4):
        (root / f"{i}.txt").write_text("x")
    (root / "=1+1.txt").write_text("x")
    (root / "@eaDir").mkdir()
    (root / ".hidden.png").touch()
    return root


def test_inspect_says_what_would_be_read(folder: Path) -> None:
    """Every figure, against what lies in the folder."""
    before = sorted(folder.rglob("*"))
    called = call("inspect", folder, "--json")
    assert called.code == 0, called.err
    answer = called.answer
    assert answer["layout"] == "splits"
    assert answer["notes"] == ["read as: splits train, test; 2 classes"]
    assert answer["num_images"] == 6
    assert answer["splits"] == {"train": 3, "test": 3}
    assert (answer["classes"], answer["num_unlabelled"]) == ({"cat": 3, "dog": 3}, 0)
    assert answer["formats"] == {"PNG": 5, "JPEG": 1}
    sizes = answer["sizes"]
    assert (sizes["smallest"], sizes["largest"], sizes["median_side"]) == ([10, 5], [40, 20], 7.5)
    corpus = samekind.Corpus.from_folder(folder)
    assert sizes["bytes"] == sum(Path(corpus.uri(i)).stat().st_size for i in range(6))
    assert answer["copies"] == {
        "groups": 1,
        "images": 3,
        "conflicts": 1,
        "leaks": 1,
        "examples": [["test/cat/leak.png", "train/cat/1.png", "train/dog/copy.png"]],
        "leak_examples": [["train/cat/1.png", "test/cat/leak.png"]],
    }
    assert [(left["reason"], left["count"]) for left in answer["skipped"]] == [
        ("not an image file (.txt)", 5),
        ("the file is truncated", 1),
    ]
    assert answer["skipped"][0]["examples"] == ["0.txt", "1.txt", "2.txt"]
    assert {left["reason"]: left["examples"] for left in answer["passed_over"]} == {
        "made by the system (@eaDir)": ["@eaDir/"],
        "hidden": [".hidden.png"],
    }
    assert sorted(folder.rglob("*")) == before


def test_inspect_tells_people_the_same(folder: Path) -> None:
    """Layout, splits, classes, copies, leaks, and a line a reason with the first files."""
    shown = call("inspect", folder).out.splitlines()
    assert shown[0] == f"{folder}: 6 images"
    assert shown[1:6] == [
        "read as: splits train, test; 2 classes",
        "splits:       train 3, test 3",
        "classes:      cat 3, dog 3",
        "formats:      PNG 5, JPEG 1",
        shown[5],
    ]
    assert shown[5].startswith("sizes:        10 × 5 to 40 × 20 px, median of the shorter sides 8 px, ")
    near = "near copies are not counted here: samekind suspects finds them, of an index"
    assert f"copies:       3 images of 1 content, 1 with different labels, {near}" in shown
    assert "leaks:        1 held-out image is a training image, too" in shown
    assert "  5 × not an image file (.txt): 0.txt, 1.txt, 2.txt, …" in shown


def test_what_is_left_out_goes_into_a_table_that_computes_nothing(folder: Path, tmp_path: Path) -> None:
    """Every file with its reason; a name that a spreadsheet would take for a formula is text."""
    file = tmp_path / "skipped.csv"
    called = call("inspect", folder, "--skipped", file)
    assert called.code == 0, called.err
    with file.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["path", "reason"]
    assert sorted(row[0] for row in rows[1:]) == sorted(
        ["'=1+1.txt", "0.txt", "1.txt", "2.txt", "3.txt", "train/cat/cut.png", "'@eaDir/", ".hidden.png"]
    )


@pytest.mark.parametrize("name", ["nowhere", "empty", "file"])
def test_inspect_of_what_is_no_folder_of_images_is_one_line(name: str, tmp_path: Path) -> None:
    """As for every other command."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    called = call("inspect", tmp_path / name)
    assert (called.code, called.out) == (2, "")
    assert called.err.startswith("error: ")


def test_of_several_pictures_each_has_its_size_and_the_file_counts_once(tmp_path: Path) -> None:
    """Pages of different sizes in one file."""
    pages = [Image.new("RGB", (10 * i, 10), (90 * i, 0, 0)) for i in (1, 2)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    found = samekind.inspect(tmp_path, frames="all")
    assert found.formats == {"TIFF": 2}
    assert found.sizes is not None
    assert (found.sizes.smallest, found.sizes.largest) == ((10, 10), (20, 10))
    assert found.sizes.bytes == (tmp_path / "x.tif").stat().st_size
