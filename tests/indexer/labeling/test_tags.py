"""Tags: kept by content hash, the latest act on an image and tag holds, undone, carried by CSV files, searched for."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.core.errors import InputError
from samekind.indexer.labeling.people.tags import Tag, TagTable
from tests.end_to_end.helpers import call, refused
from tests.indexer.labeling.test_labels import lines_of, tiny
from tests.indexer.labeling.test_verdicts import sha


def test_the_latest_act_holds(tmp_path: Path) -> None:
    """An image has any number of tags; one that is there is not put again, and one that is not is not removed."""
    table = TagTable(tmp_path)
    assert (table.current(), table.version) == ({}, 0)
    assert [(each.sha256, each.act) for each in table.put([sha(1), sha(2), sha(1)], "red", "Ana")] == [
        (sha(1), "add"),
        (sha(2), "add"),
    ]
    assert [each.sha256 for each in table.put([sha(2), sha(3)], "red", "Ben")] == [sha(3)]
    before = table.version
    table.put([sha(1)], "blue")
    assert table.version > before > 0
    assert table.current() == {sha(1): ("blue", "red"), sha(2): ("red",), sha(3): ("red",)}
    assert [each.sha256 for each in table.remove([sha(3), sha(4)], "red", "Ben")] == [sha(3)]
    assert sha(3) not in table.current()
    assert table.all()[-1] == Tag(sha(3), "red", "remove", "Ben", table.all()[-1].when)


def test_a_change_is_taken_back(tmp_path: Path) -> None:
    """Adding and removing alike; what somebody has changed since stays."""
    table = TagTable(tmp_path)
    put = table.put([sha(1), sha(2)], "red", "Ana")
    removed = table.remove([sha(1)], "red", "Ben")
    assert table.take_back(put) == 1
    assert table.current() == {}
    assert table.take_back(removed) == 1
    assert table.current() == {sha(1): ("red",)}
    assert table.take_back(removed) == 0
    assert table.take_back(put) == 0


@pytest.mark.parametrize("tag", ["", " red", "red ", "a;b", "two\nlines", "x" * 61, "bell\x07"])
def test_what_is_no_tag(tmp_path: Path, tag: str) -> None:
    """Refused before anything is written."""
    with pytest.raises(InputError, match="no tag"):
        TagTable(tmp_path).put([sha(1)], tag)
    assert not TagTable(tmp_path).exists()


def test_tags_survive_a_new_index(tmp_path: Path) -> None:
    """They are of contents: images that come back under other ids have them, and the table is one of those that verify reads."""
    index = tiny(tmp_path / "w")
    TagTable(index.path).put([sha(1), sha(4)], "red")
    index.remove(["1.png"])
    ids, vectors = [f"other/{n}.png" for n in range(6)], np.random.default_rng(1).normal(size=(6, 4))
    again = sk.index_vectors(vectors, ids, index.path, sha256=[sha(n) for n in range(6)])
    held = TagTable(index.path).current()
    assert [id_ for id_ in again.ids if "red" in held.get(again.row(id_)["sha256"], ())] == [
        "other/1.png",
        "other/4.png",
    ]
    assert "tags" in [part.part for part in again.verify().parts]
    (tmp_path / "w" / "db" / "tags.lance" / "data").rename(tmp_path / "gone")
    assert [part.part for part in again.verify().damaged] == ["tags"]


def test_a_search_finds_only_tagged_images(tmp_path: Path) -> None:
    """By `where` in Python, by `--tag` at the command line, beside another condition; an unknown tag lists those that there are."""
    index = tiny(tmp_path / "w", ["a", "b", "a", "b", "a", "b"])
    table = TagTable(index.path)
    table.put([sha(1), sha(2), sha(4)], "it's red")
    found = index.search(index.vectors()[:1], 6, where=table.where("it's red"))
    assert {hit.id for result in found for hit in result} == {"1.png", "2.png", "4.png"}  # type: ignore[union-attr]
    assert len(index.positions_where(table.where("blue"))) == 0
    flags = ["search", str(index.path), "--like", "0.png", "--tag", "it's red"]
    hits = call(*flags, "--where", "label = 'a' OR label = 'x'", "--json").answer["hits"]
    assert {hit["id"] for hit in hits} == {"2.png", "4.png"}
    assert "no image has the tag 'blue'" in refused(*flags[:-1], "blue")


def test_an_unknown_tag_is_told_the_nearest_and_not_all(tmp_path: Path) -> None:
    """At most three, and none where nothing is like it: whoever asks a service need not learn what else there is."""
    index = tiny(tmp_path / "w")
    table = TagTable(index.path)
    secret = [f"person {name}" for name in ("Ana", "Ben", "Cleo")]
    for tag in (*secret, "to buy", "to buy 2", "to buy 3", "to buy 4"):
        table.put([sha(0)], tag)
    with pytest.raises(InputError) as near:
        table.among("to by")
    hint = near.value.hint
    assert "to buy" in hint
    assert hint.count("buy") <= 3
    with pytest.raises(InputError) as far:
        table.among("qqq")
    assert "tags list" in far.value.hint
    for tag in secret:
        assert tag not in hint + far.value.hint


def test_a_file_goes_round(tmp_path: Path) -> None:
    """Acts and times included; twice changes nothing; the command line does the same and counts images by tag."""
    here, there = tiny(tmp_path / "here").path, tmp_path / "there"
    there.mkdir()
    TagTable(here).put([sha(0), sha(9)], "=1+1", "Ana")
    TagTable(here).put([sha(1)], "薔薇")
    TagTable(here).remove([sha(1)], "薔薇", "Ben")
    file = tmp_path / "tags.csv"
    assert sk.export_tags(here, file) == 4
    assert lines_of(file)[0] == "id,sha256,tag,act,who,when"
    first, second = (sk.import_tags(there, file) for _ in range(2))
    assert (first.added, first.kept, first.gone) == (4, 0, None)
    assert (second.added, second.kept) == (0, 4)
    assert TagTable(there).all() == TagTable(here).all()
    assert sk.import_tags(here, file).gone == 1
    assert call("tags", "list", str(there), "--json").answer == {"tags": {"=1+1": 2}}
    assert call("tags", "export", str(there), str(tmp_path / "again.csv"), "--json").answer == {
        "exported": 4,
        "hold": 2,
    }


def test_a_file_by_hand(tmp_path: Path) -> None:
    """Ids and tags are enough; unknown ids are counted; a wrong line is named and nothing is added."""
    folder, file = tiny(tmp_path / "w").path, tmp_path / "hand.csv"
    file.write_text("id,tag\n0.png,red\nnone.png,red\n", encoding="utf-8-sig")
    done = call("tags", "import", str(folder), str(file), "--json").answer
    assert done == {"added": 1, "kept": 0, "gone": 0, "unknown": 1}
    assert TagTable(folder).current() == {sha(0): ("red",)}
    file.write_text("id,tag,act\n0.png,red,remove\n1.png,red,perhaps\n")
    assert "line 3" in refused("tags", "import", str(folder), str(file))
    assert TagTable(folder).current() == {sha(0): ("red",)}


def test_a_selection_has_its_tags(tmp_path: Path) -> None:
    """In one cell, as the basket's CSV."""
    index = tiny(tmp_path / "w")
    TagTable(index.path).put([sha(1)], "red")
    TagTable(index.path).put([sha(1)], "=big")
    sk.export_images(index, ["0.png", "1.png"], tmp_path / "list.csv")
    with (tmp_path / "list.csv").open(newline="", encoding="utf-8") as stream:
        assert [line["tags"] for line in csv.DictReader(stream)] == ["", "'=big; red"]
