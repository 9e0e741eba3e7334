"""What the demo shows of many images is worked out beside it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

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


def test_it_is_done_beside_the_demo_at_the_lowest_priority(many: Path) -> None:
    """What the pages ask for is in the cache after a while, and who serves has waited for nothing."""
    wanted = {"neighbours for the audit", "label errors", "duplicates", "leaks", "counts of leaks"}
    found: set[str] = set()
    started = time.monotonic()
    with demo._preparing(many):
        assert time.monotonic() - started < 1
        while found != wanted and time.monotonic() - started < 60:
            time.sleep(0.1)
            found = {entry.what.replace(" of 10,000 images", "") for entry in cache_entries()}
    assert found == wanted


def test_it_ends_with_the_demo(many: Path) -> None:
    """Nobody waits for it, and no part of a file is left."""
    started = time.monotonic()
    with demo._preparing(many):
        pass
    assert time.monotonic() - started < 5


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
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(Path, "write_text", lambda *_: 0)  # this process goes on
    prepare.main(str(tmp_path / "nowhere"))
