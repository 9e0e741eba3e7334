"""The command line from end to end: a folder becomes an artefact, and every mistake becomes one clear line.

`main` is called in this process wherever that is possible, because each cold start costs seconds.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import samekind
from samekind.cli import main
from samekind.commands import COMMANDS
from samekind.commands.train import Train
from samekind.console import LineProgress
from samekind.fetch import main as fetch

ROOT = Path(samekind.__file__).parents[1]
PER_CLASS = 16
CLASSES = ("bars", "checks", "dots")


@dataclass(frozen=True)
class Called:
    """What one call of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        answer: dict[str, Any] = json.loads(self.out)
        return answer


def call(*arguments: object) -> Called:
    """Runs `samekind` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Called(code, out.getvalue(), err.getvalue())


def refused(*arguments: object) -> str:
    """Runs a command that must be refused in one line; returns the line."""
    called = call(*arguments)
    assert called.code == 2, called
    assert called.out == ""
    assert "Traceback" not in called.err
    lines = called.err.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("error: ")]  # exactly one
    assert [line.partition(": ")[0] for line in lines[at + 1 :]] in ([], ["hint"]), "one line and a hint"
    return lines[at]


def draw(kind: str, rng: np.random.Generator) -> Image.Image:
    """A 24 × 24 grey picture of one of `CLASSES`, with noise."""
    y, x = np.mgrid[:24, :24]
    step = int(rng.integers(4, 7))
    pattern = {
        "bars": (x // step) % 2,
        "checks": (x // step + y // step) % 2,
        "dots": (x % step < 2) & (y % step < 2),
    }[kind]
    return Image.fromarray(np.clip(pattern * 180 + rng.integers(0, 60, (24, 24)), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled folder with three files that are no images."""
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    rng = np.random.default_rng(0)
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for i in range(PER_CLASS):
            draw(kind, rng).save(folder / kind / f"{i:02d}.png")
    whole = io.BytesIO()
    draw("dots", rng).save(whole, "jpeg")
    (folder / "dots" / "truncated.jpg").write_bytes(whole.getvalue()[:200])
    (folder / "dots" / "empty.png").write_bytes(b"")
    (folder / "dots" / "text.png").write_text("not an image")
    return folder


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Called]:
    """An artefact, and what `train --json` printed."""
    out = tmp_path_factory.mktemp("artefacts") / "photos"
    called = call("train", "--corpus", photos, "--preset", "smoke", "--out", out, "--workers", 0, "--json")
    assert called.code == 0, called.err
    return out, called


@pytest.fixture(scope="module")
def artefact(photos: Path, trained: tuple[Path, Called]) -> Path:
    """A trained and indexed artefact."""
    out, _ = trained
    called = call("index", "--corpus", photos, "--encoder", out, "--out", out, "--json")
    assert called.code == 0, called.err
    assert called.answer["num_images"] == len(CLASSES) * PER_CLASS
    return out


@pytest.fixture(scope="module")
def query(photos: Path) -> Path:
    """An image that is in the corpus."""
    return photos / "bars" / "00.png"


def test_train_prints_the_summary_and_names_the_skipped_files(trained: tuple[Path, Called]) -> None:
    """One JSON object on stdout with the promised keys; unreadable files are counted and named on stderr."""
    out, called = trained
    answer = called.answer
    assert answer["encoder"].startswith(str(out))
    assert answer["objective"] == "hard"
    assert answer["seed"] == 0
    assert answer["epochs"] >= 1
    assert 0.0 <= answer["knn_accuracy"] <= 1.0
    assert "skipped 3 files" in called.err
    assert all(name in called.err for name in ("truncated.jpg", "empty.png", "text.png"))
    assert (out / "meta.json").is_file()


def test_a_finished_run_is_kept(photos: Path, artefact: Path) -> None:
    """The same command again trains nothing, says so and answers the same; indexing again changes nothing."""
    weights = (artefact / "encoder.safetensors").read_bytes()
    called = call("train", "--corpus", photos, "--preset", "smoke", "--out", artefact, "--json")
    assert called.code == 0
    assert "finished run" in called.err
    assert (artefact / "encoder.safetensors").read_bytes() == weights
    again = call("index", "--corpus", photos, "--encoder", artefact, "--out", artefact, "--json")
    assert again.code == 0, again.err
    assert again.answer["num_images"] == len(CLASSES) * PER_CLASS


