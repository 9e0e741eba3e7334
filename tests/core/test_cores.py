"""Cores that a process may use: fewer than the machine has, where affinity or a control group says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samekind.core import cores
from samekind.core.cores import limit_threads, usable_cores


def group(folder: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, str], allowed: int = 64) -> None:
    """A machine of 64 cores with these control groups."""
    (folder / "cgroup").write_text(groups)
    for name, text in files.items():
        (folder / "mounts" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "mounts" / name).write_text(text)
    monkeypatch.setattr(cores, "_GROUPS", folder / "cgroup")
    monkeypatch.setattr(cores, "_MOUNTS", folder / "mounts")
    monkeypatch.setattr(cores, "_allowed", lambda: allowed)


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),  # in a container, version 2
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 2),  # set above, and a fraction
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000\n", "a/cpu.max": "400000 100000\n"}, 1),  # the tightest; never 0
        ("4:cpu,cpuacct:/docker/x\n", {"cpu,cpuacct/cpu.cfs_quota_us": "300000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 3),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),  # no limit
        ("0::/\n", {"cpu.max": "nonsense\n"}, 64),
        ("4:memory:/x\n", {"cpu.max": "100000 100000\n", "memory/cpu.max": "100000 100000\n"}, 64),  # a group of memory
        ("", {}, 64),
    ],
)  # fmt: skip
def test_the_tightest_control_group_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, str], expected: int
) -> None:
    """Both versions, limits above the process' own group, fractions rounded up, and files that say nothing."""
    group(tmp_path, monkeypatch, groups, files)
    assert usable_cores() == expected


def test_decoding_threads_view_workers_and_libraries_go_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 cores of which 3 may be used: 5 threads decode and OpenMP gets 3; what is set already stays, and 64 free ones set nothing."""
    from samekind.data.decode import worker_threads

    group(tmp_path, monkeypatch, "0::/\n", {"cpu.max": "300000 100000\n"})
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("LANCE_CPU_THREADS", "7")
    limit_threads()
    assert worker_threads() == 5
    assert (os.environ["OMP_NUM_THREADS"], os.environ["LANCE_CPU_THREADS"]) == ("3", "7")
    monkeypatch.delenv("OMP_NUM_THREADS")
    group(tmp_path, monkeypatch, "0::/\n", {"cpu.max": "max 100000\n"})
    limit_threads()
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_affinity_counts() -> None:
    """A process that may run on one core only counts one."""
    one = min(os.sched_getaffinity(0))
    script = f"import os; os.sched_setaffinity(0, [{one}]); from samekind.core.cores import usable_cores; print(usable_cores())"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "1\n"
