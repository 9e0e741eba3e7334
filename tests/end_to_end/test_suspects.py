"""`samekind suspects` on an index whose wrong label and copy are known."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import samekind as sk
from samekind.data.types.splits import Split
from tests.end_to_end.helpers import call, refused
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder


def build(folder: Path, *, labelled: bool = True) -> Path:
    """Three kinds of pictures; image 4 has a wrong label and 20 is an exact copy of 8."""
    pixels, labels = kinds(), [("Bag", "Coat", "Shirt")[i % 3] for i in range(60)]
    pixels[20], labels[4] = pixels[8], "Bag"
    save_encoder(FakeEncoder(), folder)
    corpus = sk.Corpus.from_arrays(list(pixels), labels if labelled else None, name="kinds")
    sk.build_index(corpus, FakeEncoder(), folder)
    return folder


def test_both_lists_as_json_text_and_files(tmp_path: Path) -> None:
    """One object with both lists, the same in two files, and for people the suspect with both labels."""
    folder = build(tmp_path / "kinds")
    ids = sk.Index.open(folder).ids
    answer = call("suspects", folder, "--json", "--csv", tmp_path / "lists").answer
    (suspect,) = answer["label_suspects"]
    assert (suspect["id"], suspect["label"], suspect["suggested"]) == (ids[4], "Bag", "Coat")
    assert (answer["num_label_suspects"], answer["num_judged"]) == (1, 60)
    first = answer["duplicates"][0]
    assert (first["a"], first["b"], first["kind"]) == (ids[8], ids[20], "exact")
    assert answer["num_duplicates"] >= len(answer["duplicates"]) >= 1
    for name, column, key in (("label-suspects.csv", "id", "label_suspects"), ("duplicates.csv", "a", "duplicates")):
        with (tmp_path / "lists" / name).open(newline="") as stream:
            assert [line[column] for line in csv.DictReader(stream)] == [each[column] for each in answer[key]]
    shown = call("suspects", folder, "--count", 1).out
    assert "60 labels were checked; of 1 image another class is more probable." in shown
    assert f"… and {answer['num_duplicates'] - 1} more (--count {answer['num_duplicates']} shows all)" in shown
    every = call("suspects", folder, "--count", answer["num_duplicates"]).out
    assert "shows all" not in every
    assert all(
        any(line.split()[:2] == [each["a"], each["b"]] for line in every.splitlines()) for each in answer["duplicates"]
    )
    assert any(line.split()[:3] == [ids[8], ids[20], "exact"] for line in shown.splitlines())


def test_copies_with_different_labels_are_said(tmp_path: Path) -> None:
    """They head the table with their reason, a sentence counts them, and both lists as files name the copy."""
    pixels, labels = kinds(), [("Bag", "Coat", "Shirt")[i % 3] for i in range(60)]
    pixels[20], labels[20], labels[4] = pixels[8], "Bag", "Bag"
    save_encoder(FakeEncoder(), tmp_path)
    index = sk.build_index(sk.Corpus.from_arrays(list(pixels), labels, name="kinds"), FakeEncoder(), tmp_path)
    shown = call("suspects", tmp_path, "--csv", tmp_path / "lists").out
    assert "of 1 image another class is more probable. 2 images have a copy with another label" in shown
    table = [line.split() for line in shown.splitlines() if "copy  " in line or "embedding  " in line]
    assert [(line[0], line[3]) for line in table] == [
        (index.ids[20], "exact"),
        (index.ids[8], "exact"),
        (index.ids[4], "embedding"),
    ]
    with (tmp_path / "lists" / "label-suspects.csv").open(newline="") as stream:
        first = next(csv.DictReader(stream))
    assert (first["reason"], json.loads(first["copies"])) == ("exact_copy", [index.ids[8]])
    assert call("suspects", tmp_path, "--json").answer["num_label_conflicts"] == 2


def test_without_labels_the_other_list_is_there(tmp_path: Path) -> None:
    """What cannot be known is null with a line that says why."""
    answer = call("suspects", build(tmp_path, labelled=False), "--json").answer
    assert answer["num_label_suspects"] is None
    assert answer["label_suspects"] == []
    assert any("no labels" in note for note in answer["notes"])
    assert answer["duplicates"]


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    """A count below 1 and an artefact that is not there are refused."""
    assert "--count must be at least 1" in refused("suspects", tmp_path, "--count", 0)
    (tmp_path / "lists.csv").touch()
    assert "three lists need a folder" in refused("suspects", tmp_path, "--csv", tmp_path / "lists.csv")
    assert "does not exist" in refused("suspects", tmp_path / "nowhere")


def test_leaks_are_a_list_of_their_own(tmp_path: Path) -> None:
    """In the text, as JSON and as a file, with both splits; without a second split the text is silent."""
    pixels = kinds()
    pixels[50] = pixels[11]
    save_encoder(FakeEncoder(), tmp_path)
    splits: list[Split] = ["train" if row < 40 else "test" for row in range(60)]
    index = sk.build_index(sk.Corpus.from_arrays(list(pixels), None, splits, name="kinds"), FakeEncoder(), tmp_path)
    told = call("suspects", tmp_path, "--csv", tmp_path / "lists").out
    answer = call("suspects", tmp_path, "--json").answer
    first = answer["leaks"][0]
    assert (first["a"], first["b"], first["a_split"], first["b_split"]) == (
        index.ids[11],
        index.ids[50],
        "train",
        "test",
    )
    counted = (
        f"{answer['num_leaks']:,} pair{'s' * (answer['num_leaks'] != 1)} of a training image and one of another split"
    )
    assert counted in told
    with (tmp_path / "lists" / "leaks.csv").open(newline="") as stream:
        assert [line["b"] for line in csv.DictReader(stream)] == [pair["b"] for pair in answer["leaks"]]
    assert "another split" not in call("suspects", build(tmp_path / "one", labelled=False)).out
