"""Ray itself, on a cluster of this machine: what happens when workers are killed, and what is left after Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import samekind
from samekind.data.corpus import Corpus
from samekind.indexer.building import embed
from samekind.indexer.building.engines import ray_cluster
from samekind.indexer.index import build_index
from tests.end_to_end.helpers import draw_folder
from tests.indexer.building.engines.workers import PICTURES, DeadlyEncoder, derived
from tests.indexer.builds import Lines, check_consistent, write_pictures
from tests.indexer.helpers import FakeEncoder, save_encoder
from tests.processes import heed_ctrl_c

ROOT = Path(samekind.__file__).parents[1]


@pytest.mark.slow
def test_a_worker_that_is_killed_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers, one of which ends in the middle, and its successor as well: rows and vectors are those of this process, bit for bit."""
    monkeypatch.setattr(ray_cluster, "usable_cores", lambda: 2)
    monkeypatch.setattr(embed, "CHUNK", 3)
    monkeypatch.setattr(embed, "_BATCH", 3)
    write_pictures(tmp_path / "photos", **PICTURES)
    corpus = Corpus.from_folder(tmp_path / "photos")
    for name in ("local", "ray", "notes"):
        (tmp_path / name).mkdir()
        save_encoder(FakeEncoder(), tmp_path / name)
    build_index(corpus, FakeEncoder(), tmp_path / "local")
    encoder, lines = DeadlyEncoder(tmp_path / "notes", (3, 5), 0.3), Lines()
    index = build_index(corpus, encoder, tmp_path / "ray", lines, engine="ray")
    assert any("2 workers on this machine" in line for line in lines.said)
    assert len(encoder.processes()) >= 3
    assert derived(tmp_path / "local") == derived(tmp_path / "ray")
    check_consistent(index)


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_of_ray_behind(tmp_path: Path) -> None:
    """No process and no file; the next build continues. While it is there, it listens on the loopback interface only, and its start says
    nothing but our own line.
    """
    photos, out = draw_folder(tmp_path / "photos", 200), tmp_path / "out"
    save_encoder(FakeEncoder(), out)
    with tempfile.TemporaryDirectory(prefix="r") as folder:  # sockets want short paths
        program = (
            "import sys, samekind\nfrom pathlib import Path\nfrom samekind.console import LineProgress\n"
            "from tests.indexer.building.engines.workers import DeadlyEncoder\n"
            f"encoder = DeadlyEncoder(Path({folder!r}), (), 30.0)\n"
            f"corpus = samekind.Corpus.from_folder({str(photos)!r})\n"
            f"samekind.build_index(corpus, encoder, {str(out)!r}, LineProgress(sys.stderr), engine='ray')\n"
        )
        environment = {**os.environ, "TMPDIR": folder, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        with subprocess.Popen(
            [sys.executable, "-c", program],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=heed_ctrl_c,
        ) as running:
            assert running.stderr is not None
            assert running.stderr.readline().startswith("Ray looks at the images: ")
            addresses = listening_on(running.pid)
            os.killpg(running.pid, signal.SIGINT)
            assert "KeyboardInterrupt" in running.stderr.read()
        give_up = time.monotonic() + 10
        while (left := processes_of(running.pid)) and time.monotonic() < give_up:
            time.sleep(0.1)
        assert left == {}
        assert addresses
        assert all(address.is_loopback for address in addresses), addresses
        assert [name for name in os.listdir(folder) if name.startswith("samekind")] == []
    assert len(build_index(Corpus.from_folder(photos), FakeEncoder(), out)) == 600


def processes_of(session: int) -> dict[Path, str]:
    """The processes of a session that have not ended: their folders, and their names."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:  # it has just ended
            continue
        state, _, _, its_session = rest.split()[:4]
        if its_session == str(session) and state != "Z":
            found[stat.parent] = name
    return found


def listening_on(session: int) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses that processes of a session listen on."""
    inodes = set()
    for process in processes_of(session):
        for descriptor in (process / "fd").glob("*"):
            with contextlib.suppress(OSError):  # it has just been closed
                inodes.add(os.readlink(descriptor).removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and inode in inodes:  # it listens
                words = bytes.fromhex(local.partition(":")[0])
                packed = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))  # as the processor has them
                address = ipaddress.ip_address(packed)
                found.add(getattr(address, "ipv4_mapped", None) or address)
    return found
