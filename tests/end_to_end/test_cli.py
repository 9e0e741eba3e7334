"""The command line from end to end: a folder becomes an artefact that answers, grows and is thinned."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samekind
from samekind.console import LineProgress
from samekind.fetch import main as fetch
from tests.end_to_end.helpers import CLASSES, PER_CLASS, Called, call, draw, refused

ROOT = Path(samekind.__file__).parents[1]


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
    assert (called.answer["treatment"], called.answer["detector"]) == ("none", None)
    assert (artefact / "encoder.safetensors").read_bytes() == weights
    again = call("index", "--corpus", photos, "--encoder", artefact, "--out", artefact, "--json")
    assert again.code == 0, again.err
    assert again.answer["num_images"] == len(CLASSES) * PER_CLASS


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


def test_detectors_are_judged(trained: tuple[Path, Called]) -> None:
    """The promised keys for each, the oracle finds all, and people get a table; no index is needed."""
    out, _ = trained
    answer = call("detectors", out, "--images", 20, "--json").answer
    assert 0 < answer["base_rate"] < 1
    by_name = {row["detector"]: row for row in answer["detectors"]}
    assert {"random", "threshold", "quantile", "relation", "combined", "oracle"} <= set(by_name)
    assert all({"average_precision", "precision", "recall", "f1"} <= set(row) for row in answer["detectors"])
    assert by_name["oracle"]["average_precision"] == by_name["oracle"]["f1"] == 1
    text = call("detectors", out, "--images", 20).out
    assert "average precision" in text.splitlines()[0]
    assert "380 pairs of 20 training images are of one class." in text


def test_verdicts_go_out_and_in(artefact: Path, tmp_path: Path) -> None:
    """What the Python table holds is exported, imported elsewhere, and not added twice; a wrong file is one line."""
    copy, other = tmp_path / "copy", tmp_path / "other"
    shutil.copytree(artefact, copy)
    other.mkdir()
    first, second, third = samekind.Index.open(copy).rows.column("sha256")[:3]
    samekind.VerdictTable(copy).add(
        [samekind.Verdict(first, second, "same"), samekind.Verdict(first, third, "different")]
    )
    file = tmp_path / "verdicts.csv"
    assert call("verdicts", "export", copy, file, "--json").answer == {"exported": 2, "hold": 2, "gone": 0}
    assert call("verdicts", "import", other, file, "--json").answer == {"added": 2, "kept": 0, "gone": None}
    assert call("verdicts", "import", other, file).out == "added 0 lines; 2 were there already\n"
    file.write_text(file.read_text().replace("different", "perhaps"))
    assert "line 3: unknown verdict 'perhaps'" in refused("verdicts", "import", other, file)
    samekind.Index.open(copy)  # a table of verdicts is no change of the index


def test_verdicts_about_images_that_are_gone_are_kept_counted_and_said(artefact: Path, tmp_path: Path) -> None:
    """An image is removed: the verdict on it stays, goes out and comes in again, and a line says that its image is not there."""
    copy, file = tmp_path / "copy", tmp_path / "verdicts.csv"
    shutil.copytree(artefact, copy)
    index = samekind.Index.open(copy)
    first, second, third, fourth = index.rows.column("sha256")[:4]
    table = samekind.VerdictTable(copy)
    table.add([samekind.Verdict(first, second, "same"), samekind.Verdict(second, third, "different")])
    table.add([samekind.Verdict(third, fourth, "unsure")])
    index.remove(index.ids[:1])
    gone = "1 of them is about images that the index does not hold; they are kept\n"
    assert call("verdicts", "export", copy, file).out == f"wrote 3 verdicts to {file}\n{gone}"
    assert call("verdicts", "import", copy, file).out == f"added 0 lines; 3 were there already\n{gone}"
    assert call("verdicts", "import", copy, file, "--json").answer == {"added": 0, "kept": 3, "gone": 1}
    assert len(table.current()) == 3


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


def test_audit_as_a_page(artefact: Path, tmp_path: Path) -> None:
    """`--html` leaves one file with the figures that `--json` prints, pictures and the run's epochs."""
    called = call("audit", artefact, "--k", 3, "--html", tmp_path / "audit.html", "--json")
    assert called.code == 0, called.err
    page = (tmp_path / "audit.html").read_text()
    assert f"{100 * called.answer['false_negative_rate']:.1f} %" in page
    assert page.count("data:image/png") > 8
    assert "Over the epochs of training" in page
    assert [file.name for file in tmp_path.iterdir()] == ["audit.html"]


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
    both = f"k-NN accuracy {answer['knn_accuracy']:.4f} (k = 1: {answer['hit_rate_at_1']:.4f})"
    assert f"{both} on {answer['num_test']} test images" in text


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
    options = ("--preset", "smoke", "--epochs", 1, "--batch-size", 8, "--workers", 0, "--treatment", "soft")
    trained = call("train", "--corpus", flat, "--out", out, *options, "--json")
    assert trained.code == 0, trained.err
    assert trained.answer["knn_accuracy"] is None
    assert call("train", "--corpus", flat, "--out", out, *options).out.startswith("hard + soft + reciprocal, 1 epoch ")
    assert call("index", "--corpus", flat, "--encoder", out, "--out", out).code == 0
    assert call("search", out, flat / "00.png", "--json").answer["hits"][0]["label"] is None
    assert call("audit", out, "--json").answer["base_rate"] is None
    assert "note: The corpus has no labels" in call("audit", out).out
    assert call("evaluate", out, "--json").answer["knn_accuracy"] is None
    assert call("evaluate", out).out == "note: The corpus has no labels, so accuracy cannot be measured.\n"


def test_fetching_a_corpus_says_what_is_in_it(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make train`'s data step counts the images, and refuses an unknown corpus in one line."""
    assert fetch([str(photos)]) == 0
    assert f"{len(CLASSES) * PER_CLASS} images" in capsys.readouterr().out
    assert fetch(["nosuch"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_cold_search_answers_on_stdout_only(artefact: Path, query: Path, tmp_path: Path) -> None:
    """A process of its own, in a folder that holds modules named like ours, prints one JSON object and nothing else."""
    for name in ("data", "training", "app", "torch"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    command = [sys.executable, "-P", "-m", "samekind", "search", str(artefact), str(query), "--k", "2", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
    assert len(json.loads(done.stdout)["hits"]) == 2
    assert done.stderr == ""
