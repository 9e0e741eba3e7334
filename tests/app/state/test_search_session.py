"""What a session of *Search* remembers where Streamlit's own order of events does not help."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile, UploadedFileRec

from samekind.app.state import search_session
from samekind.app.widgets import picker


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The state of a session."""
    held: dict[str, Any] = {}
    for module in (search_session, picker):
        monkeypatch.setattr(module, "st", SimpleNamespace(session_state=held))
    return held


def test_what_is_chosen_now_is_not_undone_by_what_was_left_for_later(state: dict[str, Any]) -> None:
    """A click reaches the very run that was to do what a first run had left."""
    state["do_later"] = lambda: search_session.choose_words("red shoe")
    search_session.choose_words("boot")
    search_session.do_what_was_left()
    assert state["query"].name == "boot"


def test_what_was_left_is_done_once(state: dict[str, Any]) -> None:
    """And a session begins once."""
    state["do_later"] = lambda: search_session.choose_words("red shoe")
    search_session.do_what_was_left()
    assert state["query"].name == "red shoe"
    assert "do_later" not in state
    assert [search_session.begins() for _ in range(3)] == [True, False, False]


def test_files_that_went_with_a_killed_server_are_passed_over(state: dict[str, Any]) -> None:
    """The browser still names them, beside those that were uploaded since."""
    record = UploadedFileRec(file_id="2", name="boot.png", type="image/png", data=b"boot")
    state[search_session.upload_key()] = [DeletedFile("1"), UploadedFile(record, FileURLs())]
    picker._uploaded()
    assert (state["query"].name, state["query"].upload) == ("boot.png", b"boot")
