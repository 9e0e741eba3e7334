"""The first page, runs and basket, as a newcomer meets them in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import samekind as sk
from tests.end_to_end.browser.demo import demo

pytestmark = pytest.mark.browser

WIDTHS = ((1440, 900), (390, 844))


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_newcomer_sees_what_a_false_negative_is(page: Page, address: str, size: tuple[int, int], scheme: str) -> None:
    """Sentence, three steps, ten negatives with marks, and tiles; nothing stands over the edge; a tile leads on, and Back leads back."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(address)
    negatives = page.get_by_role("list", name="its hardest negatives, most similar first").locator(".card")
    expect(negatives).to_have_count(10)
    expect(negatives.filter(has_text="FALSE NEGATIVE").first).to_have_class(re.compile(r"\bfalse\b"))
    expect(page.get_by_text("The nearest other image")).to_be_visible()
    for step, count in (("1. One", 2), ("2. All", 3), ("3. Some", 3)):
        expect(page.get_by_role("list", name=step).locator(".card")).to_have_count(count)
    over = page.evaluate(
        "(() => { const m = document.querySelector('.stMain'); return m.scrollWidth - m.clientWidth; })()"
    )
    assert over <= 0
    page.get_by_test_id("stMain").get_by_role("link", name="Clean up").click()
    expect(page.get_by_role("heading", name="Clean up")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_another_run_is_looked_at_and_the_address_says_so(page: Page, artefact: Path, tmp_path: Path) -> None:
    """By the sidebar; on every page that the navigation leads to; and Back leads to the run before. Its facts can be copied."""
    for place, name in enumerate(("one", "two"), start=1):
        shutil.copytree(artefact, tmp_path / "runs" / name)
        os.utime(tmp_path / "runs" / name / "manifest.json", (place, place))
    with demo(tmp_path / "runs", tmp_path / "log") as address:
        page.goto(f"{address}/search")
        expect(page.get_by_text("two: 376 images")).to_be_visible()
        page.get_by_role("combobox", name="Run").click()
        page.get_by_role("option", name="one").click()
        expect(page.get_by_text("one: 376 images")).to_be_visible()
        expect(page).to_have_url(f"{address}/search?run=one")
        page.get_by_role("link", name="False negatives").click()
        expect(page).to_have_url(f"{address}/false-negatives?run=one")
        page.get_by_role("button", name="This run").click()
        expect(page.get_by_test_id("stCode")).to_contain_text("run: one")
        page.goto(f"{address}/search?run=one&id=train%2F00005")
        expect(page.get_by_role("list", name="the query", exact=True)).to_contain_text("train/00005")
        expect(page.get_by_text("one: 376 images")).to_be_visible()
        page.close()  # before its server is gone


def test_images_are_put_aside_by_keys_and_taken_along(page: Page, address: str, artefact: Path, tmp_path: Path) -> None:
    """The button at a card's corner keeps the focus and says what it does; the basket is the same on another page; a ZIP holds it."""
    index = sk.Index.open(artefact)
    page.goto(f"{address}/search?id={index.ids[5]}")
    neighbours = page.get_by_role("list", name="neighbours, most similar first")
    expect(neighbours.locator(".card")).to_have_count(10)
    button = neighbours.get_by_role("button", name="in the basket").nth(2)
    wanted = neighbours.locator(".card").nth(2).get_attribute("data-id")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Basket (1)")).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(
        "() => { let a = document.activeElement; while (a?.shadowRoot) a = a.shadowRoot.activeElement; return a?.className === 'basket'; }"
    )
    page.get_by_role("link", name="Clean up").click()
    expect(page.get_by_role("heading", name="Clean up")).to_be_visible()
    page.get_by_role("button", name="Basket (1)").click()
    expect(page.get_by_role("list", name="in the basket").locator(".card")).to_have_attribute("data-id", wanted or "")
    with page.expect_download() as download:
        page.get_by_role("button", name="ZIP").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 2
        assert (wanted or "").encode() in archive.read("list.csv")
    page.get_by_role("button", name="Empty the basket").click()
    expect(page.get_by_role("button", name="Basket (0)")).to_be_visible()
