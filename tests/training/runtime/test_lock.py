"""The lock of an artefact: exclusive while held, gone with its holder."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from samekind.core.errors import ArtefactError
from samekind.training.runtime.lock import LOCK, exclusive

if sys.platform != "win32":
    import fcntl

unix = pytest.mark.skipif(sys.platform == "win32", reason="no fork, no flock and other messages there")

HOLD = "import sys, pathlib\nfrom samekind.training.runtime.lock import exclusive\nwith exclusive(pathlib.Path(sys.argv[1])):\n    "
AND_WAIT = HOLD + "print('held', flush=True)\n    sys.stdin.read()"
# The child announces itself: by then its hook has run, which the parent could not know.
AND_FORK = HOLD + "import os, time\n    os.fork() or print(os.getpid(), flush=True)\n    time.sleep(60)"


def start(program: str, folder: Path) -> subprocess.Popen[str]:
    """A second process."""
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_it_is_exclusive_and_free_again_afterwards(tmp_path: Path) -> None:
    """The folder is made; a second caller is refused with a hint, also in the same process; the file that stays means nothing."""
    folder = tmp_path / "new" / "artefact"
    with exclusive(folder):
        with (
            pytest.raises(ArtefactError, match=r"another samekind process is working in .*artefact") as caught,
            exclusive(folder),
        ):
            pass
        assert caught.value.hint
    with exclusive(folder):
        assert (folder / LOCK).is_file()


def test_an_error_inside_frees_it(tmp_path: Path) -> None:
    """A failed build must not keep the next one out."""
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path):
        raise ZeroDivisionError
    with exclusive(tmp_path):
        pass


def test_another_process_is_kept_out_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    """kill -9: no file to delete by hand."""
    with start(AND_WAIT, tmp_path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ArtefactError, match="another samekind process"), exclusive(tmp_path):
            pass
        other.kill()
        other.wait()
        with exclusive(tmp_path):
            pass


@unix
def test_a_forked_worker_that_outlives_a_killed_parent_holds_no_lock(tmp_path: Path) -> None:
    """A loader worker lives some seconds longer than its killed parent; the next start must not wait for it."""
    with start(AND_FORK, tmp_path) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            parent.kill()
            parent.wait()
            with exclusive(tmp_path):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


@unix
def test_a_worker_that_ends_does_not_free_the_parents_lock(tmp_path: Path) -> None:
    """Only the parent's own end does."""
    with exclusive(tmp_path):
        worker = multiprocessing.get_context("fork").Process(target=int)
        worker.start()
        worker.join()
        with pytest.raises(ArtefactError, match="another samekind process"), exclusive(tmp_path):
            pass


@unix
def test_it_is_the_lock_of_older_versions(tmp_path: Path) -> None:
    """`flock` on the same file: either of them keeps the other out."""
    with (tmp_path / LOCK).open("w") as older:
        fcntl.flock(older, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(ArtefactError, match="another samekind process"), exclusive(tmp_path):
            pass
        fcntl.flock(older, fcntl.LOCK_UN)
        with exclusive(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(older, fcntl.LOCK_EX | fcntl.LOCK_NB)


@unix
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_used_unguarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As NFS without its lock service: better unguarded than unusable, without a warning and without a marker that a kill would leave."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with exclusive(tmp_path), exclusive(tmp_path):
        entered = True
    assert entered
    assert [path.name for path in tmp_path.iterdir() if path.read_bytes()] == []


def test_an_error_of_the_work_is_not_taken_for_one_of_the_lock(tmp_path: Path) -> None:
    """A full disk in the middle of a build stays what it is."""
    with pytest.raises(OSError, match="No space left"), exclusive(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")


@unix
def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ArtefactError, match=r"cannot write to .*artefact: Not a directory"),
        exclusive(tmp_path / "file" / "artefact"),
    ):
        pass
    (tmp_path / LOCK).mkdir()
    with pytest.raises(ArtefactError, match=r"cannot write to .*: Is a directory") as caught, exclusive(tmp_path):
        pass
    assert caught.value.hint == "choose another --out, or mend the permissions"
