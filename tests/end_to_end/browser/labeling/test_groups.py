"""Answering screens by clicks and by keys in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import samekind as sk
from tests.end_to_end.browser.demo import demo

pytestmark = pytest.mark.browser


def images_of(page: Page) -> Locator:
    """The images beside the anchor, which are switches."""
    return page.get_by_role("group", name="images to compare with the anchor").get_by_role("button")


def marked(page: Page) -> list[int]:
    """The places that are marked as the same."""
    pressed = [each.get_attribute("aria-pressed") for each in images_of(page).all()]
    return [place for place, value in enumerate(pressed, start=1) if value == "true"]


def wait_for_next(page: Page, answered: int) -> None:
    """Waits until the list below has that many groups, and a new screen is there and heeds Enter."""
    expect(page.get_by_role("list", name="last groups, newest first").locator(".card")).to_have_count(answered)
    wait_until_drawn(page)


def wait_until_drawn(page: Page) -> None:
    """Waits until the page runs no more: faster than any hand, the test would answer a screen that is still being drawn, or drawn anew."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_timeout(500)


def places_stored(table: sk.VerdictTable, screen: sk.Screen) -> list[int]:
    """The places that were stored as the same; all others as different, pair by pair, in the order shown."""
    verdicts = [v for v in table.current().values() if v.screen == screen.id]
    assert {v.verdict for v in verdicts} <= {"same", "different"}
    assert {v.anchor_sha256 for v in verdicts} == {screen.anchor.sha256}
    assert [v.negative_sha256 for v in verdicts] == [image.sha256 for image in screen.images]
    return [place for place, v in enumerate(verdicts, start=1) if v.verdict == "same"]


def num_columns(images: Locator) -> int:
    """Images in the first row."""
    heights = [each.evaluate("image => image.offsetTop") for each in images.all()]
    return heights.count(heights[0])


def test_screens_are_answered_by_clicks_and_by_keys(page: Page, artefact: Path, tmp_path: Path) -> None:
    """Clicks and the button; digits, arrows, space and Enter: what is stored is what was marked."""
    own = shutil.copytree(artefact, tmp_path / "own")
    table, index = sk.VerdictTable(own), sk.Index.open(own)
    with demo(own, tmp_path / "log") as address:
        page.goto(f"{address}/same-or-different")
        images = images_of(page)
        expect(images).to_have_count(10)
        wait_until_drawn(page)
        assert marked(page) == []
        (first,) = sk.acquire_screens(index, 1)
        for place in (2, 5, 7, 5):
            images.nth(place - 1).click()
        page.keyboard.press("0")  # the tenth
        assert marked(page) == [2, 7, 10]
        page.get_by_role("button", name="Confirm: 3 same, 7 different", exact=True).click()
        wait_for_next(page, 1)
        assert (places_stored(table, first), marked(page)) == ([2, 7, 10], [])

        (second,) = sk.acquire_screens(index, 1)
        for key in (
            "3",
            "9",
            "ArrowRight",
            "ArrowDown",
            "ArrowRight",
            "Space",
            "3",
        ):  # the first arrow leads to the first image
            page.keyboard.press(key)
        wanted = sorted([9, num_columns(images) + 2])
        assert marked(page) == wanted
        page.evaluate(
            "() => { performance.now = () => 0; }"
        )  # as if the screen had just come: a press was meant for the one before
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Confirm").click()
        page.wait_for_timeout(1000)
        assert len(table.all()) == 10
        page.evaluate("() => { delete performance.now; }")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")  # the same screen is not answered twice
        wait_for_next(page, 2)
        assert (places_stored(table, second), len(table.all())) == (wanted, 20)
        page.close()  # before its server is gone


def test_a_screen_is_skipped_answered_as_a_whole_and_taken_back(page: Page, artefact: Path, tmp_path: Path) -> None:
    """S, A and U; what is typed into a field is the field's own."""
    own = shutil.copytree(artefact, tmp_path / "own")
    table = sk.VerdictTable(own)
    (skipped,) = sk.acquire_screens(sk.Index.open(own), 1)
    with demo(own, tmp_path / "log") as address:
        page.goto(f"{address}/same-or-different")
        expect(images_of(page)).to_have_count(10)
        picture = images_of(page).first.locator("img")
        before = picture.get_attribute("src") or ""
        page.keyboard.press("s")
        expect(picture).not_to_have_attribute("src", before)
        page.wait_for_timeout(500)
        page.keyboard.press("Enter")
        wait_for_next(page, 1)
        page.keyboard.press("a")
        wait_for_next(page, 2)
        given = table.all()
        assert [v.verdict for v in given] == ["different"] * 10 + ["same"] * 10
        assert skipped.anchor.sha256 not in {v.anchor_sha256 for v in given}
        page.get_by_text("Undo", exact=True).first.click()
        wait_for_next(page, 1)
        page.keyboard.press("Enter")  # is for the screen, and not for the button that was clicked last
        wait_for_next(page, 2)
        page.keyboard.press("u")
        wait_for_next(page, 1)
        assert ({v.verdict for v in table.current().values()}, marked(page)) == ({"different"}, list(range(1, 11)))
        name = page.get_by_label("Your name")
        name.fill("")
        name.press_sequentially("a1su")
        name.press("Enter")
        page.wait_for_timeout(1000)
        assert (len(table.all()), marked(page)) == (50, list(range(1, 11)))
        page.close()  # before its server is gone
