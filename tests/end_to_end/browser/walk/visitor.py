"""A visitor of the demo in one size: what they look at is examined in both colour schemes, and what is wrong is written down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Error, Page

from tests.end_to_end.browser.walk import axe
from tests.end_to_end.browser.watch import watch

PATIENCE_MS = 120_000
LOOKS = Path(__file__).with_name("looks.js")
SCHEMES = ("light", "dark")


class Size(NamedTuple):
    """Of a screen, in pixels."""

    width: int
    height: int


class Visitor:
    """One page of a browser, and all that went wrong on it.

    Attributes:
        page: as Playwright has it.
        faults: each fault once, with where it was first met, in the order in which they were met.
        shared: keys of the controls used so far that all pages have.
    """

    def __init__(self, browser: Browser, size: Size, schemes: Sequence[str] = SCHEMES) -> None:
        context = browser.new_context(viewport={"width": size.width, "height": size.height}, accept_downloads=True)
        for text in (axe.script(), LOOKS.read_text(encoding="utf-8")):
            if text is not None:
                context.add_init_script(script=text)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.faults: dict[str, str] = {}
        self.shared: set[str] = set()
        self._size, self._schemes, self._behind, self._known = size, schemes, list[str](), set[str]()
        self._place, self._shown = "", ""
        watch(self.page, self._behind)
        self._scheme(schemes[0])

    def open(self, address: str, path: str, scheme: str | None = None) -> None:
        """Opens a page of the demo and waits until it is drawn."""
        if scheme is not None:
            self._scheme(scheme)
        self._place = path or "overview"
        self.page.goto(f"{address}/{path}")
        self.page.locator("h1").first.wait_for()
        self.rest()

    def rest(self) -> None:
        """Waits until nothing is drawn any more."""
        for _ in range(3):
            try:
                self.page.evaluate("samekindWalk.rest()")
            except Error as error:
                if "context" not in str(error):  # another page was opened meanwhile: wait for that one
                    raise
            else:
                return
        self._fault("the page is left again and again by itself", f"{self._place}, {self._size.width} px")

    def look(self, after: str) -> None:
        """Examines what is shown now: always for what does not fit, with axe-core what is like nothing that it has seen.

        Args:
            after: what was done last.
        """
        where = f"{self._place}, {self._size.width} px, after {after}"
        for box in self.page.locator("[data-testid=stException]").all():
            self._fault(f"an exception: {box.inner_text()[:300]}", where)
        for wrong in [*self.page.evaluate("samekindWalk.spilt()"), *self.page.evaluate("samekindWalk.tooWide()")]:
            self._fault(wrong, where)
        if axe.script() is not None:
            self._examine(where)
        self.heed(where)

    def _examine(self, where: str) -> None:
        """A page that is new as a whole, later what is new on it; in the second scheme for the colours alone."""
        self._scheme(self._schemes[0])  # another scheme has other classes
        is_whole = self._place not in self._known
        self._known.add(self._place)
        if not self.page.evaluate("samekindWalk.news()") and not is_whole:
            return
        for scheme in self._schemes:
            self._scheme(scheme)
            only = () if scheme == self._schemes[0] else axe.COLOURS
            for violation in axe.violations(self.page, is_whole=is_whole, only=only):
                self._fault(f"{scheme}: {violation['said']}", f"{violation['html']} – {where}")
        self._scheme(self._schemes[0])

    def heed(self, where: str) -> None:
        """Takes over what went wrong behind the page."""
        while self._behind:
            self._fault(self._behind.pop(0), where)

    def missing(self, wrong: str, after: str) -> None:
        """Writes down a fault that was found elsewhere."""
        self._fault(wrong, f"{self._place}, {self._size.width} px, {after}")

    def close(self) -> None:
        """Ends the visit."""
        self.page.context.close()

    def _fault(self, wrong: str, where: str) -> None:
        self.faults.setdefault(wrong, where)

    def _scheme(self, scheme: str) -> None:
        if scheme == self._shown:
            return
        self._shown = scheme
        self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        self.page.wait_for_timeout(250 if self._place else 0)
