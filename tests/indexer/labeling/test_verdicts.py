"""Verdicts: nothing is lost, whoever writes when; files go round; what follows from answers is what a loop over paths finds."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import samekind
from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.index import build_index
from samekind.indexer.labeling.verdicts import (
    ANSWERS,
    COLUMNS,
    Verdict,
    VerdictTable,
    export_verdicts,
    grouped,
    import_verdicts,
    read_csv,
)
from tests.indexer.helpers import FakeEncoder, arrays_corpus

ROOT = Path(samekind.__file__).parents[1]


def sha(number: int) -> str:
    """The hash of an image."""
    return hashlib.sha256(b"%d" % number).hexdigest()


def said(first: int, second: int, verdict: str = "same", minute: int = 0, **more: str) -> Verdict:
    """A verdict of 2026."""
    return Verdict(sha(first), sha(second), verdict, when=f"2026-11-24T12:{minute:02d}:00+00:00", **more)


def test_a_damaged_table_is_one_line_and_a_remedy(tmp_path: Path) -> None:
    """A data file cut short: no traceback, and nothing is thrown away."""
    VerdictTable(tmp_path).add([said(1, 2)])
    (file,) = (tmp_path / "db" / "verdicts.lance" / "data").iterdir()
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(ArtefactError, match=r"verdicts\.lance cannot be read") as caught:
        VerdictTable(tmp_path).current()
    assert "import" in caught.value.hint


def test_an_answer_from_the_future_is_refused(tmp_path: Path) -> None:
    """It would outlive every answer of today; a clock that is a little ahead is none."""
    save_to = tmp_path / "verdicts.csv"
    for hours, is_refused in ((0.5, False), (30, True)):
        when = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
        save_to.write_text(f"anchor_sha256,negative_sha256,verdict,when\n{sha(1)},{sha(2)},same,{when}\n")
        if is_refused:
            with pytest.raises(InputError, match=r"line 2: .* is in the future"):
                import_verdicts(tmp_path, save_to)
        else:
            assert import_verdicts(tmp_path, save_to).added == 1


def test_the_latest_answer_holds_and_none_is_lost(tmp_path: Path) -> None:
    """In either order of the pair, by time and not by the order of writing; an answer taken back leaves none."""
    table = VerdictTable(tmp_path)
    assert (table.all(), table.current()) == ([], {})
    table.add([])
    assert not (tmp_path / "db").exists(), "no verdict, no table"
    table.add([said(1, 2, "same", 1), said(3, 4, "same", 1)])
    table.add([said(2, 1, "different", 3, who="Ana", note="heel, not toe")])
    table.add([said(1, 2, "unsure", 2)])
    table.add([said(4, 3, "withdrawn", 2)])
    again = VerdictTable(tmp_path)
    assert [v.when[14:16] for v in again.all()] == ["01", "01", "02", "02", "03"]
    (current,) = again.current().values()
    assert (current.verdict, current.who, current.note) == ("different", "Ana", "heel, not toe")
    assert list(again.current()) == [tuple(sorted((sha(1), sha(2))))]


def test_times_compare_as_moments(tmp_path: Path) -> None:
    """13:00 at +02:00 is before 12:00 at +00:00."""
    table = VerdictTable(tmp_path)
    table.add([Verdict(sha(1), sha(2), "same", when="2026-11-24T12:00:00+00:00")])
    table.add([Verdict(sha(1), sha(2), "different", when="2026-11-24T13:00:00+02:00")])
    assert [v.verdict for v in table.current().values()] == ["same"]


@pytest.mark.slow
def test_several_processes_add_at_once(tmp_path: Path) -> None:
    """Also the very first verdicts, when each of them would make the table: all are there in the end."""
    program = (
        "import sys; from pathlib import Path; from tests.indexer.labeling.test_verdicts import said, VerdictTable\n"
        "table, me = VerdictTable(Path(sys.argv[1])), int(sys.argv[2])\n"
        "for number in range(5): table.add([said(100 * me, 100 * me + number + 1)])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(number)], cwd=ROOT, env=environment)
        for number in range(3)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    expected = {(sha(100 * me), sha(100 * me + number + 1)) for me in range(3) for number in range(5)}
    found = VerdictTable(tmp_path).all()
    assert len(found) == 15
    assert {(v.anchor_sha256, v.negative_sha256) for v in found} == expected


def test_a_new_index_keeps_the_verdicts(artefact: Path) -> None:
    """Of the same images, and of images that are gone."""
    index = build_index(arrays_corpus(30), FakeEncoder(), artefact)
    images = index.rows.column("sha256")
    verdicts = [
        Verdict(images[0], images[1], "same", when="2026-11-24T12:00:00+00:00"),
        Verdict(images[2], sha(1), "different", when="2026-11-24T12:01:00+00:00"),
    ]
    VerdictTable(artefact).add(verdicts)
    build_index(arrays_corpus(60), FakeEncoder(), artefact)
    assert VerdictTable(artefact).all() == verdicts


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"anchor_sha256": "abc"}, "64 hex digits"),
        ({"negative_sha256": sha(1).upper()}, "64 hex digits"),
        ({"negative_sha256": sha(1)}, "same content"),
        ({"verdict": "maybe"}, "'maybe'"),
        ({"when": "yesterday"}, "'yesterday'"),
        ({"when": "2026-11-24T12:00:00"}, "offset"),
    ],
)
def test_what_is_no_verdict(change: dict[str, str], complaint: str) -> None:
    """Refused with its value."""
    with pytest.raises(InputError, match=complaint):
        Verdict(**{"anchor_sha256": sha(1), "negative_sha256": sha(2), "verdict": "same", **change})


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12
)  # line ends and blanks of all kinds too


@settings(max_examples=10, deadline=None)
@given(
    verdicts=st.lists(
        st.builds(said, st.integers(0, 5), st.integers(6, 9), st.sampled_from(ANSWERS), st.integers(0, 59), who=TEXTS, note=TEXTS),
        max_size=8,
    )
)  # fmt: skip
def test_a_file_goes_round(tmp_path_factory: pytest.TempPathFactory, verdicts: list[Verdict]) -> None:
    """Commas, quotes and any script survive; the same file twice adds nothing the second time."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    VerdictTable(here).add(verdicts)
    distinct = len(set(verdicts))
    assert export_verdicts(here, here / "verdicts.csv") == distinct
    first, second = (import_verdicts(there, here / "verdicts.csv") for _ in range(2))
    assert (first.added, first.kept) == (distinct, 0)
    assert (second.added, second.kept) == (0, distinct)
    assert set(VerdictTable(there).all()) == set(verdicts)


