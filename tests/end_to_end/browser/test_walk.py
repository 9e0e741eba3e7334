"""The short form of `make walk`: two pages on a phone in both colour schemes, and that the walk sees what is wrong."""

from __future__ import annotations

from contextlib import closing

import pytest
from playwright.sync_api import Browser

from tests.end_to_end.browser.walk import axe
from tests.end_to_end.browser.walk.controls import reach_all
from tests.end_to_end.browser.walk.visitor import Size, Visitor

pytestmark = pytest.mark.browser

PHONE = Size(390, 844)
WRONG = """() => {
  const main = document.querySelector("[data-testid=stMainBlockContainer]");
  main.insertAdjacentHTML("beforeend", `
    <div style="width: 500px">wide</div>
    <div style="width: 40px; border: 1px solid">unbreakableunbreakable</div>
    <p data-testid="pale" style="color: #aaa; background: #fff">pale</p>
    <div data-testid="stHorizontalBlock" style="display: flex; height: 20px"><div style="height: 60px">high</div></div>
    <button tabindex="-1">out of reach</button>`);
  document.querySelector("[data-testid=stSidebar]").insertAdjacentHTML("beforeend",
    `<button style="visibility: visible">put away</button>`);
  console.error("said in the console");
}"""


@pytest.mark.skipif(axe.script() is None, reason="axe-playwright-python is not installed: make setup")
def test_pages_are_accessible_and_fit_a_phone(browser: Browser, address: str) -> None:
    """Overview and Clean up, in both schemes; then every kind of fault is put on the page, and the walk sees each."""
    with closing(Visitor(browser, PHONE)) as visitor:
        for path in ("", "clean-up"):
            visitor.open(address, path)
            visitor.look("opening it")
            assert reach_all(visitor) > 5
        assert not visitor.faults
        visitor.page.evaluate(WRONG)
        visitor.look("what was put there")
        reach_all(visitor)
        faults = "\n".join(visitor.faults)
    for said in (
        "px too wide",
        "px too high",
        "stands over the edge",
        "color-contrast",
        "does not reach",
        "said in the",
    ):
        assert said in faults
    assert "put away" not in faults  # all of a sidebar beside the screen is hidden, what would be seen in it too
