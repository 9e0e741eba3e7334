"""Every control of a page is used once, as a visitor would, and every one is reached by Tab."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import ElementHandle, Error, FilePayload, Page

from tests.end_to_end.browser.walk.visitor import Visitor

MOST = 150  # controls of a page; more would be a walk that never ends
LONGEST_TAB = 400
TRIES = 3
PATIENCE_MS = 15_000  # until a control can be clicked
SHARED = "shared"  # the kind of what stands on every page: used on the first of them
LEFT_ALONE = {
    "Start training": "a training takes minutes; the tests of the page Runs start one",
    "Deploy": "Streamlit's own",
}


class Control(NamedTuple):
    """Something to use.

    Attributes:
        element: on the page.
        kind: such as `select`; the keys of `USES`.
        key: equal for those that are alike, of which one is used.
        name: that a screen reader would read.
    """

    element: ElementHandle
    kind: str
    key: str
    name: str


def use_all(visitor: Visitor, picture: bytes) -> list[str]:
    """Uses all controls of the page that is open, and of what they open.

    Args:
        visitor: whose page it is.
        picture: to upload where a file is asked for.

    Returns:
        Kind and name of each, in the order in which they were used.
    """
    page, done, used, tries = visitor.page, list(visitor.shared), list[str](), Counter[str]()
    for _ in range(MOST):
        control = _next(page, done)
        if control is None:
            if not _close_layer(page):
                return used
            visitor.rest()
            continue
        done.append(control.key)
        if control.kind == SHARED:
            visitor.shared.add(control.key)
        tries[control.key] += 1
        if control.name in LEFT_ALONE:
            continue
        said = f"{control.kind} “{control.name}”"
        if not control.name and control.kind != "file":
            visitor.missing(f"a {control.kind} without a name: {control.key}", "looking for controls")
        try:
            for step in _steps(control, picture):
                step()
                visitor.rest()
                visitor.look(said)
        except Error as error:
            is_gone = "not attached" in str(error) or not control.element.is_visible()
            if is_gone and tries[control.key] < TRIES:  # it was drawn anew just then, or went with its popover
                done.remove(control.key)
                continue
            visitor.missing(f"{said} cannot be used: {str(error).splitlines()[0]}", "trying it")
        used.append(said)
    visitor.missing(f"more than {MOST} controls: {', '.join(used[-5:])} …", "using them")
    return used


def reach_all(visitor: Visitor) -> int:
    """Presses Tab until the focus has been around the page; what it never reached is a fault.

    Returns:
        Number of stops.
    """
    page, stops = visitor.page, 0
    page.evaluate("samekindWalk.begin()")
    for _ in range(LONGEST_TAB):
        page.keyboard.press("Tab")
        told: str = page.evaluate("samekindWalk.step()")
        if told.startswith("out of sight"):
            visitor.missing(f"the focus is {told}", "pressing Tab")
        if stops and told in ("body", "again"):
            break
        stops += 1
    for missed in dict.fromkeys(page.evaluate("samekindWalk.missed()")):
        visitor.missing(f"Tab does not reach {missed}", f"pressing it {stops} times")
    return stops


def _next(page: Page, done: list[str]) -> Control | None:
    handle = page.evaluate_handle("done => samekindWalk.next(done)", done)
    parts = handle.get_properties()
    if "element" not in parts:
        return None
    element = parts["element"].as_element()
    assert element is not None
    return Control(element, *(str(parts[name].json_value()) for name in ("kind", "key", "name")))


def _close_layer(page: Page) -> bool:
    """Escape leads out of a dialog or a popover, a button out of a phone's sidebar; False if none was open."""
    layer: str = page.evaluate("samekindWalk.top().dataset.testid ?? ''")
    if page.evaluate("samekindWalk.top() === document.body"):
        return False
    if layer == "stSidebar":
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click(timeout=PATIENCE_MS)
    else:
        page.keyboard.press("Escape")
    page.wait_for_timeout(400)
    return True


def _steps(control: Control, picture: bytes) -> list[Callable[[], None]]:
    """What is done with a control, one after another; the page is looked at after each."""
    element = control.element

    def press(*keys: str) -> None:
        element.focus()
        for key in keys:
            element.press(key)

    def type_in(text: str) -> None:
        element.fill(text)
        element.press("Enter")

    def click() -> None:
        element.click(timeout=PATIENCE_MS)

    def click_label() -> None:  # the control itself is a point behind it
        element.evaluate("element => (element.closest('label') ?? element).click()")

    def upload() -> None:
        element.set_input_files(FilePayload(name="walk.png", mimeType="image/png", buffer=picture))

    ways: dict[str, list[Callable[[], None]]] = {
        "file": [upload],
        "switch": [click_label],
        "segment": [click_label],
        "select": [click, lambda: press("ArrowDown"), lambda: press("Enter")],
        "slider": [lambda: press("ArrowRight", "ArrowLeft")],  # one of them moves it, even at an end
        "number": [lambda: press("ArrowUp", "Enter")],
        "text": [lambda: type_in("a"), lambda: type_in("")],
        "canvas": [lambda: press("ArrowRight", "+"), lambda: press("Enter")],
        "stage": [lambda: press("ArrowRight")],
    }
    return ways.get(control.kind, [click])
