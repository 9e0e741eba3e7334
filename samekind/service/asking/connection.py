"""A connection to a service: one a thread, kept open, with patience where the service is busy."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from samekind import ImageError, InputError, SamekindError, ServiceError

Answer = tuple[int, bytes, Mapping[str, str]]
"""Status, body, and headers with small letters."""
_BUSY = (429, 503)
_TRIES = 4


class Connection:
    """Asks a service; several threads may.

    Args:
        url: of the service.
        token: empty for none.
        timeout: seconds until an answer is given up.

    Raises:
        InputError: the address is none, or the token cannot be sent.
    """

    def __init__(self, url: str, token: str, timeout: float) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or parts.scheme not in ("http", "https"):
            raise InputError(f"{url!r} is no address of a service", hint="for example http://127.0.0.1:8600")
        self._url, self._path = url, parts.path.rstrip("/")
        self._host, self._port, self._is_secure = host, port, parts.scheme == "https"
        if not (token.isascii() and token.isprintable()):
            raise InputError("a token may hold visible ASCII characters only")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout, self._own = timeout, threading.local()
        self._open: set[http.client.HTTPConnection] = set()

    def close(self) -> None:
        """Closes the connections of all threads; the next request opens one again."""
        self._own = threading.local()
        for connection in tuple(self._open):
            connection.close()
        self._open.clear()

    def ask(
        self, method: str, path: str, asked: Mapping[str, Any] | None = None, body: bytes | dict[str, Any] | None = None
    ) -> Answer:
        """Asks until the service is not busy, a few times.

        Args:
            method: of HTTP.
            path: of the service.
            asked: parameters; those that are `None` are left out, lists are told one by one.
            body: bytes, or what is sent as JSON.

        Raises:
            InputError, ImageError: the service refuses what was asked.
            ServiceError: it cannot be reached, or refuses to answer.
        """
        given = {name: _words(value) for name, value in (asked or {}).items() if value is not None}
        target = path + (f"?{urlencode(given, doseq=True, quote_via=quote)}" if given else "")
        for left in reversed(range(_TRIES)):
            status, answer, told = self.once(method, target, body)
            if status < 400:
                return status, answer, told
            if not left or status not in _BUSY or "retry-after" not in told:
                break
            time.sleep(retry_seconds(told))
        raise _error(status, answer)

    def once(self, method: str, target: str, body: bytes | dict[str, Any] | None = None) -> Answer:
        """One request, whatever the answer; a connection that the service closed meanwhile is made again.

        Raises:
            ServiceError: the service cannot be reached.
        """
        headers = dict(self._headers)
        if isinstance(body, dict):
            body, kind = json.dumps(body).encode(), "application/json"
        else:
            kind = "application/octet-stream"
        if body is not None:
            headers["Content-Type"] = kind
        for is_last in (False, True):
            connection, is_new = self._connection()
            try:
                connection.request(method, self._path + target, body, headers)
                response = connection.getresponse()
                answer = response.read()
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                self._open.discard(connection)
                self._own.connection = None
                # RemoteDisconnected is one, too: nobody has answered.
                if is_new or is_last or not isinstance(error, ConnectionError):
                    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                    hint = "is samekind serve running there?"
                    raise ServiceError(f"{self._url} cannot be asked: {reason}", hint=hint) from error
                continue
            return response.status, answer, {name.lower(): value for name, value in response.getheaders()}
        raise AssertionError("the second try returns or raises")

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """This thread's connection, and whether it is new."""
        found: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if found is not None:
            return found, False
        if self._is_secure:
            context = ssl.create_default_context()
            found = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        else:
            found = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        self._own.connection = found
        self._open.add(found)
        return found, True


def json_object(answer: bytes) -> dict[str, Any]:
    """The body of an answer.

    Raises:
        ServiceError: it is no JSON object.
    """
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ServiceError("the answer is not one of samekind serve", hint="check the address")
    return found


def retry_seconds(headers: Mapping[str, str]) -> float:
    """How long the service asks to wait, ten seconds at most."""
    text = headers.get("retry-after", "")
    return min(10.0, float(text)) if text.isdecimal() else 1.0


def _words(value: Any) -> list[str]:
    return [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in (value if isinstance(value, list) else [value])
    ]


def _error(status: int, answer: bytes) -> SamekindError:
    """The library's error for what the service says."""
    try:
        told = json.loads(answer)
        message, hint = str(told["error"]), str(told["hint"])
    except (ValueError, TypeError, KeyError):
        message, hint = f"the service answered {status}", "check the address"
    if status == 422:
        return ImageError(message, hint=hint)
    if status in (400, 404, 413):
        return InputError(message, hint=hint)
    return ServiceError(message, hint=hint)
