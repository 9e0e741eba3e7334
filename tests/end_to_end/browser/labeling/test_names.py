"""Naming what is the same, and marking copies and wrong labels, by keys in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import samekind as sk
from tests.end_to_end.browser.demo import demo
from tests.end_to_end.browser.labeling.test_groups import images_of, marked, wait_for_next

pytestmark = pytest.mark.browser


def test_a_group_is_named_by_keys(page: Page, artefact: Path, tmp_path: Path) -> None:
    """N leads to the name and Enter back; letters that are keys elsewhere are text there; a known name is offered, U takes it back."""
    own = shutil.copytree(artefact, tmp_path / "own")
    table = sk.LabelTable(own)
    (screen,) = sk.acquire_screens(sk.Index.open(own), 1)
    with demo(own, tmp_path / "log") as address:
        page.goto(f"{address}/same-or-different")
        expect(images_of(page)).to_have_count(10)
        page.wait_for_timeout(500)
        for key in ("2", "5", "n"):
            page.keyboard.press(key)
        page.keyboard.type("sun ads 17", delay=30)
        page.wait_for_timeout(500)
        page.keyboard.press("Enter")
        assert marked(page) == [2, 5]
        assert (sk.VerdictTable(own).all(), table.all()) == ([], [])
        expect(page.get_by_role("button", name="Confirm: 2 same, named sun ads 17, 8 different")).to_be_visible()
        page.keyboard.press("Enter")
        wait_for_next(page, 1)
        named = {screen.anchor.sha256, screen.images[1].sha256, screen.images[4].sha256}
        assert sk.read_naming(own).name == dict.fromkeys(named, "sun ads 17")
        expect(page.get_by_label("Name of what is the same")).to_have_value("")
        assert page.locator("#known-names option").evaluate_all("all => all.map(one => one.value)") == ["sun ads 17"]
        page.keyboard.press("u")
        expect(page.get_by_label("Name of what is the same")).to_have_value("sun ads 17")
        assert (sk.read_naming(own).name, marked(page)) == ({}, [2, 5])
        page.close()  # before its server is gone


def test_copies_and_wrong_labels_are_marked_by_keys(page: Page, artefact: Path, tmp_path: Path) -> None:
    """D and W change what the next marks say, and back; a label can be called wrong only where labels are seen."""
    own = shutil.copytree(artefact, tmp_path / "own")
    (screen,) = sk.acquire_screens(sk.Index.open(own), 1)
    with demo(own, tmp_path / "log") as address:
        page.goto(f"{address}/same-or-different")
        expect(images_of(page)).to_have_count(10)
        wrong_label = page.get_by_role("button", name="wrong label", exact=True)
        expect(wrong_label).to_have_count(0)
        for key in ("w", "3", "d", "4", "d", "5"):
            page.keyboard.press(key)
        assert marked(page) == [3, 4, 5]
        expect(images_of(page).nth(3)).to_have_attribute("aria-label", "image 4, duplicate")
        page.get_by_text("Show labels and figures").click()
        expect(wrong_label).to_be_visible()
        page.get_by_role("heading", name="Same or different?").click()
        for key in ("w", "4", "6"):
            page.keyboard.press(key)
        assert marked(page) == [3, 4, 5]
        page.keyboard.press("Enter")
        wait_for_next(page, 1)
        page.close()  # before its server is gone
    current = sk.VerdictTable(own).current()
    said = [current[pair].verdict for pair in screen.pairs]
    assert said == ["different", "different", "same", "duplicate", "same", *["different"] * 5]
    wrong = {verdict.anchor_sha256 for verdict in current.values() if verdict.verdict == "wrong_label"}
    assert wrong == {screen.images[3].sha256, screen.images[5].sha256}
