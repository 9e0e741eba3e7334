"""What holds for the script of every page."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import samekind

SCREENS = sorted((Path(samekind.__file__).parents[1] / "app" / "screens").glob("*.py"))


@pytest.mark.parametrize("script", SCREENS, ids=lambda script: script.stem)
def test_no_bare_value_stands_in_a_page(script: Path) -> None:
    """Streamlit shows such a value on the page: also the text under a constant that elsewhere would be its description."""
    body = ast.parse(script.read_text(encoding="utf-8")).body
    assert not [node.lineno for node in body[1:] if isinstance(node, ast.Expr)]
