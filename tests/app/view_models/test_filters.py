"""Filters and pages of the grid."""

from __future__ import annotations

import sqlite3
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.app.view_models import filters

IDS = [f"train/{i:05d}" for i in range(10)]
LABELS: list[str | None] = ["Bag", "Coat", None, "Bag", "Coat", "Bag", "Shirt", "Bag", None, "Shirt"]
SPLITS = ["train", "test"] * 5
names = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(names | st.none(), st.sampled_from(["train", "test"])), min_size=1), data=st.data())
def test_where_clause_selects_what_sql_would(rows: list[tuple[str | None, str]], data: st.DataObject) -> None:
    """The clause, given to a real SQL engine, finds the rows of that class and split, whatever quotes the name holds."""
    label = data.draw(st.sampled_from([row[0] for row in rows]) | st.none())
    split = data.draw(st.sampled_from(["train", "test", None]))
    wanted = filters.NO_LABEL if label is None and data.draw(st.booleans()) else label
    clause = filters.where_clause(wanted, split)
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE images (label TEXT, split TEXT)")
    database.executemany("INSERT INTO images VALUES (?, ?)", rows)
    found = database.execute(f"SELECT label, split FROM images WHERE {clause or 'TRUE'}").fetchall()
    database.close()
    expected = [row for row in rows if (wanted is None or row[0] == label) and (split is None or row[1] == split)]
    assert Counter(found) == Counter(expected)


@pytest.mark.parametrize(
    ("label", "split", "text", "expected"),
    [
        (None, None, "", list(range(10))),
        ("Bag", None, "", [0, 3, 5, 7]),
        (filters.NO_LABEL, None, "", [2, 8]),
        ("Bag", "train", "", [0]),
        (None, None, " COAT ", [1, 4]),
        (None, "test", "0000", [1, 3, 5, 7, 9]),
        ("Shirt", "train", "00009", []),
    ],
)
def test_matching_applies_every_filter(label: str | None, split: str | None, text: str, expected: list[int]) -> None:
    """Class, split and text must all hold; the text is looked for in ids and class names without regard to case."""
    assert filters.matching(IDS, LABELS, SPLITS, label=label, split=split, text=text) == expected


def test_matching_without_labels_ignores_the_class() -> None:
    """An unlabelled corpus is filtered by split and id alone."""
    assert filters.matching(IDS, None, SPLITS, label="Bag", split="test", text="9") == [9]


@given(count=st.integers(0, 70), size=st.integers(1, 12))
def test_pages_partition_the_images(count: int, size: int) -> None:
    """All pages together are all images once, in order; a page past the end is the last one."""
    rows = list(range(0, 3 * count, 3))
    number = filters.num_pages(count, size)
    pages = [filters.page(rows, i, size) for i in range(1, number + 1)]
    assert [row for page in pages for row in page] == rows
    assert all(0 < len(page) <= size for page in pages)
    assert filters.page(rows, number + 5, size) == (pages[-1] if pages else [])


def test_sample_is_seeded_and_without_repetition() -> None:
    """The same seed gives the same images, another seed others; a small corpus is shown whole."""
    rows = list(range(1000))
    first = filters.sample(rows, 32, seed=0)
    assert first == filters.sample(rows, 32, seed=0)
    assert first != filters.sample(rows, 32, seed=1)
    assert len(set(first)) == 32
    assert sorted(filters.sample(rows[:5], 32, seed=0)) == rows[:5]
