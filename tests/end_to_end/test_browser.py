"""The demo as a person meets it: `samekind demo` on a small real artefact, in headless Chromium.

Every page must load without an error in the browser's console and without asking any other machine for anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

import samekind as sk
from tests.app.artefacts import build

pytestmark = pytest.mark.browser

ROOT = Path(sk.__file__).parents[1]
CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 30_000  # the machine may be busy
FIRST_PAGE_SECONDS = 5.0
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture(scope="module")
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
    return message.type == "error" and not re.search(r"/(confirm|lists)/_stcore/", message.location["url"])


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"


@contextlib.contextmanager
def demo(artefact: Path, log: Path) -> Iterator[str]:
    """Runs `samekind demo`; its log must stay free of tracebacks and of warnings of deprecation."""
    command = [sys.executable, "-m", "samekind", "demo", str(artefact), "--port", "8650", "--json"]
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


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled corpus, trained and indexed."""
    return build(tmp_path_factory.mktemp("browser") / "digits")


@pytest.fixture(scope="module")
def address(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo on the labelled corpus."""
    with demo(artefact, tmp_path_factory.mktemp("server") / "log") as url:
        yield url


def search_page(page: Page, address: str) -> None:
    """Opens the first page and waits for its pictures."""
    page.goto(address)
    expect(page.locator("button.card img").first).to_be_visible()


def test_the_next_page_is_chosen_before_the_first_is_there(page: Page, artefact: Path, tmp_path: Path) -> None:
    """On a server that has just started, a click while the first page still loads leads to a page that works."""
    with demo(artefact, tmp_path / "log") as address:
        page.goto(address)
        page.get_by_role("link", name="False negatives").click()
        expect(page.get_by_text("FALSE NEGATIVE").first).to_be_visible()
        page.close()  # before its server is gone


def test_the_first_page_is_there_soon(page: Page, address: str) -> None:
    """A visitor of an index that exists sees its images within five seconds."""
    page.goto("about:blank")
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        search_page(page, address)
        seconds.append(time.perf_counter() - started)
    print(f"\nfirst page after {seconds[0]:.1f} s, again after {seconds[1]:.1f} s")  # noqa: T201
    assert min(seconds) < FIRST_PAGE_SECONDS


def test_an_upload_finds_its_neighbours(page: Page, address: str, artefact: Path, tmp_path: Path) -> None:
    """An image of the corpus, uploaded as a file, brings up ten neighbours; itself too, and first, when it is not left out."""
    index = sk.Index.open(artefact)
    id_ = index.ids[11]
    file = tmp_path / "mine.png"
    file.write_bytes(index.thumbnail(id_))
    search_page(page, address)
    page.get_by_role("tab", name="Upload").click()
    page.locator("input[type=file]").set_input_files(file)
    neighbours = page.get_by_role("list", name="neighbours, most similar first").locator(".card")
    expect(neighbours).to_have_count(10)
    page.get_by_text("Leave out the query itself").click()
    expect(neighbours.first).to_have_attribute("data-id", id_)
    expect(neighbours.first).to_contain_text("similarity 1.000")


def test_a_broken_upload_is_one_line(page: Page, address: str, tmp_path: Path) -> None:
    """A file that is no image is refused in words, and the grid is still there."""
    file = tmp_path / "notes.png"
    file.write_text("not an image")
    search_page(page, address)
    page.get_by_role("tab", name="Upload").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    expect(page.get_by_test_id("stAlert")).to_contain_text("notes.png")


def test_picking_more_like_this_and_coming_back(page: Page, address: str) -> None:
    """A card is picked with the keyboard, "more like this" makes a neighbour the query, and the query survives the other page."""
    search_page(page, address)
    page.locator("button.card").nth(3).focus()
    page.keyboard.press("Enter")
    query = page.get_by_role("list", name="the query", exact=True).locator(".card")
    neighbours = page.get_by_role("list", name="neighbours, most similar first").locator(".card")
    expect(neighbours).to_have_count(10)
    expect(neighbours.filter(has_text="same class").first).to_have_class(re.compile(r"\bsame\b"))
    wanted = neighbours.nth(1).get_attribute("data-id")
    assert wanted is not None
    neighbours.nth(1).get_by_role("button").click()
    expect(query).to_contain_text(wanted)
    page.get_by_role("link", name="False negatives").click()
    expect(page.get_by_role("heading", name="An anchor and its hardest negatives")).to_be_visible()
    page.get_by_role("link", name="Search").click()
    expect(query).to_contain_text(wanted)


def test_false_negatives_are_marked_and_drawn(page: Page, address: str) -> None:
    """The page shows the anchor's false negatives by colour and in words, and the five charts."""
    search_page(page, address)
    page.get_by_role("link", name="False negatives").click()
    negatives = page.get_by_role("list", name="hardest negatives, most similar first").locator(".card")
    expect(negatives).to_have_count(10)
    false = negatives.filter(has_text="FALSE NEGATIVE")
    expect(false.first).to_have_class(re.compile(r"\bfalse\b"))
    expect(false.first).to_have_css("border-top-color", "rgb(194, 65, 12)")
    height = false.first.locator(".badge").evaluate("badge => badge.offsetHeight")
    assert height < 24, "the mark is one line"
    expect(page.locator(".js-plotly-plot")).to_have_count(5)
    shown = negatives.first.get_attribute("data-id")
    page.get_by_role("button", name="Next").click()
    expect(negatives.first).not_to_have_attribute("data-id", shown or "")


def test_duplicates_have_a_page_with_pictures_and_a_file(page: Page, address: str) -> None:
    """The list of wrong labels is drawn, that of duplicates shows the exact copy, and it can be downloaded."""
    search_page(page, address)
    page.get_by_role("link", name="Wrong labels & duplicates").click()
    expect(page.get_by_text("Each image's neighbours vote on its class")).to_be_visible()
    page.get_by_role("radio", name="Duplicates").click()
    expect(page.get_by_role("list", name="a pair").locator(".card").first).to_contain_text("exact copy")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert download.value.path().read_text().startswith("a,b,kind,score,similarity")


def test_an_unlabelled_corpus_is_browsed_as_well(page: Page, tmp_path: Path) -> None:
    """Without labels the search works, and the other page says what it cannot know beside the hardest negatives."""
    unlabelled = build(tmp_path / "unlabelled", labelled=False)
    with demo(unlabelled, tmp_path / "log") as address:
        search_page(page, address)
        page.locator("button.card").first.click()
        neighbours = page.get_by_role("list", name="neighbours, most similar first").locator(".card")
        expect(neighbours).to_have_count(10)
        assert page.get_by_text("same class").count() == 0
        page.get_by_role("link", name="False negatives").click()
        expect(page.get_by_text("This corpus has no labels")).to_be_visible()
        negatives = page.get_by_role("list", name="hardest negatives, most similar first").locator(".card")
        expect(negatives.filter(has_text="class unknown")).to_have_count(10)
        page.close()  # before its server is gone


def confirm_page(page: Page, address: str) -> Locator:
    """Opens the page *Confirm*; returns the picture of the anchor, which changes with the question."""
    page.goto(f"{address}/confirm")
    anchor = page.get_by_role("list", name="the anchor", exact=True).locator("img")
    expect(anchor).to_be_visible()
    return anchor


def _frame_of_the_page(page: Page) -> str:
    """What is drawn around the scrolled area once it has the focus and a key was pressed: then browsers show the focus."""
    page.get_by_test_id("stMain").focus()
    page.keyboard.press("Shift")
    script = "main => [main.matches(':focus-visible'), getComputedStyle(main, '::before').boxShadow]"
    focused, shadow = page.get_by_test_id("stMain").evaluate(script)
    assert focused
    return str(shadow)


def test_a_wrong_label_is_told_by_key(page: Page, artefact: Path, tmp_path: Path) -> None:
    """4 shows both labels and asks whose is wrong; N says the negative's, whose image becomes the verdict's anchor; U takes it back."""
    own = shutil.copytree(artefact, tmp_path / "own")
    table, index = sk.VerdictTable(own), sk.Index.open(own)
    id_of = dict(zip(index.rows.column("sha256"), index.ids, strict=True))
    with demo(own, tmp_path / "log") as address:
        confirm_page(page, address)
        page.get_by_role("heading", name="Confirm").click()
        page.keyboard.press("4")
        expect(page.get_by_role("button", name="Anchor mislabelled")).to_be_visible()
        expect(page.get_by_role("button", name="Wrong label")).to_have_count(0)
        negative = page.get_by_role("list", name="the negative", exact=True).locator(".line").nth(1)
        shown = negative.get_attribute("title")
        assert negative.text_content() == shown, "the id, whole"
        assert negative.locator("wbr").count() == (shown or "").count("/") + (shown or "").count("_")
        page.keyboard.press("n")
        history = page.get_by_role("list", name="last answers, newest first").locator(".card")
        expect(history).to_contain_text("(wrong)")
        (said,) = table.all()
        assert (said.verdict, id_of[said.anchor_sha256]) == ("wrong_label", shown)
        page.keyboard.press("u")
        expect(history).to_have_count(0)
        page.close()  # before its server is gone
    assert table.current() == {}


def test_pairs_are_confirmed_by_key_and_by_button(page: Page, browser: Browser, artefact: Path, tmp_path: Path) -> None:
    """Key and button answer, U takes back, a key typed into the note is text; a reload and a second tab lose nothing."""
    own = shutil.copytree(artefact, tmp_path / "own")
    table = sk.VerdictTable(own)
    with demo(own, tmp_path / "log") as address:
        anchor = confirm_page(page, address)
        history = page.get_by_role("list", name="last answers, newest first").locator(".card")
        note = page.get_by_label("Why (optional)")
        note.fill("size 12")
        note.press("Tab")
        page.keyboard.press("1")
        expect(history).to_have_count(1)
        expect(history.first).to_contain_text("Same kind")
        expect(history.first).to_contain_text("size 12")
        page.get_by_role("button", name="Different").click()
        expect(history).to_have_count(2)
        assert _frame_of_the_page(page) == "none", "a click beside the buttons frames nothing"
        page.keyboard.press("u")
        expect(history).to_have_count(1)
        assert [v.verdict for v in table.all()] == ["same", "different", "withdrawn"]
        page.keyboard.press("3")
        expect(history).to_have_count(2)
        page.reload()
        expect(anchor).to_be_visible()
        expect(history).to_have_count(2)
        history.first.get_by_role("button", name="Undo").click()
        expect(history).to_have_count(1)
        other = browser.new_page()
        confirm_page(other, address)
        said = [tab.get_by_role("list", name="last answers, newest first").locator(".card") for tab in (page, other)]
        expect(said[1]).to_have_count(1)
        for answered in (2, 4, 6):
            for place, tab in enumerate((page, other)):
                tab.keyboard.press("2")
                expect(said[place]).to_have_count(answered + place)
        other.close()
        page.close()  # before its server is gone
    assert sorted(v.verdict for v in table.current().values()) == ["different"] * 6 + ["same"]
