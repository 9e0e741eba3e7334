"""An audit that is asked for again comes from the cache, and only if nothing has changed that it depends on."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import samekind
from samekind.indexer.audit import kept
from samekind.indexer.audit.neighbours import neighbourhood
from samekind.indexer.index import Index
from samekind.training.runtime.cache_folder import cache_entries
from tests.indexer.audits import HARD, index_of, some_labels
from tests.indexer.builds import Lines
from tests.indexer.helpers import pictures


@pytest.fixture
def passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each pass over all pairs; every audit is worth keeping, in a cache of its own."""
    made: list[int] = []
    original: Callable[..., Any] = neighbourhood

    def counted(*arguments: Any) -> Any:
        made.append(1)
        return original(*arguments)

    monkeypatch.setattr("samekind.indexer.audit.neighbours.neighbourhood", counted)
    monkeypatch.setattr(kept, "WORTH", 0)
    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "cache"))
    return made


def test_the_same_question_is_answered_from_the_cache(tmp_path: Path, passes: list[int]) -> None:
    """Every figure and pair to the last bit, near duplicates and the index opened anew included; the size is told."""
    pixels = pictures(40)
    pixels[10] = pixels[7] ^ 1
    index, said = index_of(tmp_path / "out", some_labels(), pixels, **HARD), Lines()
    first = index.audit(k=4, progress=said)
    again = Index.open(tmp_path / "out").audit(k=4)
    assert len(passes) == 1
    assert first.num_duplicates
    assert again.to_dict() == first.to_dict()
    assert list(again.pairs) == list(first.pairs)
    assert any("neighbours of 40 images, computed once" in line for line in said.said)
    assert [entry.kind for entry in cache_entries()] == ["audits"]


def test_what_it_depends_on_makes_another_one(tmp_path: Path, passes: list[int]) -> None:
    """k, anchors, the level of the labels, objective, and images that came or went; every answer is its own."""
    index = index_of(tmp_path / "out", some_labels(), **HARD)
    asked: list[dict[str, Any]] = [{"k": 4}, {"k": 5}, {"k": 4, "anchors": 20}, {"k": 4, "split": "train"}]
    found = [index.audit(**each) for each in asked]
    assert [report.num_anchors for report in found] == [40, 40, 20, 40]
    assert len(passes) == 3  # all images are of the split `train`
    index.remove(index.ids[:3])
    assert index.audit(k=4).num_rows == 37
    other = index_of(tmp_path / "other", [*reversed(some_labels())], **HARD)
    assert other.audit(k=4).false_negative_rate != found[0].false_negative_rate
    milder = index_of(tmp_path / "milder", some_labels(), **{**HARD, "temperature": 0.5})
    assert milder.audit(k=4).gradient_share != found[0].gradient_share
    assert len(passes) == 6


def test_a_damaged_one_is_made_again(tmp_path: Path, passes: list[int]) -> None:
    """A missing part, and rows that do not exist."""
    index = index_of(tmp_path / "out", some_labels(), **HARD)
    first = index.audit(k=4).to_dict()
    (entry,) = cache_entries()
    next(entry.file.parent.glob("*-near.json")).unlink()
    assert index.audit(k=4).to_dict() == first
    entry.file.write_bytes(b"\x7f" * entry.file.stat().st_size)
    for _ in range(2):
        assert index.audit(k=4).to_dict() == first
    assert len(passes) == 3


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says so; the report is the same."""
    index = index_of(tmp_path / "out", some_labels(), **HARD)
    expected = index.audit(k=4).to_dict()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "file"))
    said = Lines()
    assert index.audit(k=4, progress=said).to_dict() == expected
    assert len(passes) == 2
    assert [
        line for line in said.said if line.startswith("the comparison of all images is not kept for the next time: ")
    ]


def test_what_is_kept_is_read_without_torch(tmp_path: Path, passes: list[int]) -> None:
    """Its import would be most of the wait for a page that has nothing to compute; likewise for lists and the note on leaks."""
    code = """
        import sys
        from samekind.indexer.audit import kept
        from samekind.indexer.curation import kept as lists
        from samekind import Index
        kept.WORTH = lists.WORTH = 0
        index = Index.open(sys.argv[1])
        answers = [index.audit(k=4).to_dict(), index.label_issues().to_dict(), index.duplicates().to_dict(), index.leaks().to_dict()]
        print(len(answers), sorted({"torch", "sklearn", "scipy"} & set(sys.modules)))
    """
    index_of(tmp_path / "out", some_labels(), **HARD)
    run = partial(
        subprocess.run,
        [sys.executable, "-P", "-c", textwrap.dedent(code), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(samekind.__file__).parents[1])},
    )
    assert run().stdout.strip() == "4 ['scipy', 'sklearn', 'torch']"
    assert run().stdout.strip() == "4 []"


def test_few_images_are_not_kept(tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes less than a second leaves no file."""
    monkeypatch.setattr(kept, "WORTH", 40 * 40 + 1)
    index_of(tmp_path / "out", some_labels(), **HARD).audit(k=4)
    assert not cache_entries()
