"""docs/trust.md names tests that there are, and of each kind of what people have some that CI runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = re.sub(r"```.*?```", "", (ROOT / "docs" / "trust.md").read_text(encoding="utf-8"), flags=re.DOTALL)
TABLE = "## What people have"
REFERENCE = re.compile(r"`(?:tests/)?((?:\w+/)*\w+\.py)?(?:::)?(test_\w+)?`")


def referred(text: str) -> list[tuple[Path, str]]:
    """Files of tests, each with a function of it or an empty name; a function alone is of the file before it."""
    found, file = [], None
    for quoted in re.findall(r"`[^`]+`", text):
        match = REFERENCE.fullmatch(quoted)
        if match is None or not (match[1] or match[2]):
            continue
        file = ROOT / "tests" / match[1] if match[1] else file
        assert file is not None, quoted
        found.append((file, match[2] or ""))
    return found


def functions(file: Path) -> dict[str, bool]:
    """The tests of a file, and of each whether CI leaves it out as a whole."""
    tests = [each for each in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(each, ast.FunctionDef)]
    return {
        each.name: any(ast.unparse(mark) == "pytest.mark.long" for mark in each.decorator_list)
        for each in tests
        if each.name.startswith("test_")
    }


def test_named_tests_are_there() -> None:
    """Each path and each function, in the text and in the table; code of the product is named by its path from the top."""
    beyond = {"app/view_models/cards.py", "app/view_models/charts.py"}
    named = [(file, name) for file, name in referred(PAGE) if str(file.relative_to(ROOT / "tests")) not in beyond]
    assert len(named) > 50
    for file, name in named:
        assert file.is_file(), file
        assert not name or name in functions(file), (file, name)


def test_each_kind_has_tests_that_ci_runs() -> None:
    """Not only those that are left to `make test-long`."""
    rows = [line for line in PAGE.partition(TABLE)[2].splitlines() if line.startswith("| ") and ".py" in line]
    assert len(rows) == 15
    for row in rows:
        run = [not functions(file)[name] if name else not all(functions(file).values()) for file, name in referred(row)]
        assert any(run), row
