"""The field of words as a person meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import samekind as sk
from tests import tiny_clip
from tests.end_to_end.browser.demo import demo

pytestmark = pytest.mark.browser


def test_words_bring_up_neighbours_and_an_image_takes_their_place(page: Page, tmp_path: Path) -> None:
    """Typed words and Enter: the hits of a search for them. "Search with this" makes an image the query and empties the field."""
    configs = tmp_path / "configs"
    configs.mkdir()
    tiny_clip.register(configs)
    path = tiny_clip.build(tmp_path)
    wanted = sk.Index.open(path).search(sk.Text("red shoe"), k=10)
    assert isinstance(wanted, sk.SearchResult)
    with demo(path, tmp_path / "log") as address:
        page.goto(f"{address}/search")
        field = page.get_by_label("What the images should show")
        field.fill("red shoe")
        field.press("Enter")
        neighbours = page.get_by_role("list", name="neighbours, most similar first").locator(".card")
        expect(neighbours).to_have_count(10)
        shown = [neighbours.nth(i).get_attribute("data-id") for i in range(10)]
        assert shown == [hit.id for hit in wanted]
        neighbours.first.locator(".action").click()
        expect(page.get_by_role("list", name="the query")).to_contain_text(wanted[0].id)
        expect(field).to_have_value("")
        page.close()  # before its server is gone
