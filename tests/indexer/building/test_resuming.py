"""A build that was killed anywhere resumes to the very same index, by the rows that the table holds and not by how often it was written."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from samekind.data.corpus import Corpus
from samekind.indexer.building import embed
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.journal import Journal
from samekind.indexer.storage.layout import INDEX_FILE, JOURNAL, ROWS_FILE
from samekind.indexer.storage.table import ImageTable
from tests.indexer.builds import Lines, check_consistent, crash_at, write_pictures
from tests.indexer.helpers import FakeEncoder, save_encoder

WRITES = ("delete", "append")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three images a step."""
    monkeypatch.setattr(embed, "CHUNK", 3)
    monkeypatch.setattr(embed, "_BATCH", 3)


@pytest.fixture
def changed(artefact: Path, tmp_path: Path) -> Corpus:
    """An indexed folder in which files were changed, moved between classes, renamed into each other and added."""
    folder = tmp_path / "photos"
    write_pictures(folder, **{f"cat__{i}": i for i in range(10)}, **{f"dog__{i}": 10 + i for i in range(4)})
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    write_pictures(folder, cat__1=20, cat__2=21, **{f"eel__{i}": 30 + i for i in range(5)})
    for i in range(3, 8):
        (folder / "cat" / f"{i}.png").rename(folder / "dog" / f"moved {i}.png")
    (folder / "cat" / "8.png").rename(folder / "other.png")
    (folder / "cat" / "9.png").rename(folder / "cat" / "8.png")
    (folder / "other.png").rename(folder / "cat" / "9.png")
    return Corpus.from_folder(folder)


def derived(folder: Path) -> tuple[bytes, bytes]:
    """What rows and vectors come to, byte by byte."""
    return (folder / ROWS_FILE).read_bytes(), (folder / INDEX_FILE).read_bytes()


def whole(corpus: Corpus, artefact: Path) -> tuple[tuple[bytes, bytes], dict[str, int]]:
    """The index of a build that nothing interrupts, made in a copy, and how often it wrote to the table."""
    copy, writes = artefact.parent / "whole", dict.fromkeys(WRITES, 0)
    shutil.copytree(artefact, copy)
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            original = getattr(ImageTable, name)

            def counted(self: ImageTable, rows: object, name: str = name, original: object = original) -> None:
                writes[name] += 1
                original(self, rows)  # type: ignore[operator]

            patch.setattr(ImageTable, name, counted)
        build_index(corpus, FakeEncoder(), copy)
    return derived(copy), writes


@pytest.mark.parametrize("meddling", ["none", "compacted", "written"])
def test_killed_at_any_write_it_resumes_to_the_very_same_index(artefact: Path, changed: Corpus, meddling: str) -> None:
    """Before and after each deletion and each step of added rows; also if something else adds versions to the table in between."""
    expected, writes = whole(changed, artefact)
    assert writes == {"delete": 1, "append": 5}
    start = artefact.parent / "start"
    artefact.rename(start)
    for name in WRITES:
        for call in range(1, writes[name] + 1):
            for after in (False, True) if meddling == "none" else (True,):
                shutil.rmtree(artefact, ignore_errors=True)
                shutil.copytree(start, artefact)
                with crash_at(ImageTable, name, call, after=after):
                    build_index(changed, FakeEncoder(), artefact)
                if meddling == "compacted":
                    ImageTable(artefact)._table.optimize()
                elif meddling == "written":
                    ImageTable(artefact).delete([])
                build_index(changed, FakeEncoder(), artefact)
                assert derived(artefact) == expected, (name, call, after)
    check_consistent(Index.open(artefact))


def test_killed_between_the_new_table_and_the_journal_it_starts_over(artefact: Path, changed: Corpus) -> None:
    """The table is there and empty, while the journal still says that it has yet to be made."""
    new = artefact.parent / "new"
    save_encoder(FakeEncoder(), new)
    with crash_at(Journal, "write", 2):
        build_index(changed, FakeEncoder(), new)
    journal = Journal.read(new)
    assert journal is not None
    assert journal.base_version is None
    assert ImageTable(new).exists()
    index = build_index(changed, FakeEncoder(), new)
    assert sorted(index.ids) == sorted(changed.ids)
    check_consistent(index)


def test_killed_between_the_table_and_what_is_derived_nothing_is_embedded_again(
    artefact: Path, changed: Corpus
) -> None:
    """All rows are there; the journal is too."""
    expected, _ = whole(changed, artefact)
    before = Index.open(artefact).ids
    with crash_at(Journal, "write", 1, after=True):
        build_index(changed, FakeEncoder(), artefact)
    with crash_at(ImageTable, "append", 5, after=True):
        build_index(changed, FakeEncoder(), artefact)
    assert Index.open(artefact).ids == before
    encoder = FakeEncoder()
    build_index(changed, encoder, artefact)
    assert encoder.embedded == 0
    assert derived(artefact) == expected
    assert not (artefact / JOURNAL).exists()


def test_a_step_without_a_readable_image_does_not_stop_the_count(artefact: Path, tmp_path: Path) -> None:
    """Its rows are not there, but those of a later step are: it is done."""
    folder = tmp_path / "photos"
    write_pictures(folder, **{f"{i:02d}": i for i in range(9)})
    corpus = Corpus.from_folder(folder)
    for i in range(3, 6):
        (folder / f"{i:02d}.png").write_bytes(b"torn")
    expected, _ = whole(corpus, artefact)
    with crash_at(ImageTable, "append", 3, after=True):
        build_index(corpus, FakeEncoder(), artefact)
    encoder, lines = FakeEncoder(), Lines()
    build_index(corpus, encoder, artefact, lines)
    assert encoder.embedded == 0
    assert any("9 of 9 images are embedded already" in line for line in lines.said)
    assert derived(artefact) == expected


def test_where_the_table_before_the_build_is_gone_the_build_resumes_from_what_is_there(
    artefact: Path, changed: Corpus
) -> None:
    """The table's history was thrown away in between: said in a line; what is embedded stays, and what was deleted is embedded again."""
    with crash_at(ImageTable, "append", 4, after=True):
        build_index(changed, FakeEncoder(), artefact)
    with pytest.warns(UserWarning, match="cleanup_older_than"):
        ImageTable(artefact)._table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
    encoder, lines = FakeEncoder(), Lines()
    index = build_index(changed, encoder, artefact, lines)
    assert [line for line in lines.said if "resumes from what the table holds now" in line]
    assert encoder.embedded < len(changed)
    assert sorted(index.ids) == sorted(changed.ids)
    check_consistent(index)
