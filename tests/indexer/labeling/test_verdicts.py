"""Verdicts: nothing is lost, whoever writes when, and the latest answer holds."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import samekind
from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.index import build_index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
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
