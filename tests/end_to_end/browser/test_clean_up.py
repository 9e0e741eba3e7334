"""*False negatives* and *Clean up* by key, slider and click, in headless Chromium; on a phone nothing is wider than the screen."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import samekind as sk
from tests.app.artefacts import build as build_digits
from tests.app.screens.clean_up.test_curation import build
from tests.end_to_end.browser.demo import demo, own_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def suspects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kinds of pictures with two wrong labels and two copies; the tests take back what they say."""
    return build(tmp_path_factory.mktemp("suspects") / "kinds")


@pytest.fixture(scope="module")
def clean_up(suspects: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the page."""
    with demo(suspects, tmp_path_factory.mktemp("server") / "log", port=own_port(8660)) as url:
        yield f"{url}/clean-up"


def fits(page: Page) -> bool:
    """True if the page is no wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def wait_for_answers(path: Path, count: int) -> None:
    """Returns when the table holds that many answers."""
    until = time.monotonic() + 60
    while len(sk.VerdictTable(path).current()) != count:
        assert time.monotonic() < until, f"no {count} answers"
        time.sleep(0.1)


def test_labels_are_picked_by_key_and_undone(page: Page, clean_up: str, suspects: Path) -> None:
    """3 gives the third label to the framed image and frames the next; U takes it back."""
    first = sk.Index.open(suspects).label_issues().issues[0]
    page.goto(clean_up)
    expect(page.get_by_role("button", name="None of these")).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_text(f"Decided: {first.others[0]}")).to_be_visible()
    (given,) = sk.LabelTable(suspects).current().values()
    assert given[0].label == first.others[0]
    expect(page.get_by_text("Undo takes back:")).to_be_visible()  # until then the key has nothing to take back
    expect(page.get_by_role("button", name="Undo Shortcut U")).to_be_enabled()
    page.keyboard.press("u")
    expect(page.get_by_text("Decided:")).to_have_count(0)
    assert not sk.LabelTable(suspects).current()
    assert not sk.VerdictTable(suspects).current()


def test_many_are_answered_from_a_threshold_on_and_undone(page: Page, clean_up: str, suspects: Path) -> None:
    """The slider moves the line in the histogram; the button says how many it would answer; undo brings them back."""
    page.goto(clean_up)
    page.get_by_text("Many at once").click()
    expect(page.locator(".js-plotly-plot")).to_be_visible()
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    page.get_by_role("button", name="Give 2 images the suggested label").click()
    expect(page.get_by_text("Decided:")).to_have_count(2)
    page.get_by_role("button", name="Undo the last 2 at once").click()
    expect(page.get_by_text("Decided:")).to_have_count(0)
    assert not sk.VerdictTable(suspects).current()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_lists_fit_on_a_phone(page: Page, clean_up: str, scheme: str) -> None:
    """Label errors, duplicates and leaks at 390 px, in both schemes."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(clean_up)
    expect(page.get_by_role("button", name="None of these")).to_be_visible()
    assert fits(page)
    page.get_by_role("radio", name="Duplicates").click()
    expect(page.get_by_role("button", name="Same picture").first).to_be_visible()
    assert fits(page)
    page.get_by_role("radio", name="Leaks").click()
    expect(page.get_by_text("No picture of the training split")).to_be_visible()


def test_the_push_moves_and_a_bar_leads_to_its_class(page: Page, address: str, artefact: Path) -> None:
    """A key on the slider of the temperature changes the sentence; a click on the worst class shows an anchor of it."""
    report = sk.Index.open(artefact).audit(k=10)
    page.goto(f"{address}/false-negatives")
    page.get_by_role("tab", name="Where the push goes").click()
    sentence = page.get_by_text("of the push on the 10 nearest")
    before = sentence.inner_text()
    page.get_by_role("slider", name="Temperature").focus()
    page.keyboard.press("Home")
    expect(sentence).not_to_have_text(before)
    sharpest = report.gradient_mass(10, 0.01, 0.0 if report.gradient_share is None else report.gradient_share["beta"])
    assert sharpest.share is not None
    expect(sentence).to_contain_text(f"{100 * sharpest.share:.1f}")
    page.get_by_role("tab", name="By class").click()
    worst = max(report.by_class.items(), key=lambda entry: entry[1]["false_negative_rate"])[0]
    bar = page.locator(".bars .point").first
    bar.evaluate("bar => bar.scrollIntoView({block: 'center'})")
    bar.click(force=True)  # what takes the click is Plotly's own layer above the bars
    anchor = page.get_by_role("list", name="the anchor", exact=True).locator(".card")
    expect(anchor.locator(".heading")).to_have_text(worst)
    expect(page.get_by_role("radio", name="By class")).to_be_checked()


def test_another_depth_brings_figures_of_that_depth(page: Page, address: str) -> None:
    """Those of the depth before are gone then."""
    page.goto(f"{address}/false-negatives")
    expect(page.get_by_text("Same class among the 10 nearest").first).to_be_visible()
    page.get_by_role("combobox", name=re.compile("Hardest negatives")).click()
    page.get_by_role("option", name="50").click()
    expect(page.get_by_text("Same class among the 50 nearest").first).to_be_visible()
    expect(page.get_by_text("Same class among the 10 nearest")).to_have_count(
        1
    )  # while training, where it is always ten


def test_a_sample_is_answered_by_key(page: Page, tmp_path: Path) -> None:
    """Without labels: ten answers with 1 and 2 give an estimate, U takes the last one back; on a phone it fits."""
    unlabelled = build_digits(tmp_path / "unlabelled", labelled=False)
    with demo(unlabelled, tmp_path / "log", port=own_port(8661)) as url:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{url}/false-negatives")
        pictures = page.get_by_role("list", name="the pair of the sample").locator("img")
        expect(pictures).to_have_count(2)
        button = page.locator('[class*="st-key-sample-same"][data-stale="false"]')  # the pair is in its key
        for number in range(1, 11):
            (key,) = re.findall(r"st-key-sample-same\S+", button.get_attribute("class") or "")
            page.keyboard.press("1" if number % 2 else "2")
            expect(page.locator(f".{key}")).to_have_count(0)
        wait_for_answers(unlabelled, 10)
        expect(page.get_by_text("of the 10 nearest are false")).to_be_visible()
        assert fits(page)
        page.keyboard.press("u")
        wait_for_answers(unlabelled, 9)
        page.close()  # before its server is gone
    shutil.rmtree(unlabelled)
