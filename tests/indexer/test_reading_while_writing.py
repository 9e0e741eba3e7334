"""Readers while somebody writes, or was killed over it: the state before or the one after, and never a mixture."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samekind.core.errors import ArtefactError
from samekind.indexer.adaptation.adapt import adapt
from samekind.indexer.building import finish as finishing
from samekind.indexer.building import tidying
from samekind.indexer.index import Index, build_index
from samekind.indexer.search.state import opening
from samekind.indexer.storage import checks
from samekind.indexer.storage.fingerprints import table_file_names
from samekind.indexer.storage.layout import INDEX_FILE, JOURNAL, TABLE_FOLDER
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.storage.remedies import json_field
from samekind.indexer.storage.table import ImageTable
from tests.indexer.builds import Lines, check_consistent, crash_at
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder

ROOT = Path(__file__).parents[2]
CYCLES = 12


def write_in_turns(folder: Path) -> None:
    """Adds seven images and takes them away again, twelve times; the table is compacted now and then."""
    tidying.MOST_PARTS, tidying.KEPT_SECONDS = 8, 0.0
    for _ in range(CYCLES):
        build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), folder)
        index = Index.open(folder)
        index.remove(index.ids[60:])


def test_a_reader_in_another_process_sees_the_state_before_or_after(artefact: Path) -> None:
    """Opened again and again while another process adds and removes: ids, vectors, pictures and hits always belong together, and no opening
    fails.
    """
    before = build_index(arrays_corpus(), FakeEncoder(), artefact)
    save_encoder(FakeEncoder(), artefact.parent / "after")
    build_index(arrays_corpus(), FakeEncoder(), artefact.parent / "after")
    after = build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), artefact.parent / "after")
    expected = {
        len(index): (index.ids, index.vectors(), index.thumbnails([index.ids[-1]])) for index in (before, after)
    }
    code = "import sys, pathlib, tests.indexer.test_reading_while_writing as t; t.write_in_turns(pathlib.Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", code, str(artefact)], cwd=ROOT)
    seen = []
    while process.poll() is None:
        index = Index.open(artefact)
        ids, vectors, picture = expected[len(index)]
        assert index.ids == ids
        np.testing.assert_array_equal(index.vectors(), vectors)
        assert index.thumbnails([ids[-1]]) == picture
        assert index.search(vectors[-1], k=1)[0].id == ids[-1]
        seen.append(len(index))
    assert process.returncode == 0
    assert set(seen) == {60, 67}
    check_consistent(Index.open(artefact))


def test_a_journal_that_goes_while_it_is_read_refuses_nothing(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two last acts of a writer the new manifest and the journal lie there; a reader has read both, and then it is gone."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    before = table_file_names(artefact)
    _add(artefact)
    given: list[Any] = [before, False]

    def just_gone(path: Path, name: str) -> Any:
        return given.pop(0) if path.name == JOURNAL and given else json_field(path, name)

    monkeypatch.setattr(checks, "json_field", just_gone)
    assert len(Index.open(artefact)) == 67
    assert given == []
    (artefact / TABLE_FOLDER / "data" / "more.lance").touch()
    with pytest.raises(ArtefactError, match="has changed"):
        Index.open(artefact)


def _add(folder: Path) -> None:
    build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), folder)


@pytest.mark.parametrize(
    ("owner", "name"), [(ImageTable, "append"), (finishing, "follow_index"), (ImageTable, "compact")]
)
def test_what_a_killed_addition_leaves_is_the_state_before(
    artefact: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    """It can be searched and filtered; nobody writes on it before the addition is done to its end, which gives what it would have given."""
    monkeypatch.setattr(tidying, "MOST_PARTS", 1)
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    with crash_at(owner, name, after=True):
        _add(artefact)
    assert (artefact / JOURNAL).exists()
    opened = Index.open(artefact)
    assert opened.ids == index.ids
    assert len(opened.positions_where("label = 'Bag'")) == 20
    assert opened.thumbnails(opened.ids) == index.thumbnails(index.ids)
    writes: tuple[Callable[[], object], ...] = (lambda: adapt(artefact), lambda: opened.remove(opened.ids[:1]))
    for write in writes:
        with pytest.raises(ArtefactError, match="unfinished"):
            write()
    _add(artefact)
    assert len(Index.open(artefact)) == 67
    check_consistent(Index.open(artefact))


def test_between_two_renames_a_reader_waits_and_then_says_what_to_do(
    artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill in the very moment when rows and vectors have been put in place and the manifest has not."""
    monkeypatch.setattr(opening, "_WAIT_SECONDS", 0.1)
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    with crash_at(Manifest, "write"):
        _add(artefact)
    with pytest.raises(ArtefactError, match="unfinished") as caught:
        Index.open(artefact)
    assert "samekind index" in caught.value.hint
    _add(artefact)
    assert len(Index.open(artefact)) == 67


def test_a_table_that_somebody_else_changed_is_refused(artefact: Path) -> None:
    """Without a build under way, a file more than the manifest knows is a change that nobody here made."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    ImageTable(artefact).delete(["train/00000"])
    with pytest.raises(ArtefactError, match="has changed since the index was built"):
        Index.open(artefact)


def test_a_file_of_the_table_that_is_lost_during_a_build_is_told(
    artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the build adds is no change; what it did not take away is."""
    monkeypatch.setattr(opening, "_WAIT_SECONDS", 0.1)
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    old = next((artefact / "db" / "images.lance" / "data").iterdir())
    with crash_at(ImageTable, "append", after=True):
        _add(artefact)
    Index.open(artefact)
    old.rename(artefact / "elsewhere")
    with pytest.raises(ArtefactError, match="unfinished"):
        Index.open(artefact)


def test_the_table_does_not_grow_without_end(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty writes leave few files; compactions are told, rows stay in order, and whoever has the state before open sees its pictures."""
    monkeypatch.setattr(tidying, "MOST_PARTS", 8)
    monkeypatch.setattr(tidying, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(tidying, "_MARGIN_SECONDS", 0.0)
    index, lines = build_index(arrays_corpus(), FakeEncoder(), artefact), Lines()
    expected = index.ids
    for _ in range(20):
        build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), artefact, lines)
        reader = Index.open(artefact)
        Index.open(artefact).remove(reader.ids[60:], lines)
        assert len(reader.thumbnails(reader.ids)) == 67
    assert Index.open(artefact).ids == expected
    told = [line for line in lines.said if "the table was compacted" in line]
    assert 2 <= len(told) < 20
    assert len(list((artefact / "db" / "images.lance" / "data").iterdir())) < 16
    assert len(list((artefact / "db" / "images.lance" / "_versions").iterdir())) < 24
    assert not list(artefact.glob("*.new"))
    check_consistent(Index.open(artefact))
    assert (artefact / INDEX_FILE).is_file()
