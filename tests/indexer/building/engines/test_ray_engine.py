"""Ray's workers make the index that this process would make, and what goes wrong with them is said in a line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samekind.core.errors import InputError, MissingDependencyError, ServiceError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.indexer.building import embed
from samekind.indexer.building.engines import ray_cluster, ray_engine
from samekind.indexer.building.engines.choose import engine_named
from samekind.indexer.building.engines.engine import Loaded
from samekind.indexer.building.engines.ray_engine import RayEngine, look_at_images
from samekind.indexer.index import build_index
from tests.end_to_end.helpers import draw_folder, refused
from tests.indexer.building.engines.workers import PICTURES, derived
from tests.indexer.builds import Lines, write_pictures
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder


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


@pytest.mark.parametrize(
    "cause",
    [
        ModuleNotFoundError("No module named 'samekind'", name="samekind"),
        RuntimeError(
            "The remote function failed to import on the worker. Traceback …\nModuleNotFoundError: No module named 'samekind'"
        ),
    ],
)
def test_a_worker_that_lacks_a_package_is_told_in_a_line(
    cause: Exception, tmp_path: Path, fake_ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own error, or Ray's for a task that it cannot read, would be a traceback from another machine."""
    from ray.exceptions import RayTaskError

    def get(_: Any) -> Any:
        raise RayTaskError("look_at_images", "…", cause)

    monkeypatch.setattr(fake_ray, "get", get)
    with pytest.raises(ServiceError, match=r"a worker cannot import what it needs: ") as caught:
        build_index(arrays_corpus(3), FakeEncoder(), tmp_path / "out", engine="ray")
    assert "on every machine" in caught.value.hint


@pytest.mark.parametrize("asked", ["put", "remote", "cluster_resources"])
def test_a_cluster_that_goes_away_is_told_in_a_line(
    asked: str, tmp_path: Path, fake_ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it was asked for last; what it can no longer cancel hides nothing."""
    from ray.exceptions import RaySystemError

    def gone(*_: Any) -> Any:
        raise RaySystemError("the head node is gone")

    monkeypatch.setattr(embed, "CHUNK", 3)
    monkeypatch.setattr(embed, "_BATCH", 3)
    monkeypatch.setattr(fake_ray, asked, gone)
    monkeypatch.setattr(fake_ray, "cancel", gone)
    with pytest.raises(ServiceError, match="the Ray cluster does not answer any more: RaySystemError"):
        build_index(arrays_corpus(30), FakeEncoder(), tmp_path / "out", engine="ray")


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
