"""Ray's workers make the index that this process would make, and what goes wrong with them is said in a line."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import samekind
from samekind.core.errors import InputError, MissingDependencyError, ServiceError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.indexer.building import embed
from samekind.indexer.building.engines import ray_cluster, ray_engine
from samekind.indexer.building.engines.choose import engine_named
from samekind.indexer.building.engines.engine import Loaded
from samekind.indexer.building.engines.ray_engine import RayEngine, look_at_images
from samekind.indexer.index import build_index
from samekind.indexer.storage.layout import INDEX_FILE, ROWS_FILE
from tests.end_to_end.helpers import draw_folder, refused
from tests.indexer.building.engines.workers import DeadlyEncoder
from tests.indexer.builds import Lines, check_consistent, write_pictures
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder
from tests.processes import heed_ctrl_c

ROOT = Path(samekind.__file__).parents[1]
PICTURES = {f"cat__{i}": i for i in range(20)}


class FakeRay:
    """Ray in this process: a task is done when its answer is asked for; at most two cores."""

    def __init__(self) -> None:
        self.waiting = self.most = 0
        self.ended = self.called_late = False
        self.cloudpickle = SimpleNamespace(dumps=lambda encoder: b"weights")

    def put(self, packed: bytes) -> bytes:
        """Where the bytes are."""
        return packed

    def cluster_resources(self) -> dict[str, float]:
        """Two cores."""
        return {"CPU": 2.0}

    def remote(self, work: Any) -> Any:
        """A function whose call is put off."""

        def later(*arguments: Any) -> Any:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            return lambda: work(*arguments)

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=later))

    def get(self, task: Any) -> Any:
        """The answer."""
        self.waiting -= 1
        return task()

    def cancel(self, task: Any) -> None:
        """Nobody is going to ask."""
        self.called_late |= self.ended
        self.waiting -= 1


@pytest.fixture
def fake_ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """Stands for Ray; workers find a `FakeEncoder`."""
    ray = FakeRay()

    @contextmanager
    def running(*_: object) -> Iterator[FakeRay]:
        try:
            yield ray
        finally:
            ray.ended = True

    monkeypatch.setattr(ray_engine, "running_ray", running)
    monkeypatch.setattr(ray_engine, "imported_ray", lambda _: ray)
    monkeypatch.setattr(ray_engine, "_unpacked", lambda _: FakeEncoder())
    return ray


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three images a task, and a step."""
    monkeypatch.setattr(embed, "CHUNK", 3)
    monkeypatch.setattr(embed, "_BATCH", 3)


def derived(folder: Path) -> tuple[bytes, bytes]:
    """What rows and vectors come to, byte by byte."""
    return (folder / ROWS_FILE).read_bytes(), (folder / INDEX_FILE).read_bytes()


