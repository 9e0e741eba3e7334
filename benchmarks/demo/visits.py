"""What a visitor waits for, timed inside the browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Browser, Error, Page

PAGES = {
    "Overview": "",
    "Map": "map",
    "Search": "search",
    "False negatives": "false-negatives",
    "Same or different?": "same-or-different",
    "Clean up": "clean-up",
    "Runs": "runs",
    "Ideas": "ideas",
}
WITHOUT_PICTURES = ("Runs",)
VIEWPORT = {"width": 1440, "height": 900}
PATIENCE_MS = 600_000
"""For a page whose list or audit is worked out: minutes for tens of thousands of images."""
SOON_MS = 15_000
"""For what should be there in seconds; whatever takes longer than this is not measured."""
DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"
PICTURE = "[data-testid=stMain] :is(img, .js-plotly-plot .main-svg, canvas.points[data-milliseconds])"
LOST_MS = 60_000
"""After which an act has failed, and the benchmark with it: nothing that one act asks for takes so long."""
_WATCH = """([content, lost]) => {
  const app = document.querySelector("[data-testid=stApp]"), main = document.querySelector("[data-testid=stMain]");
  const started = performance.now();
  let ran = false;
  window.samekindDone = new Promise((done, failed) => {
    setTimeout(() => failed(new Error("nothing was drawn")), lost);
    const watching = new MutationObserver((changes) => {
      const state = app.dataset.testScriptState;
      // A busy browser may draw the beginning and the end of a run at once: then only what the run has brought tells of it.
      ran ||= state !== "notRunning" || (content && changes.some((change) => change.type !== "attributes"));
      if (state !== "notRunning") return;
      if (ran) {
        watching.disconnect();
        requestAnimationFrame(() => done(performance.now() - started));
      }
    });
    watching.observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] });
    // What is in a custom element lies in a tree of its own.
    const trees = content ? [main, ...[...main.querySelectorAll("*")].flatMap((each) => each.shadowRoot ?? [])] : [];
    for (const tree of trees) watching.observe(tree, { childList: true, characterData: true, subtree: true });
  });
}"""


@dataclass(frozen=True)
class Paint:
    """What a visit of a page took, in seconds from asking for its address.

    Attributes:
        title: until its heading was there.
        picture: until its first picture, chart or map was; `None` if that was not soon.
    """

    title: float
    picture: float | None


def visitor(browser: Browser) -> Page:
    """A new visitor, with nothing in the browser's cache."""
    page = browser.new_context(viewport=VIEWPORT).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE_MS)
    return page


def leave(page: Page) -> None:
    """The visitor goes, and their cache with them."""
    page.context.close()


def paint(page: Page, address: str, name: str) -> Paint:
    """Opens a page and waits for its heading and its first picture."""
    started = time.perf_counter()
    page.goto(f"{address}/{PAGES[name]}", wait_until="commit")
    page.locator("[data-testid=stMain] h1").first.wait_for()
    title = time.perf_counter() - started
    if name in WITHOUT_PICTURES:
        return Paint(title, None)
    try:
        page.locator(f"{PICTURE}:visible").first.wait_for(timeout=SOON_MS)
    except Error:
        return Paint(title, None)
    return Paint(title, time.perf_counter() - started)


def opened(page: Page, address: str, name: str, query: str = "") -> Page:
    """Opens a page and waits until all of it is drawn, whatever has to be worked out for it."""
    page.goto(f"{address}/{PAGES[name]}{query}", wait_until="commit")
    page.locator("[data-testid=stMain] h1").first.wait_for()
    settle(page)
    return page


def settle(page: Page) -> None:
    """Waits until nothing has run for a second: what the browser asks for after a drawing is a run of its own."""
    quiet = 0
    while quiet < 3:
        page.locator(DRAWN).wait_for()
        page.wait_for_timeout(500)
        quiet = quiet + 1 if page.locator(DRAWN).count() else 0


def timed(page: Page, act: Callable[[], object]) -> float:
    """Seconds from an act until the server has drawn all that it changes, and the browser has had a frame to show it.

    The page's own clock: neither the way to this process nor its polling counts.
    """
    watch(page)
    act()
    return waited(page)


def watch(page: Page, *, content: bool = False) -> None:
    """Starts the clock, which stops when the next run of the page is over.

    Args:
        page: of a visitor.
        content: also takes a change of what the page shows for a run: for acts that change nothing there by themselves.
    """
    page.evaluate(_WATCH, [content, LOST_MS])


def waited(page: Page) -> float:
    """Seconds on that clock, once it has stopped."""
    return float(page.evaluate("() => window.samekindDone")) / 1000
