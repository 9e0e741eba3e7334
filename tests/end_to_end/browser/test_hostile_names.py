"""What Streamlit and Plotly make of escaped names in a real browser: the names, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import samekind as sk
from samekind.core.text import one_line
from tests.end_to_end.browser.demo import demo
from tests.end_to_end.hostile.names import NAMES

pytestmark = [pytest.mark.browser, pytest.mark.long]
JOINER = "\u2060"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images of each class, few enough classes for each to stand on the axes."""
    folder = tmp_path_factory.mktemp("hostile") / "out"
    centres = np.random.default_rng(0).normal(size=(len(NAMES), 12))
    near = np.random.default_rng(1).normal(scale=0.05, size=centres.shape)
    ids = [f"{number}/{copy}.png" for copy in range(2) for number in range(len(NAMES))]
    sk.index_vectors(np.concatenate([centres, centres + near]), ids, folder, labels=[*NAMES] * 2)
    return folder


def test_names_are_read_as_they_are(page: Page, hostile: Path, tmp_path: Path) -> None:
    """In a sentence on *Search*, which holds no element of its own, and on the axes of the heat map."""
    with demo(hostile, tmp_path / "log") as address:
        for number, name in enumerate(NAMES):
            page.goto(f"{address}/search?id={number}%2F0.png")
            sentence = page.locator("[data-testid=stMarkdown] p", has_text="the same class,")
            expect(sentence).to_be_visible()
            shown = (sentence.text_content() or "").replace(JOINER, "")
            assert shown.partition("same class, ")[2] == f"{one_line(name)}.", name
            assert sentence.locator("*").count() == 0, name
        page.get_by_role("link", name="False negatives").click()
        chart = page.locator(".st-key-by_class")
        expect(chart.locator(".ytick text").first).to_be_visible()
        drawn = {text.replace("\u00a0", " ") for text in chart.locator(".ytick text").all_text_contents()}
        whole = {one_line(name) for name in NAMES if len(name) <= 40}
        assert {text for text in drawn if "…" not in text} <= whole
        assert len(drawn & whole) > 5
        assert chart.locator(".ytick a, .ytick tspan").count() == 0
        page.close()  # before its server is gone
