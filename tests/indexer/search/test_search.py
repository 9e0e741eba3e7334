"""Search against brute force, on ids as well as on values, and everything that can be asked with."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from samekind.core.errors import ImageError, InputError
from samekind.data.corpus import Corpus
from samekind.indexer.index import Index, build_index
from samekind.indexer.search.results import SearchResult
from tests import oracles
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder


def _one(index: Index, query: Any, **options: Any) -> SearchResult:
    result = index.search(query, **options)
    assert isinstance(result, SearchResult)
    return result


def _many(index: Index, query: Any, **options: Any) -> list[SearchResult]:
    result = index.search(query, **options)
    assert isinstance(result, list)
    return result


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 70), sign=st.sampled_from([1, -1]))
def test_ids_and_similarities_equal_brute_force(index: Index, seed: int, k: int, sign: int) -> None:
    """For any direction, also away from all rows (negative cosines), and any k."""
    direction = sign * index.vectors().mean(axis=0) + 0.3 * np.random.default_rng(seed).normal(size=index.dim)
    direction = (direction / np.linalg.norm(direction)).astype(np.float32)
    rows, values = oracles.nearest(index.vectors(), direction, k)
    result = _one(index, direction * 7, k=k)
    assert [hit.id for hit in result] == [index.ids[row] for row in rows]
    np.testing.assert_allclose([hit.similarity for hit in result], values, atol=2e-7)
    assert [hit.rank for hit in result] == list(range(1, len(rows) + 1))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 45), k=st.integers(1, 8))
def test_many_queries_give_what_each_gives_alone(index: Index, seed: int, count: int, k: int) -> None:
    """FAISS takes another path from 20 queries on; the answer must not."""
    queries = np.random.default_rng(seed).normal(size=(count, index.dim)).astype(np.float32)
    together = _many(index, queries, k=k)
    assert [result.hits for result in together] == [_one(index, query, k=k).hits for query in queries]


def test_every_row_finds_itself_first(index: Index) -> None:
    """The image of a row as query comes first, with similarity above 0.999 and at most 1."""
    for i, pixels in enumerate(pictures(60)):
        first = _one(index, pixels, k=3)[0]
        assert first.id == index.ids[i]
        assert 0.999 < first.similarity <= 1.0


def test_a_file_its_bytes_the_picture_its_pixels_and_its_id_find_the_same(index: Index, tmp_path: Path) -> None:
    """All kinds of query are one query."""
    pixels = pictures(60)[7]
    path = tmp_path / "seven.png"
    Image.fromarray(pixels).save(path)
    kinds = [
        path,
        str(path),
        path.read_bytes(),
        Image.open(path),
        pixels,
        pixels[..., None],
        index.ids[7],
        index.vectors()[7],
    ]
    answers = [_one(index, kind, k=5) for kind in kinds]
    for answer in answers:
        assert [hit.id for hit in answer] == [hit.id for hit in answers[0]]
        np.testing.assert_allclose(
            [hit.similarity for hit in answer], [hit.similarity for hit in answers[0]], atol=1e-6
        )
    together = _many(index, kinds, k=5)
    assert [[hit.id for hit in answer] for answer in together] == [[hit.id for hit in answers[0]]] * len(kinds)


def test_k_beyond_the_rows_gives_all_rows_and_a_note(index: Index) -> None:
    """Not an error."""
    result = _one(index, index.ids[0], k=1000)
    assert sorted(hit.id for hit in result) == sorted(index.ids)
    assert result.note is not None
    assert "60" in result.note
    assert _one(index, index.ids[0], k=60).note is None


@pytest.mark.parametrize("k", [0, -3, 2.5, "ten", None, True])
def test_a_k_that_is_no_positive_whole_number_is_refused(index: Index, k: Any) -> None:
    """With the value in the message."""
    with pytest.raises(InputError, match=repr(k)):
        index.search(index.ids[0], k=k)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        (np.ones(12, np.float32), "dim 16, the query has 12"),
        (np.ones((3, 12), np.float32), "dim 16, the query has 12"),
        ([np.ones(16, np.float32), np.ones(12, np.float32)], "dim 16, the query has 12"),
        (np.full(16, np.nan, np.float32), "NaN"),
        (np.full(16, np.inf, np.float32), "infinity"),
        (np.zeros(16, np.float32), "zero"),
        (np.ones((8, 8, 3), np.float32), "float32 (8, 8, 3)"),
        (np.ones((8, 8), np.int64), "int64 (8, 8)"),
        (np.ones((8, 8, 2), np.uint8), "(8, 8, 2)"),
        (np.ones((0, 8), np.uint8), "(0, 8)"),
        (None, "NoneType"),
        ({"a": 1}, "dict"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_in_one_line(index: Index, query: Any, complaint: str) -> None:
    """The message names what came and what was expected."""
    with pytest.raises(InputError) as caught:
        index.search(query)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"no image", "not an image"), (None, "no such file")])
def test_an_unreadable_image_is_refused_by_name(
    index: Index, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """Missing, empty and foreign files."""
    path = tmp_path / "query.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=reason) as caught:
        index.search(path)
    assert "query.png" in str(caught.value)


@pytest.mark.parametrize("scale", [1e308, 1e-308])
def test_vectors_whose_squares_are_no_numbers_are_scaled_as_others(index: Index, scale: float) -> None:
    """The squares of such numbers are infinite, or zero; the direction is what counts."""
    vector_D = np.linspace(-1.0, 0.9, 16)
    (scaled,), (plain,) = (index.search(vectors, 5) for vectors in ([vector_D * scale], [vector_D]))
    assert scaled.hits == plain.hits


def test_a_list_of_numbers_is_a_vector_and_an_empty_list_asks_nothing(index: Index) -> None:
    """A list of floats could also be read as many queries."""
    vector = index.vectors()[3]
    assert _one(index, vector.tolist(), k=2)[0].id == index.ids[3]
    several = _many(index, [index.vectors()[4].tolist(), tuple(vector.tolist()), index.ids[5]], k=2)
    assert [result[0].id for result in several] == [index.ids[i] for i in (4, 3, 5)]
    assert _many(index, []) == []


def test_a_filter_equals_brute_force_over_the_rows_that_satisfy_it(index: Index) -> None:
    """Ids, order and values; k counts the rows that satisfy it."""
    labels = index.labels
    assert labels is not None
    allowed = [i for i in range(60) if labels[i] == "Coat" and index.splits[i] == "test"]
    query = index.vectors()[0]
    rows, values = oracles.nearest(index.vectors(), query, 60, allowed)
    result = _one(index, query, k=60, where="label = 'Coat' AND split = 'test'")
    assert [hit.id for hit in result] == [index.ids[row] for row in rows]
    np.testing.assert_allclose([hit.similarity for hit in result], values, atol=2e-7)
    assert result.note is not None
    nothing = _one(index, query, k=3, where="label = 'no such'")
    assert len(nothing) == 0
    assert nothing.note is not None
    assert "0 images" in nothing.note


def test_a_filter_that_is_no_sql_is_refused(index: Index) -> None:
    """Before anything is searched."""
    with pytest.raises(InputError, match="labl"):
        index.search(index.ids[0], where="labl = 'Bag'")


@pytest.mark.parametrize("as_colour", [False, True])
def test_excluding_self_leaves_out_the_querys_content_and_nothing_else(
    index: Index, tmp_path: Path, as_colour: bool
) -> None:
    """By hash for images, also for a grey one saved in colour; by id for rows; by similarity 1 for vectors and encoded copies."""
    pixels = pictures(60)[11]
    path = tmp_path / "copy.png"
    Image.fromarray(pixels).convert("RGB" if as_colour else "L").save(path)
    whole = [hit.id for hit in _one(index, index.ids[11], k=60)]
    assert whole[0] == index.ids[11]
    for query in (path, path.read_bytes(), pixels, index.ids[11], index.vectors()[11]):
        assert [hit.id for hit in _one(index, query, k=59, exclude_self=True)] == whole[1:]
    assert [hit.id for hit in _one(index, -index.vectors()[11], k=60, exclude_self=True)] == [
        hit.id for hit in _one(index, -index.vectors()[11], k=60)
    ]


def test_copies_come_in_table_order_and_are_all_left_out_as_self(tmp_path: Path) -> None:
    """30 copies of one image among others: more ties than any spare candidates, below and above k."""
    base = pictures(50, seed=3)
    images = np.concatenate([base, np.repeat(base[:1], 30, axis=0)])
    save_encoder(FakeEncoder(), tmp_path)
    index = build_index(Corpus.from_arrays(images), FakeEncoder(), tmp_path)
    copies = [0, *range(50, 80)]
    for k in (1, 5, 31, 40):
        rows = [index.ids.index(hit.id) for hit in _one(index, base[0], k=k)]
        assert rows[:31] == copies[:k]
    own_left_out = _one(index, base[0], k=49, exclude_self=True)
    assert {index.ids.index(hit.id) for hit in own_left_out} == set(range(1, 50))
    assert [hit.id for hit in _one(index, index.vectors()[0], k=49, exclude_self=True)] == [
        hit.id for hit in own_left_out
    ]


def test_many_queries_that_leave_themselves_out_are_searched_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answers as it does alone, with copies and without, as images and as vectors; searches are few, and as wide as each needs."""
    base = pictures(50, seed=3)
    images = np.concatenate([base, np.repeat(base[:1], 30, axis=0), np.repeat(base[1:2], 3, axis=0)])
    save_encoder(FakeEncoder(), tmp_path)
    index = build_index(Corpus.from_arrays(images), FakeEncoder(), tmp_path)
    queries = [*index.ids[:20], *index.vectors()[:20], *map(index.embedded, images[-4:])]
    widths: list[int] = []
    search = index.vector_index.search

    def counted(query_QD: Any, k: int, rows: Any = None) -> Any:
        widths.append(k)
        return search(query_QD, k, rows)

    monkeypatch.setattr(index.vector_index, "search", counted)
    together = index.search(queries, k=7, where="id <> 'x'", exclude_self=True)
    assert widths == [8, 11, 38, 16, 32, 64]
    for query, result in zip(queries, together, strict=True):
        assert result.hits == _one(index, query, k=7, exclude_self=True).hits


def test_a_note_names_no_hashes(index: Index) -> None:
    """The condition of a tag, or of any selection, is thousands of them."""
    some = ", ".join(f"'{index.row(id_)['sha256']}'" for id_ in index.ids[:2])
    found = index.search(index.ids[0], k=5, where=f"(label <> 'x') AND sha256 IN ({some})")
    assert found.note == "2 images satisfy \"(label <> 'x') AND one of those named\": 2 hits instead of 5"


def test_a_re_encoded_copy_is_still_its_own_image(index: Index) -> None:
    """Another file of the same pixels has another hash of its bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pictures(60)[2]).save(buffer, "BMP")
    assert index.ids[2] not in [hit.id for hit in _one(index, buffer.getvalue(), k=60, exclude_self=True)]


def test_the_result_serialises_as_the_command_line_promises(index: Index) -> None:
    """Plain JSON types, and `null` for a label that is not known."""
    shape = json.loads(json.dumps(_one(index, index.ids[0], k=2).to_dict(), allow_nan=False))
    assert shape["k"] == 2
    assert [list(hit) for hit in shape["hits"]] == [["rank", "id", "similarity", "label", "uri"]] * 2
    assert shape["hits"][0]["id"] == index.ids[0]
