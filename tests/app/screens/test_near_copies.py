"""Marks on near copies, which are looked for beside the page."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from samekind.app.state.library import Library
from samekind.app.widgets import bought
from samekind.app.widgets import groups as groups_widget
from tests.app.conftest import OpenApp
from tests.app.labeling import groups
from tests.app.screens.test_names import drawn, near_copies_at, words


def test_near_copies_are_marked_whenever_they_are_found(
    open_app: OpenApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the screen is drawn, too: it is drawn again then."""
    told, find, draw = threading.Event(), sk.near_copies, bought.show

    def late(*arguments: Any) -> Any:
        assert told.wait(20)
        return find(*arguments)

    def drawing(*arguments: Any) -> None:
        draw(*arguments)
        told.set()
        time.sleep(0.5)

    monkeypatch.setattr(sk, "near_copies", late)
    monkeypatch.setattr(bought, "show", drawing)
    monkeypatch.setattr(groups_widget, "SECONDS_FOR_COPIES", 0.01)
    at = groups(open_app(near_copies_at(tmp_path / "artefact")))
    near = [*words(at), [badge["text"] for badge in drawn(at)["anchor"]["badges"]]]
    assert sum(map(len, near)) == 2


def test_near_copies_that_could_not_be_looked_for_are_looked_for_again(
    artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of one visit is not kept for the next."""
    answers: list[Any] = [sk.ArtefactError("a disk that was away"), []]

    def find(*_: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(sk, "near_copies", find)
    opened = Library(sk.Index.open(artefact))
    ids = tuple(opened.index.ids[:2])
    with pytest.raises(sk.ArtefactError, match="was away"):
        opened.near_copies(ids).wait(lambda share: None)
    assert opened.near_copies(ids).wait(lambda share: None) == []
    assert opened.near_copies(ids).wait(lambda share: None) == []
