"""Starting the demo: ports, the server's command line, and the server itself."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import samekind
from samekind import demo as demo_module
from samekind.console import Console
from samekind.core.lifetime import ALLOWS_TRAINING
from samekind.demo import Behind, free_port, serve, streamlit_command
from tests.processes import heed_ctrl_c

ROOT = Path(samekind.__file__).parents[1]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_in_use_gives_the_next_free_one(taken: int) -> None:
    """The port that is taken is passed over, and a free one is taken as it is."""
    chosen = free_port("127.0.0.1", taken)
    assert taken < chosen <= taken + 50
    assert free_port("127.0.0.1", chosen) == chosen


def test_a_host_that_is_not_ours_is_refused() -> None:
    """An address of another machine cannot be listened on, and that is not taken for a port in use."""
    with pytest.raises(samekind.InputError, match=r"192\.0\.2\.1 is not an address of this machine"):
        free_port("192.0.2.1", 8501)


def test_the_server_neither_phones_home_nor_asks_for_an_address() -> None:
    """The command line is headless, without usage statistics, bound to the host, and hands the artefact over after `--`."""
    command = streamlit_command(Path("artifacts/x"), "127.0.0.1", 8600)
    options = dict(itertools.pairwise(command))
    assert options["--server.headless"] == "true"
    assert options["--browser.gatherUsageStats"] == "false"
    assert options["--browser.serverAddress"] == "localhost", "without it Streamlit asks the internet for our address"
    assert options["--server.address"] == "127.0.0.1"
    assert options["--server.port"] == "8600"
    assert options["--runner.postScriptGC"] == "false", (
        "with it each run of a page ends with 0.25 s of garbage collection"
    )
    assert command[-2:] == ["--", "artifacts/x"]


@pytest.mark.parametrize(
    ("given", "address", "options"),
    [
        ("", "http://127.0.0.1:8600", {}),
        ("/app", "http://127.0.0.1:8600/app", {"server.baseUrlPath": "app"}),
        ("tools/photos/", "http://127.0.0.1:8600/tools/photos", {"server.baseUrlPath": "tools/photos"}),
        (
            "https://photos.example.org/app",
            "https://photos.example.org/app",
            {"server.baseUrlPath": "app", "browser.serverAddress": "photos.example.org", "browser.serverPort": 443},
        ),
        (
            "http://photos.local:8080",
            "http://photos.local:8080",
            {"browser.serverAddress": "photos.local", "browser.serverPort": 8080},
        ),
    ],
)
def test_a_proxy_is_told_to_the_server_and_the_visitor(given: str, address: str, options: dict[str, object]) -> None:
    """A path alone keeps the server's own name; a whole address is the one that is printed, and the origin that may come in."""
    behind = Behind.parse(given)
    assert behind.address("http://127.0.0.1:8600") == address
    assert behind.options() == options
    command = streamlit_command(Path("artifacts/x"), "127.0.0.1", 8600, behind)
    for name, value in options.items():
        assert command[command.index(f"--{name}") + 1] == str(value)


@pytest.mark.parametrize(
    "given",
    [
        "/a b",
        "/app?x=1",
        "/app#x",
        "ftp://x/app",
        "//host/app",
        "/../up",
        "http://x:port/app",
        "http://[x/app",
        "/a//b",
    ],
)
def test_what_is_no_path_and_no_address_is_refused(given: str) -> None:
    """One line with an example, before the server starts."""
    with pytest.raises(samekind.InputError, match="--base-path") as caught:
        Behind.parse(given)
    assert "--base-path /app" in caught.value.hint


