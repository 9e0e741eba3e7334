"""The page *Runs*: the form that starts a training, and what is shown of one. No training is started here."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind import runs
from samekind.core.lifetime import ALLOWS_TRAINING
from samekind.training.runtime.lock import exclusive
from tests.app.conftest import OpenApp
from tests.app.pages import RUNS, healthy, shown


@pytest.fixture
def folder(artefact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The trained run, in a folder of its own, before a visitor who may train."""
    monkeypatch.setenv(ALLOWS_TRAINING, "1")
    shutil.copytree(artefact, tmp_path / "trained")
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[runs.TrainingRequest]:
    """What would have been started."""
    requests: list[runs.TrainingRequest] = []
    monkeypatch.setattr(runs, "start", requests.append)
    return requests


def form(open_app: OpenApp, folder: Path) -> AppTest:
    """The page at its form."""
    at = healthy(open_app(folder / "trained").switch_page(RUNS).run())
    return at.segmented_control(key="runs_part").set_value("Start a training").run()


def command(at: AppTest) -> str:
    """The command that the page shows."""
    return str(next(each.value for each in at.code if each.value.startswith("samekind train")))


def put_launch(folder: Path, **values: object) -> Path:
    """A run of which nothing is there but its launch."""
    record = {"corpus": ["--corpus", "digits"], "training": ["--preset", "smoke"], "started": time.time()}
    (folder / "launch").mkdir(parents=True)
    (folder / "launch" / "launch.json").write_text(
        json.dumps({**record, "phase": "train", "ended": "", "message": "", **values})
    )
    return folder


def test_the_form_starts_what_its_command_says(
    open_app: OpenApp, folder: Path, started: list[runs.TrainingRequest]
) -> None:
    """Choices that differ from the preset's are flags; the button asks for the same."""
    at = form(open_app, folder)
    assert command(healthy(at)) == f"samekind train --corpus digits --out {folder}/digits-hard --preset small"
    at.selectbox(key="training_length_True").set_value("smoke").run()
    at.selectbox(key="training_treatment_scratch").set_value("soft").run()
    at.number_input(key="training_beta").set_value(0.5).run()
    at.number_input(key="training_seed").set_value(7).run()
    at.text_input(key="training_name").set_value("사진 2").run()
    flags = "--preset smoke --treatment soft --beta 0.5 --seed 7"
    assert command(healthy(at)) == f"samekind train --corpus digits --out '{folder}/사진 2' {flags}"
    at.button(key="training_start").click().run()
    (request,) = started
    assert (request.folder, request.training) == (folder / "사진 2", flags.split())


def test_the_form_offers_answers_where_there_are_any(
    open_app: OpenApp, folder: Path, started: list[runs.TrainingRequest]
) -> None:
    """Those of the run that is looked at; an objective that cannot use them is refused in one line."""
    at = form(open_app, folder)
    assert not any(each.key == "training_answers" for each in at.toggle)
    index = sk.Index.open(folder / "trained")
    one, two, three = (str(index.row(id_)["sha256"]) for id_ in index.ids[1:4])
    sk.VerdictTable(folder / "trained").add([sk.Verdict(one, two, "same"), sk.Verdict(one, three, "different")])
    at = at.run()
    assert at.toggle(key="training_answers").label == "Train with people's answers: 2 pairs"
    assert "--verdicts" not in command(healthy(at))
    at.toggle(key="training_answers").set_value(True).run()
    assert command(healthy(at)).endswith(f"--preset small --verdicts {(folder / 'trained').resolve()}")
    at.button(key="training_start").click().run()
    assert [request.answers for request in started] == [True]
    at.selectbox(key="training_objective_scratch").set_value("cpc").run()
    assert ["no use for verdicts" in error.value for error in at.error] == [True]


@pytest.mark.parametrize("name", ["../up", "trained", "-rf", "<b>x</b>"])
def test_a_name_that_will_not_do_leaves_no_button(
    open_app: OpenApp, folder: Path, started: list[runs.TrainingRequest], name: str
) -> None:
    """One line says why."""
    at = form(open_app, folder)
    at.text_input(key="training_name").set_value(name).run()
    assert len(at.error) == 1
    assert not at.exception
    assert not shown(at, "training_start")


