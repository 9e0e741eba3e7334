"""Changes that lie beside the index file until they are many enough: never to be told from a full rebuild."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.data.corpus import Corpus
from samekind.indexer.building import beside, finish
from samekind.indexer.index import Index, build_index
from samekind.indexer.search import vector_index
from samekind.indexer.search.state.delta import ChangedIndex, Delta
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage import fingerprints
from samekind.indexer.storage.layout import DELTA_FILE, INDEX_FILE, JOURNAL
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.verification import verify
from tests.indexer.builds import Lines, check_consistent, crash_at, write_pictures
from tests.indexer.helpers import FakeEncoder, arrays_corpus, pictures


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "FEWEST", 10)
    monkeypatch.setattr(beside, "MOST_SHARE", 0.5)


def same_as_rebuilt(index: Index) -> None:
    """Rows, vectors and hits, with filter, range and k beyond the rows, are those of an index file that is built of the same table."""
    opened = Index.open(index.path)
    check_consistent(opened)
    assert verify(index.path).ok
    assert isinstance(opened.vector_index, ChangedIndex)
    queries = np.concatenate([opened.vectors()[::7], opened.vectors()[-2:]])
    asked: list[dict[str, Any]] = [
        {"k": 5},
        {"k": 500},
        {"k": 7, "where": "label = 'Bag'"},
        {"k": 3, "where": "split = 'test' AND label = 'Coat'"},
        {"k": None, "min_similarity": 0.3},
    ]
    found: list[Any] = [opened.search(queries, **each) for each in asked]
    opened.merge()
    rebuilt = Index.open(index.path)
    assert not isinstance(rebuilt.vector_index, ChangedIndex)
    assert not (index.path / DELTA_FILE).exists()
    assert len(rebuilt.vector_index) == len(rebuilt)
    rebuilt_hits: list[Any] = [rebuilt.search(queries, **each) for each in asked]
    for ours, theirs in zip(found, rebuilt_hits, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert [hit.id for hit in one] == [hit.id for hit in other]
            np.testing.assert_allclose([h.similarity for h in one], [h.similarity for h in other], atol=1e-12)


@pytest.mark.parametrize("exact", [True, False], ids=["flat", "lists"])
def test_adding_removing_and_replacing_is_as_a_full_rebuild(
    artefact: Path, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    """The index file stays as it is, byte for byte, while rows come and go and come back, the last one of the file among them."""
    monkeypatch.setattr(vector_index, "EXACT_LIMIT", 1000 if exact else 20)
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    file = (artefact / INDEX_FILE).read_bytes()
    index.remove([index.ids[3], index.ids[40], index.ids[59]])
    build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), artefact)
    index = Index.open(artefact)
    index.remove([index.ids[0], index.ids[-2]])
    lines = Lines()
    build_index(arrays_corpus(), FakeEncoder(), artefact, lines)  # brings the removed ones back, at the end
    assert (artefact / INDEX_FILE).read_bytes() == file
    assert any("changed rows lie beside the index file" in line for line in lines.said)
    assert len(Index.open(artefact)) == 66
    if exact:
        same_as_rebuilt(Index.open(artefact))
    else:
        opened = Index.open(artefact)
        check_consistent(opened)
        similarity = opened.vectors().astype(np.float64) @ opened.vectors()[9].astype(np.float64)
        found = opened.search(opened.vectors()[9], k=66)
        np.testing.assert_allclose(
            [hit.similarity for hit in found], np.sort(np.clip(similarity, -1, 1))[::-1], atol=1e-7
        )


def test_a_query_whose_neighbours_are_gone_gets_the_next_ones(artefact: Path) -> None:
    """More of the file's nearest rows were taken out than a search has to spare."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    query = index.vectors()[9]
    ranked = [hit.id for hit in index.search(query, k=60)]
    index.remove(ranked[:25])
    assert isinstance(index.vector_index, ChangedIndex)
    assert [hit.id for hit in index.search(query, k=5)] == ranked[25:30]
    assert [hit.id for hit in index.search(query, k=60)] == ranked[25:]


