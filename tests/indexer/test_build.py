"""Building, killing, continuing, adding, replacing and removing."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.corpus import Corpus, Split
from data.errors import ArtefactError, InputError
from indexer import embed, vector_index
from indexer.build import copy_encoder
from indexer.index import Index, build_index
from indexer.manifest import INDEX_FILE, JOURNAL, MANIFEST, ROWS_FILE, Journal, Manifest, NewerFormatError, again
from indexer.rows import Rows
from indexer.store import ImageTable
from tests.indexer.helpers import FakeEncoder, arrays_corpus, pictures, save_encoder
from training.artefact import META, WEIGHTS
from training.lock import exclusive

ROOT = Path(__file__).parents[2]


class Lines:
    """A progress that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def task(self, description: str, total: int) -> object:
        """A bar that is not drawn."""
        from data.progress import NoProgress

        return NoProgress().task(description, total)

    def print(self, line: str) -> None:
        """Keeps the line."""
        self.said.append(line)


def _check_consistent(index: Index) -> None:
    """Row i of the table, of the FAISS index and of `rows.arrow` are one image, and its vector is that of its thumbnail."""
    reopened = Index.open(index.path)
    table = np.concatenate(list(reopened.table.vector_batches()))
    np.testing.assert_array_equal(reopened.vectors(), table)
    assert reopened.ids == reopened.table.rows()["id"].to_pylist()
    assert len(set(reopened.ids)) == len(reopened.ids) == len(reopened)
    shown = [np.array(Image.open(io.BytesIO(encoded))) for encoded in reopened.thumbnails(reopened.ids)]
    np.testing.assert_allclose(FakeEncoder().embed(np.stack(shown)[..., None]), table, atol=1e-5)


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
    _check_consistent(index)
    unknown = build_index(arrays_corpus(5, labelled=False), FakeEncoder(), artefact.parent / "other")
    assert unknown.labels is None


_KILLED = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from indexer import embed, store
    from indexer.index import build_index
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
    continued = build_index(arrays_corpus(), encoder, artefact, lines)  # type: ignore[arg-type]
    assert encoder.embedded == 60 - 32
    assert any("32 of 60" in line for line in lines.said)
    save_encoder(FakeEncoder(), artefact.parent / "whole")
    whole = build_index(arrays_corpus(), FakeEncoder(), artefact.parent / "whole")
    assert continued.ids == whole.ids
    assert (artefact / INDEX_FILE).read_bytes() == (whole.path / INDEX_FILE).read_bytes()
    assert (artefact / ROWS_FILE).read_bytes() == (whole.path / ROWS_FILE).read_bytes()
    assert not (artefact / JOURNAL).exists()
    _check_consistent(continued)


