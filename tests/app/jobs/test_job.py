"""Long work in the background: its result, and the memory that it leaves."""

from __future__ import annotations

import gc
import platform
import threading
import time
import weakref
from pathlib import Path

import pytest

from samekind.app.jobs import job as job_module
from samekind.app.jobs.job import Job, Progress


def test_a_result_is_waited_for_as_long_as_asked() -> None:
    """Whoever would rather draw a page without it gets nothing, and the result once it is there."""
    sign = threading.Event()

    def work(progress: Progress) -> str:
        assert sign.wait(20)
        return "done"

    job = Job(work, "test")
    assert job.soon(0.01) is None
    sign.set()
    assert job.soon(20) == "done"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives memory back by rules of its own")
def test_long_work_gives_back_the_memory_that_it_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what it leaves lies among what it freed, so that the heap does not shrink by itself."""
    monkeypatch.setattr(job_module, "LONG", 0.0)
    monkeypatch.setattr(job_module, "settle", lambda: None)
    before = resident()

    def work(progress: Progress) -> tuple[list[bytes], int]:
        made = [bytes(1000 + number % 7) for number in range(100_000)]
        left = made[::1000]
        del made
        return left, resident()

    _, at_its_end = Job(work, "test").wait(lambda share: None)
    if at_its_end < before + 80:
        pytest.skip("earlier tests have left so much free memory that none had to be fetched")
    ends = time.monotonic() + 20
    while resident() >= before + 20 and time.monotonic() < ends:
        time.sleep(0.05)
    assert resident() < before + 20


def test_nobody_waits_for_the_memory_to_be_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for garbage would stop the page that is drawn with the result, or with the error, whatever that is."""
    drawn, given_back = threading.Event(), threading.Semaphore(0)
    monkeypatch.setattr(job_module, "LONG", -1.0)
    monkeypatch.setattr(job_module, "settle", lambda: drawn.wait(20))
    monkeypatch.setattr(job_module, "give_back", given_back.release)
    assert Job(lambda progress: "done", "test").wait(lambda share: None) == "done"

    def fails(progress: Progress) -> None:
        raise SystemExit("a library's panic")

    failing = Job(fails, "test")
    with pytest.raises(SystemExit):
        failing.wait(lambda share: None)
    assert failing.failed
    assert not given_back.acquire(blocking=False)
    drawn.set()
    assert given_back.acquire(timeout=20)
    assert given_back.acquire(timeout=20)


def test_long_work_frees_what_was_set_aside_and_dropped() -> None:
    """The server sets aside what is there when an import ends, opened indexes included; one that was rebuilt has to go."""

    class Opened:
        itself: Opened

    opened = Opened()
    opened.itself = opened
    gone = weakref.ref(opened)
    gc.freeze()
    try:
        del opened
        gc.collect()
        assert gone() is not None, "otherwise nothing is tested"
        job_module.give_back()
        assert gone() is None
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def resident() -> int:
    """Megabytes that this process holds."""
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) // 1000
