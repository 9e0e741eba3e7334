"""Opening an index: cheap where all is well, and one line with the remedy where it is not."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from samekind.core.errors import ArtefactError
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage import fingerprints
from samekind.indexer.storage.fingerprints import file_sample
from samekind.indexer.storage.layout import INDEX_FILE, MANIFEST, ROWS_FILE
from samekind.indexer.storage.remedies import rebuild_command
from samekind.indexer.storage.table import ImageTable
from tests.indexer.builds import Lines
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder

ROOT = Path(__file__).parents[2]


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
        (lambda folder: ImageTable(folder).delete(["train/00000"]), "has changed"),
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


def test_a_folder_of_indexes_names_them(tmp_path: Path, artefact: Path) -> None:
    """Quickstart, the advice for a folder without any, would index their thumbnails."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    with pytest.raises(ArtefactError, match="holds no index itself, but 1 folder with one: ") as caught:
        Index.open(artefact.parent)
    assert caught.value.hint == f"name one, e.g. {artefact}"


def test_the_command_that_mends_an_index_says_where_the_files_are(artefact: Path) -> None:
    """`--data-dir` as the training knew it, for its own corpus only."""
    save_encoder(FakeEncoder(), artefact, corpus={"corpus": "noise", "data_dir": "/some where"})
    assert rebuild_command(artefact).endswith("--data-dir '/some where'")
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert rebuild_command(artefact).endswith("--data-dir '/some where'")
    shutil.rmtree(artefact / "db")
    (artefact / MANIFEST).unlink()
    build_index(arrays_corpus(5, name="other"), FakeEncoder(), artefact)
    assert "--corpus other" in rebuild_command(artefact)
    assert "--data-dir" not in rebuild_command(artefact)


def test_opening_reads_neither_lancedb_nor_the_encoder(artefact: Path) -> None:
    """A cold search must not pay for what it does not use (LanceDB and torch take seconds to import, and the former brings pandas)."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    code = textwrap.dedent(
        """
        import sys
        from samekind.indexer.index import Index
        index = Index.open(sys.argv[1])
        assert index.search(index.vectors()[0], k=1)[0].id == index.ids[0]
        assert index.search_id(index.ids[1], k=1)[0].id == index.ids[1]
        heavy = {"torch", "scipy", "lancedb", "pandas", "sklearn", "albumentations", "torchvision", "timm", "open_clip", "streamlit"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    started = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-c", code, str(artefact)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert answer.stdout.strip() == "[]", answer.stderr
    assert time.perf_counter() - started < 60


def test_opening_costs_the_same_at_any_size(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 and 20,000 rows: no file is read but its blocks. Hashing either in full would be seen."""
    fed: list[int] = []

    class Counting:
        def __init__(self, content: bytes = b"") -> None:
            self._digest = hashlib.new("sha256")
            self.update(content)

        def update(self, content: bytes) -> None:
            fed.append(len(content))
            self._digest.update(content)

        def hexdigest(self) -> str:
            return self._digest.hexdigest()

    read = {}
    for rows in (1000, 20_000):
        folder = artefact.parent / str(rows)
        save_encoder(FakeEncoder(), folder)
        build_index(arrays_corpus(rows), FakeEncoder(), folder)
        sizes = [(folder / name).stat().st_size for name in (INDEX_FILE, ROWS_FILE)]
        with monkeypatch.context() as patch:
            patch.setattr(hashlib, "sha256", Counting)
            fed.clear()
            Index.open(folder)
            read[rows] = sum(fed)
    assert min(sizes) > 1_100_000, "the larger index has files that are larger than a sample"
    assert read[20_000] < 2 * fingerprints.SAMPLE_BYTES + 100_000 < sum(sizes)


def test_an_index_of_the_last_release_opens_by_its_whole_hashes_until_it_is_indexed_again(artefact: Path) -> None:
    """Its manifest has no samples. Opening writes nothing; the same command adds them, says so, and changes nothing else."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    today = (artefact / MANIFEST).read_text()
    values = json.loads(today)
    del values["seal"], values["weights"], values["index"]["sample"], values["rows_file"]["sample"]
    (artefact / MANIFEST).write_text(json.dumps({**values, "format": 1}))
    before = {path: path.read_bytes() for path in artefact.rglob("*") if path.is_file()}
    assert len(Index.open(artefact).thumbnails(arrays_corpus().ids)) == 60
    assert Index.open(artefact).verify().ok
    assert {path: path.read_bytes() for path in artefact.rglob("*") if path.is_file()} == before
    (artefact / INDEX_FILE).write_bytes(before[artefact / INDEX_FILE][:-1] + b"x")
    with pytest.raises(ArtefactError, match="not the file"):
        Index.open(artefact)
    (artefact / INDEX_FILE).write_bytes(before[artefact / INDEX_FILE])
    lines = Lines()
    build_index(arrays_corpus(), FakeEncoder(), artefact, lines)
    assert [line for line in lines.said if "older samekind" in line]
    assert (artefact / MANIFEST).read_text() == today


def test_a_file_that_is_sampled_differs_by_size_head_tail_and_blocks(tmp_path: Path) -> None:
    """Every sampled byte counts, a file of up to a sample counts in full, and the sample is of bounded size."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(bytes(1000))
    whole = file_sample(small)
    assert whole == hashlib.sha256(bytes(1000)).hexdigest()
    for at in (0, 500, 999):
        small.write_bytes(bytes(at) + b"x" + bytes(999 - at))
        assert file_sample(small) != whole
    size = 10 * fingerprints.SAMPLE_BYTES
    large.write_bytes(bytes(size))
    whole = file_sample(large)
    for at in (0, size - 1, (size - 65_536) // 15 + 7):
        with large.open("r+b") as stream:
            stream.seek(at)
            stream.write(b"x")
        assert file_sample(large) != whole
        with large.open("r+b") as stream:
            stream.seek(at)
            stream.write(b"\0")
    assert file_sample(large) == whole


def test_the_old_name_of_the_label_issues_warns_and_answers(index: Index) -> None:
    """`Index.label_suspects` of release 0.1."""
    with pytest.warns(DeprecationWarning, match=r"is now Index\.label_issues"):
        old = index.label_suspects(5)
    assert old.to_dict() == index.label_issues(5).to_dict()
