"""How fast the page *Map* is in headless Chromium: first paint, one drawing, and a line drawn around points until the list is there.

    python -m benchmarks.maps.drawing artifacts/photos
    python -m benchmarks.maps.drawing --points 100000 --out artifacts/many

With `--points` the index is random vectors in 81 classes, its map random, too: what is measured is the page, not the layout. Prints JSON:
`first_paint_s` from the address to the first drawing, `drawing_ms` medians over 30 drawings of the whole map and of a part, `lasso_s` the
median of five from letting go of the mouse until the selection is listed. It is Debian's chromium without a graphics card; quiet the
machine first.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Locator, Page, sync_playwright

import samekind as sk
from benchmarks.demo.visits import timed

CLASSES, DRAWINGS, LASSOS = 81, 30, 5
FLAGS = ["--no-sandbox", "--disable-gpu"]


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefact", nargs="?", type=Path)
    parser.add_argument("--points", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--port", type=int, default=8790)
    arguments = parser.parse_args()
    artefact = arguments.artefact or many(arguments.points, arguments.out)
    command = [sys.executable, "-m", "samekind", "demo", str(artefact), "--port", str(arguments.port), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["url"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            print(json.dumps({"points": len(sk.Index.open(artefact)), **measured(browser.new_page, address)}))
        finally:
            server.terminate()


def many(count: int, out: Path) -> Path:
    """An index of random vectors with a map of random clusters."""
    random = np.random.default_rng(0)
    number_N = random.integers(0, CLASSES, count)
    vectors_ND = random.normal(size=(CLASSES, 8))[number_N] + 0.3 * random.normal(size=(count, 8))
    ids = [f"image-{row:06d}" for row in range(count)]
    index = sk.index_vectors(vectors_ND, ids, out, labels=[f"class {number:02d}" for number in number_N])
    place_N2 = 10 * random.normal(size=(CLASSES, 2))[number_N] + random.normal(size=(count, 2))
    sk.ImageMap(place_N2.astype(np.float32), index.state, None, 0, None, None, "random").write(out)
    return out


def measured(new_page, address: str) -> dict[str, object]:  # type: ignore[no-untyped-def]
    """The figures of a second visitor, for whom the server has read the index already."""
    first = new_page(viewport={"width": 1440, "height": 900})
    _open(first, address)
    first.close()
    page = new_page(viewport={"width": 1440, "height": 900})
    started = time.perf_counter()
    canvas = _open(page, address)
    seconds = time.perf_counter() - started
    page.wait_for_timeout(3000)
    whole = _drawings(canvas, "+", "-")
    for _ in range(5):
        canvas.press("+")
    part = _drawings(canvas, "ArrowLeft", "ArrowRight")
    canvas.press("0")
    return {
        "first_paint_s": seconds,
        "drawing_ms": {"whole": whole, "part": part},
        "lasso_s": statistics.median(lasso_seconds(page, canvas)),
    }


def _open(page: Page, address: str) -> Locator:
    page.set_default_timeout(120_000)
    page.goto(f"{address}/map")
    page.locator("canvas.points[data-milliseconds]").wait_for()
    return page.locator("canvas.points")


def _drawings(canvas: Locator, one: str, other: str) -> float:
    found = []
    for number in range(DRAWINGS):
        canvas.press(other if number % 2 else one)
        canvas.page.wait_for_timeout(50)
        found.append(float(canvas.get_attribute("data-milliseconds") or "nan"))
    return statistics.median(found)


def lasso_seconds(page: Page, canvas: Locator, count: int = LASSOS) -> list[float]:
    """Seconds from letting go of the mouse until the page has listed what lies inside, for several lines; the tool stays chosen."""
    page.get_by_role("button", name="Draw around points").click()
    box, found = canvas.bounding_box(), []
    assert box is not None
    for number in range(count):
        left, top, side = box["x"] + box["width"] / 3 + 9 * number, box["y"] + 120, 120 + 10 * number
        page.mouse.move(left, top)
        page.mouse.down()
        for step in range(4 * 10):
            along, edge = (step % 10) / 10 * side, step // 10
            place = [(along, 0), (side, along), (side - along, side), (0, side - along)][edge]
            page.mouse.move(left + place[0], top + place[1])
        found.append(timed(page, page.mouse.up))
        page.get_by_role("heading", name="selected").wait_for()
    return found


if __name__ == "__main__":
    main()
