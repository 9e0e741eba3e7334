"""`samekind demo` in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import samekind as sk

ROOT = Path(sk.__file__).parents[1]


def own_port(first: int) -> int:
    """The first port to try from: each of pytest's workers has a hundred to itself, so that a server that comes back finds its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return first + 100 * int(worker.removeprefix("gw"))


@contextlib.contextmanager
def demo(artefact: Path, log: Path, *flags: str, port: int | None = None) -> Iterator[str]:
    """Runs `samekind demo`; its log must stay free of tracebacks and of warnings of deprecation."""
    port = port or own_port(8650)
    command = [sys.executable, "-m", "samekind", "demo", str(artefact), "--port", str(port), "--json", *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=log.parent
        ) as server,
    ):
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line, log.read_text()
            yield json.loads(line)["url"]
        finally:
            server.terminate()
            server.wait(timeout=20)
    assert not re.search("Traceback|[Dd]eprecat", log.read_text()), log.read_text()
