"""`samekind tune`: what it promises holds of the index that it leaves, and nothing is lost on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.indexer.building import beside
from samekind.indexer.building.tuning import tune as tuning
from samekind.indexer.storage.layout import INDEX_FILE, MANIFEST, TUNING
from samekind.indexer.storage.manifest import Manifest
from tests import oracles
from tests.end_to_end.helpers import call, refused
from tests.indexer.adaptation.worlds import answered_world
from tests.indexer.builds import crash_at

ROWS, DIM = 1300, 16
KINDS = ["Flat", "IVF36,PQ8x4fs,RFlat", "HNSW32,Flat"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of 1,300 vectors in clusters; three kinds are tried, the second is the fastest."""
    monkeypatch.setattr(tuning, "candidates", lambda dim, rows: KINDS)
    monkeypatch.setattr(tuning, "_median", _as_if)
    random = np.random.default_rng(0)
    points = random.normal(size=(40, DIM))[random.integers(0, 40, ROWS)] + 0.5 * random.normal(size=(ROWS, DIM))
    ids = [f"{row:04d}" for row in range(ROWS)]
    sk.index_vectors(points / np.linalg.norm(points, axis=1, keepdims=True), ids, tmp_path / "w")
    return tmp_path / "w"


_calls: list[str] = []


def _as_if(call: object, times: int) -> float:
    """Seconds that say nothing of the machine: of six figures, one query and a batch of each kind, the fourth is the smallest."""
    _calls.append("")
    return {3: 0.5, 4: 0.25}.get((len(_calls) - 1) % 6 + 1, 1.0) if times == 5 else 0.5


def _files(folder: Path) -> dict[str, bytes]:
    names = [MANIFEST, *(file.name for file in folder.glob("*.faiss*"))]
    return {name: (folder / name).read_bytes() for name in names}


def test_the_index_is_of_the_fastest_kind_and_finds_what_it_says(folder: Path) -> None:
    """Manifest, file and hits agree; cosines are exact; the vectors are what they were; `verify` finds nothing."""
    _calls.clear()
    before = sk.Index.open(folder)
    vectors = before.vectors()
    report = sk.tune(folder)
    assert [each.factory for each in report.tried] == KINDS
    assert report.chosen.factory == KINDS[1]
    assert report.chosen.ann_recall_at_10 >= 0.99
    after = sk.Index.open(folder)
    stored = after.manifest
    assert stored["index_type"] == stored["tuned"]["factory"] == KINDS[1]
    assert stored["tuned"]["parameters"] == after.vector_index.parameters
    assert stored["ann_recall_at_10"] == stored["tuned"]["ann_recall_at_10"] >= 0.99
    name = stored["index"]["name"]
    assert [file.name for file in folder.glob("*.faiss*")] == [name]
    parts = {part.part: part for part in sk.verify(folder).parts}
    assert parts[name].ok
    assert INDEX_FILE not in parts
    assert f"equal to rows.arrow and {name}" in parts["db/images.lance"].message
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1])
    assert [part.part for part in sk.verify(folder).damaged] == [name]
    (folder / name).write_bytes(whole)
    np.testing.assert_array_equal(after.vectors(), vectors)
    queries = vectors[::13] + 0.1
    overlap = []
    results = after.search(queries, k=10)
    assert isinstance(results, list)
    for query, result in zip(queries, results, strict=True):
        unit = (query / np.linalg.norm(query.astype(np.float64))).astype(np.float32)
        rows, _ = oracles.nearest(vectors, unit, 10)
        found = [after.rows.position[hit.id] for hit in result]
        assert [hit.similarity for hit in result] == pytest.approx(list(vectors[found].astype(np.float64) @ unit))
        overlap.append(len(set(found) & set(rows)) / 10)
    assert np.mean(overlap) >= 0.97
    assert after.verify().ok
    assert sk.tune(folder).chosen == report.chosen


def test_an_index_that_was_opened_before_is_searched_on(folder: Path) -> None:
    """Also if it reads its vectors only now, when its file is gone."""
    _calls.clear()
    opened = sk.Index.open(folder)
    sk.tune(folder)
    assert not (folder / INDEX_FILE).exists()
    assert opened.search_id("0005", k=1)[0].id == "0005"


def test_an_interrupted_call_changes_nothing_and_resumes(folder: Path) -> None:
    """Killed in the third trial and just before the manifest: the old index; then only what is left is tried."""
    _calls.clear()
    before = _files(folder)
    with crash_at(tuning, "build_factory", 3):
        sk.tune(folder)
    assert _files(folder) == before
    with crash_at(Manifest, "write"):
        sk.tune(folder)
    assert {name: before[name] for name in before} == {name: _files(folder)[name] for name in before}
    assert sk.Index.open(folder).manifest["tuned"] is None
    with crash_at(tuning, "build_factory", 1):
        sk.tune(folder)  # all is known, so that what it builds is the chosen kind of all rows
    assert sk.tune(folder).chosen.factory == KINDS[1]
    assert len(list(folder.glob("*.faiss*"))) == 1


