"""An index that follows its folder."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from samekind.commands.folders import watch as watching
from samekind.console import Console
from samekind.data.corpus import Corpus
from samekind.data.decoding.files import read_file
from samekind.data.decoding.remembered import remembering_files
from samekind.data.types.reading import Reading
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.layout import JOURNAL
from tests.end_to_end.helpers import refused
from tests.indexer.builds import check_consistent, write_pictures
from tests.indexer.helpers import FakeEncoder, save_encoder
from tests.processes import heed_ctrl_c

ROOT = Path(__file__).parents[3]

_WATCH = """
import sys
from pathlib import Path
from samekind.cli import guarded
from samekind.commands.folders.watch import watch
from samekind.data.corpus import Corpus
from samekind.indexer.index import build_index
from tests.indexer.helpers import FakeEncoder

folder, out = map(Path, sys.argv[1:])
index = build_index(Corpus.from_folder(folder), FakeEncoder(), out)
sys.exit(guarded(lambda console: watch(index, folder, lambda _: Corpus.from_folder(folder), console, 0.1)))
"""


def test_the_index_follows_its_folder_until_ctrl_c(tmp_path: Path) -> None:
    """What comes, changes, moves and goes is told in a line each; Ctrl-C ends with 0, and the index is as one that is built of the folder
    as it is then.
    """
    folder, out = tmp_path / "photos", tmp_path / "out"
    write_pictures(folder, a=1, b=2, c=3, d=4)
    save_encoder(FakeEncoder(), out)
    process = subprocess.Popen(
        [sys.executable, "-c", _WATCH, str(folder), str(out)],
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    assert process.stderr is not None
    lines: list[str] = []

    def until(wanted: str) -> None:
        assert process.stderr is not None
        while not lines or wanted not in lines[-1]:
            lines.append(process.stderr.readline())
            assert lines[-1], lines

    until("watching")
    write_pictures(folder, e=5, b=6)
    (folder / "c.png").rename(folder / "z.png")
    (folder / "d.png").unlink()
    until("4 images in")
    said = [line.strip() for line in lines[lines.index(next(each for each in lines if "watching" in each)) + 1 :]]
    assert {"added e.png", "changed b.png", "moved c.png to z.png", "removed d.png"} <= set(said)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert rest.strip() == f"watched {folder}: 4 images in {out}"
    save_encoder(FakeEncoder(), tmp_path / "whole")
    whole, index = build_index(Corpus.from_folder(folder), FakeEncoder(), tmp_path / "whole"), Index.open(out)
    assert sorted(index.ids) == whole.ids
    rows = [index.rows.position_of(id_) for id_ in whole.ids]
    np.testing.assert_allclose(index.vectors()[rows], whole.vectors(), atol=1e-6)
    found, expected = (each.search(whole.vectors()[0], k=4) for each in (index, whole))
    assert [hit.id for hit in found] == [hit.id for hit in expected]
    check_consistent(index)


def test_a_copy_that_is_under_way_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file counts once it has been the same for one look; the files of the index itself never do."""
    write_pictures(tmp_path / "photos", a=1)
    looks: list[Callable[[], object]] = [
        lambda: (tmp_path / "photos" / "b.png").write_bytes(b"half"),
        lambda: (tmp_path / "photos" / "b.png").write_bytes(b"half of it"),
        lambda: None,
    ]
    monkeypatch.setattr(time, "sleep", lambda _: looks.pop(0)())
    done = watching._look(tmp_path / "photos", tmp_path / "out")
    taken = watching._rested(tmp_path / "photos", tmp_path / "out", 1.0, done)
    assert taken != done
    assert not looks
    assert taken == watching._look(tmp_path / "photos", tmp_path / "out")
    inside = tmp_path / "photos" / "index"
    inside.mkdir()
    (inside / "index.faiss").write_bytes(b"x")
    assert watching._look(tmp_path / "photos", inside) == taken


def test_a_folder_that_is_away_takes_nothing_out(tmp_path: Path) -> None:
    """A drive that is not mounted is no wish to remove everything: it is told once, and the index stays."""
    folder, out = tmp_path / "photos", tmp_path / "out"
    write_pictures(folder, a=1, b=2)
    save_encoder(FakeEncoder(), out)
    index = build_index(Corpus.from_folder(folder), FakeEncoder(), out)
    stderr, tries = io.StringIO(), [0]

    def load(_: Console) -> Corpus:
        tries[0] += 1
        if tries[0] == 3:
            raise KeyboardInterrupt
        return Corpus.from_folder(folder)

    folder.rename(tmp_path / "away")
    watching.watch(index, folder, load, Console(stderr=stderr), 0.01)
    assert f"watched {folder}" in stderr.getvalue()
    assert stderr.getvalue().count("not taken over yet") == 1
    assert len(Index.open(out)) == 2


def test_unchanged_files_are_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the block a file is read again once it has changed, even if its size has not."""
    write_pictures(tmp_path, a=1, b=2)
    read: list[str] = []

    def counted(path: Path, reading: Reading) -> object:
        read.append(path.name)
        return read_file(path, reading)

    monkeypatch.setattr("samekind.data.decoding.remembered.read_file", counted)
    with remembering_files():
        first = Corpus.from_folder(tmp_path)
        os.utime(tmp_path / "b.png", ns=(1, 1))
        again = Corpus.from_folder(tmp_path)
    assert sorted(read) == ["a.png", "b.png", "b.png"]
    assert again.content_hash == first.content_hash
    Corpus.from_folder(tmp_path)
    assert len(read) == 5


def test_only_a_folder_can_be_watched(tmp_path: Path) -> None:
    """One line says how."""
    for flags in (("--corpus", "digits"), ("--remove", "x"), ()):
        assert "--watch follows a folder" in refused("index", "--out", tmp_path / "out", "--watch", *flags)


def test_links_that_lead_back_are_followed_once(tmp_path: Path) -> None:
    """As a scan reads them: two links to the folder above would double what is looked at with every level, for ever."""
    folder = tmp_path / "photos"
    write_pictures(folder, a=1, s__b=2)
    write_pictures(folder / "index", a=1)
    (folder / "s" / "up").symlink_to(folder, target_is_directory=True)
    (tmp_path / "elsewhere").mkdir()
    write_pictures(tmp_path / "elsewhere", c=3)
    (folder / "t").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    looked = {str(Path(path).relative_to(folder)) for path in watching._look(folder, folder / "index")}
    assert looked == {"a.png", "s/b.png", "t/c.png"}
    assert len(watching._look(folder, folder)) == 4  # an index among the images: all of them count


def test_ctrl_c_while_a_change_is_told_ends_it_as_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the change is half done: then the command says how to finish it."""
    folder, out, said = tmp_path / "photos", tmp_path / "out", io.StringIO()
    write_pictures(folder, a=1, b=2)
    save_encoder(FakeEncoder(), out)
    index = build_index(Corpus.from_folder(folder), FakeEncoder(), out)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "_follow", interrupted)
    watching.watch(index, folder, lambda _: Corpus.from_folder(folder), Console(stderr=said), 0.01)
    assert said.getvalue().splitlines()[-1].strip() == f"watched {folder}: 2 images in {out}"
    (out / JOURNAL).write_text("{}")
    with pytest.raises(KeyboardInterrupt):
        watching.watch(index, folder, lambda _: Corpus.from_folder(folder), Console(stderr=said), 0.01)