def test_a_file_by_hand(tmp_path: Path) -> None:
    """Three columns are enough, in any order, with the mark that spreadsheets put first. Brought again, it overrules no later answer."""
    lines = ["verdict,anchor_sha256,negative_sha256", f"same,{sha(1)},{sha(2)}", f"different, {sha(1)} ,{sha(3)}"]
    (tmp_path / "hand.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    first, second = read_csv(tmp_path / "hand.csv")
    assert (first.verdict, first.who, second.verdict, second.anchor_sha256) == ("same", "", "different", sha(1))
    assert import_verdicts(tmp_path, tmp_path / "hand.csv").added == 2
    table = VerdictTable(tmp_path)
    assert all(verdict.when > "2026-11-24" for verdict in table.all())
    table.add([Verdict(sha(2), sha(1), "different")])
    again = import_verdicts(tmp_path, tmp_path / "hand.csv")
    assert (again.added, again.kept) == (0, 2)
    assert table.current()[first.pair].verdict == "different"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f"{sha(1)},{sha(2)},maybe", "line 3: unknown verdict 'maybe'"),
        (f"abc,{sha(2)},same", "line 3: anchor_sha256"),
        (f"{sha(1)},{sha(2)}", "line 3: it has too few columns"),
        (f"{sha(1)},{sha(3)},same,,,{'x' * 140_000}", "field larger"),
    ],
)
def test_one_wrong_line_adds_nothing(tmp_path: Path, line: str, complaint: str) -> None:
    """It is named, and the right lines before it are not added either."""
    file = tmp_path / "wrong.csv"
    file.write_text(f"{','.join(COLUMNS)}\n{sha(1)},{sha(2)},same,,,\n{line}\n")
    with pytest.raises(InputError, match=complaint):
        import_verdicts(tmp_path, file)
    assert VerdictTable(tmp_path).all() == []


def test_files_that_are_none(tmp_path: Path) -> None:
    """No file, no text, no such column, no artefact: one sentence each."""
    with pytest.raises(InputError, match="cannot read"):
        import_verdicts(tmp_path, tmp_path / "missing.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        import_verdicts(tmp_path, tmp_path / "binary.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no column anchor_sha256"):
        import_verdicts(tmp_path, tmp_path / "other.csv")
    with pytest.raises(ArtefactError, match="does not exist"):
        export_verdicts(tmp_path / "nowhere", tmp_path / "out.csv")


@given(
    answers=st.dictionaries(
        st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1]), st.sampled_from(ANSWERS)
    )
)
def test_groups_are_what_paths_join(answers: dict[tuple[int, int], str]) -> None:
    """Against a transitive closure by repetition; a group that holds a pair called different is no kind."""
    groups = grouped(said(a, b, verdict) for (a, b), verdict in answers.items())
    together = {(a, b) for (a, b), verdict in answers.items() if verdict in ("same", "duplicate")}
    together |= {(b, a) for a, b in together}
    for k, i, j in itertools.product(range(8), repeat=3):
        if (i, k) in together and (k, j) in together:
            together.add((i, j))
    named = {sha(number): number for number in range(8)}
    torn = {(a, b) for (a, b), verdict in answers.items() if verdict == "different" and (a, b) in together}
    doubtful = {x for a, b in torn for x in range(8) if (x, a) in together}
    found = {(named[a], named[b]) for kind in groups.must_link_groups for a in kind for b in kind if a != b}
    assert found == {(a, b) for a, b in together if a != b and a not in doubtful}
    assert sum(len(kind) for kind in groups.must_link_groups) == len(frozenset().union(*groups.must_link_groups)), (
        "no image is in two groups"
    )
    pairs = {tuple(sorted((sha(a), sha(b)))): (a, b) for a, b in answers}
    different = {pair for pair, key in pairs.items() if answers[key] == "different"}
    assert groups.contradictions == {pair for pair in different if pairs[pair] in torn}
    assert groups.cannot_link == different
    joined = {pair for pair, key in pairs.items() if answers[key] in ("same", "duplicate")}
    assert groups.must_link == {pair for pair in joined if pairs[pair][0] not in doubtful}
    assert groups.duplicates == {pair for pair, key in pairs.items() if answers[key] == "duplicate"}
    assert groups.wrong_labels == {sha(a) for (a, _), verdict in answers.items() if verdict == "wrong_label"}, (
        "the anchors"
    )
