"""`samekind search --queries`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import samekind as sk
from samekind.commands.folders import queries as answering
from tests.end_to_end.helpers import call, refused

OLD = Path(__file__).parents[2] / "fixtures" / "artefact-0.1.0"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three files, one of which is no image, in a folder and one below it."""
    index = sk.Index.open(OLD)
    folder = tmp_path / "queries"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").write_text("x")
    for row, name in enumerate(("b.png", "more/a.png")):
        (folder / name).write_bytes(index.thumbnail(index.ids[row]))
    (folder / "c.png").write_text("no image")
    return folder


@pytest.mark.parametrize("json_flag", [(), ("--json",)])
def test_each_line_has_its_answer(
    json_flag: tuple[str, ...], pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, over several batches, as a search for it alone says; what cannot be read has its error, stops nothing, and shows in
    the exit code.
    """
    monkeypatch.setattr(answering, "_AT_ONCE", 2)
    index = sk.Index.open(OLD)
    lines = [index.ids[7], str(pictures / "c.png"), "nobody", str(pictures / "b.png"), str(pictures / "more" / "a.png")]
    (tmp_path / "q.txt").write_text("\n".join(["", *lines, ""]))
    called = call("search", OLD, "--queries", tmp_path / "q.txt", "--k", 3, *json_flag)
    assert called.code == 2, called
    answers = [json.loads(line) for line in called.out.splitlines()]
    assert [answer["query"] for answer in answers] == lines
    assert [sorted(answer)[0] for answer in answers if "error" in answer] == ["error", "error"]
    for answer in (answers[0], answers[3], answers[4]):
        alone = index.search(answer["query"], k=3)
        assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in alone]
    assert called.err.count("error: 2 queries of 5 could not be answered") == 1


def test_a_file_of_which_all_can_be_answered_is_a_success(pictures: Path, tmp_path: Path) -> None:
    """Exit code 0, and no word on stderr."""
    (tmp_path / "q.txt").write_text(f"{pictures / 'b.png'}\n{pictures / 'more' / 'a.png'}\n")
    called = call("search", OLD, "--queries", tmp_path / "q.txt")
    assert (called.code, called.err, called.out.count("\n")) == (0, "", 2)


def test_a_folder_is_a_list_of_its_files(pictures: Path) -> None:
    """By path, hidden files left out; a filter counts for all."""
    called = call("search", OLD, "--queries", pictures, "--k", 2, "--where", "split = 'test'")
    answers = [json.loads(line) for line in called.out.splitlines()]
    expected = [pictures / "b.png", pictures / "c.png", pictures / "more" / "a.png"]
    assert [answer["query"] for answer in answers] == [str(path) for path in expected]
    splits = {sk.Index.open(OLD).row(hit["id"])["split"] for answer in answers for hit in answer.get("hits", [])}
    assert splits == {"test"}


def test_what_is_no_list_of_queries_is_refused(pictures: Path, tmp_path: Path) -> None:
    """One line, before anything is searched."""
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\xff")
    assert "holds no query" in refused("search", OLD, "--queries", tmp_path / "empty.txt")
    assert "no UTF-8 text" in refused("search", OLD, "--queries", tmp_path / "binary.txt")
    assert "No such file" in refused("search", OLD, "--queries", tmp_path / "nowhere.txt")
    assert "takes the place of" in refused("search", OLD, "--queries", pictures, "--like", "x")
    assert "cannot filter by" in refused("search", OLD, "--queries", pictures, "--where", "nothing = 1")