@pytest.mark.parametrize("home", ["/dev/null/x", "/nonexistent", "~"])
def test_a_server_without_a_home_gets_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str) -> None:
    """Below a file, missing, or unknown: it is the cache; a home that is there stays."""
    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", home)
    assert demo_module.server_environment()["HOME"] == str(tmp_path / "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert demo_module.server_environment()["HOME"] == str(tmp_path)


def test_the_server_keeps_no_memory_for_each_thread_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """glibc would have a pool of freed memory for each of up to eight threads a core."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert demo_module.server_environment()["MALLOC_ARENA_MAX"] == "2"
    monkeypatch.setenv("MALLOC_ARENA_MAX", "16")
    assert demo_module.server_environment()["MALLOC_ARENA_MAX"] == "16"


def test_a_server_that_dies_is_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends before it answers is an error with its exit code, and stdout stays free of an address."""

    def dying(artefact: Path, host: str, port: int, behind: Behind) -> list[str]:
        return [sys.executable, "-c", "raise SystemExit(3)", "--server.port", str(port)]

    monkeypatch.setattr(demo_module, "streamlit_command", dying)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process keeps its handlers
    out, err = io.StringIO(), io.StringIO()
    console = Console(as_json=True, stdout=out, stderr=err)
    with pytest.raises(samekind.InputError, match="stopped with exit code 3"):
        serve(Path("artefact"), host="127.0.0.1", port=free_port("127.0.0.1", 8600), console=console)
    assert out.getvalue() == ""


def test_a_port_that_another_takes_meanwhile_is_passed_over(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """It was free when we looked; that somebody answers there is no sign of our server, and the next free port is taken."""
    looked = iter([taken, free_port("127.0.0.1", taken)])
    binds = """
import socket, sys
try:
    socket.socket().bind(("127.0.0.1", int(sys.argv[2])))
except OSError:
    sys.exit(1)
print("listening", flush=True)
"""
    monkeypatch.setattr(
        demo_module, "streamlit_command", lambda *given: [sys.executable, "-c", binds, "--server.port", str(given[2])]
    )
    monkeypatch.setattr(demo_module, "free_port", lambda *_: next(looked))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    out, err = io.StringIO(), io.StringIO()
    console = Console(as_json=True, stdout=out, stderr=err)
    serve(Path("artefact"), host="127.0.0.1", port=taken, console=console)
    assert json.loads(out.getvalue())["url"] != f"http://127.0.0.1:{taken}"
    assert f"port {taken} is in use" in err.getvalue()


@pytest.mark.parametrize("allowed", [True, False])
def test_the_server_is_told_whether_all_may_train(monkeypatch: pytest.MonkeyPatch, allowed: bool) -> None:
    """By a variable, which `--allow-training` sets and nothing else."""
    says = f"import os; raise SystemExit(3 if {ALLOWS_TRAINING!r} in os.environ else 4)"
    monkeypatch.setattr(
        demo_module, "streamlit_command", lambda *_: [sys.executable, "-c", says, "--server.port", "8600"]
    )
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.delenv(ALLOWS_TRAINING, raising=False)
    console = Console(as_json=True, stdout=io.StringIO(), stderr=io.StringIO())
    with pytest.raises(samekind.InputError, match=f"exit code {3 if allowed else 4}"):
        serve(Path("artefact"), host="127.0.0.1", port=8600, console=console, allow_training=allowed)


def test_a_server_that_will_not_end_is_made_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C must not hang on a server that does not heed SIGTERM."""
    stubborn = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
    monkeypatch.setattr(demo_module, "STOP_SECONDS", 0.2)
    with subprocess.Popen([sys.executable, "-c", stubborn], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        demo_module._end(server)
        assert server.wait(timeout=10) == -signal.SIGKILL


def test_the_demo_serves_and_stops(tmp_path: Path, taken: int) -> None:
    """With its port taken the demo says so, answers on the next one, and Ctrl-C ends it with code 0."""
    rng = np.random.default_rng(0)
    corpus = samekind.Corpus.from_arrays(rng.integers(0, 255, (24, 16, 16), dtype=np.uint8), name="noise")
    run = samekind.train(corpus, "smoke", tmp_path / "noise", epochs=1, batch_size=8, workers=0)
    samekind.build_index(corpus, run.encoder, tmp_path / "noise")
    command = [sys.executable, "-m", "samekind", "demo", str(tmp_path / "noise"), "--port", str(taken), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
        preexec_fn=heed_ctrl_c,
    ) as demo:  # fmt: skip
        try:
            assert demo.stdout is not None
            assert demo.stderr is not None
            url = json.loads(demo.stdout.readline())["url"]
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=10) as response:
                assert response.read() == b"ok"
            demo.send_signal(signal.SIGINT)
            assert demo.wait(timeout=20) == 0
            assert f"port {taken} is in use" in demo.stderr.read()
        finally:
            demo.kill()


def test_a_server_that_is_killed_during_an_upload_leaves_the_artefact_whole(tmp_path: Path) -> None:
    """Half of a picture has arrived when it dies: every file of the artefact is as it was, and the same command serves again."""
    rng = np.random.default_rng(0)
    corpus = samekind.Corpus.from_arrays(rng.integers(0, 255, (24, 16, 16), dtype=np.uint8), name="noise")
    run = samekind.train(corpus, "smoke", tmp_path / "noise", epochs=1, batch_size=8, workers=0)
    samekind.build_index(corpus, run.encoder, tmp_path / "noise")
    before = contents(tmp_path / "noise")
    port = free_port("127.0.0.1", 8680)
    for attempt in range(2):
        command = streamlit_command(tmp_path / "noise", "127.0.0.1", port, Behind("app"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as server:
            assert server.stdout is not None
            try:
                assert demo_module._is_up(server, os.dup(server.stdout.fileno()))
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/app/_stcore/health", timeout=10) as response:
                    assert response.read() == b"ok"
                if attempt == 0:
                    with socket.create_connection(("127.0.0.1", port)) as upload:
                        upload.sendall(b"PUT /app/_stcore/upload_file/session/file HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                        upload.sendall(b"Content-Length: 1000000\r\n\r\n" + b"x" * 500_000)
                        server.kill()
                        server.wait(timeout=10)
            finally:
                server.kill()
    assert contents(tmp_path / "noise") == before
    assert samekind.verify(tmp_path / "noise").ok


def contents(folder: Path) -> dict[str, bytes]:
    """Every file by its name."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
