"""What the command line shows while it works: signs of life on stderr, the answer alone on stdout."""

from __future__ import annotations

import io
import json
import sys

import pytest

from samekind.console import BarProgress, Console, LineProgress
from samekind.tables import evaluation_text, search_text, table


def test_lines_appear_when_the_last_one_is_old() -> None:
    """With an interval of 0 each step writes a line with share and note; the end says how long it took."""
    stream = io.StringIO()
    with LineProgress(stream, every=0.0).task("Embedding", total=4) as task:
        task.note("loss 1.0")
        task.advance()
        task.advance(3)
    first, second, last = stream.getvalue().splitlines()
    assert first.startswith("Embedding:  25 %")
    assert first.endswith("loss 1.0")
    assert second.startswith("Embedding: 100 %")
    assert last.startswith("Embedding: done in")


def test_quick_work_writes_no_line() -> None:
    """What takes less than the interval leaves the log alone, also with a total of 0."""
    stream = io.StringIO()
    with LineProgress(stream, every=60.0).task("Reading", total=0) as task:
        task.advance()
    assert stream.getvalue() == ""


def test_a_failure_inside_a_task_is_not_called_done() -> None:
    """An exception passes through, and no line claims that the work was finished."""
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError), LineProgress(stream, every=0.0).task("Reading", total=2):
        raise ZeroDivisionError
    assert "done" not in stream.getvalue()


def test_bars_nest_reopen_and_keep_stdout_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """Tasks inside tasks and after tasks work, printed lines survive, and stdout gets nothing."""
    progress = BarProgress()
    for _ in range(2):
        with progress.task("outer", total=2) as outer:
            with progress.task("inner [a]", total=3) as inner:
                inner.advance(3)
                inner.note("loss [0.5]")
                progress.print("epoch [1/2] done")
            outer.advance()
    progress.print("after the bars")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("epoch [1/2] done") == 2
    assert "after the bars" in captured.err


def test_nan_never_reaches_json() -> None:
    """An undefined figure that is not null is our own mistake, and shows as one."""
    with pytest.raises(ValueError, match="JSON"):
        Console(as_json=True, stdout=io.StringIO(), stderr=io.StringIO()).answer({"lift": float("nan")}, "")


def test_errors_are_one_line_each() -> None:
    """Line breaks in a message do not make it two lines, in text and in JSON."""
    out, err = io.StringIO(), io.StringIO()
    Console(stdout=out, stderr=err).fail("first\nsecond", "do\nthis")
    assert err.getvalue() == "error: first second\nhint: do this\n"
    Console(as_json=True, stdout=out, stderr=err).fail("first\nsecond")
    assert json.loads(out.getvalue()) == {"error": "first second", "hint": ""}


def test_a_failure_after_the_answer_leaves_one_object_on_stdout() -> None:
    """A demo that stops after its address was given tells people why, and machines still read one JSON object."""
    out, err = io.StringIO(), io.StringIO()
    console = Console(as_json=True, stdout=out, stderr=err)
    console.answer({"url": "http://127.0.0.1:8501"}, "")
    console.fail("it stopped", "start it again")
    assert json.loads(out.getvalue()) == {"url": "http://127.0.0.1:8501"}
    assert err.getvalue() == "error: it stopped\nhint: start it again\n"


def test_a_table_aligns_numbers_right_and_text_left() -> None:
    """Columns of numbers end at one place, columns of text begin at one; `None` is a dash."""
    text = table(["rank", "label", "lift"], [[1, "Bag", "2.00"], [10, "Ankle boot", None]])
    assert text.splitlines() == ["rank  label       lift", "   1  Bag         2.00", "  10  Ankle boot     –"]


def test_unlabelled_hits_have_no_label_column() -> None:
    """A column that holds nothing is not shown, and the note stands below."""
    hit = {"rank": 1, "id": "train/0", "similarity": 0.5, "label": None, "uri": "a.png"}
    lines = search_text({"k": 2, "hits": [hit], "note": "only 1 image"}).splitlines()
    assert lines[0].split() == ["rank", "similarity", "id", "uri"]
    assert lines[-1] == "note: only 1 image"


def test_undefined_figures_are_dashes() -> None:
    """An evaluation without labels prints no number and no sentence about accuracy."""
    answer = dict.fromkeys(("knn_accuracy", "linear_accuracy", "hit_rate_at_1", "map_at_r"))
    text = evaluation_text({**answer, "knn_k": 20, "notes": ["the corpus has no labels"]})
    assert "test images" not in text
    assert "the corpus has no labels" in text


def test_progress_is_chosen_by_the_terminal() -> None:
    """A pipe gets lines; only a terminal gets bars."""
    assert isinstance(Console(stderr=io.StringIO()).progress, LineProgress)
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    assert isinstance(Console(stdout=sys.stdout, stderr=terminal).progress, BarProgress)
