"""An index that is open while another process changes it: what it shows is of the moment of opening, or it says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from samekind.core.errors import ArtefactError
from samekind.indexer.index import Index, build_index
from samekind.indexer.search.state import held_files
from samekind.indexer.storage.layout import MANIFEST
from samekind.indexer.storage.table import ImageTable
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder

ROOT = Path(__file__).parents[2]


def change(folder: Path, what: str) -> None:
    """Removes rows, adds a corpus, or rebuilds everything with another encoder."""
    if what == "remove":
        Index.open(folder).remove(["train/00000", "train/00007"])
    elif what == "add":
        build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), folder)
    else:
        save_encoder(FakeEncoder(seed=5), folder)
        build_index(arrays_corpus(60, seed=4), FakeEncoder(seed=5), folder)


@pytest.mark.parametrize("what", ["remove", "add"])
def test_what_was_read_before_stays_as_it_was(artefact: Path, what: str) -> None:
    """Changed in another process: thumbnails, filters and hits are those of the images that this index holds, also where the table is
    opened only afterwards.
    """
    index, table_unread = build_index(arrays_corpus(), FakeEncoder(), artefact), Index.open(artefact)
    ids, vectors = table_unread.ids, table_unread.vectors()
    shown = index.thumbnails(ids)
    assert index.vectors().shape == vectors.shape
    code = "import sys, pathlib, tests.indexer.test_changed_meanwhile as t; t.change(pathlib.Path(sys.argv[1]), sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(artefact), what], cwd=ROOT, check=True)
    for each in (index, table_unread):
        assert each.thumbnails(ids) == shown
        assert [ids[row] for row in each.positions_where("label = 'Bag'")] == ids[::3]
        np.testing.assert_array_equal(each.vectors(), vectors)
        assert each.search(ids[8], k=1)[0].id == ids[8]
    opened = Index.open(artefact)
    assert len(opened) == (58 if what == "remove" else 67)
    assert opened.thumbnail(ids[9]) == shown[9]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no files are held")
@pytest.mark.parametrize("what", ["remove", "add"])
def test_a_part_that_is_first_read_after_a_change_is_of_the_moment_of_opening(artefact: Path, what: str) -> None:
    """Nothing was read before: rows, vectors, filters, hits and thumbnails are those of before the change all the same."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    expected, index = Index.open(artefact), Index.open(artefact)
    ids, vectors, shown = expected.ids, expected.vectors(), expected.thumbnails(expected.ids)
    change(artefact, what)
    assert index.ids == ids
    np.testing.assert_array_equal(index.vectors(), vectors)
    assert len(index.positions_where("label = 'Bag'")) == 20
    assert index.search(ids[8], k=1)[0].id == ids[8]
    assert index.thumbnails(ids) == shown


def test_without_held_files_a_part_that_is_first_read_after_a_change_is_refused(
    artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On other systems: rows and vectors of another state would be other images' than those read before."""
    monkeypatch.setattr(held_files, "_DESCRIPTORS", artefact / "nothing")
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    change(artefact, "add")
    for act in (lambda: index.ids, lambda: index.vectors()):
        with pytest.raises(ArtefactError, match="has changed since it was opened") as caught:
            act()
        assert caught.value.hint == "open it again"


def test_pictures_of_a_table_that_was_rebuilt_are_refused(artefact: Path) -> None:
    """They are gone; one line says what to do. Hits are still those of the index that was opened."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    change(artefact, "rebuild")
    with pytest.raises(ArtefactError, match="has changed since it was opened") as caught:
        index.thumbnail("train/00001")
    assert caught.value.hint == "open it again"
    assert Index.open(artefact).thumbnail("train/00001")


def test_a_table_that_was_rebuilt_is_not_taken_for_the_one_before(artefact: Path) -> None:
    """Its versions are counted anew, so that the same number is another table: another picture would be shown under the same id."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    ids, version = index.ids, index.manifest["table_version"]
    change(artefact, "rebuild")
    assert Index.open(artefact).manifest["table_version"] == version
    with pytest.raises(ArtefactError, match="has changed since it was opened"):
        index.thumbnails(ids[:1])


def test_a_rebuilt_table_is_no_damaged_one_to_whoever_has_the_old_one_open(artefact: Path) -> None:
    """Nobody is told to delete a table that is whole, nor one that is being written while its manifest is away. What was read stays."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    ids = index.ids
    first = index.thumbnails(ids[:1])
    (artefact / MANIFEST).rename(artefact / "away")
    ImageTable(artefact).create(FakeEncoder().dim)
    with pytest.raises(ArtefactError, match="has changed since it was opened"):
        index.thumbnails(ids[1:2])
    change(artefact, "rebuild")
    with pytest.raises(ArtefactError, match="has changed since it was opened"):
        index.thumbnails(ids[2:3])
    assert index.thumbnails(ids[:1]) == first


def test_removing_from_a_stale_index_forgets_an_encoder_of_before(artefact: Path) -> None:
    """Its embeddings would be compared with vectors of another space."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert index.encoder.fingerprint == FakeEncoder().fingerprint
    change(artefact, "rebuild")
    index.remove(["train/00000"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samekind.training.models.encoder.Encoder.load", lambda path: FakeEncoder(seed=5))
        assert index.encoder.fingerprint == FakeEncoder(seed=5).fingerprint


def test_a_version_that_was_cleaned_up_is_one_line(artefact: Path) -> None:
    """Somebody has compacted the table and thrown its history away after a removal: the old state is gone for good."""
    from datetime import timedelta

    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    ids = index.ids
    change(artefact, "remove")
    with pytest.warns(UserWarning, match="cleanup_older_than"):
        ImageTable(artefact)._table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
    with pytest.raises(ArtefactError, match="has changed since it was opened") as caught:
        index.thumbnails(ids[:1])
    assert caught.value.hint == "open it again"


def test_a_stale_index_removes_by_the_ids_of_today(artefact: Path) -> None:
    """What another process has added can be removed, and counts."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    _ = index.ids
    change(artefact, "add")
    assert index.remove(["other/train/00000"]) == 1
    assert len(index) == len(index.ids) == 66


def test_an_encoder_that_was_replaced_does_not_embed_queries(artefact: Path) -> None:
    """Trained again meanwhile: its vectors mean nothing among those of the old one."""
    from samekind.training.models.encoder import Encoder

    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    opened = Index.open(artefact)
    save_encoder(FakeEncoder(seed=5), artefact)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "load", lambda path: FakeEncoder(seed=5))
        with pytest.raises(ArtefactError, match="was built with another encoder"):
            _ = opened.encoder
    assert index.encoder.fingerprint == FakeEncoder().fingerprint
