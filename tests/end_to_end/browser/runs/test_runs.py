"""A training from the page, as a person meets it: started, watched, stopped, resumed, and still there after the server was killed."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import samekind as sk
from samekind import runs
from samekind.core.cache_home import VARIABLE
from samekind.demo import free_port
from tests.end_to_end.browser.demo import own_port
from tests.end_to_end.browser.test_killed_server import serving
from tests.end_to_end.helpers import draw_folder
from tests.runs.test_process import process_of, wait_until

pytestmark = pytest.mark.browser
PATIENCE_MS = 120_000  # the first epoch comes after the libraries


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A run of 48 small pictures in a folder."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    draw_folder(tmp_path / "photos", 16)
    folder = tmp_path / "runs" / "first"
    corpus = sk.load_corpus(str(tmp_path / "photos"))
    sk.build_index(corpus, sk.train(corpus, "smoke", folder, epochs=2, workers=0).encoder, folder)
    yield folder
    for run in runs.list_runs(folder.parent):
        if run.state == "running":
            os.kill(process_of(run.folder), signal.SIGKILL)


def choose(page: Page, field: str, option: str) -> None:
    """Picks from a box of choices."""
    page.get_by_role("combobox", name=field).click()
    page.get_by_role("option", name=option).click()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A visitor who may find the server gone."""
    with contextlib.closing(browser.new_context()) as context:
        visitor = context.new_page()
        visitor.set_default_timeout(PATIENCE_MS)
        yield visitor


def test_a_training_from_the_page(page: Page, small: Path, tmp_path: Path) -> None:
    """Its first line, its bar and its curves are drawn while it runs; a killed server takes nothing of it along."""
    expect.set_options(timeout=PATIENCE_MS)
    port, new = free_port("127.0.0.1", own_port(8720)), small.parent / "my training"
    running = page.locator(".st-key-runs_running")
    with serving(small, port, tmp_path) as first:
        page.goto(f"{first.url}/runs")
        page.get_by_role("radio", name="Start a training").click()
        choose(page, "How long", "so many minutes")
        name = page.get_by_role("textbox", name="Name of the run")
        name.fill("../../elsewhere")
        name.press("Enter")
        expect(page.get_by_text("is no name for a run")).to_be_visible()
        expect(page.get_by_role("button", name="Start training")).to_have_count(0)
        name.fill("my training")
        name.press("Enter")
        expect(page.get_by_text(f"'{new}' --preset small --minutes 5")).to_be_visible()
        page.get_by_role("button", name="Start training").click()
        expect(running.get_by_text("training on ")).to_be_visible()
        expect(running.locator(".js-plotly-plot").first).to_be_visible()
        expect(page.get_by_text("This machine is busy with the training my training")).to_be_visible()
        running.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("my training was stopped")).to_be_visible()
        taken = len(runs.run_history(new))
        page.get_by_role("button", name="Resume").click()
        expect(running.get_by_text("training on ")).to_be_visible()
        os.kill(first.streamlit, signal.SIGKILL)
        first.command.wait(timeout=30)
        assert runs.read_run(new).state == "running"
        wait_until(lambda: len(runs.run_history(new)) > taken)
    page.goto("about:blank")
    with serving(small, port, tmp_path) as second:
        page.goto(f"{second.url}/runs")
        expect(running.get_by_text("training: epoch")).to_be_visible()
        page.get_by_role("radio", name="All runs").click()
        running.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("my training was stopped")).to_be_visible()
        expect(running).to_have_count(0)
        page.goto("about:blank")
