from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

import samekind as sk
from samekind.service.app import create_app
from samekind.service.limits import Limits
from tests.indexer.helpers import FakeEncoder, kinds
from tests.service.conftest import asking

OPTIONS: list[dict[str, Any]] = [
    {},
    {"k": 3, "exclude_self": True},
    {"k": 50, "where": "label = 'Coat'"},
    {"k": 30, "min_similarity": 0.2, "adapted": False},
    {"k": 8, "diversity": 0.5},
]


def told(result: sk.SearchResult | list[sk.SearchResult]) -> dict[str, Any]:
    """What the library finds for one query, as JSON holds it and without the time."""
    assert isinstance(result, sk.SearchResult)
    found: dict[str, Any] = json.loads(json.dumps(result.to_dict()))
    return {name: value for name, value in found.items() if name != "elapsed_ms"}


def answered(response: Any) -> dict[str, Any]:
    """What the service finds, likewise, without what pages add."""
    assert response.status_code == 200, response.text
    return {
        name: value for name, value in response.json().items() if name not in ("elapsed_ms", "offset", "next_offset")
    }


@pytest.mark.parametrize("options", OPTIONS)
def test_every_search_answers_as_the_library_does_to_the_last_bit(
    http: TestClient, index: sk.Index, folder: Path, options: dict[str, Any]
) -> None:
    """By upload, by id and by vector, with every option; JSON keeps all digits of a float."""
    id_ = index.ids[4]
    encoded = index.original(id_)
    assert encoded is not None
    vector_D = np.random.default_rng(0).normal(size=index.dim)
    uploaded = http.post("/v1/search/image", params=options, content=encoded)
    assert answered(uploaded) == told(index.search(encoded, **options))
    near = http.get("/v1/images/neighbours", params={"id": id_, **options})
    assert answered(near) == told(index.search_id(id_, **options))
    by_vector = http.post("/v1/search/vector", json={"vector": vector_D.tolist(), **options})
    assert answered(by_vector) == told(index.search(vector_D, **options))


