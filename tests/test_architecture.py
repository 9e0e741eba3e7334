"""The shape of the house, read from the code: no import circle, short signatures, files and folders of a size that can be taken in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import samekind

ROOT = Path(samekind.__file__).parents[1]
PACKAGE = ROOT / "samekind"  # the rooms are in it, through links
TESTS, BENCHMARKS = ROOT / "tests", ROOT / "benchmarks"
MOST_PARAMETERS, MOST_LINES, MOST_MODULES = 7, 300, 15


def python_files(*roots: Path) -> list[Path]:
    """Every module below these folders; links are followed."""
    return sorted(path for root in roots for path in _walk(root) if path.suffix == ".py")


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name != "__pycache__":
                yield from _walk(path)
        else:
            yield path


@cache
def tree(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(path.read_text(), str(path))


def module_name(path: Path) -> str:
    """`samekind.data.corpus` of `samekind/data/corpus.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, *, typing_only: bool) -> set[str]:
    """Modules of ours that a module imports: at run time, deferred imports included, or under `TYPE_CHECKING` only."""
    found: set[str] = set()

    def visit(node: ast.AST, is_typing: bool) -> None:
        for child in ast.iter_child_nodes(node):
            in_typing = is_typing or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
            if in_typing == typing_only:
                if isinstance(child, ast.ImportFrom) and child.module:
                    found.update({child.module, *(f"{child.module}.{alias.name}" for alias in child.names)})
                elif isinstance(child, ast.Import):
                    found.update(alias.name for alias in child.names)
            visit(child, in_typing)

    visit(tree(path), False)
    return found


def graph(*, typing_only: bool) -> dict[str, set[str]]:
    """Who imports whom. The facade (`import samekind`) is left out: it loads a name when that is first used."""
    modules = {module_name(path): path for path in python_files(PACKAGE)}
    edges = {name: imported(path, typing_only=typing_only) & set(modules) for name, path in modules.items()}
    packages = {name for name, path in modules.items() if path.name == "__init__.py"}
    return {name: targets - packages - {name} for name, targets in edges.items()}


def circle(edges: dict[str, set[str]]) -> list[str]:
    """One circle in the graph, as the names along it; empty if there is none."""
    done: set[str] = set()

    def search(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for target in sorted(edges.get(name, ())):
            if found := search(target, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := search(name, []))), [])


def test_the_search_for_circles_finds_them() -> None:
    """A circle of three behind a chain is found, and a diamond is none."""
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}) == ["b", "c", "d", "b"]
    assert circle({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions count: a deferred import hides a circle, it does not open it."""
    assert circle(graph(typing_only=False)) == []


def test_names_for_the_type_checker_come_from_below() -> None:
    """An import under `TYPE_CHECKING` closes no circle either."""
    run_time, typing = graph(typing_only=False), graph(typing_only=True)
    assert circle({name: run_time[name] | typing[name] for name in run_time}) == []


def functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its qualified name."""

    def visit(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{prefix}.{child.name}"
                if not isinstance(child, ast.ClassDef):
                    yield inner, child
            yield from visit(child, inner)

    yield from visit(tree(path), module_name(path))


def num_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Parameters that a caller may give, `self` and `cls` aside."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([argument for argument in named if argument.arg not in ("self", "cls")])


def public_functions() -> set[str]:
    """Qualified names of what the facade offers, methods of its classes included."""
    names = set()
    for name in samekind.__all__:
        value = getattr(samekind, name)
        home = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
        names |= {home, *(f"{home}.{member}" for member in dir(value) if isinstance(value, type))}
    return names


def test_no_function_of_ours_takes_more_than_seven_parameters() -> None:
    """What takes more is a type that has not been named. The public API is free: its callers name what they give."""
    public = public_functions()
    long = {
        name: count
        for path in python_files(PACKAGE, BENCHMARKS)
        for name, function in functions(path)
        if (count := num_parameters(function)) > MOST_PARAMETERS and name not in public
    }
    assert long == {}


@pytest.mark.parametrize("root", [PACKAGE, TESTS, BENCHMARKS])
def test_files_and_folders_can_be_taken_in(root: Path) -> None:
    """No file over 300 lines, no folder with more than 15 modules."""
    files = python_files(root)
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}
    folders = {
        folder: [path for path in files if path.parent == folder and path.stem != "__init__"]
        for folder in {path.parent for path in files}
    }
    assert {
        str(folder.relative_to(ROOT)): len(inside) for folder, inside in folders.items() if len(inside) > MOST_MODULES
    } == {}


def test_every_file_is_in_its_room_by_one_name_only() -> None:
    """The links in `samekind/` lead to the folders at the top level, and nothing else is linked."""
    links = {path.name: path.readlink().as_posix() for path in PACKAGE.iterdir() if path.is_symlink()}
    assert links == {room: f"../{room}" for room in ("app", "data", "indexer", "training")}


def test_no_library_makes_temporaries_of_its_own() -> None:
    """safetensors' `save_file` does, and nobody takes away what a killed process leaves of them; `save` and one write do not."""

    def names(path: Path) -> set[str]:
        found = (getattr(node, "id", None) or getattr(node, "attr", None) for node in ast.walk(tree(path)))
        return {name for name in found if isinstance(name, str)}

    assert [path for path in python_files(PACKAGE) if names(path) & {"save_file", "serialize_file"}] == []
