"""Labeling pairs by key and by button in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import samekind as sk
from tests.end_to_end.browser.demo import demo

pytestmark = pytest.mark.browser


def label_pairs_page(page: Page, address: str) -> Locator:
    """Opens the mode *Pairs* of the page *Same or different?*; returns the picture of the anchor, which changes with the pair."""
    page.goto(f"{address}/same-or-different")
    page.get_by_role("radio", name="Pairs").click()
    anchor = page.get_by_role("list", name="the anchor", exact=True).locator("img")
    expect(anchor).to_be_visible()
    expect(page.get_by_role("button", name="Duplicate")).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)  # keys are bound while a page is drawn
    return anchor


def _frame_of_the_page(page: Page) -> str:
    """What is drawn around the scrolled area once it has the focus and a key was pressed: then browsers show the focus."""
    page.get_by_test_id("stMain").focus()
    page.keyboard.press("Shift")
    script = "main => [main.matches(':focus-visible'), getComputedStyle(main, '::before').boxShadow]"
    focused, shadow = page.get_by_test_id("stMain").evaluate(script)
    assert focused
    return str(shadow)


def test_a_wrong_label_is_named_by_key(page: Page, artefact: Path, tmp_path: Path) -> None:
    """4 shows both labels and asks whose is wrong; N says the negative's, whose image becomes the verdict's anchor; U takes it back."""
    own = shutil.copytree(artefact, tmp_path / "own")
    table, index = sk.VerdictTable(own), sk.Index.open(own)
    id_of = dict(zip(index.rows.column("sha256"), index.ids, strict=True))
    with demo(own, tmp_path / "log") as address:
        label_pairs_page(page, address)
        page.get_by_role("heading", name="Same or different?").click()
        page.keyboard.press("4")
        expect(page.get_by_role("button", name="Anchor mislabelled")).to_be_visible()
        expect(page.get_by_role("button", name="Wrong label")).to_have_count(0)
        negative = page.get_by_role("list", name="the negative", exact=True).locator(".line").nth(1)
        shown = negative.get_attribute("title")
        assert negative.text_content() == shown, "the id, whole"
        assert negative.locator("wbr").count() == (shown or "").count("/") + (shown or "").count("_")
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(
            0
        )  # drawn to the end: keys are bound while a page is drawn
        page.keyboard.press("n")
        history = page.get_by_role("list", name="last answers, newest first").locator(".card")
        expect(history).to_contain_text("(wrong)")
        (verdict,) = table.all()
        assert (verdict.verdict, id_of[verdict.anchor_sha256]) == ("wrong_label", shown)
        page.keyboard.press("u")
        expect(history).to_have_count(0)
        page.close()  # before its server is gone
    assert table.current() == {}


def test_pairs_are_labelled_by_key_and_by_button(page: Page, browser: Browser, artefact: Path, tmp_path: Path) -> None:
    """Key and button answer, U takes back, a key typed into the note is text; a reload and a second tab lose nothing."""
    own = shutil.copytree(artefact, tmp_path / "own")
    table = sk.VerdictTable(own)
    with demo(own, tmp_path / "log") as address:
        anchor = label_pairs_page(page, address)
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
        page.get_by_role("radio", name="Pairs").click()
        expect(anchor).to_be_visible()
        expect(history).to_have_count(2)
        history.first.get_by_role("button", name="Undo").click()
        expect(history).to_have_count(1)
        other = browser.new_page()
        label_pairs_page(other, address)
        histories = [
            tab.get_by_role("list", name="last answers, newest first").locator(".card") for tab in (page, other)
        ]
        expect(histories[1]).to_have_count(1)
        for answered in (2, 4, 6):
            for place, tab in enumerate((page, other)):
                tab.keyboard.press("2")
                expect(histories[place]).to_have_count(answered + place)
        other.close()
        page.close()  # before its server is gone
    assert sorted(v.verdict for v in table.current().values()) == ["different"] * 6 + ["same"]
