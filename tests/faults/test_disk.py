"""Disks that are full or cannot be written, in forks of their own: one line says so, and what was there stays as it was."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.end_to_end.helpers import Called, call
from tests.indexer.adaptation.worlds import answered_world

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts a small file system")


def mounted(place: Path, options: str) -> None:
    """Mounts a file system in memory, or skips."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("only root can mount a small disk")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte that holds an index with answers."""
    place = tmp_path / "disk"
    mounted(place, "size=1m")
    answered_world(place / "out")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leaves a page."""
    with (disk / "ballast").open("wb") as stream:
        stream.write(b"x" * max(0, shutil.disk_usage(disk).free - 4096))


def make_read_only(disk: Path) -> None:
    """As of an SD card whose switch was moved, or of a share for reading."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def state(folder: Path) -> dict[str, Any]:
    """What an index answers, and its verdicts."""
    index = sk.Index.open(folder)
    assert sk.verify(folder).ok
    answers = sorted(vars(each).values().__repr__() for each in VerdictTable(folder).all())
    return {"vectors": index.vectors().tobytes(), "ids": index.ids, "answers": answers}


def one_line(called: Called) -> None:
    """Refused, in one line with a remedy."""
    assert called.code == 2, called
    assert "Traceback" not in called.err
    assert [line.partition(": ")[0] for line in called.err.splitlines() if line.startswith(("error", "hint"))] == [
        "error",
        "hint",
    ]


@pytest.mark.parametrize("spoil", [fill, make_read_only])
def test_a_disk_that_takes_nothing_more_leaves_what_it_has(disk: Path, spoil: Callable[[Path], None]) -> None:
    """Removing, adapting, answering, exporting: each says so, and readers see no change. With room again, the same command works."""
    out = disk / "out"
    before = state(out)
    spoil(disk)
    one_line(call("adapt", out))
    one_line(call("index", "--out", out, "--remove", before["ids"][0]))
    with pytest.raises(sk.ArtefactError, match="cannot write"):
        VerdictTable(out).add([Verdict("a" * 64, "b" * 64, "same", note="n" * 50_000)])
    called = call("verdicts", "export", out, disk / "verdicts.csv")
    one_line(called)
    assert not (disk / "verdicts.csv").exists()
    if spoil is fill:
        (disk / "ballast").unlink()
    else:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    removed = call("index", "--out", out, "--remove", before["ids"][0])
    assert removed.code == 0 or "holds no image" in removed.err, removed  # the removal that was interrupted is finished
    assert len(sk.Index.open(out)) == len(before["ids"]) - 1
    assert state(out)["answers"] == before["answers"]
    assert call("adapt", out).code == 0
    assert not list(disk.rglob("*.tmp"))


def test_two_that_write_at_once_take_turns_or_are_told(tmp_path: Path) -> None:
    """Two processes that remove, and one that answers meanwhile: nobody's work is lost."""
    out = tmp_path / "out"
    answered_world(out)
    ids, answers = sk.Index.open(out).ids, len(VerdictTable(out).all())
    script = "import sys; from samekind.cli import main; sys.exit(main(sys.argv[1:]))"
    commands = [["index", "--out", str(out), "--remove", *ids[start : start + 3]] for start in (0, 3)]
    running = [
        subprocess.Popen([sys.executable, "-c", script, *each], stderr=subprocess.PIPE, text=True) for each in commands
    ]
    VerdictTable(out).add([Verdict("a" * 64, "b" * 64, "same")])
    told = [process.communicate()[1] for process in running]
    for process, text in zip(running, told, strict=True):
        assert process.returncode in (0, 2), text
        assert process.returncode == 0 or "another samekind process" in text or "unfinished" in text, text
    for command in commands:  # the same commands again
        call(*command)
    assert sk.Index.open(out).ids == ids[6:]
    assert sk.verify(out).ok
    assert len(VerdictTable(out).all()) == answers + 1
