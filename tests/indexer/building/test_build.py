"""Building an index: what it holds, and what a kill, a crash or a second process does to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from samekind.core.errors import ArtefactError
from samekind.data.corpus import Corpus
from samekind.indexer.building import embed, encoder_files
from samekind.indexer.building.encoder_files import copy_encoder
from samekind.indexer.index import Index, build_index
from samekind.indexer.search import vector_index
from samekind.indexer.storage.journal import Journal
from samekind.indexer.storage.layout import INDEX_FILE, JOURNAL, ROWS_FILE
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.storage.rows import Rows
from samekind.indexer.storage.table import ImageTable
from samekind.training.runtime.artefact import META, WEIGHTS
from samekind.training.runtime.lock import exclusive
from tests.indexer.builds import Lines, check_consistent, crash_at, write_pictures
from tests.indexer.helpers import FakeEncoder, arrays_corpus, pictures, save_encoder

ROOT = Path(__file__).parents[3]


def test_the_table_holds_what_the_corpus_says(artefact: Path) -> None:
    """Ids, labels, splits, sizes, hashes and uris, row by row in corpus order."""
    corpus = arrays_corpus()
    index = build_index(corpus, FakeEncoder(), artefact)
    assert index.ids == corpus.ids
    assert index.labels == corpus.labels
    assert index.splits == corpus.splits
    row = index.row(corpus.ids[9])
    assert (row["uri"], row["sha256"], row["width"], row["height"]) == (corpus.uri(9), corpus.sha256(9), 8, 8)
    assert index.manifest["rows"] == 60
    assert index.manifest["index_type"] == "Flat"
    check_consistent(index)
    unknown = build_index(arrays_corpus(5, labelled=False), FakeEncoder(), artefact.parent / "other")
    assert unknown.labels is None


_KILLED = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from samekind.indexer.building import embed
    from samekind.indexer.storage import table as store
    from samekind.indexer.index import build_index
    from tests.indexer.helpers import FakeEncoder, arrays_corpus

    embed.CHUNK, embed._BATCH = 16, 16
    append, count = store.ImageTable.append, 0

    def slow(self, rows):
        global count
        append(self, rows)
        count += 1
        if count == 2:
            print("two", flush=True)
            time.sleep(60)

    store.ImageTable.append = slow
    build_index(arrays_corpus(), FakeEncoder(), Path(sys.argv[1]))
    """
)


