from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import uvicorn

import samekind as sk
from samekind.service.app import ServiceApp, create_app
from samekind.service.guard import Access
from samekind.service.limits import Limits
from samekind.service.run import Place, listening


@contextmanager
def running(app: ServiceApp, port: int = 0) -> Iterator[str]:
    """The address of a service that runs in a thread."""
    server = uvicorn.Server(uvicorn.Config(app.guarded, log_level="error", lifespan="on"))
    with listening(Place(port=port)) as place:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{place.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def client(index: sk.Index) -> Iterator[sk.Client]:
    """Asks a service of the shared index."""
    with running(create_app(index, Limits(rate=0))) as url, sk.Client(url) as client:
        yield client


def untimed(result: sk.SearchResult | list[sk.SearchResult]) -> tuple[Any, ...]:
    """All of one query's result but its time."""
    assert isinstance(result, sk.SearchResult)
    return result.k, result.hits, result.note, result.adaptation


def test_the_client_answers_as_the_index_does(client: sk.Client, index: sk.Index, tmp_path: Any) -> None:
    """Results are the library's own types, equal to the last bit: files, bytes, float32 and float64 arrays, lists, ids."""
    encoded = index.original(index.ids[5])
    assert encoded is not None
    (tmp_path / "photo.png").write_bytes(encoded)
    vector = np.random.default_rng(1).normal(size=index.dim)
    for query in (
        encoded,
        tmp_path / "photo.png",
        str(tmp_path / "photo.png"),
        vector,
        vector.astype("f4"),
        vector.tolist(),
    ):
        options: dict[str, Any] = {"k": 4, "where": "label <> 'Bag'", "exclude_self": True, "min_similarity": -0.5}
        found = client.search(query, **options)
        assert untimed(found) == untimed(index.search(query, **options))
    assert untimed(client.search_id("Bag/00.png", adapted=False)) == untimed(
        index.search_id("Bag/00.png", adapted=False)
    )
    assert client.search_id("Bag/00.png", 3, offset=3).hits == index.search_id("Bag/00.png", 6).hits[3:]


def test_parts_mixes_and_tags_are_asked_as_in_the_library(own: sk.Index, tmp_path: Any) -> None:
    """A crop, a mix with weights of a file, ids and words, a mix of ids alone, a tag, and variety: equal to the last bit."""
    encoded = own.original(own.ids[29])
    assert encoded is not None
    (tmp_path / "photo.png").write_bytes(encoded)
    photo, ids = str(tmp_path / "photo.png"), own.ids
    own.__dict__["text_tower"] = Towers()
    sk.TagTable(own.path).put([own.row(id_)["sha256"] for id_ in ids[::2]], "to buy")
    asked: list[tuple[Any, Any]] = [
        (sk.Crop(photo, (20, 20, 80, 80)), {"exclude_self": True}),
        (sk.Mix(ids[3], photo, sk.Text("red"), weights=[1, 2, 0.5], unlike=[ids[4], ids[5]]), {}),
        (sk.Mix(sk.Crop(photo, (0, 0, 50, 50)), ids[1], unlike=[ids[8]], unlike_weight=0.5), {"exclude_self": True}),
        (sk.Mix(ids[3], ids[7], weights=[3, 1]), {"exclude_self": True}),
        (sk.Mix(sk.Text("red"), ids[3], unlike=[ids[4]]), {"where": "label <> 'Bag'"}),
        (sk.Text("red"), {"diversity": 0.7}),
    ]
    with running(create_app(own, Limits(rate=0))) as url, sk.Client(url) as client:
        for query, options in asked:
            assert untimed(client.search(query, 6, **options)) == untimed(own.search(query, 6, **options))
        tagged = client.search_id(ids[0], 30, "label <> 'Bag'", tag="to buy")
        assert [hit.id for hit in tagged.hits] == [
            hit.id for hit in own.search_id(ids[0], 30).hits if hit.id in ids[::2] and hit.label != "Bag"
        ]
        for query in (sk.Mix(photo, photo), sk.Mix(photo, unlike=[photo]), sk.Mix(np.ones(16)), sk.Mix(photo, b"x")):
            with pytest.raises(sk.InputError, match="does not take this Mix"):
                client.search(query)


class Towers:
    """Words as vectors, in place of a text tower."""

    def embed(self, words: list[str]) -> Any:
        """`(Q, 16)`, by the letters."""
        return np.stack([np.random.default_rng(len(word)).normal(size=16) for word in words])


def test_pictures_rows_and_figures_come_as_from_the_index(client: sk.Client, index: sk.Index) -> None:
    """Bytes and dictionaries."""
    id_ = "Shirt/29.png"
    assert (client.thumbnail(id_), client.picture(id_, 64), client.original(id_), client.row(id_)) == (
        index.thumbnail(id_), index.picture(id_, 64), index.original(id_), index.row(id_)
    )  # fmt: skip
    assert client.about()["images"] == len(index)
    assert client.images("label = 'Coat'", limit=2)["total"] == 10
    assert client.audit(k=3)["false_negative_rate"] == index.audit(k=3).false_negative_rate
    assert client.is_ready()


def test_verdicts_go_there_and_back(own: sk.Index) -> None:
    """As the library's `Verdict`."""
    with running(create_app(own)) as url, sk.Client(url) as client:
        added = client.add_verdict(own.ids[0], own.ids[1], "same", who="Ana")
        assert client.verdicts() == list(sk.VerdictTable(own.path).current().values()) == [added]
        client.withdraw_verdict(own.ids[0], own.ids[1])
        assert client.verdicts() == []


def test_refusals_are_the_librarys_errors(client: sk.Client) -> None:
    """With the message and the hint of the service."""
    with pytest.raises(sk.InputError, match="there is no image 'nope'") as caught:
        client.search_id("nope")
    assert "/v1/images" in caught.value.hint
    with pytest.raises(sk.ImageError, match="not an image"):
        client.search(b"no image at all")
    with pytest.raises(sk.ImageError, match="cannot be read"):
        client.search("no/such/file.png")
    with pytest.raises(sk.InputError, match="NaN"):
        client.search([float("nan")])
    with pytest.raises(sk.InputError, match="a query of type list cannot be asked"):
        client.search([[1.0, 2.0], [1.0]])  # type: ignore[list-item]
    with pytest.raises(sk.InputError, match="visible ASCII"):
        sk.Client("http://127.0.0.1:8600", "암호")
    with pytest.raises(sk.InputError, match="is no address"):
        sk.Client("photos.example.org")


def test_a_token_is_sent_and_a_wrong_one_is_told(index: sk.Index) -> None:
    """`ServiceError`, not a result."""
    with running(create_app(index, access=Access("secret"))) as url:
        with sk.Client(url, "secret") as client:
            assert client.about()["images"] == len(index)
        with sk.Client(url, "other") as client, pytest.raises(sk.ServiceError, match="a token is needed"):
            client.about()


def test_a_busy_service_is_asked_again(index: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """After as many seconds as it says; if it stays busy, that is told."""
    waited: list[float] = []
    with running(create_app(index, Limits(rate=1e-9))) as url, sk.Client(url) as client:
        monkeypatch.setattr("samekind.service.asking.connection.time.sleep", waited.append)
        assert client.about()["images"] == len(index)
        with pytest.raises(sk.ServiceError, match="requests a second"):
            client.about()
    assert waited == [10.0] * 3


def test_a_service_that_ended_and_came_back_is_found_again(index: sk.Index) -> None:
    """A connection that was closed meanwhile is made anew; without a service the error says what to do."""
    with running(create_app(index)) as url:
        client = sk.Client(url)
        assert client.is_ready()
        client._connection._own.connection.sock.shutdown(socket.SHUT_RDWR)  # as a server that closes an idle connection
        assert client.about()["images"] == len(index)
    with pytest.raises(sk.ServiceError, match="cannot be asked") as caught:
        client.about()
    assert "samekind serve" in caught.value.hint
    assert not client.is_ready()
    with running(create_app(index), int(url.rpartition(":")[2])):
        assert client.about()["images"] == len(index)
        client.close()
