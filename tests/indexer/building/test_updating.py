"""An index that is there already: new, changed and moved images come in, removed ones go, and a kill in between is mended."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.types.splits import Split
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.layout import INDEX_FILE, JOURNAL, MANIFEST
from samekind.indexer.storage.rows import Rows
from samekind.indexer.storage.table import ImageTable
from tests.indexer.builds import Lines, check_consistent, crash_at, write_pictures
from tests.indexer.helpers import FakeEncoder, arrays_corpus, pictures


def test_another_folder_brings_only_its_new_content_under_ids_of_its_own(artefact: Path, tmp_path: Path) -> None:
    """Known content is left out by hash; a taken id gets the corpus' name before it; copies within one folder stay two rows."""
    one, two = tmp_path / "one", tmp_path / "two"
    write_pictures(one, a=0, b=1, copy_of_b=1)
    write_pictures(two, a=2, b=3, old=0, copy_of_a=2)
    encoder = FakeEncoder()
    index = build_index(Corpus.from_folder(one), encoder, artefact)
    assert len(index) == 3
    assert index.add(Corpus.from_folder(two)) == 3
    assert sorted(index.rows.column("corpus")) == ["one", "one", "one", "two", "two", "two"]
    assert len(index) == 6
    assert "two/a.png" in index.ids
    assert encoder.embedded == 6
    check_consistent(index)
    again = FakeEncoder()
    assert build_index(Corpus.from_folder(two), again, artefact).ids == index.ids
    assert build_index(Corpus.from_folder(one), again, artefact).ids == index.ids
    assert again.embedded == 0


def test_an_id_that_was_stored_decomposed_is_still_the_image(artefact: Path, tmp_path: Path) -> None:
    """An index from before ids were in NFC gets neither a second row nor a new vector for it."""
    folder = tmp_path / "photos"
    write_pictures(folder, **{unicodedata.normalize("NFD", "café"): 0, "tea": 1})
    corpus = Corpus.from_folder(folder)
    before = replace(corpus, ids=[unicodedata.normalize("NFD", id_) for id_ in corpus.ids])
    assert before.ids != corpus.ids
    build_index(before, FakeEncoder(), artefact)
    encoder = FakeEncoder()
    index = build_index(corpus, encoder, artefact)
    assert (len(index), encoder.embedded) == (2, 0)
    assert [entry["source"] for entry in index.manifest["corpora"]] == [str(folder)]


def test_a_folder_that_has_changed_is_brought_up_to_date(artefact: Path, tmp_path: Path) -> None:
    """Changed content replaces, a moved or renamed file takes its vector and gets its new label, a vanished one stays."""
    folder = tmp_path / "photos"
    write_pictures(folder, cat__same=0, cat__changed=1, cat__moved=2, dog__renamed=3, dog__gone=4)
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    write_pictures(folder, cat__changed=5, dog__new=6)
    (folder / "cat" / "moved.png").rename(folder / "dog" / "moved.png")
    (folder / "dog" / "renamed.png").rename(folder / "dog" / "other name.png")
    (folder / "dog" / "gone.png").unlink()
    encoder, lines = FakeEncoder(), Lines()
    corpus = Corpus.from_folder(folder)
    index = build_index(corpus, encoder, artefact, lines)
    assert encoder.embedded == 2
    assert (
        lines.said[0]
        == "1 images are in the index already, 2 of known content are entered anew without embedding them, 2 are new"
    )
    assert lines.said[1].startswith("not among these images any more, of photos: 1;")
    assert lines.said[1].endswith(f"--out {artefact} --remove ID)")
    assert lines.said[2:3] == ["  dog/gone.png"]
    labels = {Path(index.row(id_)["uri"]).stem: index.row(id_)["label"] for id_ in index.ids}
    assert labels == {"same": "cat", "changed": "cat", "moved": "dog", "other name": "dog", "gone": "dog", "new": "dog"}
    held = {index.row(id_)["sha256"] for id_ in corpus.ids}
    assert held == {corpus.sha256(i) for i in range(len(corpus))}
    check_consistent(index)


