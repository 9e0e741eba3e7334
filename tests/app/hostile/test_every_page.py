"""Every page, in all its modes, on artefacts that have next to nothing to show: no red box, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from samekind.app.screens import curation, ideas, label_pairs
from samekind.app.view_models.ideas.texts import SECTIONS
from samekind.app.widgets import groups
from tests.app.conftest import OpenApp
from tests.app.hostile.artefacts import ALL
from tests.app.pages import CURATION, FALSE_NEGATIVES, IDEAS, LABEL_PAIRS, OVERVIEW, RUNS, SEARCH, healthy

MAP = "screens/map.py"
UNDOUBTED = {
    "one_image": "Only one image has a label. To doubt it takes images of another class.",
    "one_label": "Only one image has a label. To doubt it takes images of another class.",
    "one_class": "All 30 labels are Bag. To doubt one takes images of another class.",
    "unlabelled": "This corpus has no labels, so none can be wrong. Duplicates need none.",
}
"""What *Label errors* says where no label can be doubted."""


@pytest.fixture(scope="module", params=list(ALL))
def poor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the artefacts, made once; its pages only look at it."""
    name: str = request.param
    return ALL[name](tmp_path_factory.mktemp("hostile") / name)


def modes(at: AppTest) -> None:
    """The pages that have several views, in each of them."""
    for page, control, views in (
        (CURATION, "which_list", (curation.LABELS, curation.DUPLICATES, curation.LEAKS)),
        (LABEL_PAIRS, groups.MODE, label_pairs.MODES),
        (IDEAS, ideas.IDEA, SECTIONS),
    ):
        at.switch_page(page)
        for view in views:
            at.session_state[control] = view
            healthy(at.run())


def test_no_page_shows_an_error(open_app: OpenApp, poor: Path) -> None:
    """Whatever is missing is said in a plain sentence."""
    at = healthy(open_app(poor, OVERVIEW))
    for page in (MAP, SEARCH, FALSE_NEGATIVES, RUNS):
        healthy(at.switch_page(page).run())
    modes(at)
    at.switch_page(CURATION)
    at.session_state["which_list"] = curation.LABELS
    assert [info.value for info in at.run().info if info.value in UNDOUBTED.values()] == [
        UNDOUBTED[name] for name in [poor.name] if name in UNDOUBTED
    ]
