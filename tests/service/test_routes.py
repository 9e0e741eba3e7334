from __future__ import annotations

import io
import json
import re
import threading
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

import samekind as sk
from samekind.service.app import ServiceApp, create_app
from tests.service.conftest import asking


def test_pictures_are_those_of_the_library(http: TestClient, index: sk.Index) -> None:
    """Thumbnail, picture and the file byte by byte, which no browser takes for a page."""
    id_ = index.ids[3]
    shown = {kind: http.get(f"/v1/images/{kind}", params={"id": id_}) for kind in ("thumbnail", "picture", "original")}
    assert shown["thumbnail"].content == index.thumbnail(id_)
    assert shown["picture"].content == index.picture(id_)
    assert shown["original"].content == index.original(id_)
    assert shown["thumbnail"].headers["content-type"] == "image/png"
    assert shown["original"].headers["content-type"] == "application/octet-stream"
    assert {answer.headers["x-content-type-options"] for answer in shown.values()} == {"nosniff"}
    assert Image.open(io.BytesIO(shown["picture"].content)).size == (8, 8)


@pytest.mark.parametrize("kind", ["thumbnail", "picture", "original", "one", "neighbours"])
@pytest.mark.parametrize("id_", ["../manifest.json", "/etc/passwd", "Bag/../Bag/00.png", "Bag/00.png\0", "", "Bag"])
def test_nothing_but_ids_of_the_index_is_read(http: TestClient, kind: str, id_: str) -> None:
    """Paths are no ids, wherever they lead."""
    assert http.get(f"/v1/images/{kind}", params={"id": id_}).status_code == 404


def test_an_original_that_changed_is_not_given(own: sk.Index) -> None:
    """Only what was indexed is."""
    row = own.row(own.ids[0])
    own.rows.row = lambda position: {**row, "sha256": "0" * 64}  # type: ignore[method-assign]
    with asking(create_app(own)) as http:
        response = http.get("/v1/images/original", params={"id": own.ids[0]})
    assert response.status_code == 404
    assert "has moved or changed" in response.json()["error"]


def test_images_are_listed_by_pages_and_conditions(http: TestClient, index: sk.Index) -> None:
    """In table order; `total` counts what satisfies the condition."""
    first = http.get("/v1/images", params={"limit": 20}).json()
    second = http.get("/v1/images", params={"limit": 20, "offset": first["next_offset"]}).json()
    assert [row["id"] for row in (*first["images"], *second["images"])] == index.ids
    assert second["next_offset"] is None
    coats = http.get("/v1/images", params={"where": "label = 'Coat'", "limit": 3}).json()
    assert ({row["label"] for row in coats["images"]}, coats["total"], coats["next_offset"]) == ({"Coat"}, 10, 3)
    assert http.get("/v1/images/one", params={"id": index.ids[7]}).json() == index.row(index.ids[7])


def test_the_index_tells_what_can_be_asked(http: TestClient) -> None:
    """Counts, classes and abilities."""
    told = http.get("/v1/index").json()
    assert (told["images"], told["dim"], told["classes"]) == (30, 16, ["Bag", "Coat", "Shirt"])
    assert (told["text"], told["exact"], told["read_only"]) == (False, True, False)