class _Crash(Exception):
    """Stands for a kill at a certain place."""


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
    original, calls = getattr(where, name), 0

    def crashing(*args: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            raise _Crash
        result = original(*args)
        if calls == call:
            raise _Crash
        return result

    monkeypatch.setattr(where, name, crashing)
    with pytest.raises(_Crash):
        build_index(arrays_corpus(), FakeEncoder(), artefact)
    monkeypatch.setattr(where, name, original)
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert index.ids == arrays_corpus().ids
    _check_consistent(index)


def test_the_same_command_again_embeds_nothing_and_says_so(artefact: Path) -> None:
    """And leaves every file as it is."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    before = {path: path.stat().st_mtime_ns for path in artefact.rglob("*") if path.is_file()}
    encoder, lines = FakeEncoder(), Lines()
    build_index(arrays_corpus(), encoder, artefact, lines)  # type: ignore[arg-type]
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
    _check_consistent(copy)


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "unfinished"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "damaged"),
        (lambda folder: (folder / MANIFEST).write_text("{}"), "damaged"),
        (lambda folder: (folder / INDEX_FILE).unlink(), "lacks index.faiss"),
        (
            lambda folder: (folder / INDEX_FILE).write_bytes((folder / INDEX_FILE).read_bytes()[:-1] + b"x"),
            "not the file",
        ),
        (lambda folder: (folder / ROWS_FILE).write_bytes(b""), "not the file"),
        (lambda folder: shutil.rmtree(folder / "db"), "has changed"),
        (lambda folder: (folder / "encoder.safetensors").unlink(), "no encoder.safetensors"),
        (lambda folder: Index.open(folder).table.delete(["train/00000"]), "has changed"),
        (lambda folder: next((folder / "db" / "images.lance" / "data").iterdir()).unlink(), "has changed"),
    ],
)
def test_opening_refuses_what_does_not_match_and_names_the_remedy(
    artefact: Path, break_it: object, complaint: str
) -> None:
    """One line, and the command that mends it."""
    build_index(arrays_corpus(20), FakeEncoder(), artefact)
    assert callable(break_it)
    break_it(artefact)
    with pytest.raises(ArtefactError, match=complaint) as caught:
        Index.open(artefact)
    assert "\n" not in str(caught.value)
    assert "samekind index --corpus" in caught.value.hint
    assert str(artefact) in caught.value.hint


def test_a_swapped_encoder_is_named_and_not_the_index(artefact: Path) -> None:
    """Index and meta agree, so the file is wrong: indexing again would not help, and the hint does not send there."""
    build_index(arrays_corpus(20), FakeEncoder(), artefact)
    (artefact / "encoder.safetensors").write_bytes(b"other")
    with pytest.raises(ArtefactError, match=r"is not the encoder that meta\.json describes") as caught:
        Index.open(artefact)
    assert "put the right file back" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "complaint"), [("missing", "does not exist"), ("file", "is a file"), ("empty", "holds no index")]
)
def test_opening_what_is_no_artefact_says_so(tmp_path: Path, name: str, complaint: str) -> None:
    """A wrong path is no unfinished index."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtefactError, match=complaint):
        Index.open(tmp_path / name)


def test_a_table_that_was_changed_is_indexed_again_without_embedding_what_it_holds(artefact: Path) -> None:
    """The table is the source of truth: the rest is derived from it."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    index.table.delete(index.ids[:3])
    encoder = FakeEncoder()
    mended = build_index(arrays_corpus(), encoder, artefact)
    assert encoder.embedded == 3
    assert sorted(mended.ids) == sorted(arrays_corpus().ids)
    _check_consistent(mended)


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
    _check_consistent(index)


def _write(folder: Path, **files: int) -> None:
    """Grey PNGs: `cat__a=3` is `cat/a.png` with the third noise picture."""
    for name, number in files.items():
        path = folder / (name.replace("__", "/") + ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures(40, seed=7)[number]).save(path)


def _by_id(index: Index) -> dict[str, str]:
    return {id_: Path(index.row(id_)["uri"]).name for id_ in index.ids}


def test_another_folder_brings_only_its_new_content_under_ids_of_its_own(artefact: Path, tmp_path: Path) -> None:
    """Known content is left out by hash; a taken id gets the corpus' name before it; copies within one folder stay two rows."""
    one, two = tmp_path / "one", tmp_path / "two"
    _write(one, a=0, b=1, copy_of_b=1)
    _write(two, a=2, b=3, old=0, copy_of_a=2)
    encoder = FakeEncoder()
    index = build_index(Corpus.from_folder(one), encoder, artefact)
    assert len(index) == 3
    assert index.add(Corpus.from_folder(two)) == 3
    assert sorted(index.rows.column("corpus")) == ["one", "one", "one", "two", "two", "two"]
    assert len(index) == 6
    assert "two/a.png" in index.ids
    assert encoder.embedded == 6
    _check_consistent(index)
    again = FakeEncoder()
    assert build_index(Corpus.from_folder(two), again, artefact).ids == index.ids
    assert build_index(Corpus.from_folder(one), again, artefact).ids == index.ids
    assert again.embedded == 0


def test_a_folder_that_has_changed_is_brought_up_to_date(artefact: Path, tmp_path: Path) -> None:
    """Changed content replaces, a moved or renamed file takes its vector and gets its new label, a vanished one stays."""
    folder = tmp_path / "photos"
    _write(folder, cat__same=0, cat__changed=1, cat__moved=2, dog__renamed=3, dog__gone=4)
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    _write(folder, cat__changed=5, dog__new=6)
    (folder / "cat" / "moved.png").rename(folder / "dog" / "moved.png")
    (folder / "dog" / "renamed.png").rename(folder / "dog" / "other name.png")
    (folder / "dog" / "gone.png").unlink()
    encoder, lines = FakeEncoder(), Lines()
    corpus = Corpus.from_folder(folder)
    index = build_index(corpus, encoder, artefact, lines)  # type: ignore[arg-type]
    assert encoder.embedded == 2
    assert any("1 rows of photos are not among these images" in line for line in lines.said)
    labels = {Path(index.row(id_)["uri"]).stem: index.row(id_)["label"] for id_ in index.ids}
    assert labels == {"same": "cat", "changed": "cat", "moved": "dog", "other name": "dog", "gone": "dog", "new": "dog"}
    held = {index.row(id_)["sha256"] for id_ in corpus.ids}
    assert held == {corpus.sha256(i) for i in range(len(corpus))}
    _check_consistent(index)


@pytest.mark.parametrize(("name", "call"), [("delete", 1), ("append", 1), ("append", 2)])
def test_a_crash_while_a_changed_folder_is_brought_up_to_date_is_mended(
    artefact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: int
) -> None:
    """After the deletion, after the rows that keep their vector, after those that do not: no step is done twice, none is left out."""
    folder = tmp_path / "photos"
    _write(folder, cat__same=0, cat__changed=1, cat__moved=2)
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    _write(folder, cat__changed=5)
    (folder / "dog").mkdir()
    (folder / "cat" / "moved.png").rename(folder / "dog" / "moved.png")
    corpus = Corpus.from_folder(folder)
    original, calls = getattr(ImageTable, name), 0

    def crashing(*args: object) -> None:
        nonlocal calls
        original(*args)
        calls += 1
        if calls == call:
            raise _Crash

    monkeypatch.setattr(ImageTable, name, crashing)
    with pytest.raises(_Crash):
        build_index(corpus, FakeEncoder(), artefact)
    monkeypatch.setattr(ImageTable, name, original)
    encoder = FakeEncoder()
    index = build_index(corpus, encoder, artefact)
    assert encoder.embedded == (0 if (name, call) == ("append", 2) else 1)
    assert sorted(index.ids) == sorted(corpus.ids)
    assert {index.row(id_)["sha256"] for id_ in index.ids} == {corpus.sha256(i) for i in range(3)}
    _check_consistent(index)


def test_a_copy_in_another_split_of_the_same_source_is_no_renamed_image(artefact: Path) -> None:
    """First the train split, then the test split, which holds one of its images again: both rows stay, and it is not embedded twice."""
    images = np.concatenate([pictures(4), pictures(1)])
    splits: list[Split] = ["train", "train", "train", "train", "test"]
    whole = Corpus.from_arrays(images, None, splits, name="noise", source={"corpus": "noise"})
    build_index(whole.split("train"), FakeEncoder(), artefact)
    encoder = FakeEncoder()
    index = build_index(whole.split("test"), encoder, artefact)
    assert (sorted(index.ids), encoder.embedded) == (sorted(whole.ids), 0)
    _check_consistent(index)


def test_arrays_in_memory_never_replace_other_arrays(artefact: Path) -> None:
    """They share ids (`train/00000`) and have no source: the second is added, under its own ids."""
    first, second = Corpus.from_arrays(pictures(4, 1)), Corpus.from_arrays(pictures(5, 2))
    index = build_index(first, FakeEncoder(), artefact)
    assert index.add(second) == 5
    assert len(index) == 9
    assert index.add(second) == 0
    assert index.add(first) == 0
    assert index.ids == [*first.ids, *(f"arrays-2/{id_}" if id_ in first.ids else id_ for id_ in second.ids)]
    _check_consistent(index)


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
    with pytest.raises(InputError, match="no image 'nope'"):
        index.remove([gone[0], "nope"])
    assert len(Index.open(artefact)) == 60
    assert index.remove([*gone, gone[0]]) == 2
    assert len(index) == 58
    assert not set(gone) & {hit.id for hit in index.search(index.ids[0], k=58)}
    _check_consistent(index)
    assert index.remove([]) == 0
    with pytest.raises(InputError, match="every image"):
        index.remove(index.ids)
    assert index.add(arrays_corpus()) == 2
    assert sorted(index.ids) == sorted(arrays_corpus().ids)
    _check_consistent(index)


def test_an_image_that_became_unreadable_is_left_out_and_named(artefact: Path, tmp_path: Path) -> None:
    """Never fatal; and found again once it is whole."""
    folder = tmp_path / "photos"
    _write(folder, a=0, b=1, c=2)
    corpus = Corpus.from_folder(folder)
    whole = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(whole[:40])
    lines = Lines()
    index = build_index(corpus, FakeEncoder(), artefact, lines)  # type: ignore[arg-type]
    assert len(index) == 2
    assert any("b.png" in line for line in lines.said)
    (folder / "b.png").write_bytes(whole)
    assert len(build_index(corpus, FakeEncoder(), artefact)) == 3


def _interrupt_removal(index: Index, ids: list[str], monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Removes `ids` and is killed before or after the rows are deleted."""

    def crash(*_: object) -> None:
        raise _Crash

    owner, name = (ImageTable, "delete") if where == "before" else (Rows, "write")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, crash)
        with pytest.raises(_Crash):
            index.remove(ids)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_removal_that_was_killed_is_finished_by_opening_or_by_the_same_command(
    artefact: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The rows are gone, the others are not, and asking for the removal again is no error."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    gone = [index.ids[3], index.ids[40]]
    _interrupt_removal(index, gone, monkeypatch, where)
    assert not (artefact / MANIFEST).exists()
    opened = Index.open(artefact)
    assert (artefact / MANIFEST).exists()
    assert not (artefact / JOURNAL).exists()
    assert opened.ids == [id_ for id_ in arrays_corpus().ids if id_ not in gone]
    assert opened.remove(gone) == 2
    assert len(opened) == 58
    with pytest.raises(InputError, match="no image"):
        Index.open(artefact).remove(gone)
    _check_consistent(opened)


def test_a_build_finishes_a_killed_removal_first(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another corpus is added: what was to be removed is gone all the same, and nothing else."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    _interrupt_removal(index, index.ids[:2], monkeypatch, "before")
    added = build_index(arrays_corpus(5, seed=3, name="other"), FakeEncoder(), artefact)
    assert len(added) == 60 - 2 + 5
    assert not set(arrays_corpus().ids[:2]) & {
        i for i, c in zip(added.ids, added.rows.column("corpus"), strict=True) if c == "noise"
    }
    assert [entry["key"] for entry in added.manifest["corpora"]] == ["noise", "other"]
    _check_consistent(added)


def test_a_removal_knows_what_was_added_since_the_index_was_opened(artefact: Path) -> None:
    """The manifest is read again under the lock: another process may have added a corpus."""
    early = build_index(arrays_corpus(), FakeEncoder(), artefact)
    build_index(arrays_corpus(5, seed=3, name="other"), FakeEncoder(), artefact)
    early.remove([early.ids[0]])
    assert [entry["key"] for entry in early.manifest["corpora"]] == ["noise", "other"]
    assert len(early) == 64


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
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


def test_a_table_with_an_id_twice_is_no_index(artefact: Path) -> None:
    """As two writers without a lock would leave it: refused with a hint, not opened as if it were whole."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    index.table.append(index.table.full_rows(index.ids[:2]))
    with pytest.raises(ArtefactError, match="2 ids twice") as caught:
        build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert "delete" in caught.value.hint


def _two_corpora(artefact: Path) -> Index:
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    return build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), artefact)