def test_many_changes_are_merged_and_told(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the threshold on the index file is built anew, and nothing lies beside it."""
    monkeypatch.setattr(beside, "MOST_SHARE", 0.1)
    index, lines = build_index(arrays_corpus(), FakeEncoder(), artefact), Lines()
    index.remove(index.ids[:6], lines)
    assert (artefact / DELTA_FILE).is_file()
    index.remove(index.ids[:1], lines)
    assert not (artefact / DELTA_FILE).exists()
    assert [line.partition(":")[0] for line in lines.said] == [
        "6 changed rows lie beside the index file; from 6 on it is built anew",
        "the index file is built anew",
    ]
    check_consistent(index)
    assert not list(artefact.glob("*.new"))


def test_whoever_has_the_changes_open_keeps_them(artefact: Path) -> None:
    """Merged meanwhile by somebody else: rows and vectors stay those of the moment of opening."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    index.remove(index.ids[:2])
    reader, vectors = Index.open(artefact), index.vectors()
    index.merge()
    index.remove(index.ids[:5])
    np.testing.assert_array_equal(reader.vectors(), vectors)
    assert reader.ids == arrays_corpus().ids[2:]


@pytest.mark.parametrize("damage", ["missing", "torn", "flipped"])
def test_damage_of_the_changes_is_noticed_and_mended(artefact: Path, damage: str) -> None:
    """Opening refuses it in a line, and the same command builds the index file anew."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    index.remove(index.ids[:2])
    file = artefact / DELTA_FILE
    values = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    elif damage == "torn":
        file.write_bytes(values[:-5])
    else:
        values[-1] ^= 1
        file.write_bytes(values)
    with pytest.raises(ArtefactError, match=DELTA_FILE):
        Index.open(artefact)
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert len(Index.open(artefact)) == 60
    check_consistent(Index.open(artefact))


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_leaves_the_state_before_and_the_same_command_ends_it(artefact: Path, after: bool) -> None:
    """Just before or just after the changes are written."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    with crash_at(Delta, "write", after=after):
        build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), artefact)
    assert len(Index.open(artefact)) == 60
    build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), artefact)
    same_as_rebuilt(Index.open(artefact))


def test_a_replaced_last_row_is_a_change(artefact: Path, tmp_path: Path) -> None:
    """Its id stands where it stood, and its content is another; a changed label keeps the vector."""
    folder = tmp_path / "photos"
    write_pictures(folder, **{f"a__{i:02d}": i for i in range(20)})
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    write_pictures(folder, a__19=30)
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    check_consistent(Index.open(artefact))
    (folder / "b").mkdir()
    (folder / "a" / "18.png").rename(folder / "b" / "18.png")
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    same_as_rebuilt(Index.open(artefact))