def test_the_audit_is_worked_out_in_the_background_and_kept(own: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """202 until it is there, then the library's figures; the same arguments again cost nothing."""
    audit, calls = sk.Index.audit, []

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        time.sleep(0.2)
        return audit(*arguments, **named)

    monkeypatch.setattr(sk.Index, "audit", counted)
    with asking(create_app(own)) as http:
        first = http.get("/v1/audit", params={"k": 4, "wait": 0})
        assert (first.status_code, first.json(), first.headers["Retry-After"]) == (202, {"state": "working"}, "2")
        answer = http.get("/v1/audit", params={"k": 4, "wait": 20})
        assert answer.status_code == 200
        assert http.get("/v1/audit", params={"k": 4}).json() == answer.json()
        assert len(calls) == 1
        assert http.get("/v1/audit", params={"split": "nope", "wait": 20}).status_code == 400
    expected = json.loads(json.dumps(audit(own, 4).to_dict()))
    told = answer.json()
    assert len(told["by_rank"]) == 4
    assert told == {**{name: expected[name] for name in told if name != "split"}, "split": None}


def test_why_an_audit_failed_is_told_to_who_asks_again(own: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it took: else who asks until it is there would ask for ever, and begin it anew each time."""
    go, calls = threading.Event(), []

    def failing(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        assert go.wait(20)
        raise sk.InputError("no audit of this")

    monkeypatch.setattr(sk.Index, "audit", failing)
    app = create_app(own)
    with asking(app) as http:
        assert http.get("/v1/audit", params={"wait": 0}).status_code == 202
        go.set()
        for _ in range(200):
            if all(each.done() for each in app.service.audits._kept.values()):
                break
            time.sleep(0.05)
        told = http.get("/v1/audit", params={"wait": 0})
        assert (told.status_code, told.json()["error"], len(calls)) == (400, "no audit of this", 1)
        assert http.get("/v1/audit", params={"wait": 20}).status_code == 400
        assert len(calls) == 2


def test_every_page_that_is_named_can_be_asked_for(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists go on as far as there are images; hits end where the offset does."""
    assert http.get("/v1/images", params={"offset": 20_000}).json()["images"] == []
    monkeypatch.setattr("samekind.service.service.MAX_OFFSET", 9)
    asked: dict[str, str | int] = {"id": "Bag/00.png", "k": 5}
    assert http.get("/v1/images/neighbours", params=asked).json()["next_offset"] == 5
    assert http.get("/v1/images/neighbours", params={**asked, "offset": 5}).json()["next_offset"] is None


def test_only_a_few_audits_wait_and_who_waits_may_go_on_asking(own: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fifth is refused with 429 while four are worked out; the first, asked for again, is not."""
    audit, go = sk.Index.audit, threading.Event()

    def waiting(*arguments: Any, **named: Any) -> Any:
        assert go.wait(20)
        return audit(*arguments, **named)

    monkeypatch.setattr(sk.Index, "audit", waiting)
    with asking(create_app(own)) as http:
        asked = [http.get("/v1/audit", params={"k": k, "wait": 0}) for k in (1, 2, 3, 4, 5, 1)]
        assert [each.status_code for each in asked] == [202, 202, 202, 202, 429, 202]
        assert asked[4].headers["Retry-After"] == "2"
        go.set()
        assert http.get("/v1/audit", params={"k": 4, "wait": 20}).status_code == 200


def test_verdicts_are_listed_added_replaced_and_withdrawn(own: sk.Index) -> None:
    """What the service writes is what the library reads; a pair is one pair in either order."""
    one, two = sorted(own.ids[:2], key=lambda id_: str(own.row(id_)["sha256"]))
    with asking(create_app(own)) as http:
        assert http.get("/v1/verdicts").json() == {"verdicts": [], "total": 0, "next_offset": None}
        for verdict in ("different", "same"):
            body = {"anchor": one, "negative": two, "verdict": verdict, "who": "Ana", "note": "ü"}
            assert http.post("/v1/verdicts", json=body).status_code == 201
        (held,) = sk.VerdictTable(own.path).current().values()
        assert (held.verdict, held.who, held.note, held.anchor_sha256) == ("same", "Ana", "ü", own.row(one)["sha256"])
        (listed,) = http.get("/v1/verdicts").json()["verdicts"]
        assert (listed["anchor"], listed["negative"], listed["verdict"]) == (one, two, "same")
        assert http.delete("/v1/verdicts", params={"anchor": two, "negative": one}).json()["verdict"] == "withdrawn"
        assert http.delete("/v1/verdicts", params={"anchor": two, "negative": one}).status_code == 404
        assert http.post("/v1/verdicts", json={"anchor": one, "negative": one, "verdict": "right_label"}).is_success
        assert http.get("/v1/verdicts").json()["total"] == 1
        assert http.delete("/v1/verdicts", params={"anchor": one, "negative": one}).is_success
        assert http.get("/v1/verdicts").json()["total"] == 0
        for wrong, status in (({"verdict": "maybe"}, 400), ({"verdict": "withdrawn"}, 400), ({"negative": "x"}, 404)):
            body = {"anchor": one, "negative": two, "verdict": "same", **wrong}
            assert http.post("/v1/verdicts", json=body).status_code == status


def test_a_read_only_service_takes_no_verdicts(own: sk.Index) -> None:
    """403, and nothing is written."""
    with asking(create_app(own, read_only=True)) as http:
        body = {"anchor": own.ids[0], "negative": own.ids[1], "verdict": "same"}
        assert http.post("/v1/verdicts", json=body).status_code == 403
        assert http.delete("/v1/verdicts", params={"anchor": own.ids[0], "negative": own.ids[1]}).status_code == 403
        assert http.get("/v1/index").json()["read_only"]
    assert not sk.VerdictTable(own.path).exists()


def test_every_operation_is_described_in_a_sentence_with_examples(app: ServiceApp, index: sk.Index) -> None:
    """And no error has another form than the one that is sent."""
    told = app.routes.openapi()
    operations = [each for methods in told["paths"].values() for each in methods.values()]
    assert len(operations) >= 15
    assert [each["description"] for each in operations if not re.fullmatch(r"[^\n]+\.", each["description"])] == []
    assert "HTTPValidationError" not in json.dumps(told)
    schemas = told["components"]["schemas"]
    assert {
        name
        for name in ("Hits", "VectorSearch", "TextSearch", "NewVerdict", "Error")
        if not schemas[name].get("examples")
    } == set()
    assert "security" not in told


def test_a_method_that_a_path_does_not_take_is_told_those_that_it_takes(http: TestClient) -> None:
    """All of them, not those of the first route alone."""
    response = http.put("/v1/verdicts")
    assert (response.status_code, response.headers["Allow"]) == (405, "DELETE, GET, POST")
    assert http.put("/v1/openapi.json").status_code == 405


def test_metrics_count_by_route_and_never_by_what_a_client_makes_up(index: sk.Index) -> None:
    """Every line is one that Prometheus reads."""
    with asking(create_app(index)) as http:
        for path in ("/health", "/v1/index", "/made-up", "/v1/images/one?id=nope"):
            http.get(path)
        text = http.get("/metrics").text
    assert 'samekind_requests_total{endpoint="/v1/index",status="200"} 1' in text
    assert 'samekind_requests_total{endpoint="/v1/images/one",status="404"} 1' in text
    assert 'samekind_requests_total{endpoint="other",status="404"} 1' in text
    assert "made-up" not in text
    assert 'samekind_request_seconds_count{endpoint="/v1/index"} 1' in text
    line = r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+'
    assert [each for each in text.splitlines() if not each.startswith("# ") and not re.fullmatch(line, each)] == []
