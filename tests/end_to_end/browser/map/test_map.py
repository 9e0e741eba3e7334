"""The page *Map* as a person meets it: pointing, clicking, drawing around points, and the keyboard alone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import samekind as sk
from samekind.app.view_models.map.points import STEPS, placed
from tests.end_to_end.browser.demo import demo, own_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mapped(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with a map."""
    folder = tmp_path_factory.mktemp("mapped") / "digits"
    shutil.copytree(artefact, folder)
    index = sk.Index.open(folder)
    sk.make_map(index).write(folder)
    return folder


@pytest.fixture(scope="module")
def address(mapped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo on it."""
    with demo(mapped, tmp_path_factory.mktemp("server") / "log", port=own_port(8651)) as url:
        yield url


def open_map(page: Page, address: str) -> Locator:
    """The canvas, drawn."""
    page.goto(f"{address}/map")
    canvas = page.locator("canvas.points")
    expect(canvas).to_have_attribute("data-inside", re.compile("[1-9]"))
    return canvas


def on_screen(canvas: Locator, artefact: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """`(N, 2)` where the points of the whole map lie, in pixels from the canvas' corner."""
    found, box = sk.read_map(sk.Index.open(artefact)), canvas.bounding_box()
    assert found is not None
    assert box is not None
    width, height = box["width"] - 2, box["height"] - 2  # its border
    place_N2 = placed(found.point_N2) - STEPS / 2
    return place_N2 * min(width, height) / STEPS + np.array([width, height]) / 2 + 1


def loneliest(place_N2: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> int:
    """The point that lies farthest from all others, so that nothing else is meant."""
    gap_NN = np.linalg.norm(place_N2[:, None] - place_N2[None], axis=2) + 1e9 * np.eye(len(place_N2))
    return int(gap_NN.min(axis=1).argmax())


def test_a_point_shows_its_picture_and_a_click_its_negatives(page: Page, address: str, mapped: Path) -> None:
    """The tip names the image, and a click lists what lies beside it."""
    canvas, ids = open_map(page, address), sk.Index.open(mapped).ids
    place_N2 = on_screen(canvas, mapped)
    row = loneliest(place_N2)
    position = {"x": float(place_N2[row, 0]), "y": float(place_N2[row, 1])}
    canvas.hover(position=position)  # type: ignore[arg-type]
    expect(page.locator(".tip")).to_contain_text(ids[row])
    expect(page.locator(".tip img")).to_be_visible()
    canvas.click(position=position)  # type: ignore[arg-type]
    expect(page.get_by_text("10 hardest negatives")).to_be_visible()
    expect(page.get_by_text(ids[row], exact=True)).to_be_visible()
    page.get_by_role("button", name="Search for this").click()
    expect(page).to_have_url(re.compile(r"/search\?id="))


def test_a_page_that_grows_narrower_shows_the_whole_map_still(page: Page, address: str, mapped: Path) -> None:
    """The canvas keeps its height, its shorter side; a page that is laid out anew while it loads must not cut the map's edge off."""
    canvas, ids = open_map(page, address), sk.Index.open(mapped).ids
    before = canvas.bounding_box()
    page.set_viewport_size({"width": 1100, "height": 900})
    expect(canvas).not_to_have_js_property("clientWidth", before and before["width"] - 2)
    after, place_N2 = canvas.bounding_box(), on_screen(canvas, mapped)
    assert before is not None
    assert after is not None
    assert after["height"] == before["height"] < after["width"] < before["width"]
    row = loneliest(place_N2)
    canvas.hover(position={"x": float(place_N2[row, 0]), "y": float(place_N2[row, 1])})
    expect(page.locator(".tip")).to_contain_text(ids[row])


def test_what_a_line_surrounds_is_selected(page: Page, address: str, mapped: Path) -> None:
    """As many as lie in the rectangle that was drawn; *Clear* takes the selection away."""
    canvas = open_map(page, address)
    place_N2, box = on_screen(canvas, mapped), canvas.bounding_box()
    assert box is not None
    middle = np.array([box["width"], box["height"]]) / 2
    low, high = middle - np.array([90.4, 70.4]), middle + np.array([60.4, 80.4])
    page.get_by_role("button", name="Draw around points").click()
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]), (low[0], low[1])]
    page.mouse.move(box["x"] + low[0], box["y"] + low[1])
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=10)
    page.mouse.up()
    heading = page.get_by_role("heading", name=re.compile(r"images? selected"))
    expect(heading).to_be_visible()
    count = int(heading.inner_text().split()[0].replace(",", ""))
    inside = [((place_N2 > low + edge) & (place_N2 < high - edge)).all(axis=1).sum() for edge in (3, -3)]
    assert inside[0] <= count <= inside[1]
    assert count > 10
    page.get_by_role("button", name="Clear").click()
    expect(heading).to_have_count(0)


