"""The demo killed with `kill -9`: no process and no file is left, the same command serves at the same address, and open pages go on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Response, WebSocket, expect

import samekind
from samekind.demo import free_port
from tests.end_to_end.browser.demo import ROOT, own_port
from tests.end_to_end.helpers import call

pytestmark = pytest.mark.browser
SLOW, FAST = 300_000, -1  # bytes a second; no limit
PATIENCE_MS = 90_000


@dataclass
class Server:
    """`samekind demo`, a session of processes of its own.

    Attributes:
        command: the process that was started.
        url: the address that it printed.
    """

    command: subprocess.Popen[str]
    url: str

    @property
    def streamlit(self) -> int:
        """The process that answers browsers."""
        (pid,) = (pid for pid in self.alive() if b"samekind.app.serve" in Path(f"/proc/{pid}/cmdline").read_bytes())
        return pid

    def alive(self) -> list[int]:
        """Processes of this session that have not ended."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.command.pid and state != "Z":
                    found.append(int(stat.parent.name))
        return found


@contextlib.contextmanager
def serving(artefact: Path, port: int, scratch: Path, *flags: str) -> Iterator[Server]:
    """Runs the command with temporary files of its own; whatever is left of it ends here."""
    words = [sys.executable, "-m", "samekind", "demo", str(artefact), "--port", str(port), "--json", *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    ) as command:
        try:
            assert command.stdout is not None
            yield Server(command, json.loads(command.stdout.readline())["url"])
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of 1 MB."""
    file = tmp_path_factory.mktemp("upload") / "large.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (1000, 1000), dtype=np.uint8)).save(file)
    return file


@pytest.fixture(scope="session")
def many(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 9,000 noisy digits: its audit takes long enough to be met."""
    digits = samekind.load_corpus("digits")
    pixels, labels = digits.native_array, digits.labels
    assert pixels is not None
    assert labels is not None
    noise = np.random.default_rng(0).integers(0, 30, (9000, *pixels.shape[1:]))
    noisy = np.clip(np.resize(pixels, noise.shape) + noise, 0, 255).astype(np.uint8)
    names = [labels[i % len(labels)] for i in range(len(noisy))]
    corpus = samekind.Corpus.from_arrays(noisy, names, name="noisy")
    folder = tmp_path_factory.mktemp("many") / "noisy"
    samekind.build_index(corpus, artefact, folder)
    return folder


def offer(page: Page, file: Path, bytes_a_second: int) -> None:
    """Chooses a file as people do; a file that failed before stands in the way of nothing."""
    connection = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    connection.send("Network.emulateNetworkConditions", limits)
    page.get_by_role("tab", name="Upload").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("stFileUploaderDropzone").get_by_role("button").last.click()
    chooser.value.set_files(file)


def during_the_upload(page: Page, file: Path, victim: int) -> None:
    """A part of the file has arrived."""
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.method) if "upload_file" in request.url else None)
    with page.expect_request(lambda request: request.method == "PUT"):
        offer(page, file, SLOW)
    page.wait_for_timeout(1500)
    os.kill(victim, signal.SIGKILL)
    page.wait_for_timeout(1500)
    assert failed == ["PUT"]


def between_upload_and_search(page: Page, file: Path, victim: int) -> None:
    """The file is there, and nothing has been searched with it."""

    def arrived(response: Response) -> None:
        if response.request.method == "PUT":
            os.kill(victim, signal.SIGKILL)

    page.on("response", arrived)
    with page.expect_response(lambda response: response.request.method == "PUT"):
        offer(page, file, FAST)
    page.remove_listener("response", arrived)
    expect(page.locator(".card")).not_to_have_count(0)
    expect(page.get_by_role("heading", name="Neighbours")).to_have_count(0)


def while_the_audit_runs(page: Page, file: Path, victim: int) -> None:
    """Another page waits for it; the visitor goes back then."""
    page.get_by_role("link", name="False negatives").click()
    page.get_by_test_id("stProgress").wait_for(state="attached")
    os.kill(victim, signal.SIGKILL)
    assert page.get_by_test_id("stProgress").count()


MOMENTS = {
    "upload, server": (during_the_upload, "streamlit", ()),
    "upload, command": (during_the_upload, "command", ()),
    "upload, base path": (during_the_upload, "streamlit", ("--base-path", "/tools/app")),
    "before the search": (between_upload_and_search, "streamlit", ()),
    "audit, server": (while_the_audit_runs, "streamlit", ()),
    "audit, command": (while_the_audit_runs, "command", ()),
}


LONG = {"upload, command", "upload, base path", "before the search", "audit, server"}
"""Moments whose like is among the others: by `make test-long` alone."""


@pytest.mark.parametrize(
    "moment", [pytest.param(moment, marks=pytest.mark.long) if moment in LONG else moment for moment in MOMENTS]
)
def test_a_killed_demo_leaves_nothing_and_comes_back(
    moment: str, browser: Browser, many: Path, large: Path, tmp_path: Path
) -> None:
    """The open page meets the new server, and the same upload is then searched with at the first try."""
    kill, whom, flags = MOMENTS[moment]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = _contents(many)
    port = free_port("127.0.0.1", own_port(8690))
    with contextlib.closing(browser.new_context()) as visitor:
        page = visitor.new_page()
        page.set_default_timeout(PATIENCE_MS)
        sockets: list[WebSocket] = []
        page.on("websocket", lambda socket: sockets.append(socket))  # Playwright sets an attribute on what it is given
        with serving(many, port, scratch, *flags) as first:
            page.goto(f"{first.url}/search")
            expect(page.get_by_role("list", name="images of the corpus")).to_be_visible(timeout=PATIENCE_MS)
            kill(page, large, first.streamlit if whom == "streamlit" else first.command.pid)
            code = first.command.wait(timeout=30)
            assert code == (2 if whom == "streamlit" else -signal.SIGKILL)
            _wait_until_none_lives(first)
        connected = len(sockets)
        assert list(scratch.iterdir()) == []
        assert _contents(many) == before
        assert call("verify", many).code == 0
        with serving(many, port, scratch, *flags) as second:
            assert second.url == first.url
            _wait_until_connected(page, sockets, connected)
            if kill is while_the_audit_runs:
                page.get_by_role("link", name="Search").click()
            offer(page, large, FAST)
            neighbours = page.get_by_role("list", name="neighbours, most similar first").locator(".card")
            expect(neighbours).to_have_count(10, timeout=PATIENCE_MS)
        assert list(scratch.iterdir()) == []


def _wait_until_none_lives(server: Server) -> None:
    give_up = time.monotonic() + 5
    while server.alive():
        assert time.monotonic() < give_up, "a process of the killed demo lives"
        time.sleep(0.05)


def _wait_until_connected(page: Page, sockets: list[WebSocket], before: int) -> None:
    """Streamlit asks again after longer and longer pauses."""
    give_up = time.monotonic() + PATIENCE_MS / 1000
    while len(sockets) == before:
        assert time.monotonic() < give_up, "the page has not come back"
        page.wait_for_timeout(100)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
