from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import samekind as sk
from samekind.service.app import create_app
from samekind.service.limits import Limits
from tests.service.conftest import asking
from tests.service.test_searches import answered, told


def test_searches_that_come_while_one_is_at_work_are_carried_out_together(
    index: sk.Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first alone, then all that wait: those with equal options in one call, and each with its own answer, as if it were alone."""
    search, calls, go, begun = sk.Index.search, [], threading.Event(), threading.Event()

    def counted(self: sk.Index, queries: Any, *how: Any) -> Any:
        calls.append(len(queries))
        begun.set()
        assert go.wait(20)
        return search(self, queries, *how)

    monkeypatch.setattr(sk.Index, "search", counted)
    app = create_app(index, Limits(rate=0))
    asked = [(id_, 5) for id_ in index.ids[:9]] + [(id_, 7) for id_ in index.ids[9:12]]

    def ask(id_: str, k: int) -> Any:
        return http.get("/v1/images/neighbours", params={"id": id_, "k": k})

    with asking(app) as http, ThreadPoolExecutor(len(asked)) as pool:
        first = pool.submit(ask, *asked[0])
        assert begun.wait(10)
        others = [pool.submit(ask, *each) for each in asked[1:]]
        while len(app.service.batching._waiting) < len(others):
            assert not first.done()
        go.set()
        found = [answered(each.result(20)) for each in (first, *others)]
        assert "samekind_batched_queries_total 12" in http.get("/metrics").text
    assert sorted(calls) == [1, 3, 8]
    monkeypatch.undo()
    assert found == [told(index.search_id(id_, k)) for id_, k in asked]


def test_one_bad_condition_fails_alone(index: sk.Index) -> None:
    """A batch of others is not spoiled by it."""
    with asking(create_app(index, Limits(window=50.0))) as http, ThreadPoolExecutor(4) as pool:
        wheres = ["label = 'Bag'", "nonsense ==", "label = 'Bag'"]
        asked = [
            pool.submit(http.get, "/v1/images/neighbours", params={"id": index.ids[0], "where": where})
            for where in wheres
        ]
        assert [each.result(20).status_code for each in asked] == [200, 400, 200]
