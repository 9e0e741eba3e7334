"""What the command line shows while it works: signs of life on stderr, the answer alone on stdout."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from samekind.console import BarProgress, Console, LineProgress
from samekind.core.text import counted
from samekind.tables import audit_text, evaluation_text, search_text, table


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


def test_many_short_works_show_life_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs of one step each: a line every ten seconds, though none of them takes as long; a printed line counts as one."""
    now = 0.0
    monkeypatch.setattr("samekind.console.time.monotonic", lambda: now)
    stream = io.StringIO()
    progress = LineProgress(stream, every=10.0)
    for epoch in range(1, 10):
        with progress.task(f"epoch {epoch}", total=1) as task:
            now += 4.0
            task.advance()
        if epoch == 5:
            progress.print("epoch 5 is told")
    lines = [line.partition(":")[0] for line in stream.getvalue().splitlines()]
    assert lines == ["epoch 3", "epoch 5 is told", "epoch 8"]


def test_a_work_that_has_only_begun_has_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a long silence the next epoch begins: neither `0 % after 0 s` nor what a resumed one has behind it; its first second has."""
    now = 0.0
    monkeypatch.setattr("samekind.console.time.monotonic", lambda: now)
    stream = io.StringIO()
    progress = LineProgress(stream, every=10.0)
    for behind in (0, 37):
        now += 60.0
        with progress.task("epoch 2/3", total=100) as task:
            task.advance(behind)
            task.advance()
            assert stream.getvalue() == ""
            now += 2.0
            task.advance()
            assert stream.getvalue() == f"epoch 2/3: {behind + 2:3d} % after 2 s\n"
            stream.seek(0)
            stream.truncate()


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
    """Of several figures an undefined one is a dash."""
    answer = {"knn_accuracy": 0.5, "linear_accuracy": None, "hit_rate_at_1": 0.25, "map_at_r": 0.125}
    counts = {"knn_k": 20, "num_test": 1, "num_train": 2000, "epoch": 3, "notes": []}
    lines = evaluation_text({**answer, **counts}).splitlines()
    assert next(line for line in lines if line.startswith("linear")).endswith(" –")
    assert (
        lines[-1] == "k-NN accuracy 0.5000 (k = 1: 0.2500) on 1 test image (bank: 2,000 training images, after epoch 3)"
    )


def test_without_any_figure_only_the_reason_is_printed() -> None:
    """An evaluation that has nothing to measure with says so in one line, without a table of dashes."""
    answer = dict.fromkeys(("knn_accuracy", "linear_accuracy", "hit_rate_at_1", "map_at_r"))
    why = "The corpus has no test images, so accuracy cannot be measured."
    assert evaluation_text({**answer, "knn_k": 20, "notes": [why]}) == f"note: {why}"


def audit_of(ranks: int, anchors: int = 5, duplicates: int = 0) -> dict[str, Any]:
    """What `audit --json` says, as far as the text needs it."""
    row = {"false_negative_rate": 0.5, "lift": 2.0, "similarity": 0.9, "gradient_share": 0.1}
    by_rank = [{"rank": rank, "num_pairs": anchors, **row} for rank in range(1, ranks + 1)]
    return {
        "num_anchors": anchors,
        "base_rate": 0.25,
        "by_rank": by_rank,
        "by_class": {},
        "num_duplicates": duplicates,
        "duplicates": [],
    }


@pytest.mark.parametrize(
    ("ranks", "shown"),
    [
        (3, [1, 2, 3]),
        (10, list(range(1, 11))),
        (11, list(range(1, 12))),
        (50, [*range(1, 11), 20, 50]),
        (12_345, [*range(1, 11), 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 12_345]),
    ],
)
def test_an_audit_shows_few_of_many_ranks(ranks: int, shown: list[int]) -> None:
    """1 to 10, then 20, 50, 100, … and the last; how many are left out is said."""
    text = audit_text(audit_of(ranks))
    lines = text.split("\n\n")[1].splitlines()
    left_out = ranks - len(shown)
    assert [int(line.split()[0]) for line in lines[1 : 1 + len(shown)]] == shown
    assert lines[1 + len(shown) :] == ([f"… and {left_out:,} more ranks (--json has all)"] if left_out else [])


def test_one_is_singular() -> None:
    """1 image and 1 pair, but 0 and 2 of them with an s."""
    assert [counted(n, "image") for n in (0, 1, 70_000)] == ["0 images", "1 image", "70,000 images"]
    assert "1 image has a hardest negative of its own class" in audit_text(audit_of(1, anchors=1))
    assert "5 images have a hardest negative of their own class" in audit_text(audit_of(1))
    partly = audit_of(1)
    partly["by_rank"][0]["num_pairs"] = 3
    assert "3 images have a hardest negative of their own class" in audit_text(partly)
    assert "Of 2 other images the label, or that of the hardest negative, is not known." in audit_text(partly)
    assert audit_text(audit_of(1, duplicates=1)).splitlines()[-1].startswith("1 pair of equal content, or ")
    assert audit_text(audit_of(1, duplicates=2)).splitlines()[-1].startswith("2 pairs of equal content, or ")
    assert audit_text({**audit_of(0, anchors=1), "base_rate": None}).startswith(
        "How near the hardest negatives of 1 image are; "
    )
    unlabelled = audit_of(2)
    for row in unlabelled["by_rank"]:
        row |= {"false_negative_rate": None, "lift": None, "gradient_share": None}
    text = audit_text({**unlabelled, "base_rate": None, "notes": ["There are no labels."]})
    assert text.split("\n\n")[1].splitlines() == [
        "rank  mean similarity",
        "   1           0.9000",
        "   2           0.9000",
    ]
    assert text.count("labels") == 1


def test_progress_is_chosen_by_the_terminal() -> None:
    """A pipe gets lines; only a terminal gets bars."""
    assert isinstance(Console(stderr=io.StringIO()).progress, LineProgress)
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    assert isinstance(Console(stdout=sys.stdout, stderr=terminal).progress, BarProgress)
