"""Candidate pairs of a large index: the first can be asked about while more are found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from samekind.app.state.library import Library


class _Found:
    """Stands for a pool; an empty one is as good as any."""

    def __len__(self) -> int:
        return 0


@pytest.fixture
def library(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Of an index that counts as large."""
    monkeypatch.setattr(sk.CandidatePool, "grows", staticmethod(lambda index: True))
    return Library(sk.Index.open(artefact))


def test_the_first_pool_is_there_before_the_last(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Visitors get the first one at once, and the last one as soon as that is there; it is found once for all of them."""
    first: Any = _Found()
    last: Any = _Found()
    sign, calls = threading.Event(), list[int]()

    def growing(index: Any, progress: Any) -> Iterator[Any]:
        calls.append(1)
        yield first
        assert sign.wait(20)
        yield last

    monkeypatch.setattr(sk.CandidatePool, "growing", growing)
    assert library.pool() is first
    assert library.pool() is first
    sign.set()
    library.growing_pool().wait(lambda share: None)
    assert library.pool() is last
    assert len(calls) == 1


def test_what_failed_is_tried_again(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error before the first pool reaches the visitor, and the next visit begins anew; a later one leaves what is there."""
    found: Any = _Found()
    pools: list[list[Any]] = [[sk.ArtefactError("the disk is gone")], [found, sk.ArtefactError("again")]]

    def growing(index: Any, progress: Any) -> Iterator[Any]:
        for each in pools.pop(0):
            if isinstance(each, Exception):
                raise each
            yield each

    monkeypatch.setattr(sk.CandidatePool, "growing", growing)
    with pytest.raises(sk.ArtefactError, match="the disk is gone"):
        library.pool()
    assert library.pool() is found
    with pytest.raises(sk.ArtefactError, match="again"):
        library.growing_pool().wait(lambda share: None)
    assert library.pool() is found
    assert not pools
