"""What the demo shows of many images is worked out beside it, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import samekind as sk
from samekind import demo, prepare
from samekind.training.runtime.cache_folder import cache_entries

ROOT = Path(sk.__file__).parents[1]


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of 10,000 vectors in two classes, and a cache of its own."""
    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    vectors = np.random.default_rng(0).normal(size=(10_000, 32)).astype(np.float32)
    labels = ["Bag" if vector[0] < 0 else "Coat" for vector in vectors]
    sk.index_vectors(vectors, [f"{row}" for row in range(10_000)], tmp_path / "out", labels=labels)
    return tmp_path / "out"


def test_it_is_done_beside_the_demo(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pages ask for is in the cache after a while, and who serves has waited for nothing."""
    wanted = {"neighbours", "label errors", "duplicates", "leaks", "counts of leaks"}
    found: set[str] = set()
    monkeypatch.setattr(demo, "PREPARE_AFTER", 2.0)
    started = time.monotonic()
    with demo._preparing(many):
        assert time.monotonic() - started < 1
        time.sleep(1)
        assert cache_entries() == []
        while found != wanted and time.monotonic() - started < 60:
            time.sleep(0.1)
            found = {entry.what.replace(" of 10,000 images", "") for entry in cache_entries()}
    assert found == wanted


def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started from now on."""
    found: list[subprocess.Popen[bytes]] = []
    original = subprocess.Popen

    def kept(*given: Any, **named: Any) -> subprocess.Popen[bytes]:
        found.append(original(*given, **named))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", kept)
    return found


def test_it_ends_with_the_demo(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed, whatever it does, and leaves no part of a file."""
    found = started(monkeypatch)
    with demo._preparing(many):
        assert found[0].poll() is None
    assert found[0].returncode == -signal.SIGKILL
    assert not [entry for entry in cache_entries() if not entry.file.is_file()]


def test_it_ends_with_a_demo_that_is_killed(many: Path) -> None:
    """Its standard input ends then, and so does it, long before it is done."""
    command = [sys.executable, "-P", "-m", "samekind.prepare", str(many), "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == 0
    assert cache_entries() == []


def test_a_machine_that_starts_no_further_process_has_a_demo_all_the_same(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the pages work things out themselves."""

    def refuse(*_given: Any, **_named: Any) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with demo._preparing(many):
        pass
    assert cache_entries() == []


def test_it_keeps_things_where_the_server_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for a user without a home, as in a container."""
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    environments: list[Any] = []

    def refuse(*_given: Any, env: Any, **_named: Any) -> None:
        environments.append(env)
        raise OSError("seen")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with demo._preparing(tmp_path):
        assert environments == [demo.server_environment()]
    assert environments[0]["HOME"] != str(tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_its_priority_is_the_lowest(tmp_path: Path) -> None:
    """Whoever looks at a page has the processor, and the memory."""
    says = (
        "import os; from samekind import prepare; prepare.main('nowhere'); "
        "assert open('/proc/self/oom_score_adj').read().strip() == '1000'; raise SystemExit(os.nice(0))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", says], env=environment, cwd=tmp_path, check=False).returncode == 19


def test_what_cannot_be_opened_is_nobodys_error_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo has said so itself."""
    monkeypatch.setattr(os, "nice", lambda _: 0, raising=False)
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: 0)  # this process goes on
    prepare.main(str(tmp_path / "nowhere"))