def test_an_index_file_that_is_damaged_where_nobody_looked_is_built_anew(
    artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is new, and the file differs between the blocks that opening compares: it is no file to lay changes beside."""
    monkeypatch.setattr(fingerprints, "_BLOCKS", 2)
    monkeypatch.setattr(fingerprints, "_BLOCK_BYTES", 16)
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    values = bytearray((artefact / INDEX_FILE).read_bytes())
    values[len(values) // 2] ^= 1
    (artefact / INDEX_FILE).write_bytes(values)
    assert not verify(artefact).ok
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert verify(artefact).ok


def test_a_mapped_space_is_of_all_rows(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an adaptation makes it: one index of the table's rows, also where the file is one of lists."""
    monkeypatch.setattr(vector_index, "EXACT_LIMIT", 20)
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    index.remove(index.ids[:2])
    mapped = index.vector_index.mapped(lambda vectors: -vectors)
    np.testing.assert_array_equal(mapped.vectors(), -index.vectors())
    assert not isinstance(mapped, ChangedIndex)


@pytest.mark.parametrize("kind", ["Flat", "IVF6,PQ8x4fs,RFlat", "IVF6,Flat", "HNSW32,Flat"])
def test_a_mapped_space_is_of_the_kind_of_the_file_and_its_rows_can_be_moved(kind: str) -> None:
    """As an adaptation pulls the images of groups; of more rows than exact search suits, too, where codes cannot be moved."""
    vectors = FakeEncoder().embed(pictures(80)[..., None])
    built = VectorIndex.build_kind(lambda: [vectors[:70]], 16, 70, kind)
    changed = ChangedIndex(built, Delta(np.array([0, 5]), vectors[70:]))
    mapped = changed.mapped(lambda each: -each)
    mapped.move(np.array([3, 77]), vectors[[0, 5]])
    mapped.tune()
    expected = -np.delete(vectors, [0, 5], axis=0)
    expected[[3, 77]] = vectors[[0, 5]]
    np.testing.assert_array_equal(mapped.vectors(), expected)
    assert (mapped.kind, changed.parameters) == (kind, built.parameters)
    assert mapped.search_batch(vectors[[0, 5]], 1)[1].tolist() == [[3], [77]]


def test_a_batch_whose_nearest_rows_were_taken_out_gets_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of the file is asked a few times, whatever the number of queries."""
    vectors = FakeEncoder().embed(pictures(300)[..., None])
    removed = np.argsort(-(vectors @ vectors[9]), kind="stable")[:120]
    built = VectorIndex.build(lambda: [vectors], 16, 300)
    changed = ChangedIndex(built, Delta(np.sort(removed), vectors[:0]))
    asked: list[int] = []
    plain = built.search_batch

    def counted(queries_QD: NDArray[np.float32], k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        asked.append(len(queries_QD))
        return plain(queries_QD, k)

    monkeypatch.setattr(built, "search_batch", counted)
    similarity_QK, row_QK = changed.search_batch(vectors, 4)
    assert len(asked) <= 4
    left = np.delete(vectors, removed, axis=0)
    exact_QN = vectors.astype(np.float64) @ left.T.astype(np.float64)
    np.testing.assert_array_equal(row_QK, np.argsort(-exact_QN, axis=1, kind="stable")[:, :4])
    np.testing.assert_allclose(similarity_QK, np.sort(exact_QN)[:, ::-1][:, :4], atol=1e-7)


def test_a_batch_takes_about_the_time_that_it_takes_in_the_file() -> None:
    """Also with as many changes as there may be: 1.7 times it is; with a step through all of them for each query it was 12 times."""
    vectors = np.random.default_rng(0).normal(size=(24_000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    built = VectorIndex.build_kind(lambda: [vectors], 16, len(vectors), "IVF150,Flat", 0.5)
    changed = ChangedIndex(built, Delta(np.arange(0, 20_000, 2), vectors[:0]))

    def seconds(index: VectorIndex) -> float:
        taken = []
        for _ in range(4):
            started = time.process_time()
            index.search_batch(vectors[:256], 10)
            taken.append(time.process_time() - started)
        return min(taken)

    assert seconds(changed) < 5 * seconds(built)


@pytest.mark.parametrize("place", ["before", "between"])
def test_a_merge_that_was_killed_is_finished_by_whoever_comes_next(artefact: Path, place: str) -> None:
    """Without the corpus, as a removal is: nothing of the table was to be changed."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    index.remove(index.ids[:2])
    vectors = Index.open(artefact).vectors()
    owner, name = (VectorIndex, "save") if place == "before" else (Manifest, "write")
    with crash_at(owner, name):
        index.merge()
    opened = Index.open(artefact)
    assert not (artefact / JOURNAL).exists()
    np.testing.assert_array_equal(opened.vectors(), vectors)
    opened.merge()
    assert not isinstance(Index.open(artefact).vector_index, ChangedIndex)
    assert verify(artefact).ok


def test_an_index_whose_manifest_is_in_place_can_be_opened_whoever_is_killed_then(artefact: Path) -> None:
    """Deleting large files takes its time; what is left of them goes with the next change."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    index.remove(index.ids[:2])
    (artefact / "index.faiss.new").write_bytes(b"of a build that was killed")
    with crash_at(finish, "sweep"):
        build_index(arrays_corpus(50, seed=3, name="other"), FakeEncoder(), artefact)  # more than may lie beside
    assert len(Index.open(artefact)) == 108
    assert (artefact / DELTA_FILE).exists()
    Index.open(artefact).remove(index.ids[3:4])
    assert sorted(file.name for file in artefact.glob("*.new")) == []
    Index.open(artefact).merge()
    assert not (artefact / DELTA_FILE).exists()
