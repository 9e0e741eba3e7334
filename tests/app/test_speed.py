"""What makes pages slow on large corpora, counted: imports, looks into the folder, passes over all images."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from samekind.app.state.artefact import ENVIRONMENT
from samekind.app.view_models.map import columns
from samekind.app.view_models.overview import steps_view
from samekind.app.widgets import waiting
from samekind.app.widgets.map import colours
from tests.app.conftest import MAIN, OpenApp
from tests.app.pages import MAP, OVERVIEW, SEARCH, healthy, library, linked

ROOT = Path(sk.__file__).parents[1]


def run_alone(code: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What some code says and ends with in a process of its own."""
    command = [sys.executable, "-P", "-c", textwrap.dedent(code), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_pages_that_compute_nothing_import_no_torch(artefact: Path, tmp_path: Path) -> None:
    """A search by an image of the corpus, the runs, a map that is there already, and the first screen, which has no near copies.

    Torch would be seconds of the first visitor's wait.
    """
    code = """
        import sys
        from streamlit.testing.v1 import AppTest
        from samekind.app.state.library import Library
        Library.warm_later = lambda self: None
        main, id_ = sys.argv[1:]
        sys.argv = [main]
        at = AppTest.from_file(main, default_timeout=60).switch_page("screens/search.py").run()
        at.query_params["id"] = id_
        for page in (None, "screens/map.py", "screens/runs.py", "screens/label_pairs.py"):
            at = (at if page is None else at.switch_page(page)).run()
            assert not at.exception and not at.error, (page, at.exception, at.error)
        print(sorted({"torch", "scipy", "timm", "albumentations"} & set(sys.modules)))
    """
    index = sk.Index.open(artefact)
    sk.make_map(index).write(artefact)
    answer = run_alone(code, str(MAIN), index.ids[5], **{ENVIRONMENT: str(artefact)})
    assert answer.stdout.strip().endswith("[]"), answer.stdout + answer.stderr


@pytest.mark.parametrize("page", ["", SEARCH])
def test_a_page_looks_for_runs_once(
    open_app: OpenApp, artefact: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """However often it asks which run is looked at; and again whenever it is drawn, for one may have gone."""
    at, found = open_app(artefact, page), sk.find_runs
    asked: list[Path] = []

    def counted(path: Path) -> list[Path]:
        asked.append(path)
        return found(path)

    monkeypatch.setattr(sk, "find_runs", counted)
    healthy(at.run())
    assert len(asked) == 1
    healthy(at.run())
    assert len(asked) == 2


def test_what_looks_at_every_image_is_worked_out_once_for_all_sessions(
    open_app: OpenApp, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The columns that the map can be coloured by, and the images that *Overview* explains with."""
    for page in (MAP, OVERVIEW):
        healthy(open_app(artefact, page))
    passes: list[str] = []

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def again(*given: Any) -> Any:
            passes.append(work.__name__)
            return work(*given)

        return again

    for place, name in ((columns, "text_column"), (colours, "commonest"), (steps_view, "example")):
        monkeypatch.setattr(place, name, counted(getattr(place, name)))
    for page in (MAP, OVERVIEW):
        healthy(open_app(artefact, page))
    assert passes == []


def test_only_what_may_take_a_while_starts_a_spinner(
    open_app: OpenApp, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first search, another space, a filter, a mixture; not another image of the corpus, whose vector is at hand."""
    asked: list[bool] = []
    original = waiting.spinner

    def noted(text: str, *, is_slow: bool) -> AbstractContextManager[None]:
        if text.startswith("Searching"):
            asked.append(is_slow)
        return original(text, is_slow=is_slow)

    monkeypatch.setattr(waiting, "spinner", noted)
    ids = sk.Index.open(artefact).ids
    at = open_app(artefact, SEARCH)
    for id_ in ids[:2]:
        linked(at, id_)
    at.slider(key="diversity").set_value(0.5)
    healthy(at.run())
    at.slider(key="diversity").set_value(0.0)
    healthy(at.run())
    library(artefact).has_searched = False
    healthy(at.run())
    assert asked == [True, False, True, False, True]


def test_what_imports_have_made_is_no_part_of_later_garbage_collections() -> None:
    """Once for each import that has come to an end; an object of later times is still looked at."""
    code = """
        import gc, sys, threading, time
        from samekind.app import serve
        threading.Thread(target=serve.set_imports_aside, args=(0.02,), daemon=True).start()
        def frozen_beyond(count, seconds=20):
            ends = time.monotonic() + seconds
            while gc.get_freeze_count() <= count and time.monotonic() < ends:
                time.sleep(0.01)
            return gc.get_freeze_count()
        import xmlrpc.client
        first = frozen_beyond(0)
        assert first > 50_000
        late = [[]]
        assert any(each is late for each in gc.get_objects())
        import wave
        assert frozen_beyond(first) > first
        print("kept short")
    """
    answer = run_alone(code)
    assert answer.stdout.strip() == "kept short", answer.stdout + answer.stderr


@pytest.mark.parametrize(("code", "ends"), [("0", 0), ("3", 3), ("None", 0), ("'no port'", 1)])
def test_the_server_ends_at_once(code: str, ends: int) -> None:
    """Threads of libraries that still run would make an orderly end an abort; a text that it ends with is still said."""
    script = f"""
        import atexit, sys
        from streamlit.web import cli
        from samekind.app import serve
        def main(prog_name):
            print("served")
            sys.exit({code})
        cli.main = main
        atexit.register(print, "an orderly end")
        sys.argv = ["serve", "run"]
        serve.main()
    """
    answer = run_alone(script)
    assert (answer.returncode, answer.stdout) == (ends, "served\n"), answer.stderr
    assert ("no port" in answer.stderr) == (ends == 1)
