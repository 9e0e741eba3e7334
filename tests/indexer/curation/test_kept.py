"""Lists that are asked for again come from the cache, and only if nothing has changed that they depend on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samekind.data.corpus import Corpus
from samekind.indexer import analysed
from samekind.indexer.audit import kept as audit_kept
from samekind.indexer.audit import neighbours
from samekind.indexer.curation import kept, label_issues, leaks, near_duplicates
from samekind.indexer.curation.leaks import leak_note
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.training.runtime.cache_folder import cache_entries
from tests.indexer.builds import Lines
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder

LISTS: tuple[Callable[[Index], Any], ...] = (
    lambda index: index.label_issues(20),
    lambda index: index.duplicates(20),
    lambda index: index.leaks(20),
    leak_note,
)


@pytest.fixture
def searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of each search that is really made; every list is worth keeping, in a cache of its own."""
    made: list[str] = []

    def counted(place: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(place, name)

        def again(*given: Any) -> Any:
            made.append(f"{place.__name__.rpartition('.')[2]}.{name}")
            return original(*given)

        monkeypatch.setattr(place, name, again)

    for place, name in ((label_issues, "_found"), (near_duplicates, "_found"), (leaks, "_found"), (leaks, "leaked")):
        counted(place, name)
    monkeypatch.setattr(kept, "WORTH", 0)
    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "cache"))
    return made


def made(folder: Path, labels: Sequence[str] | None = None) -> Index:
    """60 noise pictures of two classes, a sixth of them for testing; some are there twice, with another label or in another split."""
    pixels = pictures(60)
    pixels[9], pixels[12] = pixels[2], pixels[1]
    pixels[21] = (pixels[11] * 0.9).astype(np.uint8)
    pixels[24] = (pixels[23] * 0.9).astype(np.uint8)
    usual = [("Bag", "Coat")[i % 2] for i in range(60)]
    corpus = Corpus.from_arrays(
        pixels, labels or usual, ["test" if i % 6 == 0 else "train" for i in range(60)], name="kept"
    )
    save_encoder(FakeEncoder(), folder)
    return build_index(corpus, FakeEncoder(), folder)


def test_every_list_is_made_once(tmp_path: Path, searches: list[str]) -> None:
    """Equal to the last bit, notes with their codes included, by the index opened anew; who asks for fewer entries reads the same list."""
    index = made(tmp_path / "out")
    first = [each(index) for each in LISTS]
    assert first[0].num_conflicts
    assert first[1].pairs
    assert first[2].pairs
    assert first[1].notes[0].code
    again = [each(Index.open(tmp_path / "out")) for each in LISTS]
    assert again == first
    assert [note.code for note in again[1].notes] == [note.code for note in first[1].notes]
    assert searches == ["label_issues._found", "near_duplicates._found", "leaks._found", "leaks.leaked"]
    assert {entry.what for entry in cache_entries()} == {
        f"{name} of 60 images" for name in ("label errors", "duplicates", "leaks", "counts of leaks")
    }
    assert index.duplicates(1).pairs == first[1].pairs[:1]
    assert index.duplicates(1).num_pairs == first[1].num_pairs
    assert len(searches) == 4
    leak_note(index, np.arange(60))
    assert len(searches) == 4
    leak_note(index, np.arange(50))
    index.duplicates(kept.LISTED + 1)
    assert len(searches) == 6


def test_answers_are_those_of_now(tmp_path: Path, searches: list[str]) -> None:
    """They are put into the list when it is read, and go with the verdict."""
    index = made(tmp_path / "out")
    pair = next(each for each in index.duplicates(20).pairs if each.kind == "near")
    row = {id_: row for row, id_ in enumerate(index.ids)}
    first, second = index.rows.values("sha256", np.array([row[pair.a], row[pair.b]]))
    VerdictTable(index.path).add([Verdict(first, second, "duplicate")])
    again = Index.open(index.path).duplicates(20)
    assert next(each for each in again.pairs if (each.a, each.b) == (pair.a, pair.b)).confirmed
    assert searches == ["near_duplicates._found"]


def test_what_they_depend_on_makes_another_list(tmp_path: Path, searches: list[str]) -> None:
    """Images that go, and other labels; a list of before is not read."""
    index = made(tmp_path / "out")
    before = index.duplicates(20)
    index.remove([before.pairs[0].a])
    assert index.duplicates(20).num_pairs < before.num_pairs
    other = made(tmp_path / "other", ["Bag"] * 30 + ["Coat"] * 30)
    assert other.label_issues(20) != made(tmp_path / "third").label_issues(20)
    assert searches.count("near_duplicates._found") == 2
    assert searches.count("label_issues._found") == 2