def test_the_keyboard_is_enough(page: Page, address: str) -> None:
    """Zoom in until pictures are drawn, select them, pick the middle one, go back, and clear."""
    canvas = open_map(page, address)
    canvas.focus()
    everything = int(canvas.get_attribute("data-inside") or 0)
    for key in ("+", "+", "+", "ArrowLeft", "ArrowRight", "s"):
        canvas.press(key)
    heading = page.get_by_role("heading", name=re.compile(r"images? selected"))
    expect(heading).to_be_visible()
    shown = int(canvas.get_attribute("data-inside") or 0)
    assert shown < everything
    assert shown <= int(heading.inner_text().split()[0]) < everything
    expect(page.get_by_role("list", name="selected images").get_by_role("button").first).to_be_visible()
    canvas.press("Enter")
    expect(page.get_by_text("10 hardest negatives")).to_be_visible()
    canvas.press("0")
    expect(canvas).to_have_attribute("data-inside", str(everything))
    canvas.press("Escape")
    expect(heading).to_have_count(0)
    expect(page.get_by_text("10 hardest negatives")).to_have_count(0)


def test_the_legend_names_its_groups(page: Page, address: str) -> None:
    """Every class with its number of images; pressing one shows it alone, and is said so."""
    open_map(page, address)
    entry = page.get_by_role("group", name="groups: press one to see it alone").get_by_role("button").first
    expect(entry).to_have_text(re.compile(r"^\d \(\d+\)$"))
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "true")


def test_a_phone_shows_the_map(page: Page, address: str) -> None:
    """Nothing is wider than the screen, and a tap picks."""
    page.set_viewport_size({"width": 390, "height": 844})
    open_map(page, address).click()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_the_map_takes_the_place_of_its_sketch_by_itself(page: Page, tmp_path: Path) -> None:
    """An image that was picked on the sketch stays picked; the bar goes, and the whole map is in view, however near the sketch was."""
    heap_N = np.arange(5_000) % 20
    vectors = np.eye(20, 32)[heap_N] + 0.1 * np.random.default_rng(0).normal(size=(5_000, 32))
    sk.index_vectors(vectors, [f"{row}" for row in range(5_000)], tmp_path / "many", labels=[f"{n}" for n in heap_N])
    with demo(tmp_path / "many", tmp_path / "log", port=own_port(8652)) as address:
        canvas = open_map(page, address)
        expect(page.get_by_text("This is a sketch")).to_be_visible()
        canvas.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Search for this")).to_be_visible()
        for _ in range(4):
            page.keyboard.press("+")
        expect(canvas).not_to_have_attribute("data-inside", "5000")
        expect(page.get_by_text("This is a sketch")).to_have_count(0)
        expect(canvas).to_have_attribute("data-inside", "5000")
        expect(page.get_by_text("Two dimensions cannot keep everything")).to_be_visible()
        expect(page.get_by_role("button", name="Search for this")).to_be_visible()
        page.goto("about:blank")  # before its server ends
    assert sk.read_map(sk.Index.open(tmp_path / "many")) is not None
