"""The things that a visitor does, each several times; seconds of each."""

from __future__ import annotations

from functools import partial

from playwright.sync_api import Browser, Page

from benchmarks.demo.visits import leave, opened, settle, timed, visitor, waited, watch
from benchmarks.maps.drawing import lasso_seconds

WORDS, _FIELD = "red shoe", "What the images should show"
_NEIGHBOURS = "neighbours, most similar first"
_NOT_TOO_SOON_MS = 600  # an answer right after the one before was meant for that one


def searches(browser: Browser, address: str, id_: str, times: int) -> list[float]:
    """Clicks on a neighbour, which becomes the query; each time another place in the list."""
    page = _search(browser, address, id_)
    found = [timed(page, partial(_click_neighbour, page, number % 10)) for number in range(times)]
    leave(page)
    return found


def takes_words(browser: Browser, address: str) -> bool:
    """True if *Search* has a field for words."""
    page = opened(visitor(browser), address, "Search")
    found = page.get_by_label(_FIELD).count() > 0
    leave(page)
    return found


def searches_for_words(browser: Browser, address: str, times: int) -> list[float]:
    """Words in the field, and Enter."""
    page = opened(visitor(browser), address, "Search")
    field, found = page.get_by_label(_FIELD), []
    for number in range(times):
        field.fill(f"{WORDS} {number}")
        found.append(timed(page, partial(field.press, "Enter")))
    leave(page)
    return found


def cut_offs(browser: Browser, address: str, id_: str, times: int) -> list[float]:
    """The slider of the least similarity, step by step; what it waits for before it tells the server counts."""
    page = _search(browser, address, id_)
    page.get_by_role("button", name="Least similarity").click()
    settle(page)
    found = _steps(page, "Neighbours are at least this similar", "ArrowRight", times)
    leave(page)
    return found


def depths(browser: Browser, address: str, times: int) -> list[float]:
    """The slider of k on *False negatives*, down and up again."""
    page = opened(visitor(browser), address, "False negatives")
    page.get_by_role("tab", name="Where the push goes").click()
    found = [
        second
        for number in range(times)
        for second in _steps(page, "Nearest images, k", "ArrowRight" if number % 2 else "ArrowLeft", 1)
    ]
    leave(page)
    return found


def lassos(browser: Browser, address: str, times: int) -> list[float]:
    """Lines drawn around points of the map."""
    page = opened(visitor(browser), address, "Map")
    canvas = page.locator("canvas.points[data-milliseconds]")
    canvas.wait_for()
    settle(page)
    found = lasso_seconds(page, page.locator("canvas.points"), times)
    leave(page)
    return found


def answers(browser: Browser, address: str, times: int) -> list[float]:
    """Screens of *Same or different?*, confirmed as they come."""
    page = opened(visitor(browser), address, "Same or different?")
    confirm, found = page.get_by_role("button", name="Confirm"), []
    for _ in range(times):
        page.wait_for_timeout(_NOT_TOO_SOON_MS)
        found.append(timed(page, partial(confirm.evaluate, "element => element.click()")))
        settle(page)
    leave(page)
    return found


def at_once(browser: Browser, address: str, ids: list[str], times: int) -> list[float]:
    """Search clicks of one visitor for each id, all at the same moment, several times."""
    pages = [_search(browser, address, id_) for id_ in ids]
    found = []
    for number in range(times):
        for page in pages:
            watch(page, content=True)
        for page in pages:
            # After the same moment for all: the clicks themselves take a few milliseconds each to give.
            _click_neighbour(page, number % 10, later=True)
        found += [waited(page) for page in pages]
        for page in pages:
            settle(page)
    for page in pages:
        leave(page)
    return found


def _search(browser: Browser, address: str, id_: str) -> Page:
    page = opened(visitor(browser), address, "Search", f"?id={id_}")
    page.get_by_role("list", name=_NEIGHBOURS).locator(".action").first.wait_for()
    return page


def _click_neighbour(page: Page, place: int, later: bool = False) -> None:
    """Presses the button of a neighbour that makes it the query; `later` does not wait for the browser."""
    press = "element => { setTimeout(() => element.click()); }" if later else "element => element.click()"
    page.get_by_role("list", name=_NEIGHBOURS).locator(".action").nth(place).evaluate(press)


def _steps(page: Page, name: str, key: str, times: int) -> list[float]:
    slider = page.get_by_role("slider", name=name)
    slider.focus()
    return [timed(page, partial(slider.press, key)) for _ in range(times)]
