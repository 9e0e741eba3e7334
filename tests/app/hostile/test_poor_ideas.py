"""The page *Ideas* where its figures cannot be worked out, or not of all images."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind import ideas
from samekind.app.view_models.ideas import charts
from samekind.app.view_models.ideas.texts import LANGUAGES, Words
from samekind.app.widgets.ideas import parts
from samekind.core.text import percent
from tests.app.conftest import OpenApp
from tests.app.hostile.artefacts import identical, partly, two_images
from tests.app.pages import shown
from tests.app.screens.test_ideas import ENGLISH, opened, said


@pytest.mark.parametrize(("make", "places"), [(two_images, 2), (identical, 1)])
def test_no_curve_is_fitted_to_next_to_nothing(
    open_app: OpenApp, tmp_path: Path, make: Callable[[Path], Path], places: int
) -> None:
    """A sentence says how many places it takes, in both languages; no chart stands beside it."""
    folder = make(tmp_path / "few")
    for language in LANGUAGES:
        at = opened(open_app, folder, "nce", language)
        assert Words(language)("nce.too_few", places=places, least=20) in said(at)
        assert not shown(at, "ideas_curves")
        assert not shown(at, "ideas_errors")


def test_a_curve_that_has_run_away_shows_no_huge_figures(open_app: OpenApp, tmp_path: Path) -> None:
    """One image far from all others: noise off to one side is told apart without an error; noise like the data is not."""
    vectors = np.random.default_rng(0).normal(scale=1e-3, size=(40, 8)).astype(np.float32)
    vectors[:, 0] += 1
    vectors[-1] = np.eye(8)[1]
    sk.index_vectors(vectors, [f"thing {i}" for i in range(40)], tmp_path / "outlier")
    at = opened(open_app, tmp_path / "outlier", "nce")
    at.segmented_control(key="ideas_noise").set_value("aside").run()
    assert ENGLISH("nce.here_away", ratio=1) in said(at)
    assert "the error" not in said(at).split("What it means here")[1].split(ENGLISH("page.asked"))[0]
    at.segmented_control(key="ideas_noise").set_value("like").run()
    assert "the learned curve has the area" in said(at)


def test_the_chart_of_errors_has_a_gap_where_curves_ran_away() -> None:
    """They would flatten all others."""
    figure = charts.errors(ENGLISH, (1, 2, 4), (3e13, 0.5, 0.25), 2)
    (line,) = [trace for trace in figure.data if trace.name == ENGLISH("nce.error")]
    assert math.isnan(line.y[0])
    assert list(line.y[1:]) == [0.5, 0.25]
    assert ideas.fit_bell(np.zeros(12), ideas.Noise(0.0, 1.2), 1).has_run_away
    assert not ideas.BellCurve(ideas.Noise(0.0, 1.0), 0.0, 0.0, 0.0).has_run_away


def test_negatives_without_a_label_are_left_out_and_counted(open_app: OpenApp, tmp_path: Path) -> None:
    """Of a labelled anchor in a partly labelled corpus: the shares are over what has a label; of one label none is claimed."""
    folder = partly(tmp_path / "partly")
    index = sk.Index.open(folder)
    sample = ideas.draw(index)
    place = int(np.flatnonzero(np.diagonal(sample.false_MM) == 1)[0])
    negative = (place + np.arange(1, len(sample))) % len(sample)
    false = sample.false_MM[place, negative]
    known, same = int((false >= 0).sum()), int((false == 1).sum())
    assert 0 < same < known < len(false)
    at = opened(open_app, folder, "ingredients")
    at.session_state[parts.PLACE] = place
    at.select_slider(key="ideas_beta").set_value(0.0).run()
    left_out = ENGLISH("picking.left_out", count=len(false) - known)
    text = said(at)
    assert f"they are {percent(same / known)} of the negatives. {left_out}" in text
    temperature = at.select_slider(key="ideas_hard_temperature").value
    push = np.exp(sample.similarity_MM[place, negative].astype(np.float64) / temperature)
    assert f"the anchor's class {percent(push[false == 1].sum() / push[false >= 0].sum())};" in text
    at.session_state["idea"] = "picking"
    at.run()
    at.select_slider(key="ideas_candidates").set_value(16).run()
    positive = negative[np.argmax(sample.similarity_MM[place, negative])]  # this encoder makes no views
    drawn = sample.false_MM[place, negative[negative != positive][:15]]
    counts = f"{(drawn == 1).sum()} of the {(drawn >= 0).sum()} negatives are of the anchor's class"
    assert counts in said(at)
    assert ENGLISH("picking.left_out", count=(drawn < 0).sum()) in said(at)