def test_choices_that_do_not_go_together_are_said(open_app: OpenApp, folder: Path) -> None:
    """The command line's own words."""
    at = form(open_app, folder)
    at.selectbox(key="training_objective_scratch").set_value("cpc").run()
    at.selectbox(key="training_treatment_scratch").set_value("soft").run()
    assert len(at.error) == 1
    assert not at.exception


def test_who_may_not_train_has_no_form_and_no_way_around_it(
    open_app: OpenApp, folder: Path, started: list[runs.TrainingRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A press on a button that was drawn before is refused as well."""
    at = form(open_app, folder)
    monkeypatch.delenv(ALLOWS_TRAINING)
    at.button(key="training_start").click().run()
    assert started == []
    assert any("can be reached by others" in error.value for error in at.error)
    assert any("can be reached by others" in info.value for info in at.info)
    assert not shown(at, "training_start")


def test_images_that_nobody_can_find_again_are_said(open_app: OpenApp, folder: Path) -> None:
    """A run that was handed arrays cannot be trained again from here."""
    meta = json.loads((folder / "trained" / "meta.json").read_text())
    meta["corpus"]["corpus"] = None
    (folder / "trained" / "meta.json").write_text(json.dumps(meta))
    manifest = json.loads((folder / "trained" / "manifest.json").read_text())
    manifest["corpora"][0]["source"] = None
    (folder / "trained" / "manifest.json").write_text(json.dumps(manifest))
    at = form(open_app, folder)
    assert [error.value.partition("\n")[0] for error in at.error] == ["this run does not say where its images are"]


def test_one_training_at_a_time(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch, started: list[runs.TrainingRequest]
) -> None:
    """The machine's other training is named, and the button is dead."""
    monkeypatch.setattr(runs, "busy_with", lambda: Path("/elsewhere/*other*"))
    at = form(open_app, folder)
    assert any("busy with the training \\*other\\*" in info.value for info in at.info)
    assert at.button(key="training_start").disabled


def test_a_running_training_is_shown(open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line, its bar and its last figures; *Stop* asks it to end."""
    run = put_launch(folder / "new *x*")
    (run / "launch" / "log.txt").write_text("training on 43 images · 56 steps of 38 in 28 epochs · hard · cpu\n")
    (run / "launch" / "progress.json").write_text(
        json.dumps({"what": "epoch 3/4", "done": 1, "total": 2, "share": 0.625, "losses": [[0.5, 4.0], [1.0, 3.0]]})
    )
    (run / "metrics.jsonl").write_text('{"epoch": 1, "loss": 3.5, "seconds": 1, "knn_accuracy": 0.75}\n')
    with exclusive(run / "launch", "lock"):
        at = healthy(open_app(folder / "trained").switch_page(RUNS).run())
        assert list(at.dataframe[0].value["State"]) == ["✓ done", "● running"]
        assert any(caption.value.startswith("training on 43 images") for caption in at.caption)
        assert [metric.value for metric in at.metric] == ["1", "3.500", "75.0 %"]
        (bar,) = at.get("progress")
        assert (bar.proto.value, bar.proto.text) == (62, "training\\: epoch 3 of 4")
        at.button(key="runs_stop").click().run()
        assert (run / "launch" / "stop").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ended": "stopped"}, "was stopped"),
        ({"ended": "failed", "message": "no *room*"}, "no \\*room\\*"),
        ({}, "it was killed"),
    ],
)
def test_what_ended_early_can_be_resumed(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], words: str
) -> None:
    """And says how it ended."""
    run, resumed = put_launch(folder / "new", **values), list[Path]()
    monkeypatch.setattr(runs, "resume", resumed.append)
    at = healthy(open_app(folder / "trained").switch_page(RUNS).run())
    assert any(words in each.value for each in (*at.info, *at.warning))
    at.button(key="runs_resume_new").click().run()
    assert resumed == [run]
