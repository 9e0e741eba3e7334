"""Answers that change the search while they are given, in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import samekind as sk
from tests.end_to_end.browser.demo import demo
from tests.end_to_end.browser.test_groups import images_of, wait_for_next

pytestmark = pytest.mark.browser

SCREENS, QUERIES, HITS = 10, 30, 10


def hit_rate(artefact: Path) -> float:
    """Share of the ten hits of thirty fixed queries, spread over the corpus, that are of the query's class."""
    index = sk.Index.open(artefact)
    labels = dict(zip(index.ids, index.labels or [], strict=True))
    queries = index.ids[:: len(index) // QUERIES][:QUERIES]
    found = index.search(queries, HITS, exclude_self=True)
    return float(np.mean([hit.label == labels[id_] for id_, hits in zip(queries, found, strict=True) for hit in hits]))


def test_ten_screens_make_the_search_find_more(page: Page, artefact: Path, tmp_path: Path) -> None:
    """A scripted annotator marks what has the anchor's label; the search adapts by itself, and the page says what that bought."""
    own = shutil.copytree(artefact, tmp_path / "own")
    before = hit_rate(own)
    with demo(own, tmp_path / "log") as address:
        page.goto(f"{address}/label-pairs")
        expect(images_of(page)).to_have_count(20)
        expect(page.get_by_text("Nothing yet")).to_be_visible()
        page.wait_for_timeout(500)  # a press of Enter right after a new screen is not for it
        for answered in range(1, SCREENS + 1):
            (screen,) = sk.acquire_screens(sk.Index.open(own), 1)
            for place, image in enumerate(screen.images):
                if image.label == screen.anchor.label:
                    images_of(page).nth(place).click()
            page.keyboard.press("Enter")
            wait_for_next(page, min(answered, 8))  # the list below holds eight
            expect(page.get_by_test_id("stProgress")).to_contain_text(f"{answered * 20} pairs answered")
            expect(page.get_by_text("Adapting the search to the answers")).to_have_count(0)
        expect(page.get_by_text("Adapted: held-out images are told from others by")).to_be_visible()
        step = sk.Index.open(own).adaptations()[-1]
        assert step["answers"] == SCREENS * 20
        panel = page.get_by_test_id("stMetric").first
        expect(panel).to_contain_text(f"{100 * step['held_out']['after']:.1f} %")
        page.get_by_text("The anchor's nearest images, before and after").click()
        for when in ("before", "after"):
            expect(page.get_by_role("list", name=f"nearest {when}").locator(".card")).to_have_count(8)
        page.close()  # before its server is gone
    after = hit_rate(own)
    print(f"\nhit rate {before:.3f} before, {after:.3f} after {SCREENS} screens")  # noqa: T201
    assert after > before + 0.03
