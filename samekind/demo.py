"""Starts the Streamlit demo in a process of its own; `streamlit` itself is imported only there."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from samekind.core.cache_home import cache_home
from samekind.core.errors import InputError, MissingDependencyError
from samekind.core.lifetime import ALLOWS_TRAINING, ENDS_WITH_STDIN

if TYPE_CHECKING:
    from samekind.console import Console

PORTS_TRIED = 50
START_SECONDS = 60.0
STOP_SECONDS = 5.0


class Behind(NamedTuple):
    """What visitors see of a demo behind a proxy.

    Attributes:
        path: that its pages lie under, without slashes around it; empty for none.
        origin: scheme, host and port that visitors type, `https://photos.example.org`; empty without a proxy of another name.
    """

    path: str = ""
    origin: str = ""

    @classmethod
    def parse(cls, given: str) -> Behind:
        """Reads `/app` or `https://photos.example.org/app`.

        Raises:
            InputError: it is neither.
        """
        try:
            parts = urlsplit(given)
            _ = parts.port
        except ValueError as error:
            raise InputError(f"--base-path cannot be read: {error}", hint=_EXAMPLE) from error
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        path = parts.path.strip("/")
        if (not is_address and (parts.scheme or parts.netloc)) or parts.query or parts.fragment:
            raise InputError(f"--base-path must be a path or an address, got {given!r}", hint=_EXAMPLE)
        if path and not re.fullmatch(r"(?!\.)[\w.~-]+(/(?!\.)[\w.~-]+)*", path, re.ASCII):
            raise InputError(
                f"--base-path may hold letters, digits and . _ ~ - between slashes, got {given!r}", hint=_EXAMPLE
            )
        return cls(path, f"{parts.scheme}://{parts.netloc}" if is_address else "")

    def options(self) -> dict[str, object]:
        """Streamlit's options for it. Visitors of another origin are refused unless it is named."""
        options: dict[str, object] = {"server.baseUrlPath": self.path} if self.path else {}
        if self.origin:
            parts = urlsplit(self.origin)
            options["browser.serverAddress"] = parts.hostname
            options["browser.serverPort"] = parts.port or (443 if parts.scheme == "https" else 80)
        return options

    def address(self, local: str) -> str:
        """The address to type, given the server's own without a path."""
        return "/".join(filter(None, (self.origin or local, self.path)))


NO_PROXY = Behind()
_ASKED_TO_END = (-signal.SIGINT, -signal.SIGTERM)
_EXAMPLE = "for example --base-path /app, or --base-path https://photos.example.org/app"


def serve(
    artefact: Path,
    *,
    host: str,
    port: int,
    console: Console,
    behind: Behind = NO_PROXY,
    allow_training: bool = False,
) -> None:
    """Serves the demo until Ctrl-C.

    Args:
        artefact: a folder with an index.
        host: address to listen on.
        port: the first port to try; the next free one is taken if it is in use.
        console: is told the address once the server answers.
        behind: the proxy before it, if there is one.
        allow_training: also let those start trainings who reach it from elsewhere.

    Raises:
        MissingDependencyError: Streamlit is not installed.
        InputError: the address cannot be listened on, the server does not start, or it is killed.
    """
    command = streamlit_command(artefact, host, free_port(host, port), behind)
    chosen = int(command[command.index("--server.port") + 1])
    if chosen != port:
        console.say(f"port {port} is in use, taking {chosen}")
    with subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of ours
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**server_environment(), ENDS_WITH_STDIN: "1", **({ALLOWS_TRAINING: "1"} if allow_training else {})},
    ) as server:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the server goes with us
        try:
            _wait_until_up(server, host, chosen)
            url = behind.address(f"http://{host}:{chosen}")
            console.answer({"url": url, "artefact": str(artefact)}, f"the demo is at {url} (Ctrl-C stops it)")
            server.wait()
        except KeyboardInterrupt:
            console.say("the demo has stopped")
        finally:
            _end(server)
    if server.returncode not in (0, *_ASKED_TO_END):
        raise _stopped(server.returncode)


def streamlit_command(artefact: Path, host: str, port: int, behind: Behind = NO_PROXY) -> list[str]:
    """The command line of the server: headless, without usage statistics and without the e-mail prompt."""
    page = Path(_origin("samekind.app", "the demo's package `samekind.app`")).with_name("main.py")
    _origin("streamlit", "Streamlit")
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        **behind.options(),
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    # `samekind.app.serve` is Streamlit with the slow imports begun before a visitor comes.
    # -P: a folder or file named `data` or `app` where the user happens to stand must not hide the packages.
    return [sys.executable, "-P", "-m", "samekind.app.serve", "run", str(page), *flags, "--", str(artefact)]


def server_environment() -> dict[str, str]:
    """Variables of the server: ours, and a home where there is none. Streamlit looks for its settings there, and may end without one."""
    home = Path(os.path.expanduser("~"))
    return dict(os.environ) if home.is_dir() else {**os.environ, "HOME": str(cache_home())}


def free_port(host: str, first: int) -> int:
    """The first port from `first` on that nobody listens on.

    Raises:
        InputError: the host is not an address of this machine, or all ports tried are in use.
    """
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        if _is_free(host, port):
            return port
    raise InputError(f"no free port from {first} on at {host}", hint="choose another with --port")


def _is_free(host: str, port: int) -> bool:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the server does: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror as error:
        raise InputError(f"unknown host {host!r}: {error.strerror}") from error
    except PermissionError as error:
        raise InputError(f"not allowed to listen on port {port}", hint="choose one above 1023 with --port") from error
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise InputError(f"{host} is not an address of this machine", hint="127.0.0.1 or 0.0.0.0") from error
        return False
    return True


def _wait_until_up(server: subprocess.Popen[bytes], host: str, port: int) -> None:
    address = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - what was asked for is only compared
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if server.poll() is not None:
            raise _stopped(server.returncode)
        try:
            with socket.create_connection((address, port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise InputError(f"the demo did not answer within {START_SECONDS:.0f} s")


def _end(server: subprocess.Popen[bytes]) -> None:
    """Asks the server to end, and makes it: a thread that is importing when the interpreter shuts down can keep it for ever."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


def _stopped(code: int) -> InputError:
    if code < 0:
        hint = "the same command starts it again, and open pages come back; the system kills what needs more memory than there is"
        return InputError(f"the demo's server was killed by signal {-code}", hint=hint)
    return InputError(f"the demo stopped with exit code {code}", hint="its own message is above")


def _origin(module: str, what: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise MissingDependencyError(f"{what} is not installed", hint="pip install 'samekind[app]'")
    return spec.origin
