"""The benchmark of the demo: what it reads of the system, and what it makes of its measurements."""

from __future__ import annotations

from benchmarks.demo.server import in_rollup
from benchmarks.demo.summary import Figure, paint_figures, session_figure, table

ROLLUP = """00400000-ffffffffff601000 ---p 00000000 00:00 0                [rollup]
Rss:             1000000 kB
Pss:              250000 kB
Pss_Dirty:        200000 kB
Shared_Clean:     700000 kB
"""


def test_memory_is_read_in_megabytes() -> None:
    """Of a thousand thousand bytes; what the kernel calls kB are 1,024."""
    assert in_rollup(ROLLUP) == {"rss": 1024.0, "pss": 256.0}


def test_what_is_promised_is_held_against_the_median() -> None:
    """One slow visit of three breaks no promise; what was not measured is not called kept."""
    figures = paint_figures("warm", {"Search": [(1.0, 2.0), (9.0, 4.0), (1.5, None)], "Runs": [(2.5, None)]})
    assert [(figure.name, figure.median, figure.is_met) for figure in figures] == [
        ("Search, warm: first paint", 1.5, True),
        ("Search, warm: first picture", 3.0, True),
        ("Runs, warm: first paint", 2.5, False),
    ]
    assert Figure("lasso", []).is_met is None


def test_a_session_is_what_all_of_them_have_added() -> None:
    """On average: one may find room that another has left."""
    figure = session_figure(500.0, [560.0, 555.0, 590.0])
    assert (figure.median, figure.is_met) == (30.0, True)


def test_the_table_says_what_was_not_kept() -> None:
    """Under a second in milliseconds; a figure without values says so."""
    lines = table(
        [Figure("click", [0.2, 0.31, 0.45], 0.3), Figure("all pages", [1234.5], None, "MB"), Figure("words", [], 0.3)]
    )
    assert lines.splitlines()[2:] == [
        "| click | 310 ms | 200 ms – 450 ms | 3 | 300 ms | **no** |",
        "| all pages | 1,234 MB |  | 1 |  |  |",
        "| words | not measured |  | 0 | 300 ms |  |",
    ]
