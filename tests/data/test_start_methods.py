"""Workers under each start method, in a script of a user's: without a guard, and beside modules that are called like our folders."""

from __future__ import annotations

import multiprocessing.spawn
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from samekind.data.loader import _main_module_hidden

ROOT = Path(__file__).parents[2]

SCRIPT = """
import multiprocessing, sys, warnings
warnings.simplefilter("error")
import app, data, indexer, training
assert [m.OWN for m in (app, data, indexer, training)] == ["app", "data", "indexer", "training"]
multiprocessing.set_start_method(sys.argv[1])
import numpy as np
import samekind as sk
print("begun")
images = np.random.default_rng(0).integers(0, 256, (64, 16, 16), dtype=np.uint8)
run = sk.train(sk.Corpus.from_arrays(images), preset="smoke", out="out", epochs=1, width=4, batch_size=16, workers=2)
import training as again
assert again.OWN == "training" and __file__.endswith("script.py")
print(run.encoder.fingerprint)
"""


def run_script(folder: Path, method: str) -> list[str]:
    """Lines that the script writes, in a folder of its own."""
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    for name in ("data.py", "training.py", "app/__init__.py", "indexer/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"OWN = {name.partition('/')[0].removesuffix('.py')!r}\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "script.py", method]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.long
def test_a_script_without_a_guard_trains_once_under_every_start_method(tmp_path: Path) -> None:
    """It is run once, keeps its own modules and its name, and the encoder is bitwise the same."""
    told = [run_script(tmp_path / method, method) for method in ("fork", "spawn", "forkserver")]
    assert all(len(lines) == 2 and lines[0] == "begun" for lines in told)
    assert len({lines[1] for lines in told}) == 1


@pytest.mark.parametrize(
    "attributes",
    [
        {"__spec__": None, "__file__": "script.py"},  # python script.py
        {"__spec__": multiprocessing.spawn.__spec__, "__file__": "spawn.py"},  # python -m
        {"__spec__": None},  # python -c, and an interactive session
    ],
)
def test_new_processes_are_not_told_of_the_main_module(
    monkeypatch: pytest.MonkeyPatch, attributes: dict[str, object]
) -> None:
    """multiprocessing sends them neither name nor path of it meanwhile, and finds everything as it was afterwards."""
    main = type(sys)("__main__")
    vars(main).update(attributes)
    before = dict(vars(main))
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr("multiprocessing.get_start_method", lambda: "spawn")

    def told() -> set[str]:
        return {key for key in multiprocessing.spawn.get_preparation_data("worker") if "main" in key}

    assert bool(told()) == ("__file__" in attributes)
    with _main_module_hidden():
        assert told() == set()
        assert vars(main) == before  # other threads of the script read their own globals meanwhile
    assert sys.modules["__main__"] is main


def test_two_threads_that_hide_the_script_leave_it_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first: otherwise it would take the blank module for the script and put that back for good."""
    monkeypatch.setattr("multiprocessing.get_start_method", lambda: "spawn")
    script, seen = sys.modules["__main__"], []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with _main_module_hidden():
            inside.set()
            leave.wait(10)

    def second() -> None:
        inside.wait(10)
        with _main_module_hidden():
            seen.append(getattr(sys.modules["__main__"], "__file__", None))

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    assert sys.modules["__main__"] is not script
    threads[1].join(0.2)
    leave.set()
    for thread in threads:
        thread.join(10)
    assert seen == [None]
    assert sys.modules["__main__"] is script
