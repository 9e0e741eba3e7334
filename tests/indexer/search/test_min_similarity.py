"""Hits of at least a similarity."""

from __future__ import annotations

from typing import Any

import pytest

from samekind.core.errors import InputError
from samekind.indexer.index import Index


def test_hits_below_the_cut_off_are_left_out(index: Index) -> None:
    """The first hits of the search without it, one exactly at the cut-off among them, for one query, several and an id; with a note."""
    whole = index.search(index.ids[4], k=12)
    least = whole[4].similarity
    cut = index.search(index.ids[4], k=12, min_similarity=least)
    assert cut.hits == whole.hits[:5]
    assert cut.note == f"only 5 of 12 hits have a similarity of at least {least:g}"
    assert index.search([index.ids[4]], k=12, min_similarity=least)[0].hits == cut.hits
    assert index.search_id(index.ids[4], k=12, min_similarity=least).hits == cut.hits
    own_left_out = index.search(index.ids[4], k=11, exclude_self=True, min_similarity=least)
    assert [hit.id for hit in own_left_out] == [hit.id for hit in whole.hits[1:5]]
    assert index.search(index.ids[4], k=12, min_similarity=-1).hits == whole.hits
    assert index.search(index.ids[4], k=12, min_similarity=-1).note is None


@pytest.mark.parametrize("value", [1.5, -1.1, float("nan"), True, "0.5"])
def test_what_is_no_cosine_is_refused(index: Index, value: Any) -> None:
    """The message has the value and the range."""
    with pytest.raises(InputError, match=r"in \[-1, 1\]"):
        index.search(index.ids[4], min_similarity=value)
