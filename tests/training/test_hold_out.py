"""Which images are held out: whole groups, by name or by look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.training.config.data import DataSettings
from samekind.training.hold_out import A_SERIES, choose_groups, groups_by_name, hold_out_size, with_whole_files
from samekind.training.neighbours import neighbour_groups
from samekind.training.training_set import split_off_hold_out
from tests.training.runs import config


def named(*ids: str, labels: list[str | None] | None = None) -> Corpus:
    """A corpus of these ids; the first folder is the class unless labels are given."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(ids), 8, 8), dtype=np.uint8)
    return Corpus.from_arrays(pixels, labels or [id_.split("/")[0] for id_ in ids], ids=ids)


def groups(corpus: Corpus, by: str) -> list[list[str]]:
    """Ids by group, in the order of the groups' first images."""
    group_N = groups_by_name(corpus, DataSettings(hold_out_by=by))
    assert sorted(set(group_N.tolist())) == list(range(group_N.max() + 1))
    found: dict[int, list[str]] = {}
    for id_, group in zip(corpus.ids, group_N.tolist(), strict=True):
        found.setdefault(group, []).append(id_)
    return list(found.values())


def test_single_images_are_those_of_older_runs() -> None:
    """The rule of release 0.1: the first tenth of a seeded order."""
    corpus = named(*[f"a/{row}" for row in range(60)])
    order = np.random.default_rng((3, 2)).permutation(60)
    _, fit, hold_out = split_off_hold_out(corpus, DataSettings(seed=3, hold_out_by="image"))
    assert hold_out.tolist() == sorted(order[:6].tolist())
    assert fit.tolist() == sorted(order[6:].tolist())


def test_pages_of_one_file_are_held_out_together(tmp_path: Path) -> None:
    """By image, a file of three pages counts as one."""
    for name in ("a", "b"):
        pages = [Image.new("L", (8, 8), 40 * number + ord(name)) for number in range(3)]
        pages[0].save(tmp_path / f"{name}.tif", save_all=True, append_images=pages[1:])
    Image.new("L", (8, 8)).save(tmp_path / "c.png")
    corpus = Corpus.from_folder(tmp_path, frames="all")
    assert groups(corpus, "image") == [[f"{name}.tif#{page}" for page in (1, 2, 3)] for name in "ab"] + [["c.png"]]


