"""Where commands run: the code of one side in a folder of its own, so that both sides print the same relative paths."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 300


class FailedError(Exception):
    """A command that should have worked did not."""


@dataclass(frozen=True)
class Place:
    """One side.

    Attributes:
        code: root of the code.
        folder: what the commands write lies here.
        lock: held while something is made that several facts need.
    """

    code: Path
    folder: Path
    lock: threading.RLock = field(default_factory=threading.RLock)

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Runs `samekind` to its end.

        Raises:
            FailedError: it does not leave with 0.
        """
        done = subprocess.run(**self._call(words), capture_output=True, text=True)
        if done.returncode:
            last = " ".join(done.stderr.strip().splitlines()[-2:])
            raise FailedError(f"samekind {' '.join(map(str, words))} left with {done.returncode}: {last}")
        return done

    def json(self, *words: object) -> Any:
        """What a command answers with `--json`; the place itself is left out of paths."""
        return json.loads(self.run(*words, "--json").stdout.replace(str(self.folder.resolve()), "."))

    def interrupt(self, after: Path, *words: object) -> None:
        """Runs `samekind` and sends SIGTERM as soon as the file `after` has a line.

        Raises:
            FailedError: it ended before, or not at all.
        """
        with subprocess.Popen(**self._call(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            give_up = time.monotonic() + PATIENCE_SECONDS
            while not (after.is_file() and after.read_text()) and process.poll() is None and time.monotonic() < give_up:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
        if process.returncode != 130:
            raise FailedError(
                f"samekind {' '.join(map(str, words))} was interrupted and left with {process.returncode}"
            )

    def copy(self, source: Path, name: str) -> Path:
        """A fresh copy under `name`."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return Path(shutil.copytree(source, self.folder / name))

    def _call(self, words: tuple[object, ...]) -> dict[str, Any]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAMEKIND_", "PYTHON"))}
        ours = {"PYTHONPATH": str(self.code), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-P", "-m", "samekind", *map(str, words)]
        return {"args": command, "cwd": self.folder, "env": {**kept, **ours, "NO_ALBUMENTATIONS_UPDATE": "1"}}


def base_place(commit: str, facts: Path) -> Place:
    """The base commit, checked out from git's archive into a cache that later gates find again.

    Args:
        commit: whatever names it.
        facts: the file that says what is asked; with other questions the cache is another.
    """
    full = _git("rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()
    asked = hashlib.sha256(facts.read_bytes()).hexdigest()
    named = f"{full[:12]}-torch{importlib.metadata.version('torch')}-py{platform.python_version()}-{asked[:8]}"
    cache = Path(tempfile.gettempdir()) / "samekind-gate" / named
    place = Place(cache / "code", cache / "made")
    place.folder.mkdir(parents=True, exist_ok=True)
    if not place.code.is_dir():
        unpacked = Path(tempfile.mkdtemp(dir=cache))
        with tarfile.open(fileobj=io.BytesIO(_git("archive", full))) as archive:
            archive.extractall(unpacked, filter="data")
        unpacked.rename(place.code)
    return place


def snapshot(folder: Path) -> Path:
    """The working tree as it is now: whoever goes on editing while the gate runs does not change its answer."""
    for name in _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0"):
        if name and (ROOT / name).exists() and (not (ROOT / name).is_dir() or (ROOT / name).is_symlink()):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
