"""A command that shows nothing for a while says that it works; one that shows something or has answered says nothing of it."""

from __future__ import annotations

import io
import time

import pytest

from samekind.console import BarProgress, Console
from samekind.signs_of_life import signs_of_life


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line after a twentieth of a second, others after a fifth of silence."""
    monkeypatch.setattr("samekind.signs_of_life.FIRST", 0.05)
    monkeypatch.setattr("samekind.signs_of_life.THEN", 0.2)


def _console(*, as_json: bool = False) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(as_json=as_json, stdout=io.StringIO(), stderr=stream), stream


def _wait_for(stream: io.StringIO, lines: int) -> list[str]:
    end = time.monotonic() + 30
    while len(stream.getvalue().splitlines()) < lines and time.monotonic() < end:
        time.sleep(0.01)
    return stream.getvalue().splitlines()


def test_silence_is_broken_again_and_again() -> None:
    """Once soon, then now and then; and no more once the command has ended."""
    console, stream = _console()
    with signs_of_life(console, "labels"):
        lines = _wait_for(stream, 3)
    assert len(lines) >= 3
    assert all(line.startswith("samekind labels: working, ") for line in lines)
    said = stream.getvalue()
    time.sleep(0.5)
    assert stream.getvalue() == said


def test_what_shows_something_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of its own count, and a bar that is open, which shows the time."""
    monkeypatch.setattr("samekind.signs_of_life.FIRST", 1.0)
    monkeypatch.setattr("samekind.signs_of_life.THEN", 3600.0)
    console, stream = _console()
    with signs_of_life(console, "index"):
        console.say("read as a folder")
        time.sleep(1.6)
        assert stream.getvalue() == "read as a folder\n"
    lines = console.progress.last_shown()
    monkeypatch.setattr("samekind.signs_of_life.FIRST", 0.05)
    with signs_of_life(console, "index"):
        _wait_for(stream, 2)
    assert console.progress.last_shown() == lines, "a bar's own line would come later"
    bars = BarProgress()
    with bars.task("embedding", total=2):
        before = time.monotonic()
        assert bars.last_shown() >= before
    ended = bars.last_shown()
    time.sleep(0.01)
    assert bars.last_shown() == ended


@pytest.mark.parametrize("ends", ["answered", "as_json"])
def test_who_must_not_be_interrupted(ends: str) -> None:
    """After the answer, and where a program reads."""
    console, stream = _console(as_json=ends == "as_json")
    if ends != "as_json":
        setattr(console, ends, True)
    with signs_of_life(console, "search"):
        time.sleep(0.5)
    assert stream.getvalue() == ""


def test_the_command_line_has_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Any command, by its name."""
    from samekind import cli
    from samekind.commands import COMMANDS

    monkeypatch.setattr(COMMANDS["cache"], "run", lambda self, console: time.sleep(0.5))
    assert cli.main(["cache"]) == 0
    assert capsys.readouterr().err.startswith("samekind cache: working, 0 s so far\n")
