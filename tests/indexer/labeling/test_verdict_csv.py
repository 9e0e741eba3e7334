"""Verdicts as a file: nothing is lost on the way, and a wrong line changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.labeling.verdict_csv import export_verdicts, import_verdicts, read_csv
from samekind.indexer.labeling.verdicts import ANSWERS, COLUMNS, Verdict, VerdictTable
from tests.indexer.labeling.test_verdicts import said, sha


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


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12
)  # line ends and blanks of all kinds too
PLACES, MINUTES = st.integers(0, 5), st.integers(0, 59)


@settings(max_examples=10, deadline=None)
@given(
    verdicts=st.lists(
        st.builds(said, PLACES, st.integers(6, 9), st.sampled_from(ANSWERS), MINUTES, who=TEXTS, note=TEXTS, screen=TEXTS),
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


def test_that_a_label_is_right_goes_round(tmp_path: Path) -> None:
    """It names its image twice in the file as well, and is no pair where it arrives."""
    told = [said(1, 1, "right_label"), said(2, 2, "right_label"), said(2, 2, "withdrawn", 1), said(1, 2, "different")]
    VerdictTable(tmp_path).add(told)
    export_verdicts(tmp_path, tmp_path / "verdicts.csv")
    (tmp_path / "other").mkdir()
    assert import_verdicts(tmp_path / "other", tmp_path / "verdicts.csv").added == 4
    there = VerdictTable(tmp_path / "other")
    assert (list(there.right_labels()), list(there.current())) == ([sha(1)], [told[3].pair])


def test_a_file_from_before_there_were_screens(tmp_path: Path) -> None:
    """Six columns: its answers belong to no screen; where they are there with their screen, nothing is added."""
    told = [said(1, 2, note="heel", screen="5c"), said(1, 3, "different", 1, who="Ana")]
    VerdictTable(tmp_path).add(told)
    export_verdicts(tmp_path, tmp_path / "new.csv")
    lines = (tmp_path / "new.csv").read_text().splitlines()
    assert lines[0] == "anchor_sha256,negative_sha256,verdict,who,when,note,screen"
    assert lines[1].endswith(",heel,5c")
    (tmp_path / "old.csv").write_text("".join(line.rpartition(",")[0] + "\n" for line in lines))
    again = import_verdicts(tmp_path, tmp_path / "old.csv")
    assert (again.added, again.kept) == (0, 2)
    (tmp_path / "other").mkdir()
    assert import_verdicts(tmp_path / "other", tmp_path / "old.csv").added == 2
    assert VerdictTable(tmp_path / "other").all() == [replace(verdict, screen="") for verdict in told]


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
