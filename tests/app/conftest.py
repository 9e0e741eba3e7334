"""The artefacts that the page tests browse, and a way to open the app on one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from samekind import app
from samekind.app.state.artefact import ENVIRONMENT
from samekind.app.state.library import Library
from tests.app.artefacts import build
from tests.app.pages import SEARCH

MAIN = Path(app.__file__).with_name("main.py")
OpenApp = Callable[..., AppTest]
"""Takes the artefact and, unless it is the first page, the page."""


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled corpus, trained and indexed."""
    return build(tmp_path_factory.mktemp("app") / "digits")


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images without labels."""
    return build(tmp_path_factory.mktemp("app") / "unlabelled", labelled=False)


@pytest.fixture
def open_search(open_app: OpenApp) -> OpenApp:
    """Opens the app on an artefact at the page *Search*."""
    return lambda path: open_app(path, SEARCH)


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> OpenApp:
    """Opens the app on an artefact, as `samekind demo` does, without the work in the background."""
    st.cache_resource.clear()
    monkeypatch.setattr(Library, "warm_later", lambda self: None)

    def open_on(path: Path | str, screen: str = "") -> AppTest:
        monkeypatch.setattr(sys, "argv", ["main.py"])
        monkeypatch.setenv(ENVIRONMENT, str(path))
        at = AppTest.from_file(MAIN, default_timeout=60)
        return (at.switch_page(screen) if screen else at).run()

    return open_on
