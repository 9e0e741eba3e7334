"""What the code imports is what pyproject.toml declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"benchmarks", "samekind", "tests"}
LIBRARY = ("data", "training", "indexer", "samekind")
IMPORTED_BY_OTHERS = {"tensorboard"}  # torch.utils.tensorboard


def names_of(requirements: Iterable[str]) -> set[str]:
    """Names of distributions, normalised, of requirements such as `open_clip_torch>=2.30`."""
    return {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower() for requirement in requirements}


def declared(*extras: str) -> set[str]:
    """Distributions that an installation with these extras has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return names_of(project["dependencies"]).union(*(names_of(project["optional-dependencies"][e]) for e in extras))


def modules_in(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, wherever the statement stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@cache
def imported(folder: str) -> dict[str, set[str]]:
    """Third-party top-level modules under a folder, without its links, each with the distributions that may bring it."""
    files = [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.pyi")]
    found = {name.partition(".")[0] for file in files for name in modules_in(ast.parse(file.read_text()))}
    brought_by = packages_distributions()
    return {name: names_of(brought_by.get(name, [])) for name in found - OURS - sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        *(
            (folder, ("cpu", "gpu", "onnx", "scale", *(("serve",) if folder == "samekind" else ())))
            for folder in LIBRARY
        ),
        ("app", ("app",)),
        ("benchmarks", ("cpu", "gpu", "dev")),
        ("docs", ("app", "dev")),
        ("tests", ("cpu", "gpu", "app", "dev")),
    ],
)
def test_whatever_is_imported_is_declared(folder: str, extras: tuple[str, ...]) -> None:
    """Not left to what some dependency happens to bring along today; `streamlit` and `plotly` only in the app."""
    available = declared(*extras)
    assert {name for name, distributions in imported(folder).items() if not distributions & available} == set()


def test_whatever_is_declared_is_imported() -> None:
    """Of the dependencies and the extras that users install."""
    used = set().union(*(d for folder in (*LIBRARY, "app") for d in imported(folder).values()))
    assert declared("cpu", "app", "scale", "serve") - used - {"faiss-cpu"} == IMPORTED_BY_OTHERS
    assert used & {"faiss-cpu", "faiss-gpu"}


def test_whatever_is_declared_was_tested_in_one_version() -> None:
    """constraints.txt has all but torch, which comes from where you like, and the FAISS of another machine."""
    pins = {
        re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert declared("cpu", "app", "scale", "serve", "dev") - {"torch", "faiss-cpu"} - pins == set()
    assert pins & {"faiss-cpu", "faiss-gpu"}
