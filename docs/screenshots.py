"""Takes the pictures of the demo and of the audit's report: `make screenshots`, or `python docs/screenshots.py ARTEFACT`.

Writes `overview.png`, `map.png`, `search.png`, `false-negatives.png`, `label-groups.png`, `label-pairs.png`, `label-errors.png`,
`runs.png`, `ideas.png`, `audit-report.png`, and `search-before.png` and `search-after.png` (what a hundred answered screens changed, in a
labelled artefact) in `docs/images`, up to 1280 pixels wide, with Debian's chromium. The server is this process' child and ends with it. The
answers that the pictures show are taken back.
Names behind the artefact are those of the only pictures to take: `python docs/screenshots.py ARTEFACT label-groups search-before`.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

import samekind

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb"]
LONGEST_AUDIT_MS = 300_000
LARGEST_BYTES = 800_000
SCREENS, QUERIES, HITS = (10, 20, 50, 100), 50, 10


def main(artefact: str, only: Sequence[str] = ()) -> None:
    """Takes the pictures, or only those with these names."""
    pages = {
        "overview": ("Overview", _overview),
        "map": ("Map", _map),
        "search": ("Search", _search),
        "false-negatives": ("False negatives", _false_negatives),
        "label-groups": ("Same or different?", _label_groups),
        "label-pairs": ("Same or different?", _label_pairs),
        "label-errors": ("Clean up", _label_errors),
        "runs": ("Runs", _runs),
        "ideas": ("Ideas", _ideas),
    }
    with _server(artefact) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER)
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.goto(f"{address}/search")
        page.locator("button.card").first.wait_for(timeout=LONGEST_AUDIT_MS)
        for name, (link, take) in pages.items():
            if not only or name in only:
                page.get_by_test_id("stSidebarNav").get_by_role("link", name=link).click()
                take(page)
        if not only or "audit-report" in only:
            report(browser.new_page(color_scheme="light"), artefact)
        if not only or "search-before" in only:
            before_and_after(browser, artefact)
        browser.close()


def before_and_after(browser: Browser, artefact: str) -> None:
    """One query before and after a hundred screens, answered by the labels in a copy: of fifty fixed queries the one that gains most."""
    with tempfile.TemporaryDirectory() as folder:
        own = shutil.copytree(artefact, Path(folder) / Path(artefact).name)
        index = samekind.Index.open(own)
        queries = index.ids[:: len(index) // QUERIES][:QUERIES]
        before, pool = _hits(index, queries), samekind.ScreenPool(index)
        print(f"hits of {QUERIES} queries: {sum(before) / QUERIES / HITS:.3f} before")  # noqa: T201
        for number in range(1, SCREENS[-1] + 1):
            (screen,) = pool.acquire(samekind.current_answers(own), 1)
            same = [image.id for image in screen.images if image.label == screen.anchor.label]
            samekind.VerdictTable(own).add(screen.verdicts(same))
            if number in SCREENS:
                message = samekind.adapt(own).message
                after = _hits(samekind.Index.open(own), queries)
                print(f"{sum(after) / QUERIES / HITS:.3f} after {number} screens: {message}")  # noqa: T201
        query = max(zip(after, before, queries, strict=True), key=lambda each: each[0] - each[1])[2]
        with _server(str(own)) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 760}, color_scheme="light")
            page.goto(f"{address}/search?id={quote(query)}")
            page.get_by_role("button", name="more like").first.wait_for(timeout=60_000)
            _shoot(page, "search-after.png")
            page.get_by_text("Use people's answers").click()
            page.get_by_text(f"{before[queries.index(query)]} of {HITS} neighbours").wait_for(timeout=60_000)
            _shoot(page, "search-before.png")


def _hits(index: samekind.Index, queries: list[str]) -> list[int]:
    """For each query, how many of its ten hits are of its class."""
    label = dict(zip(index.ids, index.labels or [], strict=True))
    found = index.search(queries, HITS, exclude_self=True)
    assert isinstance(found, list)
    return [sum(hit.label == label[id_] for hit in hits) for id_, hits in zip(queries, found, strict=True)]


def _overview(page: Page) -> None:
    """The whole of the first page."""
    page.get_by_role("list", name="its hardest negatives").wait_for(timeout=LONGEST_AUDIT_MS)
    page.set_viewport_size({"width": 1280, "height": 1500})
    _shoot(page, "overview.png")
    page.set_viewport_size({"width": 1280, "height": 860})


def _map(page: Page) -> None:
    """One image with its lines, some of them to images of its own class."""
    canvas = page.locator("canvas.points[data-milliseconds]")
    canvas.wait_for(timeout=LONGEST_AUDIT_MS)
    canvas.focus()
    canvas.press("Enter")
    page.get_by_role("button", name="Search for this").wait_for(timeout=LONGEST_AUDIT_MS)
    for _ in range(8):
        if page.get_by_text(re.compile(r"hardest negatives, [3-7] of its own")).count():
            break
        for key in ("ArrowRight", "Enter"):
            canvas.press(key)
        page.wait_for_timeout(4000)
    canvas.press("0")
    canvas.evaluate("canvas => canvas.blur()")
    page.wait_for_timeout(2000)
    _shoot(page, "map.png")


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
    """A screen with some images marked and named, and one that was answered below it."""
    page.set_viewport_size({"width": 1280, "height": 1180})
    images = page.get_by_role("group", name="images to compare with the anchor").get_by_role("button")
    images.nth(9).wait_for(timeout=LONGEST_AUDIT_MS)
    page.get_by_label("Your name").fill("Ana")
    page.get_by_role("heading", name="Same or different?").click()
    page.wait_for_timeout(2000)
    answered = page.get_by_role("list", name="last groups, newest first").locator(".card")
    for keys in ("1247", "135"):
        for key in keys:
            page.keyboard.press(key)
        if not answered.count():
            page.keyboard.press("Enter")
            answered.first.wait_for(timeout=60_000)
            page.wait_for_timeout(1500)
    page.keyboard.press("n")
    page.keyboard.type("trousers")
    page.keyboard.press("Enter")
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
        "heading", name="Same or different?"
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
    page.get_by_role("list", name="the image", exact=True).nth(3).wait_for(timeout=LONGEST_AUDIT_MS)
    _shoot(page, "label-errors.png")


def _runs(page: Page) -> None:
    """One photo and views of it under every policy."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("radio", name="Augmented views").click()
    page.get_by_role("list", name="the image").wait_for(timeout=LONGEST_AUDIT_MS)
    page.locator("[data-testid=stHtml] img").first.wait_for(timeout=LONGEST_AUDIT_MS)
    _shoot(page, "runs.png")


