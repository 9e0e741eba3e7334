"""Listens and serves until Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import ipaddress
import logging
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from samekind import Index, InputError, MissingDependencyError
from samekind.service.limits import Limits

if TYPE_CHECKING:
    from samekind.console import Console

_BACKLOG = 256
_STOP_SECONDS = 10


@dataclass(frozen=True)
class Place:
    """Where to listen, and who may come.

    Attributes:
        host: name or address of this machine.
        port: 0 for any that is free.
        token: that every request must bring; needed where `host` is not loopback.
        cors: origins whose pages may ask.
        read_only: verdicts are not taken.

    Raises:
        InputError: others could reach the service without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8600
    token: str = field(default="", repr=False)
    cors: Sequence[str] = ()
    read_only: bool = False

    def __post_init__(self) -> None:
        if not self.token and not is_loopback(self.host):
            hint = "SAMEKIND_TOKEN=… samekind serve …, or --token; clients send it as Authorization: Bearer …"
            raise InputError(f"others can reach {self.host}: a token is needed", hint=hint)
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise InputError("a token may hold visible ASCII characters only")


def is_loopback(host: str) -> bool:
    """True if only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_packages() -> None:
    """Refuses to go on without FastAPI and uvicorn.

    Raises:
        MissingDependencyError: one is not installed.
    """
    for module, name in (("fastapi", "FastAPI"), ("uvicorn", "uvicorn")):
        if importlib.util.find_spec(module) is None:
            raise MissingDependencyError(f"{name} is not installed", hint="pip install 'samekind[serve]'")


def serve(index: Index, limits: Limits, place: Place, console: Console) -> None:
    """Serves an index until Ctrl-C or SIGTERM.

    Args:
        index: opened.
        limits: how much a visitor may ask.
        place: where to listen, and who may come.
        console: is told the address.

    Raises:
        InputError: the address cannot be listened on.
        ArtefactError: a part of the index is damaged.
    """
    import uvicorn

    from samekind.service.app import create_app
    from samekind.service.guard import LOOPBACK, Access

    logging.basicConfig(format="%(levelname)s: %(message)s", stream=console.stderr)
    hosts = frozenset() if place.token else LOOPBACK | {place.host.lower()}
    made = create_app(index, limits, Access(place.token, hosts), read_only=place.read_only, cors=place.cors)
    made.service.held.with_table()  # a part that is damaged is told here, and the first visitor does not wait for it
    with listening(place) as socket_:
        url = f"http://{f'[{place.host}]' if ':' in place.host else place.host}:{socket_.getsockname()[1]}"
        answer = {"url": url, "artefact": str(index.path)}
        console.answer(
            answer, f"serving {len(index):,} images at {url} (Ctrl-C stops it); {url}/v1/openapi.json describes it"
        )
        console.stdout.flush()
        config = uvicorn.Config(
            made.guarded,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        # uvicorn raises its signal again when it has stopped, and a stop that was asked for is no failure.
        signal.signal(signal.SIGTERM, lambda *_: None)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[socket_])
        console.say("the service has stopped")


def listening(place: Place) -> socket.socket:
    """A socket that listens; a port that is taken is an error, since clients know the port.

    Raises:
        InputError: the address is not this machine's, the port is in use, or not allowed.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(f"unknown host {place.host!r}") from error
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(_BACKLOG)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {place.port} is in use", hint="choose another with --port, or 0 for any") from error
        if isinstance(error, PermissionError):
            hint = "choose one above 1023 with --port"
            raise InputError(f"not allowed to listen on port {place.port}", hint=hint) from error
        hint = "127.0.0.1 or 0.0.0.0"
        raise InputError(f"{place.host} is not an address of this machine", hint=hint) from error
    return found
