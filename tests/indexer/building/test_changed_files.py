"""Files that change between the reading of a folder and the embedding of its images: one line each, and no vector under another's hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import samekind as sk
from samekind.data.corpus import Corpus
from samekind.indexer.index import Index, build_index
from tests.indexer.builds import Lines, check_consistent, write_pictures
from tests.indexer.helpers import FakeEncoder


def _replace(path: Path) -> None:
    shutil.copyfile(path.with_name("d.png"), path)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _deny(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)  # a loop: what root, too, cannot read


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "another picture": (_replace, "the file has changed since the corpus was read"),
    "truncated": (_truncate, "the file has changed since the corpus was read"),
    "deleted": (Path.unlink, "no such file: it is gone since the corpus was read"),
    "a folder": (_make_folder, "is no longer a file"),
    "a named pipe": (_make_pipe, "is no longer a file"),
    "a link to itself": (_deny, "no such file: it is gone since the corpus was read"),
}
changes = pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            name, marks=pytest.mark.skipif(name == "a named pipe" and sys.platform == "win32", reason="no pipes")
        )
        for name in CHANGES
    ],
)


def hashes_of(folder: Path) -> dict[str, str]:
    """Of all files that are there."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


@changes
def test_an_image_that_changed_is_left_out_until_the_next_time(artefact: Path, tmp_path: Path, change: str) -> None:
    """The line names it and what became of it; all others are there, each under the hash of its file; and so is it after another run."""
    folder = tmp_path / "pictures"
    write_pictures(folder, a=0, b=1, c=2, d=3)
    whole = (folder / "b.png").read_bytes()
    corpus, said, (spoil, reason) = Corpus.from_folder(folder), Lines(), CHANGES[change]
    spoil(folder / "b.png")
    index = build_index(corpus, FakeEncoder(), artefact, progress=said)
    assert [line for line in said.said if "left out" in line] == [f"left out {folder / 'b.png'}: {reason}"]
    assert set(index.ids) == {"a.png", "c.png", "d.png"}
    held = dict(zip(index.ids, index.rows.column("sha256"), strict=True))
    assert held.items() <= hashes_of(folder).items()
    check_consistent(index)
    shutil.rmtree(folder / "b.png") if (folder / "b.png").is_dir() else (folder / "b.png").unlink(missing_ok=True)
    (folder / "b.png").write_bytes(whole)
    build_index(Corpus.from_folder(folder), FakeEncoder(), artefact)
    mended = Index.open(artefact)
    assert dict(zip(mended.ids, mended.rows.column("sha256"), strict=True)) == hashes_of(folder)
    check_consistent(mended)


@changes
def test_a_training_tells_which_file_changed(tmp_path: Path, change: str) -> None:
    """In one line with the remedy, before anything is trained: pixels in the cache lie under the hashes of what they were made of."""
    folder, (spoil, reason) = tmp_path / "pictures", CHANGES[change]
    write_pictures(folder, a=0, b=1, c=2, d=3)
    corpus = Corpus.from_folder(folder)
    spoil(folder / "b.png")
    with pytest.raises(sk.ImageError) as told:
        sk.train(
            corpus, "smoke", tmp_path / "out", epochs=1, steps=None, batch_size=4, width=8, workers=0, device="cpu"
        )
    assert str(told.value) == f"{folder / 'b.png'}: {reason}"
    assert "again" in told.value.hint
    assert not list((tmp_path / "out").rglob("encoder.safetensors"))
