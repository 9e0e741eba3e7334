"""Several runs in one demo: which opens, choosing another, and what is forgotten then."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import samekind as sk
from tests.app.conftest import OpenApp
from tests.app.pages import OVERVIEW, SEARCH, cards, healthy, linked, shown


@pytest.fixture
def several(artefact: Path, unlabelled: Path, tmp_path: Path) -> Path:
    """A folder of two runs, of which `plain` is the newer one, and of one that is broken."""
    for place, (name, source) in enumerate((("digits", artefact), ("plain", unlabelled), ("broken", artefact))):
        folder = shutil.copytree(source, tmp_path / "runs" / name)
        os.utime(folder / "manifest.json", (place, place + 1))
    (tmp_path / "runs" / "broken" / "manifest.json").write_text("{")
    os.utime(tmp_path / "runs" / "broken" / "manifest.json", (9, 9))
    return tmp_path / "runs"


def test_a_folder_opens_its_newest_run_that_can_be_opened(open_app: OpenApp, several: Path) -> None:
    """All are offered, the newest first; the address stays as it was."""
    at = healthy(open_app(several))
    box = at.selectbox(key="run_picker")
    assert (box.value, box.options) == ("plain", ["broken", "plain", "digits"])
    assert "without labels" in at.markdown[0].value
    assert "run" not in at.query_params


def test_another_run_is_chosen_and_nothing_of_the_first_is_left(open_app: OpenApp, several: Path) -> None:
    """The address names it alone; the query, the filter and the settings of the other run are gone, on every page and after Back."""
    id_ = sk.Index.open(several / "digits").ids[5]
    at = linked(open_app(several / "digits").switch_page(SEARCH).run(), id_)
    at.selectbox(key="class").set_value("4").run()
    at.selectbox(key="where_class").set_value("3").run()
    at.selectbox(key="run_picker").set_value("plain").run()
    assert set(at.query_params) == {"run"}
    assert at.query_params["run"] in ("plain", ["plain"])
    assert not shown(healthy(at), "neighbours")
    assert not any(box.key == "where_class" for box in at.selectbox)
    at = healthy(at.switch_page(OVERVIEW).run())
    assert "without labels" in at.markdown[0].value
    assert at.query_params["run"] in ("plain", ["plain"])
    del at.query_params["run"]
    assert "10 classes" in healthy(at.run()).markdown[0].value
    at = healthy(at.switch_page(SEARCH).run())
    assert not shown(at, "neighbours")
    linked(at, id_)
    assert [at.selectbox(key=key).value for key in ("class", "where_class")] == ["", ""]


def test_a_link_to_a_run_and_an_image_opens_both(open_app: OpenApp, several: Path) -> None:
    """At the root, as everywhere."""
    at = open_app(several)
    at.query_params["run"] = "digits"
    id_ = sk.Index.open(several / "digits").ids[5]
    linked(at, id_)
    assert at.selectbox(key="run_picker").value == "digits"
    assert cards(at, "query_card")[0]["lines"] == [id_]


def test_a_run_that_cannot_be_opened_is_one_line_and_the_others_go_on(open_app: OpenApp, several: Path) -> None:
    """The choice stays, so that another one is a click away."""
    at = open_app(several)
    at.selectbox(key="run_picker").set_value("broken").run()
    assert not at.exception
    assert ["damaged" in error.value for error in at.error] == [True]
    at.selectbox(key="run_picker").set_value("digits").run()
    assert "10 classes" in healthy(at).markdown[0].value


def test_an_address_with_an_unknown_run_says_so(open_app: OpenApp, several: Path) -> None:
    """The first run is shown beside that line."""
    at = open_app(several)
    at.query_params["run"] = "../digits"
    at = healthy(at.run())
    assert sum("../digits" in warning.value for warning in at.warning) == 1
    assert "without labels" in at.markdown[0].value


def test_of_a_run_that_is_gone_nothing_is_left(open_app: OpenApp, several: Path) -> None:
    """The first one is shown instead, and a line says so; what is remembered of the other one would mean nothing there."""
    id_ = sk.Index.open(several / "digits").ids[5]
    at = open_app(several, SEARCH)
    at.selectbox(key="run_picker").set_value("digits").run()
    assert cards(linked(at, id_), "query_card")[0]["lines"] == [id_]
    at.session_state["basket"] = {id_: None}
    (several / "digits").rename(several.parent / "digits")
    at = healthy(at.run())
    assert sum("digits" in warning.value for warning in at.warning) == 1
    assert "basket" not in at.session_state or not at.session_state["basket"]
    assert at.selectbox(key="run_picker").value == "plain"
    healthy(at.run())


def test_a_folder_that_was_empty_shows_the_first_run_that_appears(
    open_app: OpenApp, artefact: Path, several: Path
) -> None:
    """A later one takes nobody there; where the first one is deleted, another opens."""
    folder = several.parent / "empty"
    folder.mkdir()
    at = open_app(folder)
    assert at.error
    (folder / "one").mkdir()
    assert at.run().error
    shutil.copytree(artefact, folder / "one", dirs_exist_ok=True)
    assert "10 classes" in healthy(at.run()).markdown[0].value
    shutil.copytree(several / "plain", folder / "two")
    os.utime(folder / "two" / "manifest.json")
    assert "10 classes" in healthy(at.run()).markdown[0].value
    assert at.selectbox(key="run_picker").options == ["two", "one"]
    shutil.rmtree(folder / "one")
    assert "without labels" in healthy(at.run()).markdown[0].value


def test_two_sessions_look_at_two_runs(open_app: OpenApp, several: Path) -> None:
    """One visitor's choice is not another's."""
    one, two = open_app(several), open_app(several)
    one.selectbox(key="run_picker").set_value("digits").run()
    assert "without labels" in healthy(two.run()).markdown[0].value
    assert "10 classes" in healthy(one.run()).markdown[0].value


def test_the_run_card_is_as_text(open_app: OpenApp, artefact: Path) -> None:
    """Once it is opened: facts of training and index, to be copied."""
    at = healthy(open_app(artefact))
    assert not at.code
    at.session_state["run_card"] = True
    at = healthy(at.run())
    assert at.code[0].value == sk.run_card(sk.Index.open(artefact)).to_text()