def test_an_index_of_a_newer_samekind_is_left_alone(artefact: Path) -> None:
    """It is not damaged: it is not ours to understand."""
    _two_corpora(artefact)
    values = json.loads((artefact / MANIFEST).read_text())
    (artefact / MANIFEST).write_text(json.dumps({**values, "format": 99}))
    with pytest.raises(NewerFormatError, match="format 99") as caught:
        build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert "upgrade" in caught.value.hint
    assert len(ImageTable(artefact)) == 67


def test_another_encoder_names_the_corpora_whose_rows_are_given_up(artefact: Path) -> None:
    """Also where the old index was never finished."""
    for unfinished in (False, True):
        save_encoder(FakeEncoder(), artefact)
        _two_corpora(artefact)
        if unfinished:
            manifest = Manifest.read(artefact)
            Journal(manifest.encoder, ImageTable(artefact).version, manifest.corpora, manifest.corpora[0]).write(
                artefact
            )
        other, lines = FakeEncoder(seed=5), Lines()
        save_encoder(other, artefact)
        assert len(build_index(arrays_corpus(), other, artefact, lines)) == 60  # type: ignore[arg-type]
        assert [line for line in lines.said if "given up" in line and "rows of other are" in line]


@pytest.mark.parametrize("damage", ["field", "text", "missing"])
def test_a_damaged_manifest_costs_no_other_corpus_its_rows(artefact: Path, damage: str) -> None:
    """Where the manifest still names the encoder, everything is built from the table; otherwise it is refused with a hint."""
    before = _two_corpora(artefact)
    if damage == "field":
        (artefact / MANIFEST).write_text(json.dumps({"encoder": FakeEncoder().fingerprint}))
        encoder = FakeEncoder()
        index = build_index(arrays_corpus(), encoder, artefact)
        assert (index.ids, encoder.embedded) == (before.ids, 0)
        assert index.add(arrays_corpus(7, seed=3, name="other")) == 0
        assert index.manifest["corpora"] == before.manifest["corpora"]
        _check_consistent(index)
        return
    if damage == "text":
        (artefact / MANIFEST).write_text("{")
    else:
        (artefact / MANIFEST).unlink()
    with pytest.raises(ArtefactError, match="rows of other too") as caught:
        build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert "restore" in caught.value.hint
    assert len(ImageTable(artefact)) == 67


