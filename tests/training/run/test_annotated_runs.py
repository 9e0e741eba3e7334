"""Runs with pairwise annotations: used, recorded, resumed with those that the run began with, and refused where nothing reads them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from samekind.core.errors import ArtefactError, InputError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.false_negatives.links import LinkConstraints
from samekind.training.run.train import Run, train
from samekind.training.runtime.artefact import ANSWERS, read_meta
from samekind.training.runtime.checkpoint import CHECKPOINT
from tests.training.runs import config, corpus, interrupted_at


def hashes(images: Corpus) -> list[str]:
    """Of the rows that the test's runs may train on."""
    train_rows = images.split("train")
    return [train_rows.sha256(row) for row in range(len(train_rows))]


def answered(images: Corpus, count: int = 12) -> LinkConstraints:
    """The first rows of each kind were called the same, and the kinds different. The test's blobs take turns."""
    names = hashes(images)[:count]
    kinds = tuple(frozenset(names[kind::3]) for kind in range(3))
    same = frozenset(pair for kind in kinds for pair in itertools.combinations(sorted(kind), 2))
    first, second = sorted(names[:2])
    return LinkConstraints(kinds, same, frozenset(), frozenset({(first, second)}), frozenset(), frozenset())


def weights(run: Run) -> bytes:
    """Of the trained encoder."""
    return (run.out / "encoder.safetensors").read_bytes()


@pytest.mark.parametrize("confirmed", ["attract", "drop"])
def test_a_run_uses_answers_and_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confirmed: str) -> None:
    """Another encoder than without; counts in meta and summary; another folder's answers are another run; resumed bitwise."""
    images = corpus()
    plain = train(images, config(), tmp_path / "plain")
    told: list[str] = []
    progress = NoProgress()
    monkeypatch.setattr(progress, "print", told.append)
    run = train(images, config(confirmed=confirmed), tmp_path / "run", answers=answered(images), progress=progress)
    assert weights(run) != weights(plain)
    assert run.summary["verdicts"] == read_meta(run.out)["verdicts"]
    assert run.summary["verdicts"]["kinds"] == 3
    counted = run.summary["verdicts"]
    assert (
        counted["same"] + counted["different"] + counted["not_trained_on"] == 19
    )  # 3 × 6 pairs and one; a hold-out is not trained on
    assert any(line.startswith(f"verdicts: {counted['same']} same (3 kinds)") for line in told)
    assert train(images, config(confirmed=confirmed), tmp_path / "run", answers=answered(images)).kept
    with pytest.raises(ArtefactError, match="holds a run with other verdicts") as caught:
        train(images, config(confirmed=confirmed), tmp_path / "run", answers=answered(images, 9))
    assert "since it began" in caught.value.hint
    assert "--force" in caught.value.hint
    with interrupted_at(5):
        train(images, config(confirmed=confirmed), tmp_path / "torn", answers=answered(images))
    assert weights(train(images, config(confirmed=confirmed), tmp_path / "torn", answers=answered(images))) == weights(
        run
    )


class Told(NoProgress):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def print(self, line: str) -> None:
        """Kept."""
        self.lines.append(line)


def test_an_interrupted_run_goes_on_with_the_answers_that_it_began_with(tmp_path: Path) -> None:
    """Another answer in between is said, and changes no weight; the file holds what was read. `force` goes on too."""
    images = corpus()
    first, today = answered(images, 9), answered(images)
    whole = train(images, config(), tmp_path / "whole", answers=first)
    torn = tmp_path / "torn"
    with interrupted_at(4):
        train(images, config(), torn, answers=first)
    assert LinkConstraints.from_dict(json.loads((torn / ANSWERS).read_text())) == first
    told = Told()
    run = train(images, config(), torn, answers=today, progress=told)
    assert [line for line in told.lines if "answers that this run began with" in line]
    assert "continuing from step 5 of 6" in told.lines
    assert weights(run) == weights(whole)
    assert run.summary["verdicts"] == whole.summary["verdicts"]
    assert read_meta(torn)["identity"]["files"]["verdicts"] == first.digest
    with interrupted_at(4):
        train(images, config(), torn, answers=first, start="force")
    forced = Told()
    again = train(images, config(), torn, answers=today, start="force", progress=forced)
    assert "continuing from step 5 of 6" in forced.lines
    assert weights(again) == weights(whole)
    anew = train(images, config(), torn, answers=today, start="force")
    assert LinkConstraints.from_dict(json.loads((torn / ANSWERS).read_text())) == today
    assert weights(anew) == weights(train(images, config(), tmp_path / "today", answers=today))
    train(images, config(), torn, start="force")
    assert not (torn / ANSWERS).exists()