@pytest.mark.parametrize(
    "field", ["encoder", "table_version", "table_files", "index", "rows_file", "delta", "label_rule"]
)
def test_each_part_of_an_index_decides(tmp_path: Path, field: str) -> None:
    """Vectors, rows, table and the rule of several labels; not an adaptation, which changes no list."""
    index = made(tmp_path / "out")
    before = kept._digest(index, "name", 1)
    assert kept._digest(index, "other", 1) != before != kept._digest(index, "name", 2)
    index._manifest = replace(index._manifest, tuned={"any": 1})
    assert kept._digest(index, "name", 1) == before
    if field == "label_rule":
        entries = tuple(replace(each, label_rule="any") for each in index._manifest.corpora)
        index._manifest = replace(index._manifest, corpora=entries)
    else:
        changed: dict[str, Any] = {field: "another"}
        index._manifest = replace(index._manifest, **changed)
    assert kept._digest(index, "name", 1) != before


def test_what_is_found_while_images_go_is_not_kept(tmp_path: Path, searches: list[str]) -> None:
    """Another thread has taken some out of this very index: rows of before would lie under the name of now."""
    index = made(tmp_path / "out")

    def find() -> list[int]:
        index.remove(index.ids[:1])
        return []

    kept.kept_or_found(index, "anything", 1, find, list)
    assert not cache_entries()


def test_one_that_is_damaged_or_gone_is_made_again(tmp_path: Path, searches: list[str]) -> None:
    """Cut short, a bit that flipped, what another version may have written, purged."""
    index = made(tmp_path / "out")
    first = index.duplicates(20)
    (entry,) = cache_entries()
    whole = entry.file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    other = json.loads(gzip.decompress(whole))
    others: list[Any] = [
        [],
        {},
        {**other, "more": 1},
        {**other, "notes": [["unheard_of", "text"]]},
        {**other, "pairs": [{"a": "x"}]},
    ]
    contents = [whole[:-9], b"", bytes(flipped), *(gzip.compress(json.dumps(each).encode()) for each in others)]
    for content in contents:
        entry.file.write_bytes(content)
        assert index.duplicates(20) == first
    entry.file.unlink()
    assert index.duplicates(20) == first
    assert len(searches) == 1 + len(contents) + 1


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, searches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says so; the list is the same."""
    index = made(tmp_path / "out")
    expected = index.duplicates(20)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "file"))
    said = Lines()
    assert index.duplicates(20, said) == expected
    assert [line for line in said.said if line.startswith("duplicates are not kept for the next time: ")]


def test_a_limit_that_is_no_size_loses_nothing(
    tmp_path: Path, searches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list was found: it is returned, and a line says why it is not kept."""
    monkeypatch.setenv("SAMEKIND_CACHE_LIMIT", "lots")
    index, said = made(tmp_path / "out"), Lines()
    assert index.label_issues(20, said).issues
    assert any("label errors are not kept for the next time: SAMEKIND_CACHE_LIMIT" in line for line in said.said)


def test_lists_of_few_images_are_not_kept(tmp_path: Path, searches: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found in seconds leaves no file."""
    monkeypatch.setattr(kept, "WORTH", 61)
    index = made(tmp_path / "out")
    for each in LISTS:
        each(index)
    assert not cache_entries()


def test_prepared_lists_are_there_for_whoever_asks(tmp_path: Path, searches: list[str]) -> None:
    """The page asks for 500 entries, a command for 100: nothing is searched again. A corpus without labels has no errors in them."""
    made(tmp_path / "out").prepare()
    assert sorted(searches) == sorted(["label_issues._found", "near_duplicates._found", "leaks._found", "leaks.leaked"])
    index = Index.open(tmp_path / "out")
    for count in (100, 500):
        for listed in (index.label_issues, index.duplicates, index.leaks):
            listed(count)
    assert len(searches) == 4
    save_encoder(FakeEncoder(), tmp_path / "bare")
    bare = build_index(Corpus.from_arrays(pictures(30), name="bare"), FakeEncoder(), tmp_path / "bare")
    bare.prepare()
    assert len(searches) == 7


def test_label_errors_and_duplicates_make_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look at each image's nearest among other contents; with one pass kept both find what they find by themselves."""
    monkeypatch.setenv("SAMEKIND_CACHE_DIR", str(tmp_path / "cache"))
    index = made(tmp_path / "out")
    alone = index.label_issues(), index.duplicates()
    passes: list[int] = []
    original = neighbours.neighbourhood

    def counted(*given: Any) -> Any:
        passes.append(1)
        return original(*given)

    monkeypatch.setattr(neighbours, "neighbourhood", counted)
    monkeypatch.setattr(audit_kept, "WORTH", 0)
    assert (index.label_issues(), index.duplicates()) == alone
    assert len(passes) == 1


@pytest.mark.parametrize(("worth", "most"), [(61, 100), (0, 59)])
def test_few_images_and_very_many_are_not_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, searches: list[str], worth: int, most: int
) -> None:
    """Of few the page makes the lists in a moment; of very many a command that indexes would take minutes more."""
    monkeypatch.setattr(kept, "WORTH", worth)
    monkeypatch.setattr(analysed, "MOST_PREPARED", most)
    made(tmp_path / "out").prepare()
    assert searches == []
