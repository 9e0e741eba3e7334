"""Headless Chromium, a visitor whom nothing may go wrong for, and the demo on a small real artefact."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.app.artefacts import build
from tests.end_to_end.browser.demo import demo
from tests.end_to_end.browser.watch import FLAGS, watch

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 60_000  # the machine may be busy


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
    watch(visitor, wrong)
    yield visitor
    visitor.close()
    assert not wrong


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled corpus, trained and indexed."""
    return build(tmp_path_factory.mktemp("browser") / "digits")


@pytest.fixture(scope="session")
def address(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo on the labelled corpus."""
    with demo(artefact, tmp_path_factory.mktemp("server") / "log") as url:
        yield url