def test_a_grown_or_thinned_index_keeps_its_kind(folder: Path) -> None:
    """Its figures are measured anew; with less than half of the rows it is what its size asks for."""
    _calls.clear()
    sk.tune(folder)
    index = sk.Index.open(folder)
    index.remove(index.ids[:100])
    assert sk.Index.open(folder).manifest["index_type"] == KINDS[1]
    assert sk.Index.open(folder).manifest["tuned"] is None
    assert [file.name for file in folder.glob("*.faiss")] == [INDEX_FILE]
    index = sk.Index.open(folder)
    index.remove(index.ids[:700])
    assert sk.Index.open(folder).manifest["index_type"] == "Flat"
    assert sk.Index.open(folder).verify().ok


def test_an_adapted_index_is_of_the_same_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapted vectors are searched by the same kind of index, and are the same vectors."""
    _calls.clear()
    monkeypatch.setattr(tuning, "_FEWEST_ROWS", 100)
    monkeypatch.setattr(tuning, "candidates", lambda dim, rows: ["Flat", "IVF8,PQ6x4fs,RFlat", "HNSW32,Flat"])
    monkeypatch.setattr(tuning, "_median", _as_if)
    index = answered_world(tmp_path / "w")
    sk.adapt(index.path)
    before = sk.Index.open(index.path)
    assert before.adaptation is not None
    vectors, hits = before.adapted_vectors(), before.search_id(before.ids[3], k=5)
    sk.tune(index.path)
    after = sk.Index.open(index.path)
    assert after.adapted_index.kind == "IVF8,PQ6x4fs,RFlat"
    np.testing.assert_array_equal(after.adapted_vectors(), vectors)
    assert [hit.id for hit in after.search_id(after.ids[3], k=5)] == [hit.id for hit in hits]
    assert after.verify().ok


def test_the_command_shows_what_was_tried(folder: Path) -> None:
    """A star before the chosen kind; as JSON; a limit of memory needs no second trial and may leave nothing."""
    _calls.clear()
    shown = call("tune", folder).out.splitlines()
    assert [line.split()[0] for line in shown[1:4]] == ["Flat", "*", "HNSW32,Flat"]
    assert shown[-1].startswith(
        f"the index is {KINDS[1]} now: the fastest for batches at recall 0.99 (1,300 images, dim 16"
    )
    answer = json.loads(call("tune", folder, "--json", "--max-memory", "60kB").out)
    assert [each["reaches"] for each in answer["tried"]] == [False, True, False]
    assert len(_calls) == 6
    assert "no kind of index has recall 0.99 within 10 bytes" in refused("tune", folder, "--max-memory", "10")
    assert "--max-memory must be a size, got 'much'" in refused("tune", folder, "--max-memory", "much")
    assert "recall must lie in (0, 1], got 1.5" in refused("tune", folder, "--recall", "1.5")
    assert call("tune", folder, "--recall", "1").code == 0
    assert sk.Index.open(folder).manifest["index_type"] == "Flat"


def test_a_damaged_record_of_trials_is_passed_over(folder: Path) -> None:
    """It is worth a minute, not an error."""
    (folder / TUNING).write_text("{")
    _calls.clear()
    assert sk.tune(folder).chosen.factory == KINDS[1]


def test_the_kind_is_not_kept_for_the_vectors_of_another_encoder(folder: Path) -> None:
    """Their dimension may be one that the kind does not take."""
    _calls.clear()
    sk.tune(folder)
    other = np.random.default_rng(1).normal(size=(ROWS, 15))
    index = sk.index_vectors(other, [f"{row:04d}" for row in range(ROWS)], folder)
    assert index.vector_index.kind == "Flat"


@pytest.mark.parametrize("kind", ["HNSW32,Flat", "Flat", "IVF36,Flat"])
def test_a_kind_that_earlier_releases_misread_is_of_a_format_that_they_refuse(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Also once the index file was built anew without being tuned; a kind that they know is of the format that they read."""
    monkeypatch.setattr(tuning, "candidates", lambda dim, rows: [kind])
    sk.tune(folder)
    index = sk.Index.open(folder)
    index.remove(index.ids[:3])
    stored = json.loads((folder / MANIFEST).read_text())
    assert stored["index_type"] == kind
    assert stored["format"] == (3 if kind == "HNSW32,Flat" else 2)


def test_changes_beside_a_tuned_file_keep_its_figures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is the one that was measured."""
    _calls.clear()
    monkeypatch.setattr(beside, "FEWEST", 10)
    sk.tune(folder)
    index = sk.Index.open(folder)
    before = index.manifest
    index.remove(index.ids[:3])
    after = sk.Index.open(folder).manifest
    assert after["index"] == before["index"]
    assert after["tuned"] == before["tuned"] is not None


def test_an_index_file_elsewhere_is_refused(folder: Path, tmp_path: Path) -> None:
    """A manifest of somebody else's making must not have `samekind tune` delete what it names."""
    _calls.clear()
    sk.tune(folder)
    manifest = Manifest.read(folder)
    away = (folder / str(manifest.index["name"])).rename(tmp_path / "mine.faiss")
    replace(manifest, index={**manifest.index, "name": "../mine.faiss"}).write(folder)
    assert "manifest.json is damaged" in refused("tune", folder)
    assert away.is_file()
