"""Takes the pictures of the demo and of the audit's report: `python docs/screenshots.py ARTEFACT`.

Writes `search.png`, `false-negatives.png`, `label-groups.png`, `label-pairs.png`, `label-errors.png` and `audit-report.png` in
`docs/images`, up to 1280 pixels wide, with Debian's chromium. The server is this process' child and ends with it. The answers that the
pictures show are taken back.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

import samekind

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb"]
LONGEST_AUDIT_MS = 300_000
LARGEST_BYTES = 800_000


def main(artefact: str) -> None:
    """Takes the pictures."""
    with _server(artefact) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER)
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.goto(address)
        _search(page)
        page.get_by_role("link", name="False negatives").click()
        _false_negatives(page)
        report(browser.new_page(color_scheme="light"), artefact)
        page.get_by_role("link", name="Label pairs").click()
        _label_groups(page)
        _label_pairs(page)
        page.get_by_role("link", name="Label errors & duplicates").click()
        _label_errors(page)
        browser.close()


def _search(page: Page) -> None:
    """A query that some neighbours share the class of and some do not."""
    cards = page.locator("button.card")
    cards.first.wait_for(timeout=60_000)
    cards.nth(1).click()
    page.get_by_role("button", name="more like").first.wait_for(timeout=60_000)
    _shoot(page, "search.png")


def _false_negatives(page: Page) -> None:
    """A random anchor: some of its hardest negatives are false and some are not."""
    page.get_by_role("list", name="the anchor").wait_for(timeout=LONGEST_AUDIT_MS)
    page.set_viewport_size({"width": 1280, "height": 1980})
    page.get_by_text("Random", exact=True).click()
    negatives = page.get_by_role("list", name="hardest negatives, most similar first").locator(".card")
    while not 3 <= negatives.filter(has_text="FALSE NEGATIVE").count() <= 7:
        page.get_by_role("button", name="Next").click()
        page.wait_for_timeout(1500)
    page.locator(".js-plotly-plot").first.wait_for(timeout=60_000)
    _shoot(page, "false-negatives.png")


def report(page: Page, artefact: str) -> None:
    """The upper part of the page that `samekind audit --html` writes."""
    index = samekind.Index.open(artefact)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "audit.html"
        index.audit().to_html(written, index)
        page.set_viewport_size({"width": 1100, "height": 1990})
        page.goto(written.as_uri())
        _shoot(page, "audit-report.png")


def _label_groups(page: Page) -> None:
    """A screen with some images marked, and one that was answered below it."""
    page.set_viewport_size({"width": 1280, "height": 1480})
    images = page.get_by_role("group", name="images to compare with the anchor").get_by_role("button")
    images.nth(19).wait_for(timeout=60_000)
    page.get_by_label("Your name").fill("Ana")
    page.get_by_role("heading", name="Label pairs").click()
    page.wait_for_timeout(2000)
    answered = page.get_by_role("list", name="last groups, newest first").locator(".card")
    for keys in ("1247", "135"):
        for key in keys:
            page.keyboard.press(key)
        if not answered.count():
            page.keyboard.press("Enter")
            answered.first.wait_for(timeout=60_000)
            page.wait_for_timeout(1500)
    _shoot(page, "label-groups.png")
    page.keyboard.press("u")
    answered.first.wait_for(state="detached", timeout=60_000)


def _label_pairs(page: Page) -> None:
    """A pair, and three answers below it."""
    page.set_viewport_size({"width": 1280, "height": 1080})
    page.get_by_role("radio", name="Pairs").click()
    page.get_by_role("list", name="the anchor", exact=True).wait_for(timeout=LONGEST_AUDIT_MS)
    page.get_by_label("Your name").fill("Ana")
    page.get_by_role(
        "heading", name="Label pairs"
    ).click()  # a key pressed in a field, or on a switch, is the field's own
    page.wait_for_timeout(3000)
    answered = page.get_by_role("list", name="last answers, newest first").locator(".card")
    for place, key in enumerate("111"):
        page.keyboard.press(key)
        answered.nth(place).wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
    _shoot(page, "label-pairs.png")
    for place in (2, 1, 0):
        page.keyboard.press("u")
        answered.nth(place).wait_for(state="detached", timeout=60_000)
        page.wait_for_timeout(1500)


def _label_errors(page: Page) -> None:
    """The first label issues beside their neighbours of the class that is suggested."""
    page.set_viewport_size({"width": 1280, "height": 1080})
    page.get_by_role("list", name="its neighbours").nth(3).wait_for(timeout=LONGEST_AUDIT_MS)
    _shoot(page, "label-errors.png")


def _shoot(page: Page, name: str) -> None:
    page.wait_for_timeout(2500)  # pictures and charts fade in
    path = IMAGES / name
    page.screenshot(path=path)
    assert path.stat().st_size <= LARGEST_BYTES, f"{path} has {path.stat().st_size} bytes"


@contextlib.contextmanager
def _server(artefact: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "main.py"), "--server.port", str(port)]
    options = ["--server.address", "127.0.0.1", "--server.headless", "true", "--", artefact]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as server:
        try:
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


if __name__ == "__main__":
    main(sys.argv[1])
