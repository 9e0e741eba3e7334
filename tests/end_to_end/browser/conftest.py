"""Headless Chromium, a visitor whom nothing may go wrong for, and the demo on a small real artefact."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.app.artefacts import build
from tests.end_to_end.browser.demo import demo

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 60_000  # the machine may be busy
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
ENDPOINTS = re.compile(r"/[a-z-]+/_stcore/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("no chromium on the path: apt-get install chromium chromium-driver")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh visitor; whatever goes wrong behind the page fails the test."""
    wrong: list[str] = []
    visitor = browser.new_page(viewport={"width": 1280, "height": 900})
    visitor.set_default_timeout(PATIENCE_MS)
    visitor.on(
        "console",
        lambda message: wrong.append(f"{message.text} {message.location['url']}") if _is_wrong(message) else None,
    )
    visitor.on("pageerror", lambda error: wrong.append(str(error)))
    visitor.on("request", lambda request: None if _is_local(request.url) else wrong.append(f"asked for {request.url}"))
    yield visitor
    visitor.close()
    assert not wrong


def _is_wrong(message: ConsoleMessage) -> bool:
    """Streamlit, opened at a page's own address, first asks for its endpoints below that page, and then at the root."""
    return message.type == "error" and not ENDPOINTS.search(message.location["url"])


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled corpus, trained and indexed."""
    return build(tmp_path_factory.mktemp("browser") / "digits")


@pytest.fixture(scope="session")
def address(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo on the labelled corpus."""
    with demo(artefact, tmp_path_factory.mktemp("server") / "log") as url:
        yield url