def test_the_same_answers_are_nothing_to_speak_of(tmp_path: Path) -> None:
    """Nor are answers that a run has not begun to use: without a checkpoint it starts with those of today."""
    images = corpus()
    with interrupted_at(1):
        train(images, config(), tmp_path, answers=answered(images))
    told = Told()
    with interrupted_at(3):
        train(images, config(), tmp_path, answers=answered(images), progress=told)
    (tmp_path / CHECKPOINT).unlink()
    run = train(images, config(), tmp_path, answers=answered(images, 9), progress=told)
    assert not [line for line in told.lines if "began with" in line]
    assert read_meta(run.out)["identity"]["files"]["verdicts"] == answered(images, 9).digest


@pytest.mark.parametrize("damage", ["missing", "torn", "another's", "nonsense"])
def test_answers_that_cannot_be_read_again_are_refused(tmp_path: Path, damage: str) -> None:
    """As in artefacts of older versions: one line, and a hint that says what is missing; with the same answers the run goes on."""
    images = corpus()
    with interrupted_at(3):
        train(images, config(), tmp_path, answers=answered(images))
    file = tmp_path / ANSWERS
    if damage == "missing":
        file.unlink()
    else:
        other = json.dumps(answered(images, 6).to_dict())
        file.write_text({"torn": file.read_text()[:-40], "another's": other, "nonsense": '{"kinds": 3}'}[damage])
    with pytest.raises(ArtefactError, match="holds a run with other verdicts") as caught:
        train(images, config(), tmp_path, answers=answered(images, 9))
    assert "answers.json" in caught.value.hint
    run = train(images, config(), tmp_path, answers=answered(images))
    assert LinkConstraints.from_dict(json.loads((run.out / ANSWERS).read_text())) == answered(images)


@pytest.mark.parametrize("answers", [9, None])
def test_another_setting_is_another_run_whatever_was_answered(tmp_path: Path, answers: int | None) -> None:
    """Its own answers make no run go on that differs in anything else, nor one that asks for none."""
    images = corpus()
    with interrupted_at(3):
        train(images, config(), tmp_path, answers=answered(images))
    given = None if answers is None else answered(images, answers)
    with pytest.raises(ArtefactError, match="holds a run with other verdicts") as caught:
        train(images, config(beta=0.5), tmp_path, answers=given)
    assert caught.value.hint == "choose another --out, or replace it with --force"


def test_only_the_files_that_differ_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guide that is the same is no reason."""
    images = corpus()
    guide = {"guide": "one"}
    monkeypatch.setattr("samekind.training.run.train.outside_files", lambda config: dict(guide))
    train(images, config(), tmp_path, answers=answered(images))
    with pytest.raises(ArtefactError, match=r"with other verdicts$"):
        train(images, config(), tmp_path, answers=answered(images, 9))
    guide["guide"] = "other"
    with pytest.raises(ArtefactError, match=r"another content of guide$"):
        train(images, config(), tmp_path, answers=answered(images))


def test_confirmed_without_answers_is_refused(tmp_path: Path) -> None:
    """It would have no effect, and yet make another run."""
    with pytest.raises(InputError, match="there are no verdicts") as caught:
        train(corpus(), config(confirmed="drop"), tmp_path / "run")
    assert "--verdicts" in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_answers_reach_a_detector_that_can_learn(tmp_path: Path) -> None:
    """`combined` is corrected by them in a training."""
    images = corpus()
    settings = {"treatment": "soft", "detector": "combined", "prior": 0.3}
    powers = []
    learn = Combined.learn

    def watched(self: Combined, answers: PairConstraints) -> None:
        learn(self, answers)
        powers.append(self.power.item())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Combined, "learn", watched)
        train(images, config(**settings), tmp_path / "without")
        assert not powers
        train(images, config(**settings), tmp_path / "with", answers=answered(images))
    assert len(powers) == 2  # once an epoch
    assert 1.0 not in powers


@pytest.mark.parametrize(("objective", "why"), [("cpc", "patches"), ("supervised", "knows the labels")])
def test_objectives_without_use_for_answers_refuse_them(tmp_path: Path, objective: str, why: str) -> None:
    """One line, and nothing in the folder."""
    with pytest.raises(InputError, match=f"{objective} has no use for verdicts") as error:
        train(corpus(), config(objective=objective), tmp_path / "run", answers=answered(corpus()))
    assert why in error.value.hint
    assert not (tmp_path / "run").exists()
