"""The page *Ideas* in Chromium: in both languages, on a screen and on a phone, without anything from elsewhere."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from playwright.sync_api import Page, expect

from samekind.app.view_models.ideas.texts import SECTIONS, Words

pytestmark = pytest.mark.browser

# The width of a text in a font that lacks its letters is that of as many boxes: two different syllables are then equally drawn.
DRAWS_HANGUL = """() => {
  const pixels = (text) => {
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d");
    pen.font = `32px ${getComputedStyle(document.querySelector("h1")).fontFamily}`;
    pen.fillText(text, 4, 40);
    return canvas.toDataURL();
  };
  return pixels("가") !== pixels("힣");
}"""


def test_every_idea_fits_and_works_in_korean(page: Page, address: str) -> None:
    """On a phone nothing sticks out; each idea is reached by the button, and the address keeps the language."""
    words = Words("ko")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/ideas?lang=ko")
    for number, section in enumerate(SECTIONS):
        expect(page.get_by_role("heading", name=words(f"{section}.title"), exact=True)).to_be_visible()
        expect(
            page.get_by_text(words("page.asked")).first
        ).to_be_visible()  # that of the idea before may be there still
        wide = page.evaluate(
            "(() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth })()"
        )
        assert wide <= 0, section
        if number + 1 < len(SECTIONS):
            onward = page.get_by_role("button", name=words("page.next"))
            expect(onward).to_have_count(1)  # while a page is drawn anew, the one before may stand beside it
            onward.click()
    assert "lang=ko" in page.url
    assert f"idea={SECTIONS[-1]}" in page.url
    page.go_back()
    expect(page.get_by_role("heading", name=words(f"{SECTIONS[-2]}.title"), exact=True)).to_be_visible()


def test_a_slider_moves_the_figure(page: Page, address: str) -> None:
    """Pictures are there, and one key on a slider changes sentence and bars."""
    page.goto(f"{address}/ideas?idea=picking")
    bars = page.get_by_role("list", name=Words("en")("picking.bars")).get_by_role("listitem")
    expect(bars).to_have_count(8)
    assert page.evaluate("[...document.querySelectorAll('li img')].every((image) => image.naturalWidth > 0)")
    expect(page.get_by_text("log N = 4.16")).to_be_visible()
    page.get_by_role("slider", name="Candidates N").press("ArrowRight")
    expect(page.get_by_text("log N = 4.85")).to_be_visible()
    page.goto(f"{address}/ideas?idea=patches")
    picture = page.get_by_alt_text("predicted: t + k")
    expect(picture).to_be_visible()
    before = picture.get_attribute("src")
    page.get_by_role("slider", name="Step k").press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before or "")


def test_hangul_is_drawn(page: Page, address: str) -> None:
    """Two syllables look different, where the machine has a font with Hangul at all."""
    found = (
        subprocess.run(["fc-list", ":lang=ko"], capture_output=True, text=True, check=False)
        if shutil.which("fc-list")
        else None
    )
    if found is None or not found.stdout.strip():
        pytest.skip("no font with Hangul here: apt install fonts-nanum")
    page.goto(f"{address}/ideas?lang=ko")
    expect(page.get_by_role("heading", name=Words("ko")("nce.title"))).to_be_visible()
    assert page.evaluate(DRAWS_HANGUL)
