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
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from samekind.core.cache_home import cache_home
from samekind.core.errors import InputError, MissingDependencyError
from samekind.core.lifetime import ALLOWS_TRAINING, ENDS_WITH_STDIN

if TYPE_CHECKING:
    from samekind.console import Console

ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}
"""Settings of glibc's allocator, unless the user has others: each visitor and each job has a thread, and what one has freed would be kept
for that thread alone."""
PORTS_TRIED = 50
START_SECONDS = 60.0
STOP_SECONDS = 5.0
PREPARE_AFTER = 15.0
"""Seconds from the start of the server: at once, it took 3 s more to draw a page that needs the same."""
STREAMLIT_REFUSES = 1  # its exit code where the port is not to be had


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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the server goes with us
    chosen = free_port(host, port)
    while not _serve_at(
        chosen, artefact, host=host, wanted=port, console=console, behind=behind, training=allow_training
    ):
        chosen = free_port(host, chosen)  # another program was quicker


def _serve_at(
    chosen: int, artefact: Path, *, host: str, wanted: int, console: Console, behind: Behind, training: bool
) -> bool:
    """Serves at this port until Ctrl-C; returns whether it was ours."""
    if chosen != wanted:
        console.say(f"port {wanted} is in use, taking {chosen}")
    output, written = os.pipe()  # not Popen's own, which is closed under the thread that reads it
    try:
        started = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of ours
            streamlit_command(artefact, host, chosen, behind),
            stdin=subprocess.PIPE,
            stdout=written,
            env={**server_environment(), ENDS_WITH_STDIN: "1", **({ALLOWS_TRAINING: "1"} if training else {})},
        )
    finally:
        os.close(written)
    with started as server:
        try:
            if not _is_up(server, output):
                if server.returncode == STREAMLIT_REFUSES and not _is_free(host, chosen):
                    return False
                raise _stopped(server.returncode)
            url = behind.address(f"http://{host}:{chosen}")
            console.answer({"url": url, "artefact": str(artefact)}, f"the demo is at {url} (Ctrl-C stops it)")
            with _preparing(artefact):
                server.wait()
        except KeyboardInterrupt:
            console.say("the demo has stopped")
        finally:
            _end(server)
    if server.returncode not in (0, *_ASKED_TO_END):
        raise _stopped(server.returncode)
    return True


def streamlit_command(artefact: Path, host: str, port: int, behind: Behind = NO_PROXY) -> list[str]:
    """The command line of the server: headless, without usage statistics and without the e-mail prompt."""
    page = Path(_origin("samekind.app", "the demo's package `samekind.app`")).with_name("main.py")
    _origin("streamlit", "Streamlit")
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        # Else a full garbage collection ends each run of a page: 0.25 s beside torch and LanceDB, ten times what the page takes.
        # Python collects when there is something to collect, and `samekind.app.serve` keeps that short.
        "runner.postScriptGC": "false",
        "browser.gatherUsageStats": "false",
        "logger.hideWelcomeMessage": "false",  # `_is_up` waits for it
        "browser.serverAddress": "localhost",  # or that message asks a server of the internet for our address, with --host 0.0.0.0
        **behind.options(),
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    # `samekind.app.serve` is Streamlit with the slow imports begun before a visitor comes.
    # -P: a folder or file named `data` or `app` where the user happens to stand must not hide the packages.
    return [sys.executable, "-P", "-m", "samekind.app.serve", "run", str(page), *flags, "--", str(artefact)]


def server_environment() -> dict[str, str]:
    """Variables of the server: ours, `ALLOCATOR`, and a home where there is none: Streamlit looks for settings there, or may end."""
    home = Path(os.path.expanduser("~"))
    return {**ALLOCATOR, **os.environ, **({} if home.is_dir() else {"HOME": str(cache_home())})}


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


def _is_up(server: subprocess.Popen[bytes], output: int) -> bool:
    """Waits until the server says that it listens, and reads on so that it never waits for us; returns whether it lives.

    That somebody answers at the port would not tell: it may be another demo, of another artefact, that was a moment quicker.

    Args:
        server: the process.
        output: the end of a pipe that what it prints comes out of; closed when it has ended.
    """
    said = threading.Event()
    threading.Thread(target=_read, args=(output, said), daemon=True).start()
    give_up = time.monotonic() + START_SECONDS
    while not said.wait(0.1):
        if server.poll() is not None:
            return False
        if time.monotonic() > give_up:
            raise InputError(f"the demo did not answer within {START_SECONDS:.0f} s")
    return True


def _read(output: int, said: threading.Event) -> None:
    with open(output, "rb") as lines:
        for line in lines:
            if line.strip():
                said.set()


@contextmanager
def _preparing(artefact: Path) -> Iterator[None]:
    """Has another process work out meanwhile what the pages show of many images (`samekind.prepare`), if one can be started."""
    command = [sys.executable, "-P", "-m", "samekind.prepare", str(artefact), str(PREPARE_AFTER)]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    try:
        preparing = subprocess.Popen(  # noqa: S603 - as the server
            command,
            stdin=pipe,
            stdout=nowhere,
            stderr=nowhere,
            env=server_environment(),  # or it would keep things where the server does not look
            creationflags=getattr(subprocess, "IDLE_PRIORITY_CLASS", 0),  # of Windows
        )
    except OSError:
        yield
        return
    with preparing:
        try:
            yield
        finally:
            preparing.kill()  # what it keeps is written whole or not at all


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
