"""Opening an index: cheap where all is well, and one line with the remedy where it is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from samekind.core.errors import ArtefactError
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.layout import INDEX_FILE, MANIFEST, ROWS_FILE
from samekind.indexer.storage.remedies import rebuild_command
from samekind.indexer.storage.table import ImageTable
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
    """A cold search must not pay for what it does not use (LanceDB takes 2 s to import, and brings pandas)."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    code = textwrap.dedent(
        """
        import sys
        from samekind.indexer.index import Index
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
