"""Asks a service that `samekind serve` runs, and answers with the library's own types; the standard library is all it needs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samekind import ImageError, InputError, SearchResult, ServiceError, Text, Verdict
from samekind.service.connection import Connection, json_object, retry_seconds

Query: TypeAlias = str | Path | bytes | Text | Sequence[float] | NDArray[np.floating[Any]]
_AUDIT_WAIT = 10.0
_VERDICT = tuple(field.name for field in fields(Verdict))


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

    def search(
        self,
        query: Query,
        k: int = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
        min_similarity: float | None = None,
        offset: int = 0,
    ) -> SearchResult:
        """`Index.search` for one query.

        Args:
            query: the path or the bytes of an image file, `Text`, or a vector: an array or a list of D numbers.
            k: hits wanted, ≥ 1.
            where: SQL condition that hits must satisfy.
            exclude_self: leaves out the query's own image.
            adapted: searches the space as people's answers have adapted it.
            min_similarity: cosine in [-1, 1] below which hits are left out.
            offset: hits to pass over, so that the k behind them are the next page; their ranks count from the first.

        Raises:
            InputError: an argument is unusable.
            ImageError: the image cannot be read.
            ServiceError: the service cannot be reached, or refuses.
        """
        options = _options(k, where, exclude_self, adapted, min_similarity, offset)
        if isinstance(query, Text):
            return SearchResult.from_dict(self._json("POST", "/v1/search/text", body={"text": query.words, **options}))
        if isinstance(query, str | Path | bytes | bytearray | memoryview):
            encoded = _read(query) if isinstance(query, str | Path) else bytes(query)
            return SearchResult.from_dict(self._json("POST", "/v1/search/image", options, encoded))
        # A list is read as float32, as the library does.
        try:
            vector = query if isinstance(query, np.ndarray) else np.asarray(query, dtype=np.float32)
        except (ValueError, TypeError) as error:
            hint = "a path, bytes, Text, or D numbers"
            raise InputError(f"a query of type {type(query).__name__} cannot be asked", hint=hint) from error
        if vector.ndim != 1 or vector.dtype.kind != "f":
            raise InputError(f"a vector must be D numbers, got {vector.dtype} {vector.shape}", hint="ask one at a time")
        if not np.isfinite(vector).all():
            raise InputError("the query vector holds NaN or infinity", hint="a vector must be finite")
        return SearchResult.from_dict(
            self._json("POST", "/v1/search/vector", body={"vector": vector.tolist(), **options})
        )

    def search_id(
        self,
        id_: str,
        k: int = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
        min_similarity: float | None = None,
        offset: int = 0,
    ) -> SearchResult:
        """`Index.search_id`: the neighbours of an image of the index; raises as `search`."""
        options = _options(k, where, exclude_self, adapted, min_similarity, offset)
        return SearchResult.from_dict(self._json("GET", "/v1/images/neighbours", {"id": id_, **options}))

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

    def _bytes(self, path: str, asked: Mapping[str, Any]) -> bytes:
        return self._connection.ask("GET", path, asked)[1]

    def _json(
        self, method: str, path: str, asked: Mapping[str, Any] | None = None, body: bytes | dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return json_object(self._connection.ask(method, path, asked or {}, body)[1])


def _options(
    k: int, where: str | None, exclude_self: bool, adapted: bool, min_similarity: float | None, offset: int
) -> dict[str, Any]:
    given = {
        "k": k,
        "where": where,
        "exclude_self": exclude_self,
        "adapted": adapted,
        "min_similarity": min_similarity,
        "offset": offset,
    }
    return {name: value for name, value in given.items() if value is not None}


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        hint = "an image of the index: search_id"
        raise ImageError(f"{path}: cannot be read ({reason})", hint=hint) from error


def _verdict(told: dict[str, Any]) -> Verdict:
    return Verdict(**{name: told[name] for name in _VERDICT})
