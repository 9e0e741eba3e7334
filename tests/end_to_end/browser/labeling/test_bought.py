"""Answers that change the search while they are given, in a real browser."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

import samekind as sk
from tests.end_to_end.browser.demo import demo
from tests.end_to_end.browser.labeling.test_groups import images_of, wait_for_next

pytestmark = [pytest.mark.browser, pytest.mark.long]  # two minutes; a screen that is answered is in test_groups.py

SCREENS, QUERIES, HITS = 20, 50, 10
EVERY = 10
"""Of the queries, so many are one that is asked through the page, which loads anew for each."""
SENTENCE = re.compile(rf"(\d+) of {HITS} neighbours")


def hit_rate(page: Page, address: str, artefact: Path) -> float:
    """Share of the ten hits of fifty fixed queries, spread over the corpus, that are of its class; *Search* says it for every tenth."""
    index = sk.Index.open(artefact)
    labels = dict(zip(index.ids, index.labels or [], strict=True))
    queries = index.ids[:: len(index) // QUERIES][:QUERIES]
    found = [[hit for hit in index.search_id(id_, HITS + 1) if hit.id != id_][:HITS] for id_ in queries]
    right = [sum(hit.label == labels[id_] for hit in hits) for id_, hits in zip(queries, found, strict=True)]
    said = [hits_on_the_page(page, address, id_) for id_ in queries[::EVERY]]
    assert said == right[::EVERY]
    return sum(right) / (QUERIES * HITS)


def hits_on_the_page(page: Page, address: str, id_: str) -> int:
    """How many of the ten hits are of the query's class, as the page *Search* says, opened at the query's address."""
    page.goto(f"{address}/search?id={quote(id_)}")
    expect(page.get_by_role("list", name="the query")).to_contain_text(id_)
    said = SENTENCE.search(page.get_by_text(SENTENCE).inner_text())
    assert said is not None
    return int(said[1])


def test_twenty_screens_make_the_search_find_more(page: Page, artefact: Path, tmp_path: Path) -> None:
    """A scripted annotator marks what has the anchor's label; the search adapts by itself, and fifty fixed queries on *Search* hit more."""
    own = shutil.copytree(artefact, tmp_path / "own")
    with demo(own, tmp_path / "log") as address:
        before = hit_rate(page, address, own)
        page.goto(f"{address}/same-or-different")
        expect(images_of(page)).to_have_count(10)
        expect(page.get_by_text("Nothing yet")).to_be_visible()
        page.wait_for_timeout(500)  # a press of Enter right after a new screen is not for it
        for answered in range(1, SCREENS + 1):
            (screen,) = sk.acquire_screens(sk.Index.open(own), 1)
            for place, image in enumerate(screen.images):
                if image.label == screen.anchor.label:
                    images_of(page).nth(place).click()
            page.keyboard.press("Enter")
            expect(page.get_by_test_id("stProgress")).to_contain_text(f"{answered * 10} pairs answered")
            expect(page.get_by_text("Adapting the search to the answers")).to_have_count(0)
            wait_for_next(page, min(answered, 8))  # the list below holds eight
        expect(page.get_by_text("Adapted: held-out images are nearer to their own group")).to_be_visible()
        step = sk.Index.open(own).adaptations()[-1]
        assert step["answers"] == SCREENS * 10
        panel = page.get_by_test_id("stMetric").first
        expect(panel).to_contain_text(f"{100 * step['held_out']['after']:.1f} %")
        page.get_by_text("The anchor's nearest images, before and after").click()
        for when in ("before", "after"):
            expect(page.get_by_role("list", name=f"nearest {when}").locator(".card")).to_have_count(8)
        expect(page.get_by_text("The answers have paid")).to_be_visible()
        after = hit_rate(page, address, own)
        page.close()  # before its server is gone
    print(f"\nhit rate {before:.3f} before, {after:.3f} after {SCREENS} screens")  # noqa: T201
    assert after > before + 0.01
