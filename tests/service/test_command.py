from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import samekind as sk
from samekind.cli import main
from samekind.service.run import Place, listening

ROOT = Path(__file__).parents[2]


def test_the_command_says_what_keeps_it_from_serving(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and one line each: no artefact, another host without a token, a limit out of range, a port in use, no FastAPI."""
    monkeypatch.delenv("SAMEKIND_TOKEN", raising=False)
    with listening(Place(port=0)) as taken:
        port = str(taken.getsockname()[1])
        refused = {
            (str(tmp_path / "nowhere"),): "does not exist",
            (str(folder), "--host", "0.0.0.0"): "a token is needed",  # noqa: S104 - refused
            (str(folder), "--host", "no such host", "--token", "t"): "unknown host",
            (str(folder), "--queue", "0"): "--queue must be at least 1",
            (str(folder), "--port", "70000"): "--port must lie between",
            (str(folder), "--token", "two words"): "visible ASCII",
            (str(folder), "--port", port): f"port {port} is in use",
        }
        for arguments, said in refused.items():
            assert main(["serve", *arguments]) == 2
            assert said in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["serve", str(folder)]) == 2
    assert "pip install 'samekind[serve]'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_serves_until_it_is_ended_and_a_killed_one_leaves_its_port(folder: Path) -> None:
    """A process of its own: its address on stdout, answers by the client, an orderly end on SIGTERM with 0; after a kill the same port."""
    port = "0"
    for end, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        command = [sys.executable, "-P", "-m", "samekind", "serve", str(folder), "--port", port, "--json"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            port = url.rpartition(":")[2]
            with sk.Client(url) as client:
                until = time.monotonic() + 30
                while not client.is_ready() and time.monotonic() < until:
                    time.sleep(0.1)
                assert client.search_id("Bag/00.png", 1).hits[0].id == "Bag/00.png"
            process.send_signal(end)
            _, complaint = process.communicate(timeout=30)
            assert process.returncode == code, complaint.decode()
    assert complaint.decode() == "the service has stopped\n"