def test_killed_in_the_middle_it_continues_to_the_very_same_index(
    artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 after two of four chunks: only the other two are embedded, and rows, vectors and FAISS bytes are as without it."""
    monkeypatch.setattr(embed, "CHUNK", 16)
    monkeypatch.setattr(embed, "_BATCH", 16)
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(artefact)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "two\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with pytest.raises(ArtefactError, match="unfinished") as caught:
        Index.open(artefact)
    assert "samekind index" in caught.value.hint

    encoder, lines = FakeEncoder(), Lines()
    continued = build_index(arrays_corpus(), encoder, artefact, lines)
    assert encoder.embedded == 60 - 32
    assert any("32 of 60" in line for line in lines.said)
    save_encoder(FakeEncoder(), artefact.parent / "whole")
    whole = build_index(arrays_corpus(), FakeEncoder(), artefact.parent / "whole")
    assert continued.ids == whole.ids
    assert (artefact / INDEX_FILE).read_bytes() == (whole.path / INDEX_FILE).read_bytes()
    assert (artefact / ROWS_FILE).read_bytes() == (whole.path / ROWS_FILE).read_bytes()
    assert not (artefact / JOURNAL).exists()
    check_consistent(continued)


@pytest.mark.parametrize(
    ("where", "name", "call"),
    [
        (ImageTable, "create", 1),
        (ImageTable, "append", 1),
        (ImageTable, "append", 3),
        (Rows, "write", 1),
        (vector_index.VectorIndex, "save", 1),
        (Manifest, "write", 1),
        (Journal, "write", 2),
    ],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_step_is_mended_by_the_same_command(
    artefact: Path, monkeypatch: pytest.MonkeyPatch, where: type, name: str, call: int, after: bool
) -> None:
    """Just before or just after each thing that is written."""
    monkeypatch.setattr(embed, "CHUNK", 16)
    monkeypatch.setattr(embed, "_BATCH", 16)
    with crash_at(where, name, call, after=after):
        build_index(arrays_corpus(), FakeEncoder(), artefact)
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert index.ids == arrays_corpus().ids
    check_consistent(index)


def test_the_same_command_again_embeds_nothing_and_says_so(artefact: Path) -> None:
    """And leaves every file as it is."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    before = {path: path.stat().st_mtime_ns for path in artefact.rglob("*") if path.is_file()}
    encoder, lines = FakeEncoder(), Lines()
    build_index(arrays_corpus(), encoder, artefact, lines)
    assert encoder.embedded == 0
    assert lines.said == ["nothing new: all 60 images of noise are in the index"]
    assert {path: path.stat().st_mtime_ns for path in artefact.rglob("*") if path.is_file()} == before


def test_another_encoder_makes_the_table_anew(artefact: Path) -> None:
    """The artefact was trained again: no vector of the old encoder may stay."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    other = FakeEncoder(seed=5, dim=12)
    save_encoder(other, artefact)
    with pytest.raises(ArtefactError, match="another encoder"):
        Index.open(artefact)
    index = build_index(arrays_corpus(20), other, artefact)
    assert (len(index), index.dim, other.embedded) == (20, 12, 20)


def test_an_encoder_that_is_not_the_artefacts_own_is_refused(artefact: Path) -> None:
    """An index beside the wrong encoder would answer nonsense; nothing is written."""
    with pytest.raises(ArtefactError, match="another encoder"):
        build_index(arrays_corpus(), FakeEncoder(seed=9), artefact)
    assert not (artefact / "db").exists()


def test_a_folder_without_encoder_gets_the_one_that_made_the_index(tmp_path: Path) -> None:
    """`samekind index --encoder A --out B`: B can be copied and opened alone."""
    index = build_index(arrays_corpus(), FakeEncoder(), tmp_path / "new")
    assert (index.path / "encoder.safetensors").read_bytes() == FakeEncoder().to_bytes()
    shutil.copytree(index.path, tmp_path / "copy")
    shutil.rmtree(index.path)
    copy = Index.open(tmp_path / "copy")
    assert len(copy.thumbnails(copy.ids[:3])) == 3
    check_consistent(copy)


def test_an_approximate_index_is_built_above_the_limit_and_continues_to_work(
    artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest says which it is; opening, searching and vectors are the same."""
    monkeypatch.setattr(vector_index, "EXACT_LIMIT", 100)
    index = build_index(arrays_corpus(2000), FakeEncoder(), artefact)
    assert index.manifest["index_type"].startswith("IVF")
    assert index.manifest["ann_recall_at_10"] >= 0.95
    result = Index.open(artefact, encoder=FakeEncoder()).search(pictures(2000)[5])
    assert result.to_dict()["hits"][0]["id"] == index.ids[5]
    check_consistent(index)


def test_an_image_that_became_unreadable_is_left_out_and_named(artefact: Path, tmp_path: Path) -> None:
    """Never fatal; and found again once it is whole."""
    folder = tmp_path / "photos"
    write_pictures(folder, a=0, b=1, c=2)
    corpus = Corpus.from_folder(folder)
    whole = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(whole[:40])
    lines = Lines()
    index = build_index(corpus, FakeEncoder(), artefact, lines)
    assert len(index) == 2
    assert any("b.png" in line for line in lines.said)
    (folder / "b.png").write_bytes(whole)
    assert len(build_index(corpus, FakeEncoder(), artefact)) == 3


def test_a_second_process_is_kept_out_while_one_builds_or_removes(artefact: Path, tmp_path: Path) -> None:
    """Two writers would append the same rows twice; the second says so and changes nothing."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    save_encoder(FakeEncoder(), tmp_path / "new")
    before = {path: path.read_bytes() for path in artefact.rglob("*") if path.is_file()}
    with exclusive(artefact), exclusive(tmp_path / "copy"):
        for work in (
            lambda: build_index(arrays_corpus(70), FakeEncoder(), artefact),
            lambda: index.remove(index.ids[:1]),
            lambda: copy_encoder(artefact, tmp_path / "copy"),
        ):
            with pytest.raises(ArtefactError, match="another samekind process is working in") as caught:
                work()
            assert caught.value.hint
        assert len(Index.open(artefact)) == 60
    assert {path: path.read_bytes() for path in artefact.rglob("*") if path.is_file()} == before


def test_an_encoder_takes_what_it_was_trained_with_along(artefact: Path, tmp_path: Path) -> None:
    """Meta data, records and the answers that it began with."""
    for name in ("metrics.jsonl", "answers.json"):
        (artefact / name).write_text("{}\n")
    copy_encoder(artefact, tmp_path / "copy")
    for name in ("encoder.safetensors", "meta.json", "metrics.jsonl", "answers.json"):
        assert (tmp_path / "copy" / name).read_bytes() == (artefact / name).read_bytes()


@pytest.mark.parametrize("copied", [False, True])
def test_the_settings_of_an_unfinished_training_are_not_overwritten(tmp_path: Path, copied: bool) -> None:
    """Its `meta.json` is what lets it go on; an encoder from elsewhere must not take its place."""
    save_encoder(FakeEncoder(), tmp_path / "done", training={"finished": True})
    training = tmp_path / "training"
    training.mkdir()
    (training / META).write_text('{"format": 1, "encoder": {}, "training": {"finished": false}}')
    before = (training / META).read_bytes()
    with pytest.raises(ArtefactError, match="unfinished training") as caught:
        copy_encoder(tmp_path / "done", training) if copied else build_index(arrays_corpus(), FakeEncoder(), training)
    assert "samekind train" in caught.value.hint
    assert (training / META).read_bytes() == before
    assert not (training / WEIGHTS).exists()


def test_the_weights_are_the_last_to_be_placed(tmp_path: Path) -> None:
    """Killed in between, the folder holds no encoder yet, and the same command mends it."""
    with crash_at(encoder_files, "write_atomically"):
        build_index(arrays_corpus(), FakeEncoder(), tmp_path / "new")
    assert (tmp_path / "new" / META).is_file()
    assert len(build_index(arrays_corpus(), FakeEncoder(), tmp_path / "new")) == 60
