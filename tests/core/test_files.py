import multiprocessing
import os
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from samekind.core.files import atomic_path


def names(folder: Path) -> list[str]:
    """What the folder holds."""
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_whole_when_the_block_ends(tmp_path: Path) -> None:
    """Until then a reader finds the old content, and afterwards nothing but the file is left."""
    path = tmp_path / "a.json"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path, "a rename across file systems is no rename"
        assert temporary.suffix == ".tmp"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.json"]


def fail_half_way(path: Path, error: BaseException) -> None:
    """Raises `error` when half of the new content is written."""
    with atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        raise error


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyboardInterrupt(), GeneratorExit()], ids=lambda e: type(e).__name__
)
def test_a_failure_leaves_the_old_file_and_no_temporary(tmp_path: Path, error: BaseException) -> None:
    """Also Ctrl-C; the error arrives unchanged."""
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(type(error)) as caught:
        fail_half_way(path, error)
    assert caught.value is error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.json"]


def test_a_block_that_writes_nothing_fails(tmp_path: Path) -> None:
    """It does not replace the old file with nothing."""
    (tmp_path / "a").write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a"):
        pass
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("place", ["missing/a", "file/a", "folder"])
def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path: Path, place: str) -> None:
    """A missing folder, a file in place of one, and a folder where the file should go; clearing up hides none of these errors."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(OSError, match=place.partition("/")[0]), atomic_path(tmp_path / place) as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    """The block's own error comes through."""
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError), atomic_path(tmp_path / "a") as temporary:
        temporary.write_text("new")
    tmp_path.chmod(0o700)
    assert names(tmp_path) == []


def test_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    """Its mode follows the umask: a shared artefact is not for its owner alone."""
    (tmp_path / "plain").write_text("x")
    with atomic_path(tmp_path / "atomic") as temporary:
        temporary.write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")}
    assert len(modes) == 1


def write_often(path: Path, letter: str) -> None:
    """Replaces the file again and again by one letter."""
    for _ in range(40):
        with atomic_path(path) as temporary, temporary.open("w") as stream:
            for _ in range(8):
                stream.write(letter * 5_000)


def test_of_several_writers_each_leaves_a_whole_file(tmp_path: Path) -> None:
    """Processes and threads that write one file at once: no error, and a reader never sees letters of two of them."""
    path = tmp_path / "a.txt"
    write_often(path, "a")
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=write_often, args=(path, letter)) for letter in "bc"]
    for process in processes:
        process.start()
    with ThreadPoolExecutor(2) as threads:
        writing = [threads.submit(write_often, path, letter) for letter in "de"]
        while not all(each.done() for each in writing) or any(process.is_alive() for process in processes):
            content = path.read_text()
            assert len(content) == 40_000, "a part"
            assert len(set(content)) == 1, "a mixture"
        for each in writing:
            each.result()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert names(tmp_path) == ["a.txt"]


def killed_while_writing(path: Path) -> None:
    """Leaves half of the new content, as a process that nothing could stop from dying."""
    with atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path: Path) -> None:
    """Of whatever file in the folder; not what another process still writes, and no file that only looks like it."""
    path = tmp_path / "a [1].json"
    killed = multiprocessing.get_context("forkserver").Process(target=killed_while_writing, args=(path,))
    killed.start()
    killed.join()
    (left,) = names(tmp_path)
    mine = left.replace(f"-{killed.pid:x}-", f"-{os.getppid():x}-")
    for other in (mine, "a [1].json.mine.tmp", "a 1.json.1234abcd.tmp"):
        (tmp_path / other).write_text("x")
    (tmp_path / left.replace("a [1].json", "another.new")).write_text("x")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == sorted(["a [1].json", mine, "a [1].json.mine.tmp", "a 1.json.1234abcd.tmp"])


@pytest.mark.parametrize("name", ["a.1234abcd.tmp", "a.0000-1-1234abcd.tmp"])
def test_a_temporary_of_another_machine_is_left_for_a_day(tmp_path: Path, name: str) -> None:
    """There its process may live; release 0.1 named none."""
    for age, stays in ((23 * 3600, True), (25 * 3600, False)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
        with atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("new")
        assert (tmp_path / name).exists() is stays
