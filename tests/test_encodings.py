"""Consoles that lack our characters: help, answers and errors are written all the same, and files are UTF-8 whatever the locale."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from samekind.commands import COMMANDS
from samekind.encodings import look_alikes
from tests.test_architecture import PACKAGE, python_files, tree

SCRIPT = """
import sys
from samekind.cli import main
from samekind.commands import COMMANDS
codes = [main(["--help"]), *(main([name, "--help"]) for name in COMMANDS), main(["search", "nowhere/\\u00e9\\uac00\\u2026", "x.jpg"])]
print(codes)
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp949", "cp1252"])
def test_every_help_and_an_error_can_be_written(encoding: str, tmp_path: Path) -> None:
    """Exit code 0 for each help, 2 for the error, and no traceback; dashes and dots are their look-alikes."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT],
        env=environment,
        capture_output=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    told = done.stdout.decode(encoding)
    assert told.splitlines()[-1] == str([0] * (len(COMMANDS) + 1) + [2])
    assert told.startswith("usage: samekind COMMAND ..." if encoding == "ascii" else "usage: samekind COMMAND …")
    assert done.stderr.decode(encoding).startswith("error: ")


def test_look_alikes() -> None:
    """What looks alike is taken for it, one mark for whatever else is missing, the rest stays."""
    error = UnicodeEncodeError("ascii", "a…→가b", 1, 4, "ordinal not in range")
    assert look_alikes(error) == ("...->?", 4)
    undecodable = UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range")
    with pytest.raises(UnicodeDecodeError):
        look_alikes(undecodable)


def opened_without_encoding(module: ast.Module) -> list[int]:
    """Lines that read or write text in the locale's encoding."""
    lines = []
    for call in ast.walk(module):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        named = {keyword.arg for keyword in call.keywords}
        if call.func.attr in ("read_text", "write_text") and "encoding" not in named and len(call.args) < 2:
            lines.append(call.lineno)
        mode = call.args[0] if call.args else None
        if call.func.attr == "open" and isinstance(mode, ast.Constant) and str(mode.value) in ("r", "w", "a", "x"):
            lines += [call.lineno] * ("encoding" not in named)
    return lines


def test_text_files_are_utf_8_whatever_the_locale() -> None:
    """Windows in Korean would read and write cp949."""
    assert opened_without_encoding(
        ast.parse('p.read_text()\np.open("w")\np.read_text(encoding="utf-8")\np.open("rb")')
    ) == [1, 2]
    found = {path.name: lines for path in python_files(PACKAGE) if (lines := opened_without_encoding(tree(path)))}
    assert found == {}