def test_other_settings_in_the_same_folder_are_refused(photos: Path, artefact: Path) -> None:
    """A run with another setting does not overwrite the artefact unless `--force` is given; the refusal names the setting."""
    train = ("train", "--corpus", photos, "--preset", "smoke", "--out", artefact)
    for flag, value in (
        ("--seed", 7),
        ("--learning-rate", 0.003),
        ("--strength", "light"),
        ("--whitening", 0),
        ("--precision", "float32"),
    ):
        assert f"another {flag[2:].replace('-', '_')} (" in refused(*train, flag, value)


def test_search_finds_the_row_itself_first(artefact: Path, query: Path) -> None:
    """An image of the corpus returns its own row first with similarity above 0.999."""
    called = call("search", artefact, query, "--k", 5, "--json")
    assert called.code == 0, called.err
    answer = called.answer
    assert answer["k"] == 5
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4, 5]
    assert answer["hits"][0]["similarity"] > 0.999
    assert answer["hits"][0]["uri"].endswith("bars/00.png")
    assert answer["hits"][0]["label"] == "bars"
    similarities = [hit["similarity"] for hit in answer["hits"]]
    assert similarities == sorted(similarities, reverse=True)


def test_search_options(artefact: Path, query: Path, photos: Path) -> None:
    """`--where` filters, `--exclude-self` leaves the row out, several images give several answers in their order."""
    dots = call("search", artefact, query, "--where", "label = 'dots'", "--json").answer
    assert {hit["label"] for hit in dots["hits"]} == {"dots"}
    without = call("search", artefact, query, "--exclude-self", "--json").answer
    assert all(not hit["uri"].endswith("bars/00.png") for hit in without["hits"])
    other = photos / "dots" / "03.png"
    several = call("search", artefact, query, other, "--k", 1, "--json").answer["queries"]
    assert [answer["query"] for answer in several] == [str(query), str(other)]
    assert [answer["hits"][0]["label"] for answer in several] == ["bars", "dots"]


