"""How long a visitor of the demo waits, and what the server holds, in headless Chromium.

    python -m benchmarks.demo --rows 70000 --out /tmp/demo-70k          # a corpus with pictures and vectors of its own, no network
    python -m benchmarks.demo artifacts/photos --json demo.json
    python -m benchmarks.demo artifacts/photos --parts interactions     # or: cold warm interactions memory

What is timed: of each page, from asking for its address until its heading and its first picture are there, `cold` with a server that has
just been started and `warm` with one whose pages have all been drawn, both with nothing in the browser's cache; of what a visitor does,
from the act until the server has drawn what it changes and the browser has had a frame to show it, by the browser's clock. Memory is that
of the server and its children (PSS, beside RSS). Answers are stored: all of it happens on a copy of the artefact, which is deleted at the
end. It is Debian's chromium without a graphics card; quiet the machine first. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

import samekind as sk
from benchmarks.demo import corpus, interactions
from benchmarks.demo.server import memory, serving
from benchmarks.demo.summary import AT_ONCE, INTERACTION, MEMORY, Figure, paint_figures, session_figure, table
from benchmarks.demo.visits import PAGES, leave, opened, paint, visitor
from samekind.comparison.machine import processor

PARTS = ("cold", "warm", "interactions", "memory")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SESSIONS, AT_THE_SAME_TIME, TIMES_AT_ONCE = 5, 10, 5


def main() -> None:
    """Prints a table, and writes JSON if that is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artefact", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, help="make an artefact of that many images in --out, unless one is there")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only-make", action="store_true", help="leave the measuring to a later call")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--pages", nargs="+", choices=[*PAGES], default=[*PAGES], help="of cold and warm")
    parser.add_argument("--rounds", type=int, default=3, help="visits of each page, cold and warm")
    parser.add_argument("--times", type=int, default=10, help="of each interaction")
    parser.add_argument(
        "--pause", type=float, default=0, help="seconds that the first visitor of a server looks at its first page"
    )
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--json", type=Path, help="the file to write")
    asked = parser.parse_args()
    if asked.rows is not None and asked.out is not None:
        artefact = corpus.make(asked.rows, asked.out)
    elif asked.artefact is not None:
        artefact = asked.artefact
    else:
        parser.error("name an artefact, or --rows and --out")
    if not asked.only_make:
        _measure(artefact, asked)


def _measure(artefact: Path, asked: argparse.Namespace) -> None:
    images = len(sk.Index.open(artefact))
    about = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; {images:,} images"
    print(about, flush=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        copy = Path(shutil.copytree(artefact, Path(folder) / artefact.name))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        figures: list[Figure] = []
        if "cold" in asked.parts:
            figures += _cold(browser, copy, asked)
        if set(asked.parts) - {"cold"}:
            figures += _on_one_server(browser, copy, asked)
        browser.close()
    print(table(figures))
    if asked.json is not None:
        measured = {"about": about, "images": images, "figures": [figure.to_dict() for figure in figures]}
        asked.json.write_text(json.dumps(measured, indent=2))


def _cold(browser: Browser, artefact: Path, asked: argparse.Namespace) -> list[Figure]:
    """Each page as the first one that a server draws."""
    starts, seconds = list[float](), dict[str, list[tuple[float, float | None]]]()
    for name in asked.pages:
        for _ in range(asked.rounds):
            with serving(artefact, asked.port) as server:
                starts.append(time.perf_counter() - server.started)
                page = visitor(browser)
                found = paint(page, server.address, name)
                leave(page)
            seconds.setdefault(name, []).append((found.title, found.picture))
        _say(f"{name}, cold: {seconds[name]}")
    return [Figure("cold start, until the address answers", starts), *paint_figures("cold", seconds)]


def _on_one_server(browser: Browser, artefact: Path, asked: argparse.Namespace) -> list[Figure]:
    figures: list[Figure] = []
    ids = sk.Index.open(artefact).ids[:: max(1, len(sk.Index.open(artefact)) // 50)]
    with serving(artefact, asked.port) as server:
        figures.append(Figure("memory after the start", [memory(server.pid)["pss"]], None, "MB"))
        page, workload = visitor(browser), dict[str, float]()
        for name in PAGES:
            started = time.perf_counter()
            opened(page, server.address, name)
            workload[name] = time.perf_counter() - started
            _say(f"{name}: all drawn after {workload[name]:.1f} s, {memory(server.pid)['pss']:,.0f} MB")
            if len(workload) == 1:
                time.sleep(asked.pause)
        leave(page)
        held = memory(server.pid)
        figures += [Figure(f"{name}, first visit: all of it drawn", [seconds]) for name, seconds in workload.items()]
        figures.append(Figure("memory after all pages (PSS)", [held["pss"]], MEMORY, "MB"))
        figures.append(Figure("memory after all pages (RSS)", [held["rss"]], None, "MB"))
        if "warm" in asked.parts:
            figures += _warm(browser, server.address, asked)
        if "interactions" in asked.parts:
            figures += _interactions(browser, server.address, ids, asked.times)
        if "memory" in asked.parts:
            figures += _sessions(browser, server.address, server.pid, ids)
    return figures


def _warm(browser: Browser, address: str, asked: argparse.Namespace) -> list[Figure]:
    seconds: dict[str, list[tuple[float, float | None]]] = {}
    for name in asked.pages:
        for _ in range(asked.rounds):
            page = visitor(browser)
            found = paint(page, address, name)
            leave(page)
            seconds.setdefault(name, []).append((found.title, found.picture))
        _say(f"{name}, warm: {seconds[name]}")
    return paint_figures("warm", seconds)


def _interactions(browser: Browser, address: str, ids: list[str], times: int) -> list[Figure]:
    work: dict[str, Callable[[], list[float]]] = {
        "search by a click": lambda: interactions.searches(browser, address, ids[0], times),
        "cut-off on Search, by key": lambda: interactions.cut_offs(browser, address, ids[0], times),
        "k on False negatives, by key": lambda: interactions.depths(browser, address, times),
        "lasso on Map": lambda: interactions.lassos(browser, address, times),
        "an answer on Same or different?": lambda: interactions.answers(browser, address, times),
    }
    if interactions.takes_words(browser, address):
        work["search for words"] = lambda: interactions.searches_for_words(browser, address, times)
    figures = []
    for name, measured in work.items():
        figures.append(Figure(name, measured(), INTERACTION))
        _say(f"{name}: {figures[-1].median}")
    several = interactions.at_once(browser, address, ids[:AT_THE_SAME_TIME], TIMES_AT_ONCE)
    return [*figures, Figure(f"search by a click, {AT_THE_SAME_TIME} visitors at once", several, AT_ONCE)]


def _sessions(browser: Browser, address: str, pid: int, ids: Sequence[str]) -> list[Figure]:
    before, held, pages = memory(pid)["pss"], [], []
    for id_ in ids[-SESSIONS:]:
        pages.append(visitor(browser))
        for name, query in (("Overview", ""), ("Map", ""), ("Search", f"?id={id_}")):
            opened(pages[-1], address, name, query)
        held.append(memory(pid)["pss"])
    for page in pages:
        leave(page)
    return [session_figure(before, held)]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
