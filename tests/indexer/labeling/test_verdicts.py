"""Verdicts: nothing is lost, whoever writes when, and the latest answer holds."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import lancedb
import pyarrow as pa
import pytest

import samekind
from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.index import build_index
from samekind.indexer.labeling.people.given_labels import GivenLabel, LabelTable
from samekind.indexer.labeling.verdicts import COLUMNS, Verdict, VerdictTable
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
    VerdictTable(str(tmp_path)).add([said(1, 2)])  # as README has it
    (file,) = (tmp_path / "db" / "verdicts.lance" / "data").iterdir()
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(ArtefactError, match=r"verdicts\.lance cannot be read") as caught:
        VerdictTable(tmp_path).current()
    assert "import" in caught.value.hint


def test_a_clock_that_went_back_loses_no_correction(tmp_path: Path) -> None:
    """Answers that seem to be yet to come are corrected and withdrawn all the same, in the order of giving; old times stay as they are."""
    table = VerdictTable(tmp_path)
    future = {"when": "2999-01-01T00:00:00+00:00"}
    table.add([Verdict(sha(1), sha(2), "same", **future), Verdict(sha(3), sha(4), "same", screen="s", **future)])
    table.add([Verdict(sha(1), sha(2), "unsure"), Verdict(sha(2), sha(1), "different")])
    assert table.withdraw("s") == 1
    assert [verdict.verdict for verdict in table.current().values()] == ["different"]
    table.add([said(1, 2, "duplicate")])  # imported: given long ago
    assert [verdict.verdict for verdict in table.current().values()] == ["different"]
    assert [v.verdict for v in table.all()] == ["duplicate", "same", "same", "unsure", "different", "withdrawn"]


def test_names_of_images_follow_the_same_order(tmp_path: Path) -> None:
    """The table of class names by people, too."""
    table = LabelTable(tmp_path)
    table.add([GivenLabel(sha(1), "cat", who="Ana", when="2999-01-01T00:00:00+00:00")])
    table.add([GivenLabel(sha(1), "dog", who="Ana")])
    assert [each.label for each in table.all()] == ["cat", "dog"]
    when = GivenLabel(sha(1), "x").when
    table.add([GivenLabel(sha(2), "pig", "Ana", when), GivenLabel(sha(3), "pig", "Ana", when)])
    assert len({each.when for each in table.all() if each.label == "pig"}) == 1, "given together, taken back together"
    assert table.next_time() > max(each.moment for each in table.all())
    later = table.next_time().isoformat()
    table.add([GivenLabel(sha(4), "hen", "Ana", later)])
    assert table.all()[-1].when == later


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


def test_a_screen_is_taken_back_as_a_whole(tmp_path: Path) -> None:
    """Its answers that still hold, and no others; nothing is deleted, and who did it stands there."""
    table = VerdictTable(tmp_path)
    table.add([said(1, n, "different", screen="a") for n in (2, 3, 4)] + [said(5, 6, screen="b"), said(7, 8)])
    table.add([said(1, 4, "same", 1, note="alone")])
    assert table.withdraw("a", who="Ana") == 2
    assert [(v.verdict, v.who, v.screen) for v in table.all()[6:]] == [("withdrawn", "Ana", "a")] * 2
    assert sorted((v.screen, v.note) for v in table.current().values()) == [("", ""), ("", "alone"), ("b", "")]
    assert (table.withdraw("a"), table.withdraw("")) == (0, 0)
    assert len(table.all()) == 8


OLD = COLUMNS[:6]
"""The columns of release 0.1."""


def old_table(folder: Path, verdicts: list[Verdict]) -> None:
    """The table as release 0.1 made it."""
    schema = pa.schema([pa.field(name, pa.string()) for name in OLD])
    rows = [{name: getattr(verdict, name) for name in OLD} for verdict in verdicts]
    lancedb.connect(folder / "db").create_table("verdicts", pa.Table.from_pylist(rows, schema=schema))


def test_a_table_without_screens_is_read_and_gets_them_at_the_first_write(tmp_path: Path) -> None:
    """Reading changes nothing. The column comes with an answer; release 0.1 can still append, and what it appended is read."""
    old = [said(1, 2, note="heel"), said(3, 4, "different")]
    old_table(tmp_path, old)
    assert VerdictTable(tmp_path).all() == old
    opened = lancedb.connect(tmp_path / "db")
    assert opened.open_table("verdicts").schema.names == list(OLD)
    new = said(5, 6, minute=1, screen="5c")
    VerdictTable(tmp_path).add([new])
    table = opened.open_table("verdicts")
    assert table.schema.names == list(COLUMNS)
    later = said(7, 8, minute=2)
    table.add([{name: getattr(later, name) for name in OLD}])
    assert VerdictTable(tmp_path).all() == [*old, new, later]


def test_a_write_that_fails_on_an_old_table_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the column is there by then or not: one line, the answers of before, and the next write succeeds."""
    old = [said(1, 2)]
    old_table(tmp_path, old)
    for broken in ("add_columns", "add"):
        with monkeypatch.context() as patch:
            patch.setattr(lancedb.table.LanceTable, broken, _full)
            with pytest.raises(ArtefactError, match="cannot write verdicts"):
                VerdictTable(tmp_path).add([said(3, 4)])
        assert VerdictTable(tmp_path).all() == old
    VerdictTable(tmp_path).add([said(3, 4, minute=1)])
    assert len(VerdictTable(tmp_path).all()) == 2


def _full(*args: object, **kwargs: object) -> None:
    raise OSError("no space left on device")


@pytest.mark.slow
@pytest.mark.parametrize("is_old", [False, True])
def test_several_processes_add_at_once(tmp_path: Path, is_old: bool) -> None:
    """Also the very first verdicts, when each of them would make the table or add its column: all are there in the end."""
    if is_old:
        old_table(tmp_path, [said(1000, 1001)])
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
    expected |= {(sha(1000), sha(1001))} if is_old else set()
    found = VerdictTable(tmp_path).all()
    assert len(found) == len(expected)
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
        ({"verdict": "right_label"}, "about one image"),
        ({"when": "yesterday"}, "'yesterday'"),
        ({"when": "2026-11-24T12:00:00"}, "offset"),
    ],
)
def test_what_is_no_verdict(change: dict[str, str], complaint: str) -> None:
    """Refused with its value."""
    with pytest.raises(InputError, match=complaint):
        Verdict(**{"anchor_sha256": sha(1), "negative_sha256": sha(2), "verdict": "same", **change})