def test_no_rule_cuts_a_file_apart(tmp_path: Path) -> None:
    """A series counts files, not their pictures; files beside the folders and near duplicates keep theirs together."""
    (tmp_path / "c" / "shop").mkdir(parents=True)
    names = [f"c/{number:02d}.tif" for number in range(A_SERIES + 1)] + ["c/shop/x.tif"]
    for number, name in enumerate(names):
        pages = [Image.new("L", (8, 8), 2 * number + page) for page in range(3)]
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    corpus = Corpus.from_folder(tmp_path, frames="all", layout="folders")
    file_of = [id_.partition("#")[0] for id_ in corpus.ids]

    def files(by: str) -> list[set[str]]:
        found = groups(corpus, by)
        assert sum(len({id_.partition("#")[0] for id_ in group}) for group in found) == len(names), (
            "a file is cut apart"
        )
        return [{id_.partition("#")[0] for id_ in group} for group in found]

    assert sorted(map(len, files("series"))) == [1, 1, A_SERIES]
    assert sorted(map(len, files("folder"))) == [1] * len(names)
    cut = np.arange(len(corpus)) // 2  # pairs of rows: every second file of three is cut
    whole = with_whole_files(cut, corpus)
    by_file: dict[str, set[int]] = {}
    for file, group in zip(file_of, whole.tolist(), strict=True):
        by_file.setdefault(file, set()).add(group)
    assert all(len(numbers) == 1 for numbers in by_file.values())
    assert sorted(set(whole.tolist())) == list(range(len(names) // 2)), "two files of three pages share a pair"
    single = named("a/1", "a/2", "b/3")
    assert with_whole_files(np.array([1, 0, 1]), single).tolist() == [1, 0, 1]


def test_near_duplicates_hold_out_whole_files(tmp_path: Path) -> None:
    """Also where every picture is a group by itself."""
    for name in "abcdefghij":
        pages = [Image.new("L", (8, 8), 20 * page + ord(name)) for page in range(3)]
        (tmp_path / ("k" if name < "f" else "l")).mkdir(exist_ok=True)
        pages[0].save(tmp_path / ("k" if name < "f" else "l") / f"{name}.tif", save_all=True, append_images=pages[1:])
    corpus = Corpus.from_folder(tmp_path, frames="all").split("train")
    alone = np.arange(len(corpus))
    settings = DataSettings(hold_out=6, hold_out_by="near_duplicates")
    _, fit, hold_out = split_off_hold_out(corpus, settings, lambda: alone)
    held, trained = ({corpus.ids[row].partition("#")[0] for row in rows.tolist()} for rows in (hold_out, fit))
    assert len(hold_out) == 6
    assert not held & trained


def test_mutual_neighbours_that_are_near_make_groups() -> None:
    """0, 1 and 2 in a chain; 3 and 4 are each other's nearest, but far apart; 5 has no neighbour that it is one of."""
    angles = torch.tensor([0.0, 10.0, 20.0, 100.0, 140.0, 60.0]).deg2rad()
    unit = torch.stack([angles.cos(), angles.sin()], dim=1)
    assert neighbour_groups(unit, 2, 0.8).tolist() == [0, 0, 0, 1, 2, 3]
    assert neighbour_groups(unit, 1, 0.8).tolist()[:3] in ([0, 0, 1], [0, 1, 1]), "one nearest each"
    assert neighbour_groups(unit, 9, -1.0).tolist() == [0] * 6


def test_whole_groups_are_chosen() -> None:
    """In a seeded order, as far as they fit; another seed chooses others."""
    group_N = np.repeat(np.arange(12), [1, 2, 3, 4] * 3)
    chosen = [choose_groups(group_N, 6, seed) for seed in range(20)]
    for rows in chosen:
        assert len(rows) in (5, 6)
        assert not set(group_N[rows].tolist()) & set(np.delete(group_N, rows).tolist())
    assert len({tuple(rows.tolist()) for rows in chosen}) > 10
    assert np.array_equal(chosen[0], choose_groups(group_N, 6, 0))


def test_groups_that_are_too_large() -> None:
    """The smallest, if it is at most half of the images; otherwise none, and none where none is asked for."""
    assert choose_groups(np.repeat([0, 1, 2], [5, 4, 6]), 2, 0).tolist() == [5, 6, 7, 8]
    assert choose_groups(np.zeros(10, dtype=np.int64), 2, 0).tolist() == []
    assert choose_groups(np.repeat([0, 1], [3, 4]), 0, 0).tolist() == []


def test_size_of_the_hold_out() -> None:
    """A tenth and at most 5,000; as asked for, but for two images to train on."""
    assert hold_out_size(DataSettings(), 99) == 9
    assert hold_out_size(DataSettings(), 80_000) == 5000
    assert hold_out_size(DataSettings(hold_out=50), 20) == 18


def test_folders_below_the_class() -> None:
    """A shop of two classes is one group; what lies beside the shops is by itself; split folders are no part of it."""
    corpus = named("a/x/1", "a/x/2", "a/y/1", "b/x/1", "b/1", "b/2", "b/y/z/1")
    assert groups(corpus, "folder") == [["a/x/1", "a/x/2", "b/x/1"], ["a/y/1"], ["b/1"], ["b/2"], ["b/y/z/1"]]
    split = named("train/a/x/1", "train/a/y/1", "val/b/x/1", "loose", labels=["a", "a", "b", None])
    assert groups(split, "folder") == [["train/a/x/1", "val/b/x/1"], ["train/a/y/1"], ["loose"]]


def test_no_folder_to_hold_out() -> None:
    """Refused in a line that says what was expected."""
    with pytest.raises(InputError, match="below its class folder") as caught:
        groups(named("a/1", "b/1"), "folder")
    assert "class/shop/image.jpg" in caught.value.hint


def test_series_are_consecutive_names() -> None:
    """Of one folder, counted as people count: 2 before 10."""
    numbers = [*range(1, A_SERIES + 6)]
    ids = [f"{folder}/IMG_{number}.jpg" for folder in ("a", "b") for number in sorted(numbers, key=str)]
    found = groups(named(*ids), "series")
    first = {f"a/IMG_{number}.jpg" for number in numbers[:A_SERIES]}
    rest = {f"a/IMG_{number}.jpg" for number in numbers[A_SERIES:]}
    assert [set(group) for group in found[:2]] in ([first, rest], [rest, first])
    assert sorted(map(len, found)) == [5, 5, A_SERIES, A_SERIES]
    assert groups(named("a/1a", "a/a1", "a/٣"), "series") == [["a/1a", "a/a1", "a/٣"]], "numbers, letters, other digits"


def test_who_is_held_out_by_what() -> None:
    """Near duplicates for an adapter, which has a space to find them in; single images otherwise, as in release 0.1."""
    adapting = {"backbone": "lite0", "objective": "info_nce"}
    assert config().hold_out_by == "image"
    assert config(**adapting).hold_out_by == "near_duplicates"
    assert config(**adapting, train="all").hold_out_by == "image"
    with pytest.raises(InputError, match="frozen encoder") as caught:
        config(hold_out_by="near_duplicates")
    assert "--hold-out-by series" in caught.value.hint


def test_the_rule_counts_where_images_are_held_out() -> None:
    """Another rule is another run, but for runs that hold out none."""
    assert config(hold_out_by="series").identity != config().identity
    assert config(hold_out_by="series", hold_out=0).identity == config(hold_out=0).identity