def _ideas(page: Page) -> None:
    """InfoNCE as picking one among many, with images of the corpus."""
    page.set_viewport_size({"width": 1280, "height": 1180})
    page.get_by_role("radio", name="2 InfoNCE").click()
    page.locator(".js-plotly-plot, img").first.wait_for(timeout=LONGEST_AUDIT_MS)
    _shoot(page, "ideas.png")


def _shoot(page: Page, name: str) -> None:
    page.get_by_text("Adapting the search to the answers").wait_for(state="detached", timeout=LONGEST_AUDIT_MS)
    page.wait_for_timeout(2500)  # pictures and charts fade in
    page.get_by_test_id("stStatusWidget").wait_for(state="detached", timeout=LONGEST_AUDIT_MS)
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
    if len(sys.argv) < 2 or not (Path(sys.argv[1]) / "manifest.json").is_file():
        given = f"{sys.argv[1]} is no folder with an index" if len(sys.argv) > 1 else "no artefact is given"
        sys.stderr.write(f"error: {given}\n")
        sys.stderr.write(
            "hint: samekind quickstart path/to/photos --no-demo --out artifacts/clothes, with photos in a folder a class; "
            "make screenshots ARTEFACT=FOLDER takes another\n"
        )
        sys.exit(2)
    main(sys.argv[1], sys.argv[2:])