def test_images_of_a_tag_are_looked_up_until_tags_change(own: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for any number of searches; a tag that is added or taken away meanwhile counts at once."""
    table, content = sk.TagTable(own.path), {id_: own.row(id_)["sha256"] for id_ in own.ids}
    table.put([content[id_] for id_ in own.ids[:4]], "mine")
    looked: list[str] = []
    among = sk.TagTable.among

    def counted(self: sk.TagTable, tag: str, where: str | None = None) -> str:
        looked.append(tag)
        return among(self, tag, where)

    monkeypatch.setattr(sk.TagTable, "among", counted)

    def found(http: TestClient, **more: Any) -> set[str]:
        answer = http.get("/v1/images/neighbours", params={"id": own.ids[0], "k": 30, "tag": "mine", **more})
        return {hit["id"] for hit in answer.json()["hits"]}

    with asking(create_app(own)) as http:
        assert [found(http) for _ in range(3)] == [set(own.ids[:4])] * 3
        assert found(http, where="label = 'Bag' OR label = 'Coat'") == {i for i in own.ids[:4] if "Shirt" not in i}
        assert looked == ["mine"]
        table.remove([content[own.ids[0]]], "mine")
        assert found(http) == set(own.ids[1:4])
        assert looked == ["mine"] * 2


def test_pages_are_the_parts_of_one_long_list(http: TestClient, index: sk.Index) -> None:
    """Ranks count on, the last page is short, and nothing follows it."""
    pages, offset = [], 0
    while offset is not None:
        page = http.get("/v1/images/neighbours", params={"id": index.ids[0], "k": 13, "offset": offset}).json()
        pages.append(page["hits"])
        offset = page["next_offset"]
    assert [len(page) for page in pages] == [13, 13, 4]
    assert [hit for page in pages for hit in page] == told(index.search_id(index.ids[0], 30))["hits"]


def test_an_uploaded_crop_of_bytes_is_read_once_and_embedded_when_needed(own: sk.Index) -> None:
    """Searches by id and vector never load the encoder; the first upload does."""
    del own.__dict__["encoder"]
    loaded: list[int] = []

    class Loading(sk.Index):
        @property
        def encoder(self) -> Any:
            loaded.append(1)
            return FakeEncoder()

    own.__class__ = Loading
    encoded = own.original(own.ids[0])
    with asking(create_app(own)) as http:
        assert http.get("/ready").json() == {"status": "ready"}
        assert http.get("/v1/images/neighbours", params={"id": own.ids[0]}).status_code == 200
        assert loaded == []
        assert http.post("/v1/search/image", content=encoded).status_code == 200
        assert loaded


@pytest.mark.parametrize(
    ("method", "path", "arguments", "status", "said"),
    [
        ("GET", "/v1/images/neighbours", {"params": {"id": "nope"}}, 404, "there is no image 'nope'"),
        ("GET", "/v1/images/neighbours", {"params": {}}, 400, "id: Field required"),
        ("GET", "/v1/images/neighbours", {"params": {"id": "Bag/00.png", "k": "0"}}, 400, "k: Input should be greater"),
        (
            "GET",
            "/v1/images/neighbours",
            {"params": {"id": "Bag/00.png", "where": "labl = 1"}},
            400,
            "cannot filter by",
        ),
        ("GET", "/v1/images/neighbours", {"params": {"id": "Bag/00.png", "wher": "x"}}, 400, "wher: Extra inputs"),
        ("GET", "/v1/images", {"params": {"where": "id = N'a'"}}, 400, "cannot filter by"),
        ("GET", "/v1/images", {"params": {"where": "length(repeat(id, 9)) > 0"}}, 400, "function repeat is not for"),
        ("POST", "/v1/search/vector", {"json": {"vector": [1.0, 2.0]}}, 400, "built with dim 16, the query has 2"),
        ("POST", "/v1/search/vector", {"json": {"vector": [0.0] * 16}}, 400, "the query vector is zero"),
        ("POST", "/v1/search/vector", {"content": '{"vector": [NaN]}'}, 400, "vector"),
        ("POST", "/v1/search/text", {"json": {"text": "red"}}, 400, "no text tower"),
        ("POST", "/v1/search/text", {"json": {"text": "red", "like": ["/etc/hostname"]}}, 404, "there is no image"),
        ("GET", "/v1/images/neighbours", {"params": {"id": "Bag/00.png", "unlike": "nope"}}, 404, "no image 'nope'"),
        (
            "GET",
            "/v1/images/neighbours",
            {"params": {"id": "Bag/00.png", "unlike": "Bag/00.png", "unlike_weight": 1}},
            400,
            "cancel",
        ),
        ("GET", "/v1/images/neighbours", {"params": {"id": "Bag/00.png", "weights": [1, 2]}}, 400, "as many weights"),
        (
            "GET",
            "/v1/images/neighbours",
            {"params": {"id": "Bag/00.png", "like": "Bag/00.png", "weights": [1e308, 1e308]}},
            400,
            "weights",
        ),
        ("GET", "/v1/images/neighbours", {"params": {"id": "Bag/00.png", "tag": "none"}}, 400, "no image has the tag"),
        (
            "GET",
            "/v1/images/neighbours",
            {"params": {"id": "Bag/00.png", "diversity": 0.5, "offset": 5}},
            400,
            "one page",
        ),
        ("POST", "/v1/search/image", {"params": {"crop": "1,2,3"}, "content": b"x"}, 400, "crop: String should match"),
        ("POST", "/v1/search/text", {"content": '{"text": "\\ud800"}'}, 400, "unicode"),
        ("POST", "/v1/search/image", {"content": b""}, 422, ""),
        ("POST", "/v1/search/image", {"content": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, 422, ""),
        ("POST", "/v1/search/image", {"files": {"file": b"x"}}, 415, "not in a form"),
        ("GET", "/v1/nope", {}, 404, "Not Found"),
        ("PUT", "/health", {}, 405, "Method Not Allowed"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_form(
    http: TestClient, folder: Path, method: str, path: str, arguments: dict[str, Any], status: int, said: str
) -> None:
    """A status, an error and a hint, without the folder of the artefact."""
    headers = {"Content-Type": "application/json"} if "content" in arguments and "image" not in path else {}
    response = http.request(method, path, headers=headers, **arguments)
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "hint"}
    assert said in response.json()["error"]
    assert str(folder) not in response.text


def test_an_upload_of_more_pixels_than_allowed_is_refused(own: sk.Index) -> None:
    """The limit is the service's, and lower than the index' own."""
    encoded = own.original(own.ids[0])
    with asking(create_app(own, Limits(max_pixels=63))) as http:
        response = http.post("/v1/search/image", content=encoded)
    assert response.status_code == 422
    assert "8 × 8 is more than 63" in response.json()["error"]


def test_an_index_that_was_written_meanwhile_is_served_without_a_restart(
    own: sk.Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the images of another process' write have come, they are found; the encoder that is loaded stays."""
    monkeypatch.setattr("samekind.service.held_index.LOOK_SECONDS", 0.0)
    app = create_app(own)
    with asking(app) as http:
        assert http.get("/v1/index").json()["images"] == 30
        more = sk.Corpus.from_arrays(kinds(4, seed=9), name="more", source={"corpus": "more"})
        sk.Index.open(own.path, encoder=FakeEncoder()).add(more)
        assert http.get("/v1/index").json()["images"] == 34
        assert app.service.held.current().__dict__["encoder"] is own.__dict__["encoder"]
        assert http.get("/v1/images/neighbours", params={"id": "Bag/00.png", "k": 34}).json()["note"] is None
