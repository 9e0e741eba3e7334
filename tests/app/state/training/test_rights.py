"""Who may start a training: by default nobody from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest
import streamlit as st

from samekind.app.state.training import rights
from samekind.core.lifetime import ALLOWS_TRAINING


def may(monkeypatch: pytest.MonkeyPatch, address: str | None, headers: Mapping[str, str], path: str = "") -> bool:
    """Whether a session may train whose server listens at `address` and whose browser sent these headers."""
    options = {"server.address": address, "server.baseUrlPath": path}
    monkeypatch.delenv(ALLOWS_TRAINING, raising=False)
    monkeypatch.setattr(st, "get_option", options.get)
    monkeypatch.setattr(st, "context", SimpleNamespace(headers=headers))
    return rights.may_train()


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
@pytest.mark.parametrize("host", [None, "127.0.0.1:8501", "localhost", "[::1]:8501"])
def test_this_machine_s_users_may(monkeypatch: pytest.MonkeyPatch, address: str, host: str | None) -> None:
    """By whatever name they call it."""
    assert may(monkeypatch, address, {} if host is None else {"Host": host})


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "photos.example.org"])  # noqa: S104
def test_nobody_may_where_the_server_listens_to_others(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    """Also where it was not said where it listens, for then it listens everywhere."""
    assert not may(monkeypatch, address, {"Host": "127.0.0.1:8501"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "photos.example.org"},
        {"Host": "127.0.0.1.example.org"},
        {"Host": "127.0.0.1:8501", "X-Forwarded-For": "10.0.0.7"},
        {"Host": "127.0.0.1:8501", "Forwarded": "for=10.0.0.7"},
        {"Host": "127.0.0.1:8501", "Via": "1.1 proxy"},
    ],
)
def test_nobody_may_through_a_proxy(monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]) -> None:
    """Nor from a web site whose name was made to lead here."""
    assert not may(monkeypatch, "127.0.0.1", headers)


def test_nobody_may_under_a_path_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--base-path` says that there is one."""
    assert not may(monkeypatch, "127.0.0.1", {}, path="app")


def test_all_may_where_it_was_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--allow-training` sets a variable of the server."""
    assert not may(monkeypatch, "0.0.0.0", {})  # noqa: S104
    monkeypatch.setenv(ALLOWS_TRAINING, "1")
    assert rights.may_train()