def test_search_for_people_is_a_table(artefact: Path, query: Path) -> None:
    """Without `--json` the answer is a table with a header and one line a hit."""
    lines = call("search", artefact, query, "--k", 3).out.splitlines()
    assert lines[0].split() == ["rank", "similarity", "label", "id", "uri"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3"]


def test_more_neighbours_than_images_is_no_error(artefact: Path, query: Path) -> None:
    """k > N gives all N hits and a note."""
    answer = call("search", artefact, query, "--k", 1000, "--json").answer
    assert len(answer["hits"]) == len(CLASSES) * PER_CLASS
    assert answer["note"]


def test_a_single_pixel_is_no_error(artefact: Path, tmp_path: Path) -> None:
    """A 1 × 1 image is resized and searched for."""
    Image.new("RGB", (1, 1), (200, 30, 30)).save(tmp_path / "pixel.png")
    assert call("search", artefact, tmp_path / "pixel.png", "--json").code == 0


def test_audit_equals_a_count_over_the_labels(artefact: Path) -> None:
    """Base rate and false-negative rates by rank are those of a brute-force count over vectors and labels."""
    called = call("audit", artefact, "--k", 4, "--json")
    assert called.code == 0, called.err
    answer = called.answer
    index = samekind.Index.open(artefact)
    assert index.labels is not None
    labels = np.array(index.labels)
    similarity = index.vectors() @ index.vectors().T
    np.fill_diagonal(similarity, -np.inf)
    hardest = np.argsort(-similarity, axis=1, kind="stable")[:, :4]
    false = labels[hardest] == labels[:, None]
    counts = np.unique(labels, return_counts=True)[1]
    n = len(labels)
    assert answer["num_anchors"] == n
    assert answer["base_rate"] == pytest.approx((counts * (counts - 1)).sum() / (n * (n - 1)))
    assert [row["false_negative_rate"] for row in answer["by_rank"]] == pytest.approx(false.mean(axis=0).tolist())
    assert set(answer["by_class"]) == set(CLASSES)


def test_audit_for_people_and_as_csv(artefact: Path, tmp_path: Path) -> None:
    """The text says what the hardest negatives are, and the CSV has one line a pair."""
    called = call("audit", artefact, "--k", 3, "--csv", tmp_path / "pairs.csv")
    assert called.code == 0, called.err
    assert "hardest negative of their own class" in called.out
    assert len((tmp_path / "pairs.csv").read_text().splitlines()) == 1 + 3 * len(CLASSES) * PER_CLASS


def test_evaluate_gives_the_promised_figures(artefact: Path) -> None:
    """Bank and queries are the recorded splits, and each figure is a share."""
    called = call("evaluate", artefact, "--json")
    assert called.code == 0, called.err
    answer = called.answer
    assert answer["num_train"] + answer["num_test"] <= len(CLASSES) * PER_CLASS
    for figure in ("knn_accuracy", "linear_accuracy", "hit_rate_at_1", "map_at_r"):
        assert 0.0 <= answer[figure] <= 1.0
    assert answer["knn_k"] == 20
    text = call("evaluate", artefact).out
    assert f"k-NN accuracy {answer['knn_accuracy']:.4f} on {answer['num_test']} test images" in text


def test_adding_and_removing_images(artefact: Path, photos: Path, tmp_path: Path) -> None:
    """Indexing a folder that has grown adds the new content only; `--remove` takes rows out."""
    copy, grown = tmp_path / "artefact", tmp_path / "photos"
    shutil.copytree(artefact, copy)
    shutil.copytree(photos, grown)
    draw("bars", np.random.default_rng(9)).save(grown / "bars" / "new.png")
    before = len(CLASSES) * PER_CLASS
    added = call("index", "--corpus", grown, "--encoder", copy, "--out", copy, "--json")
    assert added.code == 0, added.err
    assert added.answer["num_images"] == before + 1
    removed = call("index", "--out", copy, "--remove", samekind.Index.open(copy).ids[0], "--json")
    assert removed.code == 0, removed.err
    assert removed.answer["removed"] == 1
    assert removed.answer["num_images"] == before


def test_reading_a_corpus_and_thinning_an_index_show_life(
    photos: Path,
    artefact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Fetching, training and indexing tell of the images that they read, and `--remove` of the index that it builds."""
    monkeypatch.setattr("samekind.console.LineProgress", partial(LineProgress, every=0.0))
    assert fetch([str(photos)]) == 0
    assert "Reading images: " in capsys.readouterr().err
    train = ("train", "--corpus", photos, "--preset", "smoke", "--out", artefact)
    assert "Reading images: " in call(*train).err
    copy = tmp_path / "artefact"
    shutil.copytree(artefact, copy)
    thinned = call("index", "--out", copy, "--remove", samekind.Index.open(copy).ids[0])
    assert "Building the search index: " in thinned.err
    stream = io.StringIO()
    samekind.train(photos, "smoke", artefact, progress=LineProgress(stream, every=0.0))
    assert "Reading images: " in stream.getvalue()


def test_the_next_command_can_be_pasted(photos: Path, artefact: Path, tmp_path: Path) -> None:
    """What is proposed after training and indexing reads as one path where a path holds a blank."""
    corpus, copy = tmp_path / "my photos", tmp_path / "my artefacts" / "first"
    shutil.copytree(photos, corpus)
    shutil.copytree(artefact, copy)
    trained = call("train", "--corpus", corpus, "--preset", "smoke", "--out", copy)
    index = ["samekind", "index", "--corpus", str(corpus), "--encoder", str(copy), "--out", str(copy)]
    assert next_command(trained) == index
    thinned = call("index", "--out", copy, "--remove", samekind.Index.open(copy).ids[0])
    assert next_command(thinned) == ["samekind", "search", str(copy), "IMAGE"]


def next_command(called: Called) -> list[str]:
    """The words of the proposed command, as a shell splits them."""
    (line,) = [line for line in called.out.splitlines() if line.startswith("next: ")]
    return shlex.split(line.removeprefix("next: "))


def test_an_unlabelled_folder_works_from_end_to_end(photos: Path, tmp_path: Path) -> None:
    """Without labels everything runs, undefined figures are null and the text says why."""
    flat, out = tmp_path / "flat", tmp_path / "artefact"
    flat.mkdir()
    for i in range(PER_CLASS):
        shutil.copy(photos / "bars" / f"{i:02d}.png", flat)
    options = ("--preset", "smoke", "--epochs", 1, "--batch-size", 8, "--workers", 0, "--json")
    trained = call("train", "--corpus", flat, "--out", out, *options)
    assert trained.code == 0, trained.err
    assert trained.answer["knn_accuracy"] is None
    assert call("index", "--corpus", flat, "--encoder", out, "--out", out).code == 0
    assert call("search", out, flat / "00.png", "--json").answer["hits"][0]["label"] is None
    assert call("audit", out, "--json").answer["base_rate"] is None
    assert "Without labels" in call("audit", out).out
    assert call("evaluate", out, "--json").answer["knn_accuracy"] is None
    assert call("evaluate", out).out == "note: The corpus has no labels, so accuracy cannot be measured.\n"


def test_an_index_of_another_encoder_is_refused(artefact: Path, photos: Path, query: Path, tmp_path: Path) -> None:
    """After training again in the same folder the old index does not answer for the new encoder."""
    copy = tmp_path / "artefact"
    shutil.copytree(artefact, copy)
    again = call(
        "train", "--corpus", photos, "--preset", "smoke", "--epochs", 1, "--seed", 5, "--workers", 0, "--out", copy, "--force"
    )  # fmt: skip
    assert again.code == 0, again.err
    assert "encoder" in refused("search", copy, query)


@pytest.mark.parametrize("k", [0, -3])
def test_k_must_be_positive(artefact: Path, query: Path, k: int) -> None:
    """k = 0 and k = −3 are refused with the value."""
    assert str(k) in refused("search", artefact, query, "--k", k)
    assert str(k) in refused("audit", artefact, "--k", k)


def test_bad_images_are_refused(artefact: Path, photos: Path, tmp_path: Path) -> None:
    """Missing, empty, truncated and non-image queries are refused by name."""
    for name in ("truncated.jpg", "empty.png", "text.png", "missing.png"):
        assert name in refused("search", artefact, photos / "dots" / name)
    assert "folder" in refused("search", artefact, tmp_path)


def test_bad_corpora_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    """A missing path, an empty folder, a folder of text files and an unknown name write nothing."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    out = tmp_path / "out"
    for corpus in (tmp_path / "missing", tmp_path / "empty", tmp_path / "texts", "fashion-mnits"):
        line = refused("train", "--corpus", corpus, "--preset", "smoke", "--out", out)
        assert Path(str(corpus)).name in line
        assert not out.exists()


def test_bad_settings_are_refused(photos: Path, tmp_path: Path) -> None:
    """Unknown presets and objectives and numbers out of range are refused before anything is loaded."""
    train = ("train", "--corpus", photos, "--out", tmp_path / "out")
    assert "nosuch" in refused(*train, "--preset", "nosuch")
    assert "nosuch" in refused(*train, "--objective", "nosuch")
    for flag, value in (
        ("--temperature", 0),
        ("--epochs", 0),
        ("--batch-size", 1),
        ("--tau-plus", 1.5),
        ("--seed", -1),
    ):
        assert str(value) in refused(*train, flag, value)
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_refused_before_any_work(photos: Path, tmp_path: Path) -> None:
    """`--out` below a file cannot be made, which is said at once."""
    (tmp_path / "file").write_text("")
    line = refused("train", "--corpus", photos, "--preset", "smoke", "--out", tmp_path / "file" / "out")
    assert "cannot write" in line


def test_missing_artefacts_are_refused(tmp_path: Path, query: Path) -> None:
    """Every command that reads an artefact names the missing one, and so it does for a folder that holds none."""
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.mkdir()
    for folder in (missing, empty):
        for command in (("search", folder, query), ("audit", folder), ("evaluate", folder), ("demo", folder)):
            assert folder.name in refused(*command)
        assert folder.name in refused("index", "--corpus", query.parent, "--encoder", folder, "--out", folder)


def test_fetching_a_corpus_says_what_is_in_it(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make train`'s data step counts the images, and refuses an unknown corpus in one line."""
    assert fetch([str(photos)]) == 0
    assert f"{len(CLASSES) * PER_CLASS} images" in capsys.readouterr().out
    assert fetch(["nosuch"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_usage_errors_are_one_line() -> None:
    """What tyro frames in a box becomes one line; unknown commands name the nearest one."""
    assert "--kk" in refused("search", "a", "b", "--kk", "3")
    assert "ARTEFACT" in refused("search")
    assert refused("search", "a", "b", "--k", "x") == "error: --k must be a whole number, got 'x'"
    train = ("train", "--corpus", "a", "--out", "b")
    assert refused(*train, "--epochs", "1.5") == "error: --epochs must be a whole number, got '1.5'"
    assert refused(*train, "--temperature", "hot") == "error: --temperature must be a number, got 'hot'"
    assert "serch" in refused("serch", "a")
    assert "no image" in refused("search", "a")
    assert "no corpus" in refused("index", "--out", "a")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_usage_errors_are_one_line_whatever_the_frame_is_made_of(encoding: str) -> None:
    """The frame has one shape in a terminal that knows only ASCII and another where lines can be drawn; the message has one."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    err = io.StringIO()
    for arguments, line in (
        (["audit", "x", "--k", "abc"], "--k must be a whole number, got 'abc'"),
        (["audit", "x", "--kk", "3"], "Unrecognized options: --kk, 3"),
        (["search"], "Missing from samekind search: ARTEFACT Folder made by train and index. (required)"),
    ):
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            assert main(arguments) == 2
        assert err.getvalue().splitlines()[-2] == f"error: {line}"


def test_errors_as_json(tmp_path: Path) -> None:
    """With `--json` every kind of refusal is one object with `error` and `hint`, and stderr is silent."""
    for arguments in (("audit", tmp_path / "nowhere"), ("audit",), ("audit", "a", "--k", "x"), ("nosuch",)):
        called = call(*arguments, "--json")
        assert called.code == 2
        assert set(called.answer) == {"error", "hint"}
        assert "\n" not in called.answer["error"]
        assert called.err == ""


def test_ctrl_c_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command leaves with 130 and says how to go on."""

    def interrupted(self: Train, console: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Train, "run", interrupted)
    called = call("train", "--corpus", "x", "--out", "y")
    assert called.code == 130
    assert called.err.splitlines() == ["error: interrupted", "hint: run the same command to continue"]


def test_a_full_disk_is_one_line_and_a_bug_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operating system refuses is told in a line; anything unexpected is not hidden."""

    def full(self: Train, console: object) -> None:
        raise OSError(28, "No space left on device", "meta.json")

    def broken(self: Train, console: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Train, "run", full)
    assert refused("train", "--corpus", "x", "--out", "y") == "error: meta.json: No space left on device"
    monkeypatch.setattr(Train, "run", broken)
    with pytest.raises(ZeroDivisionError):
        call("train", "--corpus", "x", "--out", "y")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_parses(command: str) -> None:
    """Each command's help has an example, and every flag in it exists."""
    shown = call(command, "--help")
    assert shown.code == 0
    examples = [line.strip() for line in shown.out.splitlines() if line.strip().startswith(f"samekind {command} ")]
    assert examples
    for example in examples:
        assert_flags_exist(example)


def test_readme_commands_exist() -> None:
    """Every `samekind …` line in the README names a command and flags that exist."""
    lines = re.findall(r"^\$? ?(samekind [^#\n]*)", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert {line.split()[1] for line in lines} >= set(COMMANDS), "the README shows every command"
    for line in lines:
        assert_flags_exist(line)


def assert_flags_exist(line: str) -> None:
    """Fails if a command line names a command or flag that there is not."""
    words = shlex.split(line.partition("|")[0].partition(">")[0])
    if words[1] == "--version":
        return
    names = {field.name for field in fields(COMMANDS[words[1]])}
    flags = {word.partition("=")[0][2:].replace("-", "_") for word in words if word.startswith("--")}
    assert flags - {"help"} <= names, line


def test_every_setting_flag_is_a_setting() -> None:
    """`train`'s flags that replace the preset's values are fields of `TrainConfig`, and fields of the command."""
    assert set(Train.SETTINGS) <= set(samekind.TrainConfig.field_names())
    assert set(Train.SETTINGS) <= {field.name for field in fields(Train)}
    assert set(Train.SETTINGS) == {field.name for field in fields(Train) if "setting(" in str(field.type)}


def test_overview_and_version() -> None:
    """`samekind` alone lists the commands with their first sentence; `--version` prints the package's."""
    overview = call().out
    for name, command in COMMANDS.items():
        assert f"{name} " in overview
        assert (inspect.getdoc(command) or "").splitlines()[0] in overview
    assert call("--version").out == f"samekind {samekind.__version__}\n"


def test_a_cold_search_answers_on_stdout_only(artefact: Path, query: Path, tmp_path: Path) -> None:
    """A process of its own, in a folder that holds modules named like ours, prints one JSON object and nothing else."""
    for name in ("data", "training", "app", "torch"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    command = [sys.executable, "-P", "-m", "samekind", "search", str(artefact), str(query), "--k", "2", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert len(json.loads(done.stdout)["hits"]) == 2
    assert done.stderr == ""
