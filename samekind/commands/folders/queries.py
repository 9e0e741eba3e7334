"""`samekind search --queries`: many queries from a file or a folder, a line of JSON for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import samekind
from samekind.console import Console
from samekind.core.errors import ImageError, InputError, SamekindError
from samekind.core.text import counted

_AT_ONCE = 64
Search = Callable[[list[str]], list[samekind.SearchResult]]


def read_queries(source: Path) -> list[str]:
    """The queries of a text file (a path or an id on each line) or the files of a folder, nested folders included.

    Raises:
        InputError: there is no such file, or nothing in it.
    """
    if source.is_dir():
        inner = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
        queries = [str(source / path) for path in sorted(inner) if not any(part[0] == "." for part in path.parts)]
    else:
        try:
            lines = source.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"{source} is no UTF-8 text", hint="give one path or id on each line") from error
        except OSError as error:
            raise InputError(f"{source}: {error.strerror}", hint="name a text file of paths, or a folder") from error
        queries = [line.strip() for line in lines if line.strip()]
    if not queries:
        raise InputError(f"{source} holds no query", hint="give one path or id on each line, or a folder of images")
    return queries


def answer_queries(queries: Sequence[str], search: Search, console: Console) -> None:
    """Prints one JSON object on a line for each query, in order: `query` and what a search's `--json` says, or `query` and `error`.

    Args:
        queries: paths or ids.
        search: finds for several at once.
        console: gets the lines.

    Raises:
        InputError: some could not be answered; all lines stand there.
    """
    failed = 0
    with console.progress.task("Searching", len(queries)) as task:
        for start in range(0, len(queries), _AT_ONCE):
            some = list(queries[start : start + _AT_ONCE])
            for query, answer in zip(some, _answers(some, search), strict=True):
                failed += "error" in answer
                line = json.dumps({"query": query, **answer}, allow_nan=False)
                print(line, file=console.stdout, flush=True)
            console.answered = True
            task.advance(len(some))
    if failed:
        what = f"{counted(failed, 'query', 'queries')} of {len(queries):,} could not be answered"
        others = "" if failed == len(queries) else "; the others are answered"
        raise InputError(what, hint=f'their lines have "error" instead of hits{others}')


def _answers(queries: list[str], search: Search) -> Iterator[dict[str, Any]]:
    """Of all at once; where one cannot be read, of each by itself."""
    try:
        yield from [result.to_dict() for result in search(queries)]
        return
    except (ImageError, InputError):
        pass  # one of them, but which?
    for query in queries:
        try:
            yield search([query])[0].to_dict()
        except SamekindError as error:
            yield {"error": str(error)}
