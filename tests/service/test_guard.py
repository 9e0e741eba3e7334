from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import samekind as sk
from samekind.service.app import ServiceApp, create_app
from samekind.service.guard import Access, Rates
from samekind.service.limits import Limits
from samekind.service.run import Place, listening
from tests.service.conftest import asking

OTHER = {"Host": "evil.example"}


class Slow:
    """Stands for an index whose searches wait until they are let go."""

    def __init__(self, index: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.begun = threading.Event(), threading.Semaphore(0)
        search = sk.Index.search

        def waiting(*arguments: Any) -> Any:
            self.begun.release()
            assert self.go.wait(20)
            return search(*arguments)

        monkeypatch.setattr(sk.Index, "search", waiting)


@pytest.fixture
def slow(index: sk.Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """Searches that wait."""
    found = Slow(index, monkeypatch)
    yield found
    found.go.set()


def test_a_token_is_needed_where_there_is_one_but_not_to_see_that_it_lives(index: sk.Index) -> None:
    """None, another one, and one of other letters are refused with 401 and the scheme that is expected."""
    with asking(create_app(index, access=Access("secret", frozenset()))) as http:
        for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Bearer sécret".encode("latin-1")}):
            response = http.get("/v1/index", headers=headers)  # type: ignore[arg-type]
            assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert http.get("/v1/openapi.json").status_code == 401
        assert http.get("/metrics").status_code == 401
        assert http.get("/v1/index", headers={"Authorization": "Bearer secret", **OTHER}).status_code == 200
        assert http.get("/health").status_code == http.get("/ready").status_code == 200


def test_a_web_site_whose_name_leads_here_is_refused(index: sk.Index) -> None:
    """Without a token only names of this machine are answered, and no page from elsewhere may read an answer unless asked for."""
    with asking(create_app(index)) as http:
        assert http.get("/v1/index", headers=OTHER).status_code == 400
        assert http.get("/v1/index", headers={"Host": "[::1]:8600"}).status_code == 200
        assert (
            "access-control-allow-origin" not in http.get("/v1/index", headers={"Origin": "http://a.example"}).headers
        )
    with asking(create_app(index, cors=["http://a.example"])) as http:
        for origin, allowed in (("http://a.example", "http://a.example"), ("http://b.example", None)):
            answer = http.get("/v1/index", headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed


def test_a_page_that_may_ask_brings_its_token_and_reads_refusals(index: sk.Index) -> None:
    """Browsers ask without the token whether they may send it, and keep an answer without the origin's name from the page."""
    asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    with asking(create_app(index, access=Access("secret", frozenset()), cors=["http://a.example"])) as http:
        answer = http.options("/v1/index", headers={"Origin": "http://a.example", **asks})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "http://a.example")
        assert http.options("/v1/index", headers={"Origin": "http://b.example", **asks}).status_code == 400
        refused = http.get("/v1/index", headers={"Origin": "http://a.example"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "http://a.example")


def test_json_that_would_keep_all_others_waiting_is_refused(index: sk.Index) -> None:
    """It is read in the event loop; a picture of that size is not."""
    with asking(create_app(index)) as http:
        assert http.post("/v1/search/vector", content=b" " * 2_000_001).status_code == 413
        assert http.post("/v1/search/image", content=b" " * 2_000_001).status_code == 422


def test_a_body_that_is_too_large_is_refused_said_or_unsaid(index: sk.Index) -> None:
    """By its length before it comes, or while it comes, for files and for JSON."""
    with asking(create_app(index, Limits(max_body=0.001))) as http:
        for path in ("/v1/search/image", "/v1/search/vector"):
            for content in (b"x" * 1001, (b"x" * 300 for _ in range(4))):
                response = http.post(path, content=content)
                assert response.status_code == 413
                assert "1,000 bytes" in response.json()["error"]
        assert http.post("/v1/search/image", content=b"x" * 1000).status_code == 422


def test_what_takes_too_long_is_answered_and_the_event_loop_is_free_meanwhile(index: sk.Index, slow: Slow) -> None:
    """A search that hangs gets 504; while it hangs, others are answered."""
    with asking(create_app(index, Limits(timeout=1.0))) as http, ThreadPoolExecutor() as pool:
        hanging = pool.submit(http.get, "/v1/images/neighbours", params={"id": index.ids[0]})
        assert slow.begun.acquire(timeout=10)
        started = time.monotonic()
        assert http.get("/health").status_code == http.get("/v1/index").status_code == 200
        assert not hanging.done()
        assert time.monotonic() - started < 1.0
        response = hanging.result(20)
        assert response.status_code == 504
        assert "within 1 s" in response.json()["error"]


def test_a_body_that_does_not_come_is_answered(index: sk.Index) -> None:
    """408, not 504: the client is slow, not the service."""
    app = create_app(index, Limits(timeout=0.05))
    sent = ask(app, [{"type": "http.request", "body": b"x", "more_body": True}])
    assert sent[0]["status"] == 408


def test_more_than_the_queue_holds_is_refused_and_said_to_come_again(index: sk.Index, slow: Slow) -> None:
    """503 with Retry-After at once; who waits is answered; health is answered always; afterwards there is room again."""
    with asking(create_app(index, Limits(queue=3, rate=0))) as http, ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(http.get, "/v1/images/neighbours", params={"id": id_}) for id_ in index.ids[:3]]
        assert slow.begun.acquire(timeout=10)
        until = time.monotonic() + 10
        refused = http.get("/v1/index")
        while refused.status_code == 200 and time.monotonic() < until:
            refused = http.get("/v1/index")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert http.get("/health").status_code == 200
        slow.go.set()
        assert [each.result(20).status_code for each in waiting] == [200] * 3
        assert http.get("/v1/index").status_code == 200


def test_one_address_asks_no_more_often_than_it_may(index: sk.Index) -> None:
    """Two seconds' worth at once, then 429."""
    with asking(create_app(index, Limits(rate=1))) as http:
        statuses = [http.get("/v1/index").status_code for _ in range(4)]
        assert statuses[:2] == [200, 200]
        assert statuses[-1] == 429
        assert http.get("/health").status_code == 200


def test_a_bucket_fills_steadily_and_each_address_has_its_own() -> None:
    """At ten a second: twenty at once, none more, and after a tenth of a second one."""
    rates = Rates(10)
    assert [rates.wait("a", 0.0) for _ in range(20)] == [0] * 20
    assert rates.wait("a", 0.0) == 1
    assert rates.wait("b", 0.0) == 0
    assert [rates.wait("a", 0.1), rates.wait("a", 0.1)] == [0, 1]
    assert [Rates(0).wait("a", 0.0) for _ in range(1000)] == [0] * 1000


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "example.org", "::"])  # noqa: S104 - refused
def test_others_can_come_only_with_a_token(host: str) -> None:
    """Every address but loopback."""
    with pytest.raises(sk.InputError, match="a token is needed") as caught:
        Place(host)
    assert "SAMEKIND_TOKEN" in caught.value.hint
    assert Place(host, 8600, "t").host == host
    assert [Place(name).token for name in ("127.0.0.1", "localhost", "::1")] == [""] * 3


def test_a_port_that_is_taken_is_an_error_and_not_another_port() -> None:
    """Clients know the port."""
    with listening(Place(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(sk.InputError, match=f"port {port} is in use"):
            listening(Place(port=port))


@pytest.mark.parametrize("setting", ["max_body", "max_pixels", "timeout", "rate", "queue", "max_batch", "window"])
def test_limits_out_of_range_are_refused_by_their_flags(setting: str) -> None:
    """Each names itself."""
    with pytest.raises(sk.InputError, match=f"--{setting.replace('_', '-')} must be"):
        Limits(**{setting: -1})


def ask(app: ServiceApp, body: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Posts an upload whose parts come as given, and then nothing for ever; what is sent back."""
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        if body:
            return body.pop(0)
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-length", b"9"), (b"expect", b"100-continue")]
    scope = {"type": "http", "method": "POST", "path": "/v1/search/image", "headers": headers, "query_string": b""}
    asyncio.run(app.guarded({**scope, "http_version": "1.1", "scheme": "http", "root_path": ""}, receive, send))
    return sent