def test_missing_images_are_named(artefact: Path, tmp_path: Path) -> None:
    """The first ten by name and how many more there are; `missing` has each with its reason, in the order of the index."""
    folder = tmp_path / "photos"
    write_pictures(folder, **{f"cat__{i:02}": i for i in range(14)})
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    for i in range(12):
        (folder / "cat" / f"{i:02}.png").unlink()
    corpus, lines = Corpus.from_folder(folder, exclude="12.png"), Lines()
    index = build_index(corpus, FakeEncoder(), artefact, lines)
    named = [line for line in lines.said if line.startswith("  ")]
    assert named == [
        *(f"  cat/{i:02}.png" for i in range(10)),
        "  … and 3 more (samekind index --missing FILE.csv lists all)",
    ]
    found = index.missing(corpus)
    assert list(found) == [id_ for id_ in index.ids if id_ != "cat/13.png"]
    assert {id_ for id_, reason in found.items() if reason == "the file is gone"} == {
        f"cat/{i:02}.png" for i in range(12)
    }
    assert set(index.gone(corpus)) == set(found) - {"cat/12.png"}, "its file is there"


def test_what_is_only_listed_otherwise_raises_no_alarm(artefact: Path, tmp_path: Path) -> None:
    """A second folder of known pictures, and a folder that lost one, change the list of corpora; no file is said to be damaged."""
    write_pictures(tmp_path / "photos", cat__a=0, cat__b=1, dog__c=2)
    write_pictures(tmp_path / "copies", cat__x=0, cat__y=1)
    build_index(Corpus.from_folder(tmp_path / "photos"), FakeEncoder(), artefact)
    lines = Lines()
    build_index(Corpus.from_folder(tmp_path / "copies"), FakeEncoder(), artefact, lines)
    (tmp_path / "photos" / "dog" / "c.png").unlink()
    build_index(Corpus.from_folder(tmp_path / "photos"), FakeEncoder(), artefact, lines)
    assert (
        lines.said[0]
        == "nothing new: all 2 images of copies are in the index (2 under the names that another source gave them)"
    )
    assert not any("damaged" in line for line in lines.said)
    assert {corpus["key"]: corpus["num_images"] for corpus in Index.open(artefact).manifest["corpora"]} == {
        "copies": 2,
        "photos": 2,
    }
    (artefact / INDEX_FILE).unlink()
    build_index(Corpus.from_folder(tmp_path / "photos"), FakeEncoder(), artefact, lines)
    assert "damaged" in lines.said[-1]


@pytest.mark.parametrize(("name", "call"), [("delete", 1), ("append", 1), ("append", 2)])
def test_a_crash_while_a_changed_folder_is_brought_up_to_date_is_mended(
    artefact: Path, tmp_path: Path, name: str, call: int
) -> None:
    """After the deletion, after the rows that keep their vector, after those that do not: no step is done twice, none is left out."""
    folder = tmp_path / "photos"
    write_pictures(folder, cat__same=0, cat__changed=1, cat__moved=2)
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    write_pictures(folder, cat__changed=5)
    (folder / "dog").mkdir()
    (folder / "cat" / "moved.png").rename(folder / "dog" / "moved.png")
    corpus = Corpus.from_folder(folder)
    with crash_at(ImageTable, name, call, after=True):
        build_index(corpus, FakeEncoder(), artefact)
    encoder = FakeEncoder()
    index = build_index(corpus, encoder, artefact)
    assert encoder.embedded == (0 if (name, call) == ("append", 2) else 1)
    assert sorted(index.ids) == sorted(corpus.ids)
    assert {index.row(id_)["sha256"] for id_ in index.ids} == {corpus.sha256(i) for i in range(3)}
    check_consistent(index)


def test_a_copy_in_another_split_of_the_same_source_is_no_renamed_image(artefact: Path) -> None:
    """First the train split, then the test split, which holds one of its images again: both rows stay, and it is not embedded twice."""
    images = np.concatenate([pictures(4), pictures(1)])
    splits: list[Split] = ["train", "train", "train", "train", "test"]
    whole = Corpus.from_arrays(images, None, splits, name="noise", source={"corpus": "noise"})
    build_index(whole.split("train"), FakeEncoder(), artefact)
    encoder = FakeEncoder()
    index = build_index(whole.split("test"), encoder, artefact)
    assert (sorted(index.ids), encoder.embedded) == (sorted(whole.ids), 0)
    check_consistent(index)


