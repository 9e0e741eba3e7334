"""Asks a service that `samekind serve` runs, and answers with the library's own types; the standard library is all it needs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self, TypedDict, Unpack

from samekind import SearchResult, ServiceError, Verdict
from samekind.service.asking.connection import Connection, json_object, retry_seconds
from samekind.service.asking.queries import Asked, Query, asked, by_id

_AUDIT_WAIT = 10.0
_VERDICT = tuple(field.name for field in fields(Verdict))


class Options(TypedDict, total=False):
    """How to search, beside `k` and `where`.

    Attributes:
        exclude_self: leaves out the query's own image.
        adapted: searches the space as people's answers have adapted it; the default.
        min_similarity: cosine in [-1, 1] below which hits are left out.
        diversity: in [0, 1]; above 0, near copies of a hit give way to others.
        tag: only images with this tag.
        offset: hits to pass over, so that the k behind them are the next page; their ranks count from the first.
    """

    exclude_self: bool
    adapted: bool
    min_similarity: float | None
    diversity: float
    tag: str | None
    offset: int


class Client:
    """A service at an address. Several threads may use one client; each has a connection of its own, until `close`.

    Args:
        url: of the service, such as `http://127.0.0.1:8600`.
        token: that it was started with; empty for none.
        timeout: seconds until an answer is given up.

    Example:
        with sk.Client("http://127.0.0.1:8600") as client:
            for hit in client.search("cat.jpg", k=5):
                print(hit.similarity, hit.id)

    Raises:
        InputError: the address is none.
    """

    def __init__(self, url: str, token: str = "", timeout: float = 60.0) -> None:
        self._connection = Connection(url, token, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._connection.close()

    def search(self, query: Query, k: int = 10, where: str | None = None, **options: Unpack[Options]) -> SearchResult:
        """`Index.search` for one query.

        Args:
            query: the path or the bytes of an image file, `Crop` of one, `Text`, a vector (an array or a list of D numbers), or a `Mix` of
                at most one picture, one text, and ids of the index.
            k: hits wanted, ≥ 1.
            where: SQL condition that hits must satisfy.
            options: see `Options`.

        Raises:
            InputError: an argument is unusable.
            ImageError: the image cannot be read.
            ServiceError: the service cannot be reached, or refuses.
        """
        return self._found(asked(query), k, where, options)

    def search_id(self, id_: str, k: int = 10, where: str | None = None, **options: Unpack[Options]) -> SearchResult:
        """`Index.search_id`: the neighbours of an image of the index; takes and raises as `search`."""
        return self._found(by_id(id_), k, where, options)

    def about(self) -> dict[str, Any]:
        """Number of images, dimension, classes, splits and what can be asked; raises `ServiceError`."""
        return self._json("GET", "/v1/index")

    def images(self, where: str | None = None, offset: int = 0, limit: int = 100) -> dict[str, Any]:
        """A page of `images`, with the `total` and the `next_offset`; raises as `search`."""
        return self._json("GET", "/v1/images", {"where": where, "offset": offset, "limit": limit})

    def row(self, id_: str) -> dict[str, Any]:
        """`Index.row`: what the index knows of one image; raises as `search`."""
        return self._json("GET", "/v1/images/one", {"id": id_})

    def thumbnail(self, id_: str) -> bytes:
        """`Index.thumbnail`: PNG or JPEG; raises as `search`."""
        return self._bytes("/v1/images/thumbnail", {"id": id_})

    def picture(self, id_: str, side: int = 512) -> bytes:
        """`Index.picture`: PNG or JPEG of at most `side` px a side; raises as `search`."""
        return self._bytes("/v1/images/picture", {"id": id_, "side": side})

    def original(self, id_: str) -> bytes:
        """`Index.original`: the file as it was indexed; raises as `search`, and where it is not there any more."""
        return self._bytes("/v1/images/original", {"id": id_})

    def audit(
        self, k: int = 10, anchors: int | None = None, label_level: str | None = None, split: str | None = None
    ) -> dict[str, Any]:
        """The figures of `Index.audit`, as `FalseNegativeReport.to_dict` has them; waits until they are worked out."""
        asked = {"k": k, "anchors": anchors, "label_level": label_level, "split": split, "wait": _AUDIT_WAIT}
        while True:
            status, answer, headers = self._connection.ask("GET", "/v1/audit", asked)
            if status == 200:
                return json_object(answer)
            time.sleep(retry_seconds(headers))

    def verdicts(self) -> list[Verdict]:
        """The answers that hold, oldest first; raises `ServiceError`."""
        found: list[Verdict] = []
        after: int | None = 0
        while after is not None:
            page = self._json("GET", "/v1/verdicts", {"offset": after, "limit": 1000})
            found += [_verdict(told) for told in page["verdicts"]]
            after = page["next_offset"]
        return found

    def add_verdict(self, anchor: str, negative: str, verdict: str, who: str = "", note: str = "") -> Verdict:
        """Answers about two images.

        Args:
            anchor: id of an image of the index.
            negative: id of another one; for `right_label` the same.
            verdict: one of those that `Verdict` names.
            who: answers.
            note: free text.

        Raises:
            InputError: an id or the verdict is unknown.
            ServiceError: the service cannot be reached, or refuses.
        """
        body = {"anchor": anchor, "negative": negative, "verdict": verdict, "who": who, "note": note}
        return _verdict(self._json("POST", "/v1/verdicts", body=body))

    def withdraw_verdict(self, anchor: str, negative: str, who: str = "") -> Verdict:
        """Takes the answer about two images back; raises as `add_verdict`, and where there is none."""
        return _verdict(self._json("DELETE", "/v1/verdicts", {"anchor": anchor, "negative": negative, "who": who}))

    def is_ready(self) -> bool:
        """True if the service answers and its index can be searched."""
        try:
            status, _, _ = self._connection.once("GET", "/ready")
        except ServiceError:
            return False
        return status == 200

    def metrics(self) -> str:
        """Figures of the service, as Prometheus reads them; raises `ServiceError`."""
        return self._bytes("/metrics", {}).decode()

    def _found(self, query: Asked, k: int, where: str | None, options: Options) -> SearchResult:
        told = {"k": k, "where": where, **options, **query.told}
        told = {name: value for name, value in told.items() if value is not None}
        in_address = query.method == "GET" or query.file is not None
        answer = self._json(query.method, query.path, told if in_address else None, query.file if in_address else told)
        return SearchResult.from_dict(answer)

    def _bytes(self, path: str, asked: Mapping[str, Any]) -> bytes:
        return self._connection.ask("GET", path, asked)[1]

    def _json(
        self, method: str, path: str, asked: Mapping[str, Any] | None = None, body: bytes | dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return json_object(self._connection.ask(method, path, asked or {}, body)[1])


def _verdict(told: dict[str, Any]) -> Verdict:
    return Verdict(**{name: told[name] for name in _VERDICT})
