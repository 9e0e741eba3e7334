"""Mutated files as queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from samekind.core.errors import ImageError
from samekind.data.types.reading import Reading
from samekind.indexer.index import Index
from tests.data.decoding.mutations import LIMIT, mutated, originals

KEPT = originals()


@pytest.fixture
def limited(index: Index) -> Index:
    """The shared index, opened again, which reads no picture of more pixels than the mutations may claim."""
    opened = Index.open(index.path, encoder=index.encoder)
    opened.reading = Reading(max_pixels=LIMIT)
    return opened


@pytest.mark.parametrize("part", range(2))
def test_a_mutated_query_is_answered_or_refused(limited: Index, tmp_path: Path, part: int) -> None:
    """By bytes, as an upload comes, and by path: five hits, or an `ImageError` of one line; both ways the same."""
    answered = 0
    for seed in range(part * 36, part * 36 + 36):
        content = mutated(KEPT[seed % len(KEPT)], seed)
        (tmp_path / "query").write_bytes(content)
        outcomes: list[object] = []
        for query in (content, tmp_path / "query"):
            try:
                outcomes.append([hit.id for hit in limited.search(query, k=5).hits])
            except ImageError as error:
                outcomes.append(str(error).removeprefix(f"{tmp_path / 'query'}: "))
        assert outcomes[0] == outcomes[1]
        assert "\n" not in str(outcomes[0])
        answered += isinstance(outcomes[0], list)
    assert 0 < answered < 36
