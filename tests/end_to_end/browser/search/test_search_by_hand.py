"""*Search* beyond one query, by pointer and by keys: what the test harness of Streamlit cannot press."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

import samekind as sk

pytestmark = pytest.mark.browser

FOCUSED = "() => { let a = document.activeElement; while (a?.shadowRoot) a = a.shadowRoot.activeElement; return a?.dataset?.act ?? ''; }"
PASTE = """async (encoded) => {
  const bytes = Uint8Array.from(atob(encoded), (sign) => sign.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: held, bubbles: true }));
}"""


def neighbours(page: Page) -> Locator:
    """Their cards."""
    return page.get_by_role("list", name="neighbours, most similar first").locator(".card")


def opened(page: Page, address: str, id_: str) -> None:
    """The page with a query, drawn."""
    page.goto(f"{address}/search?id={id_}")
    expect(neighbours(page)).to_have_count(10)


def named(page: Page, key: str) -> list[str]:
    """What the address holds."""
    return parse_qs(urlsplit(page.url).query).get(key, [])


def test_more_by_button_less_by_key_and_back(page: Page, address: str, artefact: Path) -> None:
    """The address has both, the keyboard stays at such a button, a part is taken out, and the browser's Back puts it in again."""
    opened(page, address, sk.Index.open(artefact).ids[7])
    more = neighbours(page).nth(1).get_attribute("data-id") or ""
    neighbours(page).nth(1).locator("[data-act=more]").click()
    parts = page.get_by_role("list", name="the query: like and unlike").locator(".card")
    expect(parts).to_have_count(2)
    less = neighbours(page).nth(4).get_attribute("data-id") or ""
    neighbours(page).nth(4).locator(".action").focus()
    page.keyboard.press("l")
    expect(parts).to_have_count(3)
    assert (named(page, "like"), named(page, "unlike")) == ([more], [less])
    page.wait_for_function(f"() => ({FOCUSED})() === 'less'", timeout=10_000)
    parts.nth(1).get_by_role("button").click()
    expect(parts).to_have_count(2)
    assert not named(page, "like")
    page.go_back()
    expect(parts).to_have_count(3)


def test_a_photo_is_taken_on_a_phone(page: Page, address: str) -> None:
    """Camera off, query in sight; the next photo, from the camera under what was found for the first, is another one."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/search")
    for _ in range(2):
        page.get_by_role("tab", name="Upload").click()
        page.get_by_role("button", name="Camera").click()
        page.wait_for_function("() => document.querySelector('video')?.videoWidth > 0")  # before, nothing is taken
        page.get_by_role("button", name="Take photo").click()
        expect(page.locator("video")).to_have_count(0)
        expect(page.get_by_role("button", name="Clear photo")).to_have_count(0)
        expect(page.get_by_role("list", name="the query").locator(".card").first).to_contain_text("photo.jpg")
        expect(neighbours(page)).to_have_count(10)
        expect(page.get_by_role("heading", name="Query")).to_be_in_viewport()


def test_the_original_is_closed_by_escape(page: Page, address: str, artefact: Path) -> None:
    """By key and by button; the id stands in the dialog."""
    opened(page, address, sk.Index.open(artefact).ids[7])
    id_ = neighbours(page).nth(2).get_attribute("data-id") or ""
    neighbours(page).nth(2).locator("[data-act=more]").focus()
    page.keyboard.press("o")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(id_)
    expect(dialog.locator("img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    neighbours(page).nth(2).locator("[data-act=open]").click()
    expect(dialog).to_contain_text(id_)


def test_a_part_is_chosen_by_pointer_and_by_keys(page: Page, address: str, artefact: Path) -> None:
    """Dragged from the middle to the corner it is the last quarter; keys move and shrink the frame; all of it is no part."""
    index = sk.Index.open(artefact)
    id_ = index.ids[7]
    side = index.row(id_)["width"]
    opened(page, address, id_)
    page.get_by_role("button", name="Crop").click()
    stage = page.locator(".stage")
    expect(stage).to_be_visible()
    page.wait_for_timeout(500)  # the popover moves to its place
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] - 1, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Search with this part").click()
    expect(page.get_by_role("list", name="the query", exact=True)).to_contain_text("What the encoder sees")
    assert named(page, "crop") == [f"{side // 2},{side // 2},{side // 2},{side // 2}"]
    stage.focus()
    for _ in range(13):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: f"{side // 4},{side // 2},{side // 2},{side // 4}" in url.replace("%2C", ","))
    page.get_by_role("button", name="Search with all of it").click()
    expect(page.get_by_role("list", name="the query", exact=True)).not_to_contain_text("What the encoder sees")
    assert not named(page, "crop")


def test_a_picture_is_pasted(page: Page, address: str, artefact: Path) -> None:
    """Anywhere on the page; what is pasted into a field is the field's own. On a phone, which has no such keys, no word of them stands
    there.
    """
    index = sk.Index.open(artefact)
    encoded = base64.b64encode(index.thumbnail(index.ids[11])).decode()
    opened(page, address, index.ids[7])
    query = page.get_by_role("list", name="the query", exact=True)
    page.evaluate(PASTE, encoded)
    expect(query).to_contain_text("pasted.png")
    expect(neighbours(page)).to_have_count(10)
    page.get_by_role("tab", name="Upload").click()
    hint = page.locator(".paste .how")
    expect(hint).to_contain_text("Ctrl + V")
    expect(hint).to_be_visible()
    page.context.new_cdp_session(page).send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    expect(hint).to_be_hidden()


def test_a_cut_off_in_the_address(page: Page, address: str, artefact: Path) -> None:
    """It holds when the link is opened, and the slider stands there."""
    index = sk.Index.open(artefact)
    hits = [hit.similarity for hit in index.search_id(index.ids[7], k=11)][1:]
    least = int(100 * hits[3]) / 100
    page.goto(f"{address}/search?id={index.ids[7]}&at_least={least}")
    expect(neighbours(page)).to_have_count(sum(value >= least for value in hits))
    page.get_by_role("button", name="Least similarity").click()
    slider = page.get_by_role("slider", name="Neighbours are at least this similar")
    expect(slider).to_have_value(str(least))