def test_without_ray_one_line_says_what_to_install(
    tmp_path: Path, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is written."""
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    photos = draw_folder(tmp_path / "photos", 2)
    with pytest.raises(MissingDependencyError, match="Ray is not installed") as caught:
        build_index(Corpus.from_folder(photos), FakeEncoder(), tmp_path / "out", engine="ray")
    assert "samekind[scale]" in caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "address", "message"),
    [("spark", None, "unknown engine 'spark'"), ("local", "10.0.0.1:6379", "takes no address")],
)
def test_engines_that_cannot_be_are_refused(name: str, address: str | None, message: str) -> None:
    """With what they would have to be."""
    with pytest.raises(InputError, match=message) as caught:
        engine_named(name, address, None)
    assert "ray" in caught.value.hint


@pytest.mark.parametrize("others", [("--watch", "--corpus", "photos"), ("--remove", "x"), ("--vectors", "x.npy")])
def test_only_the_images_of_a_corpus_are_for_workers(others: tuple[str, ...], tmp_path: Path) -> None:
    """What embeds nothing, or never ends, is refused."""
    assert "--engine ray" in refused("index", "--engine", "ray", *others, "--out", tmp_path)


def test_where_no_cluster_is_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: Ray itself would go on trying for minutes. The environment's address counts like the flag's."""
    monkeypatch.setenv(ray_cluster.ADDRESS, "127.0.0.1:1")
    with pytest.raises(ServiceError, match=r"no Ray cluster at 127\.0\.0\.1:1") as caught:
        RayEngine(None, NoProgress())
    assert "ray start --head" in caught.value.hint


@pytest.mark.usefixtures("small_parts")
def test_the_answers_of_workers_come_in_the_order_of_the_plan(tmp_path: Path, fake_ray: FakeRay) -> None:
    """Files that cannot be read are left out and named; two tasks a worker are under way, and no more."""
    write_pictures(tmp_path / "photos", **PICTURES)
    corpus = Corpus.from_folder(tmp_path / "photos")
    (tmp_path / "photos" / "cat" / "4.png").write_bytes(b"torn")
    said: dict[str, list[str]] = {}
    for engine in ("local", "ray"):
        lines = Lines()
        save_encoder(FakeEncoder(), tmp_path / engine)
        build_index(corpus, FakeEncoder(), tmp_path / engine, lines, engine=engine)
        said[engine] = [line for line in lines.said if "left out" in line]
    assert derived(tmp_path / "local") == derived(tmp_path / "ray")
    assert said["local"] == said["ray"] != []
    assert (fake_ray.most, fake_ray.waiting) == (4, 0)


def test_what_only_a_worker_cannot_read_is_not_left_out(
    tmp_path: Path, fake_ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that does not see the folder would make an empty index in silence."""
    write_pictures(tmp_path / "photos", **PICTURES)
    corpus = Corpus.from_folder(tmp_path / "photos")
    nothing = Loaded(np.empty(0, np.uint8), 0, 0, b"", failure="no such file")
    monkeypatch.setattr(fake_ray, "get", lambda task: [nothing] * len(corpus))
    with pytest.raises(InputError, match=r"a worker cannot read .*cat/0\.png, which this machine can") as caught:
        build_index(corpus, FakeEncoder(), tmp_path / "out", engine="ray")
    assert "every machine of the cluster" in caught.value.hint


@pytest.mark.usefixtures("small_parts")
def test_images_that_kill_every_worker_end_the_build(
    tmp_path: Path, fake_ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line that names them; what was embedded before stays, and the next call continues."""
    from ray.exceptions import WorkerCrashedError

    write_pictures(tmp_path / "photos", **PICTURES)
    corpus, out = Corpus.from_folder(tmp_path / "photos"), tmp_path / "out"
    save_encoder(FakeEncoder(), out)
    original, answers = fake_ray.get, iter([True] * 4)

    def get(task: Any) -> Any:
        if not next(answers, False):
            raise WorkerCrashedError
        return original(task)

    monkeypatch.setattr(fake_ray, "get", get)
    with pytest.raises(ServiceError, match=r"cat/2\.png … .*cat/4\.png, 4 times: WorkerCrashedError"):
        build_index(corpus, FakeEncoder(), out, engine="ray")
    encoder = FakeEncoder()
    assert build_index(corpus, encoder, out).ids == corpus.ids
    assert encoder.embedded == len(corpus) - 12


def test_what_is_let_go_of_late_leaves_ray_alone(fake_ray: FakeRay) -> None:
    """An error may keep it until Ray has ended, and Ray would start again to cancel a task. Before that tasks are cancelled."""
    corpus, encoder = arrays_corpus(30), FakeEncoder()
    with RayEngine(None, NoProgress()) as engine:
        kept, dropped = (engine.look_at(corpus, encoder, range(30), 3, recall=True) for _ in range(2))
        assert len(next(kept)) == len(next(dropped)) == 3
        waiting = fake_ray.waiting
        dropped.close()  # type: ignore[attr-defined]
        assert (waiting, fake_ray.waiting) == (6, 3)
    kept.close()  # type: ignore[attr-defined]
    assert fake_ray.ended
    assert not fake_ray.called_late


def test_a_worker_of_another_version_refuses() -> None:
    """Its vectors may differ."""
    with pytest.raises(ServiceError, match=r"a worker has samekind .*, this machine 0\.0\.0"):
        look_at_images([None], arrays_corpus(2), False, "0.0.0")


def test_ray_is_imported_by_those_who_ask_for_it_only() -> None:
    """An index that this process builds has none of it."""
    program = (
        "import sys, numpy, samekind, samekind.commands.index\n"
        "from samekind.indexer.building.engines import choose, ray_engine\n"
        "assert 'ray' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )


@pytest.mark.slow
@pytest.mark.usefixtures("small_parts")
def test_a_worker_that_is_killed_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers, one of which ends in the middle, and its successor as well: rows and vectors are those of this process, bit for bit."""
    monkeypatch.setattr(ray_cluster, "usable_cores", lambda: 2)
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
