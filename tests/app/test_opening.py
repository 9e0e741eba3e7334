"""Which artefact the app opens, and its one clear error where there is none."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.state.artefact import ENVIRONMENT, artefact_path
from tests.app.conftest import MAIN, OpenApp
from tests.app.pages import healthy, linked, shown


def test_a_missing_artefact_is_one_clear_error(open_app: OpenApp, tmp_path: Path) -> None:
    """A folder without an index gives one error with the remedy and neither page nor traceback."""
    at = open_app(tmp_path / "nowhere")
    assert not at.exception
    assert len(at.error) == 1
    assert "nowhere" in at.error[0].value.replace("\\", "")
    assert "artefact" in at.error[0].value
    assert not at.title


def test_an_artefact_without_index_names_the_command(open_app: OpenApp, artefact: Path, tmp_path: Path) -> None:
    """An encoder that was trained but not indexed: the error says which command makes the index."""
    for name in ("encoder.safetensors", "meta.json"):
        shutil.copy(artefact / name, tmp_path / name)
    at = open_app(tmp_path)
    assert not at.exception
    assert len(at.error) == 1
    assert "samekind index" in at.error[0].value


def test_no_artefact_named_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started without an artefact, the app says how to name one."""
    monkeypatch.setattr(sys, "argv", ["main.py"])
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    at = AppTest.from_file(MAIN, default_timeout=60).run()
    assert [error.value.count("samekind demo") for error in at.error] == [1]
    assert not at.exception


def test_the_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`streamlit run app/main.py -- ARTEFACT` names the artefact, whatever the environment says."""
    monkeypatch.setattr(sys, "argv", ["main.py", "artifacts/a"])
    monkeypatch.setenv(ENVIRONMENT, "artifacts/b")
    assert artefact_path() == Path("artifacts/a")


def test_a_changed_index_is_opened_afresh(open_app: OpenApp, artefact: Path, tmp_path: Path) -> None:
    """Rows that are removed while the app runs are gone at the next click, and a query among them is forgotten."""
    copy = shutil.copytree(artefact, tmp_path / "copy")
    index = sk.Index.open(copy)
    gone = index.ids[0]
    at = linked(open_app(copy), gone)
    assert shown(at, "neighbours")
    index.remove([gone])
    healthy(at.run())
    assert not shown(at, "neighbours")
    assert any(f"of {len(index):,} images" in caption.value for caption in at.caption)