def test_arrays_in_memory_never_replace_other_arrays(artefact: Path) -> None:
    """They share ids (`train/00000`) and have no source: the second is added, under its own ids."""
    first, second = Corpus.from_arrays(pictures(4, 1)), Corpus.from_arrays(pictures(5, 2))
    index = build_index(first, FakeEncoder(), artefact)
    assert index.add(second) == 5
    assert len(index) == 9
    assert index.add(second) == 0
    assert index.add(first) == 0
    assert index.ids == [*first.ids, *(f"arrays-2/{id_}" if id_ in first.ids else id_ for id_ in second.ids)]
    check_consistent(index)


def test_a_larger_part_of_the_same_source_adds_the_rest(artefact: Path) -> None:
    """First one split, then all: the rows that are there stay, and nothing is taken for renamed or changed."""
    whole = arrays_corpus()
    build_index(whole.split("test"), FakeEncoder(), artefact)
    encoder = FakeEncoder()
    index = build_index(whole, encoder, artefact)
    assert encoder.embedded == len(whole.split("train"))
    assert sorted(index.ids) == sorted(whole.ids)


def test_removing_takes_rows_out_of_everything(artefact: Path) -> None:
    """Search, table and manifest; an unknown id changes nothing; the same corpus brings them back."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    gone = [index.ids[3], index.ids[40]]
    pictured = dict(zip(index.ids, index.thumbnails(index.ids), strict=True))
    assert len(set(pictured.values())) > 50
    with pytest.raises(InputError, match="no image 'nope'"):
        index.remove([gone[0], "nope"])
    assert len(Index.open(artefact)) == 60
    assert index.remove([*gone, gone[0]]) == 2
    assert len(index) == 58
    assert not set(gone) & {hit.id for hit in index.search(index.ids[0], k=58)}
    assert index.thumbnails(index.ids) == [pictured[id_] for id_ in index.ids]
    check_consistent(index)
    assert index.remove([]) == 0
    with pytest.raises(InputError, match="every image"):
        index.remove(index.ids)
    assert index.add(arrays_corpus()) == 2
    assert sorted(index.ids) == sorted(arrays_corpus().ids)
    check_consistent(index)


def _interrupt_removal(index: Index, ids: list[str], where: str) -> None:
    """Removes `ids` and is killed before or after the rows are deleted."""
    owner, name = (ImageTable, "delete") if where == "before" else (Rows, "write")
    with crash_at(owner, name):
        index.remove(ids)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_removal_that_was_killed_is_finished_by_opening_or_by_the_same_command(artefact: Path, where: str) -> None:
    """The rows are gone, the others are not, and asking for the removal again is no error."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    gone = [index.ids[3], index.ids[40]]
    _interrupt_removal(index, gone, where)
    assert (artefact / JOURNAL).exists()
    opened = Index.open(artefact)
    assert (artefact / MANIFEST).exists()
    assert not (artefact / JOURNAL).exists()
    assert opened.ids == [id_ for id_ in arrays_corpus().ids if id_ not in gone]
    assert opened.remove(gone) == 2
    assert len(opened) == 58
    with pytest.raises(InputError, match="no image"):
        Index.open(artefact).remove(gone)
    check_consistent(opened)


def test_a_build_finishes_a_killed_removal_first(artefact: Path) -> None:
    """Another corpus is added: what was to be removed is gone all the same, and nothing else."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    _interrupt_removal(index, index.ids[:2], "before")
    added = build_index(arrays_corpus(5, seed=3, name="other"), FakeEncoder(), artefact)
    assert len(added) == 60 - 2 + 5
    assert not set(arrays_corpus().ids[:2]) & {
        i for i, c in zip(added.ids, added.rows.column("corpus"), strict=True) if c == "noise"
    }
    assert [entry["key"] for entry in added.manifest["corpora"]] == ["noise", "other"]
    check_consistent(added)


def test_a_removal_knows_what_was_added_since_the_index_was_opened(artefact: Path) -> None:
    """The manifest is read again under the lock: another process may have added a corpus."""
    early = build_index(arrays_corpus(), FakeEncoder(), artefact)
    build_index(arrays_corpus(5, seed=3, name="other"), FakeEncoder(), artefact)
    early.remove([arrays_corpus().ids[0]])
    assert [entry["key"] for entry in early.manifest["corpora"]] == ["noise", "other"]
    assert len(early) == 64
