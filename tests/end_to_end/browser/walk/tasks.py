"""Six tasks of a visitor, each done with as few clicks and keys as there are, which the helper that clicks counts.

Each begins where the demo opens, at its root, and ends with what was wanted in sight or on the disk. Marks on a screen would be a key more
each: none is set, because how many are the same differs from screen to screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

PATIENCE_MS = 120_000


class Count(NamedTuple):
    """What a task took."""

    clicks: int
    keys: int


class Hand:
    """Clicks and presses keys on a page, and counts both. A choice in a file dialog is part of the click that opens it."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks, self.keys = page, 0, 0

    def click(self, what: Locator) -> None:
        """One click."""
        self.clicks += 1
        what.click()

    def press(self, key: str) -> None:
        """One key."""
        self.keys += 1
        self.page.keyboard.press(key)

    def upload(self, what: Locator, picture: bytes) -> None:
        """One click on a button that opens a file dialog, and the choice of a picture there."""
        with self.page.expect_file_chooser() as chooser:
            self.click(what)
        chooser.value.set_files(FilePayload(name="mine.png", mimeType="image/png", buffer=picture))

    def download(self, what: Locator) -> None:
        """One click on a button that hands over a file."""
        with self.page.expect_download():
            self.click(what)

    def go(self, title: str) -> None:
        """One click on a page's name in the sidebar."""
        self.click(self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title))
        expect(self.page.get_by_role("heading", name=title, level=1)).to_be_visible()


def own_photo(hand: Hand, picture: bytes) -> None:
    """A photo of one's own and its ten neighbours."""
    page = hand.page
    hand.upload(page.get_by_test_id("stFileUploader").locator("button"), picture)
    expect(_neighbours(page)).to_have_count(10)


def how_many_and_where(hand: Hand, picture: bytes) -> None:
    """How many negatives are false, and between which classes."""
    expect(hand.page.get_by_text("as frequent as by chance")).to_be_visible()
    hand.go("False negatives")
    expect(hand.page.locator(".js-plotly-plot .heatmaplayer").first).to_be_attached()


def twenty_answers(hand: Hand, picture: bytes) -> None:
    """Twenty pairs answered, two screens of ten."""
    page = hand.page
    hand.go("Same or different?")
    images = page.get_by_role("group", name="images to compare").get_by_role("button")
    for answered in (10, 20):
        expect(images).to_have_count(10)
        page.wait_for_timeout(1000)  # a key that comes sooner was meant for the screen before
        shown = images.first.locator("img").get_attribute("src") or ""
        hand.press("Enter")
        expect(page.get_by_text(re.compile(rf"^{answered} pairs answered"))).to_be_visible()
        expect(images.first.locator("img")).not_to_have_attribute("src", shown)


def lists_exported(hand: Hand, picture: bytes) -> None:
    """Label errors and duplicates as CSV files."""
    page = hand.page
    hand.go("Clean up")
    hand.download(page.locator(".st-key-download-label-suspects-csv button"))
    hand.click(page.get_by_role("radio", name="Duplicates"))
    hand.download(page.locator(".st-key-download-duplicates-csv button"))


def link_to_an_image(hand: Hand, picture: bytes) -> None:
    """The address of the search for one image, copied."""
    page = hand.page
    hand.go("Search")
    hand.click(page.locator("button.card").first)
    expect(_neighbours(page)).to_have_count(10)
    hand.click(page.get_by_role("button", name="Copy link"))
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()


def which_run(hand: Hand, picture: bytes) -> None:
    """What made the index: encoder, objective, treatment, steps, seed, date."""
    hand.click(hand.page.get_by_role("button", name="This run"))
    expect(hand.page.get_by_test_id("stCode")).to_contain_text("encoder")


TASKS: dict[str, Callable[[Hand, bytes], None]] = {
    "own photo": own_photo,
    "how many, and where": how_many_and_where,
    "twenty answers": twenty_answers,
    "lists exported": lists_exported,
    "link to an image": link_to_an_image,
    "which run is this": which_run,
}


def count(browser: Browser, address: str, picture: bytes) -> dict[str, Count]:
    """Does all six, each as a new visitor of a demo on a labelled corpus."""
    counted = {}
    expect.set_options(timeout=PATIENCE_MS)  # a busy machine takes its time
    for name, task in TASKS.items():
        page = browser.new_page(viewport={"width": 1440, "height": 900}, permissions=["clipboard-write"])
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        hand = Hand(page)
        task(hand, picture)
        counted[name] = Count(hand.clicks, hand.keys)
        page.context.close()
    return counted


def _neighbours(page: Page) -> Locator:
    return page.get_by_role("list", name="neighbours, most similar first").locator(".card")
