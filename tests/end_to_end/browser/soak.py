"""The demo under ten visitors in headless Chromium: errors, and the server's memory over time.

Each visitor goes from page to page, searches by a click, and looks at another sample. Memory is the resident set of the server and all its
children; its slope is fitted to the second half of the time, after caches have filled.

    samekind quickstart photos --no-demo --out artifacts/photos
    python -m tests.end_to_end.browser.soak artifacts/photos
    python -m tests.end_to_end.browser.soak artifacts/photos --minutes 1 --visitors 3
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Error, Page, sync_playwright

PAGES = ("", "map", "search", "false-negatives", "same-or-different", "clean-up")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"
PATIENCE_MS = 60_000
EVERY = 5.0  # seconds between two looks at the memory


def main() -> int:
    """Prints a table; 1 if a visitor met an error."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.end_to_end.browser.soak", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("artefact", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--visitors", type=int, default=10)
    parser.add_argument("--port", type=int, default=8652)
    asked = parser.parse_args()
    command = [sys.executable, "-m", "samekind", "demo", str(asked.artefact), "--port", str(asked.port), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["url"]
            seconds, memory, visits, errors = _soak(address, server.pid, asked.minutes * 60, asked.visitors)
        finally:
            server.terminate()
    _report(asked.visitors, np.array(seconds), np.array(memory), visits, errors)
    return int(bool(errors))


def _soak(address: str, server: int, lasts: float, visitors: int) -> tuple[list[float], list[float], int, Counter[str]]:
    """Times and megabytes of the looks at the memory, visits, and what went wrong."""
    errors: Counter[str] = Counter()
    seconds: list[float] = []
    memory: list[float] = []
    visits = turn = 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        pages = [chromium.new_context(viewport={"width": 1280, "height": 900}).new_page() for _ in range(visitors)]
        for page in pages:
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: errors.update([f"page: {error}"]))
        started = time.monotonic()
        while (now := time.monotonic() - started) < lasts:
            if not seconds or now - seconds[-1] >= EVERY:
                seconds.append(now)
                memory.append(_resident(server))
                sys.stderr.write(f"{now:5.0f} s  {visits:5} visits  {memory[-1]:7.1f} MB  {errors.total()} errors\n")
            turn += 1
            for visit in (_go, _look):  # all at once on their way, then all looked at
                for place, page in enumerate(pages):
                    try:
                        visit(page, address, turn + place)
                    except Error as error:
                        errors[str(error).splitlines()[0]] += 1
            visits += visitors
        chromium.close()
    return seconds, memory, visits, errors


def _go(page: Page, address: str, turn: int) -> None:
    """Sets out for a page."""
    page.goto(f"{address.rstrip('/')}/{PAGES[turn % len(PAGES)]}", wait_until="commit")


def _look(page: Page, address: str, turn: int) -> None:
    """Waits until the page is drawn, and asks for another sample where there is one."""
    page.wait_for_selector(DRAWN)
    if page.locator("[data-testid=stException]").count():
        raise Error(f"an exception on {page.url}")
    again = page.get_by_role("button", name="Another sample")
    if again.count():
        again.first.click()
        page.wait_for_selector(DRAWN)


def _resident(server: int) -> float:
    """Megabytes of a process and its children, shared pages counted once a process."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                parent = int(Path(entry.path, "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # gone meanwhile
            children.setdefault(parent, []).append(int(entry.name))
    total, waiting = 0, [server]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total / 1e6


def _report(
    visitors: int, seconds: NDArray[np.float64], memory: NDArray[np.float64], visits: int, errors: Counter[str]
) -> None:
    late = seconds >= seconds[-1] / 2
    slope = float(np.polyfit(seconds[late] / 60, memory[late], 1)[0]) if late.sum() > 1 else float("nan")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{visitors} visitors, {seconds[-1] / 60:.1f} minutes, {visits} visits, {errors.total()} errors")
    shown = ", ".join(f"{part:.0f}" for part in np.interp(np.linspace(0, seconds[-1], 11), seconds, memory))
    print(f"MB at each tenth of the time: {shown}")
    print(f"slope of the second half: {slope:+.2f} MB a minute")
    for error, count in errors.most_common(10):
        print(f"{count} × {error}")


if __name__ == "__main__":
    sys.exit(main())