def test_a_damaged_manifest_of_one_corpus_is_simply_made_anew(artefact: Path) -> None:
    """Nothing is lost but time."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    (artefact / MANIFEST).unlink()
    _check_consistent(build_index(arrays_corpus(), FakeEncoder(), artefact))


def test_what_a_table_holds_is_known_without_a_manifest(artefact: Path, tmp_path: Path) -> None:
    """Two folders of one name are still two sources: neither may replace the other's rows."""
    one, two = tmp_path / "a" / "photos", tmp_path / "b" / "photos"
    _write(one, cat__x=0, cat__y=1)
    _write(two, cat__x=2)
    build_index(Corpus.from_folder(one), FakeEncoder(), artefact)
    before = build_index(Corpus.from_folder(two), FakeEncoder(), artefact)
    (artefact / MANIFEST).write_text(json.dumps({"encoder": FakeEncoder().fingerprint}))
    index = build_index(Corpus.from_folder(two), FakeEncoder(), artefact)
    assert index.ids == before.ids
    assert {entry["key"]: entry["source"] for entry in index.manifest["corpora"]} == {
        "photos": str(one),
        "photos-2": str(two),
    }


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


def test_the_weights_are_the_last_to_be_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in between, the folder holds no encoder yet, and the same command mends it."""

    def crash(*_: object) -> None:
        raise _Crash

    with monkeypatch.context() as patch:
        patch.setattr("indexer.build.write_atomically", crash)
        with pytest.raises(_Crash):
            build_index(arrays_corpus(), FakeEncoder(), tmp_path / "new")
    assert (tmp_path / "new" / META).is_file()
    assert len(build_index(arrays_corpus(), FakeEncoder(), tmp_path / "new")) == 60


def test_the_command_that_mends_an_index_says_where_the_files_are(artefact: Path) -> None:
    """`--data-dir` as the training knew it, for its own corpus only."""
    save_encoder(FakeEncoder(), artefact, corpus={"corpus": "noise", "data_dir": "/some where"})
    assert again(artefact).endswith("--data-dir '/some where'")
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert again(artefact).endswith("--data-dir '/some where'")
    shutil.rmtree(artefact / "db")
    (artefact / MANIFEST).unlink()
    build_index(arrays_corpus(5, name="other"), FakeEncoder(), artefact)
    assert "--corpus other" in again(artefact)
    assert "--data-dir" not in again(artefact)


def test_opening_reads_neither_lancedb_nor_the_encoder(artefact: Path) -> None:
    """A cold search must not pay for what it does not use (LanceDB takes 2 s to import, and brings pandas)."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    code = textwrap.dedent(
        """
        import sys
        from indexer.index import Index
        index = Index.open(sys.argv[1])
        assert index.search(index.vectors()[0], k=1)[0].id == index.ids[0]
        heavy = {"lancedb", "pandas", "sklearn", "albumentations", "torchvision", "timm", "open_clip", "streamlit"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    started = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-c", code, str(artefact)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert answer.stdout.strip() == "[]", answer.stderr
    assert time.perf_counter() - started < 60
