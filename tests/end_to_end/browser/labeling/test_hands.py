"""What hands meet in a real browser: a click on the heat map, the keyboard after a pick, Escape, and answers in reach on a phone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import samekind as sk
from tests.end_to_end.browser.demo import demo
from tests.end_to_end.browser.labeling.test_label_pairs import label_pairs_page

pytestmark = pytest.mark.browser

FOCUSED = "() => { let a = document.activeElement; while (a?.shadowRoot) a = a.shadowRoot.activeElement; return a?.className ?? ''; }"
CELL = """plot => {
  const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
  return [box.x + xaxis._offset + xaxis.c2p(xaxis.d2c("1")), box.y + yaxis._offset + yaxis.c2p(yaxis.d2c("8"))];
}"""


def test_a_click_on_the_heat_map_shows_the_pair_of_classes(page: Page, address: str) -> None:
    """Anchors of the row's class, with negatives of the column's marked."""
    page.goto(f"{address}/false-negatives")
    plot = page.locator(".st-key-by_class .js-plotly-plot")
    expect(plot).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    page.mouse.move(*plot.evaluate(CELL))
    page.mouse.click(*plot.evaluate(CELL))
    expect(page.get_by_role("combobox", name="Anchor's class")).to_have_count(1)
    expect(page.get_by_role("list", name="the anchor", exact=True).locator(".heading")).to_have_text("8")
    negatives = page.get_by_role("list", name="hardest negatives, most similar first")
    marked = negatives.locator(".card", has_text="of the pair")
    assert marked.count() > 0
    assert all(text.endswith(". 1") for text in marked.locator(".heading").all_text_contents())


def test_the_keyboard_stays_at_what_was_picked(page: Page, address: str) -> None:
    """After Enter on an image of the grid the focus is on that image, and not at the top of the page."""
    page.goto(f"{address}/search")
    card = page.locator("button.card").nth(5)
    card.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Neighbours").last).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    page.wait_for_function(
        f"() => ({FOCUSED})() === 'card chosen'", timeout=10_000
    )  # the page is drawn a moment after it has run


def test_escape_gives_the_keys_back(page: Page, artefact: Path, tmp_path: Path) -> None:
    """After a switch and after a field 1 to 5 answer again, once Escape was pressed."""
    own = shutil.copytree(artefact, tmp_path / "own")
    with demo(own, tmp_path / "log") as address:
        label_pairs_page(page, address)
        history = page.get_by_role("list", name="last answers, newest first").locator(".card")
        for count, leave in enumerate(("Show labels and figures", "Why (optional)"), start=1):
            expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
            page.get_by_text(leave).click()
            expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
            page.keyboard.press("Escape")
            page.keyboard.press("2")
            expect(history).to_have_count(count)
        page.close()  # before its server is gone
    assert {verdict.verdict for verdict in sk.VerdictTable(own).all()} == {"different"}


def test_on_a_phone_the_answers_are_on_the_screen(page: Page, address: str) -> None:
    """All five, without scrolling, in one row; the ways to choose an anchor are whole, too."""
    page.set_viewport_size({"width": 390, "height": 844})
    label_pairs_page(page, address)
    boxes = [page.get_by_role("button", name=name).bounding_box() for name in ("Same kind", "Unsure", "Duplicate")]
    assert all(box is not None and box["y"] + box["height"] <= 844 and box["x"] + box["width"] <= 390 for box in boxes)
    assert len({round(box["y"]) for box in boxes if box is not None}) == 1
    page.goto(f"{address}/false-negatives")
    box = page.get_by_role("radio", name="By pair of classes").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
