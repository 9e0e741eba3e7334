"""The demo behind a proxy of another name and port that forwards a path: pages, uploads, and ten visitors at once."""

from __future__ import annotations

import contextlib
import io
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from samekind.demo import free_port
from tests.end_to_end.browser.demo import demo, own_port

pytestmark = pytest.mark.browser
VISITORS = 10
PATIENCE_MS = 180_000  # ten pages begin at once


class Relay(socketserver.BaseRequestHandler):
    """Hands bytes through in both directions, as a proxy that leaves paths alone does."""

    server: Proxy

    def handle(self) -> None:
        """Until one side closes."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.server.behind)) as server:
            back = threading.Thread(target=_pump, args=(server, self.request), daemon=True)
            back.start()
            _pump(self.request, server)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(1 << 16):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)


class Proxy(socketserver.ThreadingTCPServer):
    """Listens on a port of its own."""

    allow_reuse_address = daemon_threads = True
    behind = 0


PLACES = {
    "address and path": ("http://photos.localhost:{port}/tools/app", "/tools/app"),
    "path alone": ("/tools/app", "/tools/app"),
    "address alone": ("http://photos.localhost:{port}", ""),
}


@pytest.fixture(
    params=[
        "address and path",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("path alone", "address alone")),
    ]
)
def public(request: pytest.FixtureRequest, artefact: Path, tmp_path: Path) -> Iterator[str]:
    """The address that visitors type."""
    base, path = PLACES[request.param]
    with Proxy(("127.0.0.1", 0), Relay) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        port = proxy.server_address[1]
        proxy.behind = free_port("127.0.0.1", own_port(8700))
        with demo(artefact, tmp_path / "log", "--base-path", base.format(port=port), port=proxy.behind) as url:
            if base.startswith("http"):
                assert url == base.format(port=port)
                yield url
            else:
                assert url == f"http://127.0.0.1:{proxy.behind}{path}"
                yield f"http://127.0.0.1:{port}{path}"
        proxy.shutdown()


def picture(seed: int) -> dict[str, object]:
    """An upload."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 40), dtype=np.uint8)).save(stream, "PNG")
    return {"name": f"mine-{seed}.png", "mimeType": "image/png", "buffer": stream.getvalue()}


def upload(page: Page, seed: int) -> None:
    """An image of the visitor's own brings up its neighbours."""
    page.get_by_role("tab", name="Upload").click()
    page.locator("input[type=file]").first.set_input_files(picture(seed))  # type: ignore[arg-type]
    neighbours = page.get_by_role("list", name="neighbours, most similar first").locator(".card")
    expect(neighbours).to_have_count(10, timeout=PATIENCE_MS)


def test_ten_visitors_upload_through_a_proxy(browser: Browser, public: str) -> None:
    """All pages stand open, half of them tabs of one browser, while one after the other uploads; each sees neighbours, and no upload is
    refused on the way.
    """
    refused: list[str] = []
    with contextlib.ExitStack() as opened:
        pages = []
        shared = opened.enter_context(contextlib.closing(browser.new_context()))
        for i in range(VISITORS):
            context = shared if i % 2 else opened.enter_context(contextlib.closing(browser.new_context()))
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("response", lambda response: refused.append(response.url) if response.status >= 400 else None)
            page.goto(f"{public}/search")
            pages.append(page)
        for seed, page in enumerate(pages):
            page.bring_to_front()
            expect(page.get_by_role("list", name="images of the corpus")).to_be_visible(timeout=PATIENCE_MS)
            upload(page, seed)
    assert [url for url in refused if url.startswith(public) and "upload" in url] == []
