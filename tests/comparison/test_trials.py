"""Trials: what decides their figures, how they are found again, and what follows from several."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from samekind.comparison.stopwatch import LEAST_STEPS, STEPS_BEFORE, EnoughError, Stopwatch
from samekind.comparison.summary import Spread
from samekind.comparison.trials import FinishedTrials, slug
from samekind.core.errors import ArtefactError
from tests.comparison.conftest import stored, trial_of


def test_the_digest_is_of_what_decides_the_figures() -> None:
    """Equal settings give equal digests, workers and device do not count, and everything else does."""
    digest = trial_of().digest
    assert digest == trial_of().digest == trial_of(workers=3, device="cpu").digest
    changed = ({"seed": 1}, {"steps": 7}, {"limit": 100}, {"beta": 2.0}, {"content_hash": "abd"}, {"knn_k": 200})
    assert len({digest, *(trial_of(**change).digest for change in changed)}) == 1 + len(changed)


def test_a_trial_is_found_by_its_settings(tmp_path: Path) -> None:
    """A setting that a trial does not know had its default; another value, corpus, seed or k is another trial."""
    trial = trial_of()
    old = stored(trial)
    old["identity"] = json.loads(json.dumps(old["identity"]))
    del old["identity"]["config"]["whitening"]
    FinishedTrials(tmp_path).add(trial, old)
    finished = FinishedTrials(tmp_path)
    assert finished.find(trial) == old
    for change in ({"whitening": 0.25}, {"seed": 1}, {"steps": 7}, {"content_hash": "abd"}, {"knn_k": 200}):
        assert finished.find(trial_of(**change)) is None, change
    assert finished.all_seeds(trial_of(seed=1)) == [old]


def test_a_damaged_trial_is_named(tmp_path: Path) -> None:
    """Half a file is no figure: the error says which one to remove."""
    path = trial_of().path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text('{"identity": ')
    with pytest.raises(ArtefactError, match=path.name):
        FinishedTrials(tmp_path)


def test_file_names_hold_no_path() -> None:
    """A method or corpus name never leaves its folder."""
    assert slug("hard, β 0.5") == "hard-beta-0.5"
    assert slug("../a/b") == "a-b"
    assert slug("hard+soft+oracle") == "hard+soft+oracle"


def test_mean_and_deviation() -> None:
    """Mean 0.93 and √(0.0026 / 2) by hand; one value has no deviation, none has no mean."""
    spread = Spread((0.90, 0.92, 0.97))
    assert spread.mean == pytest.approx(0.93)
    assert spread.std == pytest.approx(math.sqrt(0.0013))
    assert spread.text(2, 100) == "93.00 ± 3.61"
    assert Spread((0.5, None)).to_dict() == {"mean": 0.5, "std": None, "values": [0.5, None]}
    assert Spread((None,)).text() is None


def test_the_stopwatch_times_steps_only() -> None:
    """Bars of other work do not count, the first steps do not either, and it ends the training at the time."""
    watch = Stopwatch(seconds=0.0)
    with watch.task("Preparing", 3) as task:
        task.advance(3)
    with watch.task("epoch 1/9", 10**6) as task:
        task.advance(0)
        for _ in range(STEPS_BEFORE + LEAST_STEPS - 1):
            task.advance()
        with pytest.raises(EnoughError):
            task.advance()
    assert len(watch.steps) == STEPS_BEFORE + LEAST_STEPS
    assert watch.counted == watch.steps[STEPS_BEFORE:]
