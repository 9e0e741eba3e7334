"""A walk over every page and every control of the demo, in headless Chromium: `make walk`.

Three artefacts, made here of corpora that are everywhere: labelled and unlabelled digits with a network that was trained for a moment, and
drawn shapes behind `lite0`. An artefact that is given is walked over instead, as a copy. In two sizes every page is opened in either colour
scheme, Tab goes around it, and each control is used once.

It is a fault if anything goes wrong in the console or behind the page, if another machine is asked for anything, if Streamlit shows an
exception, if something is too wide or text stands over the edge of its box, if the keyboard does not reach a control, and if axe-core finds
a violation of serious or critical impact.

    python -m tests.end_to_end.browser.walk
    python -m tests.end_to_end.browser.walk --artefact artifacts/photos --sizes 390 --pages search map
    python -m tests.end_to_end.browser.walk --only-look
    python -m tests.end_to_end.browser.walk --tasks
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import samekind as sk
from tests.app.artefacts import build
from tests.end_to_end.browser.demo import demo
from tests.end_to_end.browser.walk import axe, tasks
from tests.end_to_end.browser.walk.controls import reach_all, use_all
from tests.end_to_end.browser.walk.visitor import SCHEMES, Size, Visitor
from tests.end_to_end.browser.watch import FLAGS

PAGES = ("", "map", "search", "false-negatives", "same-or-different", "clean-up", "runs", "ideas")
SIZES = {1440: Size(1440, 900), 390: Size(390, 844)}
PORT = 8760


def main() -> int:
    """Prints the faults; 1 if there are any."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.end_to_end.browser.walk", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--artefact", type=Path, help="a folder with an index, instead of the three")
    parser.add_argument("--sizes", type=int, nargs="+", choices=SIZES, default=list(SIZES), help="width of the screen")
    parser.add_argument("--pages", nargs="+", default=list(PAGES), help="addresses; 'overview' is the root")
    parser.add_argument("--only-look", action="store_true", help="open the pages, go around with Tab")
    parser.add_argument("--tasks", action="store_true", help="only count the clicks of six tasks, on a labelled corpus")
    parser.add_argument("--port", type=int, default=PORT)
    asked = parser.parse_args()
    if axe.script() is None:
        print(f"error: {axe.PACKAGE} is not installed, which brings axe-core", file=sys.stderr)
        print("hint: make setup", file=sys.stderr)
        return 2
    pages = ["" if each == "overview" else each for each in asked.pages]
    faults = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for artefact in _artefacts(Path(folder), asked.artefact, asked.tasks):
            with demo(artefact, Path(folder) / "log", port=asked.port) as address:
                if asked.tasks:
                    for name, taken in tasks.count(browser, address, picture()).items():
                        print(f"{name:22} {taken.clicks} clicks, {taken.keys} keys")
                    break
                for width in asked.sizes:
                    visitor, name = Visitor(browser, SIZES[width]), f"{artefact.name}, {width} px"
                    faults += _walk(visitor, name, address, pages, only_look=asked.only_look)
            shutil.rmtree(artefact.parent)
        browser.close()
    print(f"{faults} faults" if faults else "no faults")
    return int(faults > 0)


def picture() -> bytes:
    """A photo of nobody's corpus, as PNG."""
    with io.BytesIO() as file:
        Image.linear_gradient("L").resize((96, 64)).convert("RGB").save(file, "PNG")
        return file.getvalue()


def _artefacts(folder: Path, given: Path | None, is_one: bool) -> Iterator[Path]:
    """Made one at a time, each in a folder of its own: those that lie beside each other are runs of one list."""
    if given is not None:
        yield Path(shutil.copytree(given, folder / "given" / given.resolve().name))
        return
    makers: dict[str, Callable[[Path], object]] = {
        "labelled": build,
        "unlabelled": lambda out: build(out, labelled=False),
        "lite0": lambda out: sk.build_index(sk.load_corpus("synthetic", limit=300), sk.load_encoder("lite0"), out=out),
    }
    for name, make in makers.items():
        make(folder / name / name)
        yield folder / name / name
        if is_one:
            return


def _walk(visitor: Visitor, name: str, address: str, pages: Sequence[str], *, only_look: bool) -> int:
    """Walks over the pages in one size, and prints what is wrong; returns how many faults there are."""
    faults = 0
    for path in pages:
        began = time.monotonic()
        for scheme in reversed(SCHEMES):  # drawn anew in either, as well as changed while it is looked at
            visitor.open(address, path, scheme)
            visitor.look(f"opening it in {scheme}")
        stops = reach_all(visitor)
        used = [] if only_look else use_all(visitor, picture())
        print(
            f"{name}, {path or 'overview'}: {len(used)} controls used, {stops} stops of Tab, "
            f"{len(visitor.faults)} faults, {time.monotonic() - began:.0f} s",
            flush=True,
        )
        for wrong, where in visitor.faults.items():
            print(f"  {wrong}\n    {where}", flush=True)
        faults += len(visitor.faults)
        visitor.faults.clear()
    visitor.close()
    return faults


if __name__ == "__main__":
    sys.exit(main())
