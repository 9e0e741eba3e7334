"""Coarse and fine labels: what a folder's paths say, and everybody else unaffected."""

from __future__ import annotations

from pathlib import Path

import pytest

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.types.label_levels import label_level, labels_at
from tests.data.test_folder import put

TREE = ("cats/tabby/1.png", "cats/tabby/old/2.png", "cats/siam/3.png", "cats/4.png", "dogs/5.png", "6.png")


@pytest.mark.parametrize(
    ("level", "labels"),
    [
        ("coarse", ["cats", "cats", "cats", "cats", "dogs", None]),
        (2, ["cats/tabby", "cats/tabby", "cats/siam", None, "dogs", None]),
        ("fine", [None, "cats/tabby/old", "cats/siam", None, "dogs", None]),
    ],
)
def test_a_folder_has_a_label_for_every_depth(tmp_path: Path, level: str | int, labels: list[str | None]) -> None:
    """`class/subclass` is read off the path; what lies beside subclasses is unknown, what has none keeps its class; splits do not count."""
    for root, top in ((tmp_path / "plain", ""), (tmp_path / "split", "train/")):
        put(root, *(top + file for file in TREE))
        corpus = Corpus.from_folder(root)
        found = dict(zip(corpus.ids, corpus.labels_at(level) or [], strict=True))
        assert found == {top + file: label for file, label in zip(TREE, labels, strict=True)}


def test_wrappers_and_splits_within_classes_are_no_subclasses(tmp_path: Path) -> None:
    """Below a wrapper the levels begin at the class; `cat/train` and `cat/test` are one class."""
    wrapped = Corpus.from_folder(
        _put(tmp_path / "a", "x/train/cat/tabby/1.png", "x/train/dog/2.png", "x/test/cat/tabby/3.png")
    )
    assert wrapped.labels_at("fine") == ["cat/tabby", "cat/tabby", "dog"]
    inside = Corpus.from_folder(
        _put(tmp_path / "b", "cat/test/1.png", "cat/train/2.png", "dog/test/3.png", "dog/train/old/4.png")
    )
    assert inside.labels_at("fine") == ["cat", "cat", None, "dog/old"]
    class_called_train = Corpus.from_folder(_put(tmp_path / "c", "animals/cat/1.png", "vehicles/train/2.png"))
    assert class_called_train.labels_at("fine") == ["animals/cat", "vehicles/train"]


def _put(root: Path, *names: str) -> Path:
    put(root, *names)
    return root


def test_finer_labels_are_no_other_corpus(tmp_path: Path) -> None:
    """The corpus' own labels stay coarse, so that runs and indexes of nested folders stay as they are."""
    put(tmp_path, *TREE)
    assert set(Corpus.from_folder(tmp_path).classes) == {"cats", "dogs"}


def test_where_ids_are_no_paths_all_levels_are_the_same() -> None:
    """Fashion-MNIST's `T-shirt/top` is one class and has no subclass."""
    ids, labels = ["train/00000", "train/00001", "test/00000"], ["T-shirt/top", None, "Bag"]
    assert labels_at(ids, labels, "fine") == labels_at(ids, labels, 2) == labels
    assert labels_at(ids, None, "fine") is None


def test_a_level_has_one_name() -> None:
    """1 is coarse, however it is written; what is no level is refused."""
    assert [label_level(level) for level in ("coarse", "fine", 1, "1", "02", 3)] == [
        "coarse", "fine", "coarse", "coarse", "2", "3",
    ]  # fmt: skip
    for wrong in ("", "deep", 0, -1, True, "1.5", "²"):
        with pytest.raises(InputError, match="unknown label level"):
            label_level(wrong)
