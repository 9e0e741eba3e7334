"""What every request passes before a route sees it: host, token, rate, body, time; and what every one is counted by.

Plain ASGI, so that a body is refused while it comes in, and not after it has filled the memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from samekind.service.limits import JSON_BYTES, Limits
from samekind.service.metrics import Metrics
from samekind.service.refusals import Refusal, busy

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

OPEN = frozenset({"/health", "/ready"})
"""Asked by what watches over the service: needs no token, and is answered when it is busy."""
UPLOAD = "/v1/search/image"
"""The path whose bodies are pictures."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ADDRESSES = 10_000
_PASS_OVER_SECONDS = 1.0
_TOLD = logging.getLogger("samekind.service")


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        token: that a request must bring; empty for none.
        hosts: names by which the service may be called; all if empty. Else a web site whose name was made to lead to this machine could
            have a visitor's browser read the images.
    """

    token: str = field(default="", repr=False)
    hosts: frozenset[str] = LOOPBACK


class Guard:
    """Admits requests.

    Args:
        app: what answers them.
        access: who may ask.
        limits: how much.
        metrics: is told of every request.
    """

    def __init__(self, app: App, access: Access, limits: Limits, metrics: Metrics) -> None:
        self._app, self._access, self._limits, self._metrics = app, access, limits, metrics
        self._rates = Rates(limits.rate)
        self._working = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, or the server's start and end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._limits.body_bytes
        exchange = _Exchange(scope, receive, send, most if scope["path"] == UPLOAD else min(most, JSON_BYTES))
        started = time.perf_counter()
        try:
            await self._admitted(exchange)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Exception:  # noqa: BLE001  it is logged, unless it only says that the client is gone
            if not exchange.gone:
                _TOLD.exception("a request failed")
                await exchange.refuse(Refusal(500, "the service has failed", "its log says why"))
        finally:
            self._metrics.answered(exchange.endpoint, exchange.status, time.perf_counter() - started)

    async def _admitted(self, exchange: _Exchange) -> None:
        if exchange.scope["path"] in OPEN:
            await self._app(exchange.scope, exchange.receive, exchange.send)
            return
        self._check(exchange)
        if self._working >= self._limits.queue:
            raise busy()
        self._working += 1
        try:
            async with asyncio.timeout(self._limits.timeout):
                await self._answered(exchange)
        except TimeoutError:
            if not exchange.received:
                raise Refusal(408, f"the body did not come within {self._limits.timeout:g} s") from None
            hint = "ask for less, or start the service with a higher --timeout"
            raise Refusal(504, f"the answer was not ready within {self._limits.timeout:g} s", hint) from None
        finally:
            self._working -= 1

    async def _answered(self, exchange: _Exchange) -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception:
            if exchange.oversized is None:
                raise
        if exchange.oversized is not None:
            raise exchange.oversized

    def _check(self, exchange: _Exchange) -> None:
        """Refuses by what the headers say."""
        address = (exchange.scope.get("client") or ("",))[0]
        if wait := self._rates.wait(address):
            raise Refusal(429, f"more than {self._limits.rate:g} requests a second", "ask less often", wait)
        hosts = self._access.hosts
        if hosts and _name(exchange.header("host")) not in hosts:
            raise Refusal(400, "the service is called by another name", "call it 127.0.0.1, or start it with --token")
        if self._access.token and not _equal(exchange.header("authorization"), f"Bearer {self._access.token}"):
            raise Refusal(401, "a token is needed", "send the header Authorization: Bearer TOKEN")
        length = exchange.header("content-length")
        if length.isascii() and length.isdecimal() and int(length) > exchange.most:
            raise exchange.too_large()


class _Exchange:
    """One request and its answer, as far as they have come."""

    def __init__(self, scope: Message, receive: Receive, send: Send, most: int) -> None:
        self.scope, self._receive, self._send, self.most = scope, receive, send, most
        self._bytes = self.status = 0
        self.received = not self.header("transfer-encoding") and self.header("content-length") in ("", "0")
        self.gone = False
        self.oversized: Refusal | None = None

    @property
    def endpoint(self) -> str:
        """The path of the route that was found."""
        return getattr(self.scope.get("route"), "path", "other")

    def header(self, name: str) -> str:
        """A header of the request; empty if it is not there, or twice."""
        found = [value for key, value in self.scope["headers"] if key == name.encode()]
        return found[0].decode("latin-1") if len(found) == 1 else ""

    def too_large(self) -> Refusal:
        """The refusal of the body."""
        hint = "send a smaller one"
        if self.scope["path"] == UPLOAD:
            hint = "send a smaller picture, or start the service with a higher --max-body"
        return Refusal(413, f"the body is larger than {self.most:,} bytes", hint)

    async def receive(self) -> Message:
        """The next part of the body; of one that is too large, that nobody is there any more, so that no route goes on with it."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self.received = not message.get("more_body", False)
            if self._bytes > self.most:
                self.oversized = self.too_large()
                return {"type": "http.disconnect"}
        else:
            self.gone = True
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer; what is said about half a body is kept back."""
        if self.oversized is not None:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answers with a refusal, unless an answer has begun."""
        if self.status:
            return
        self.status, response = refusal.status, refusal.response()
        if not self.received:
            response.headers["Connection"] = "close"  # the rest of the body is not wanted
            await self._pass_over()
        await response(self.scope, self._receive, self._send)

    async def _pass_over(self) -> None:
        """Takes in what comes of the body for a moment, and drops it: a client that is cut off while it sends sees no answer."""
        if self.header("expect"):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PASS_OVER_SECONDS):
                more = True
                while more:
                    more = (await self._receive()).get("more_body", False)


class Rates:
    """Requests of each address: a bucket that fills steadily and holds two seconds' worth.

    Args:
        rate: requests a second; 0 for no limit.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str, now: float | None = None) -> int:
        """Seconds until the address may ask; 0 if it may now, which is counted.

        Args:
            address: of the client.
            now: seconds of a steady clock; the clock's own if left out.
        """
        if not self._rate:
            return 0
        now = time.monotonic() if now is None else now
        most = max(1.0, 2 * self._rate)
        left, last = self._buckets.pop(address, (most, now))
        left = min(most, left + (now - last) * self._rate)
        admitted = left >= 1
        self._buckets[address] = (left - admitted, now)
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return 0 if admitted else max(1, round((1 - left) / self._rate))


def _equal(one: str, other: str) -> bool:
    """Compares in a time that does not tell how much is right."""
    return hmac.compare_digest(one.encode(), other.encode())


def _name(host: str) -> str:
    """The name in a `Host` header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
