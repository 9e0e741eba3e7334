"""Fetching a file over HTTP: gives up quickly without a network, and resumes where an earlier attempt stopped."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from samekind.core.errors import DownloadError
from samekind.core.progress import NoProgress, Progress, Task

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0

_BLOCK = 1 << 18


def fetch(url: str, target: Path, progress: Progress | None = None) -> None:
    """Downloads `url` to `target`, which appears only when it is complete.

    What has arrived waits in `<target>.part`; the next call asks the server for the rest of it.

    Raises:
        DownloadError: no answer within 5 s (name look-up included), an error from the server, or a broken connection.
    """
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        _fetch_rest(url, part, f"Downloading {target.name}", progress or NoProgress())
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)  # longer than the file: it belongs to something else
        raise DownloadError(f"the server answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{getattr(error, 'reason', error) or type(error).__name__}") from error
    part.replace(target)


def _fetch_rest(url: str, part: Path, description: str, progress: Progress) -> None:
    """Appends to `part` what it lacks, or starts again if the server sends all of it."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310 - addresses of ours
    with _open_within(request, CONNECT_SECONDS) as response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        expected = int(response.headers.get("Content-Length") or 0) + (done if resumed else 0)
        with progress.task(description, expected) as task, part.open("ab" if resumed else "wb") as file:
            task.advance(done if resumed else 0)
            _copy(response, file, task)
    if expected and part.stat().st_size != expected:
        raise DownloadError(f"the connection broke after {part.stat().st_size} of {expected} bytes")


def _copy(response: Any, file: Any, task: Task) -> None:
    while block := response.read(_BLOCK):
        file.write(block)
        task.advance(len(block))


def _open_within(request: urllib.request.Request, seconds: float) -> Any:
    """`urlopen` that also limits the name look-up, which a socket's own time-out does not cover."""
    answers: Queue[Any] = Queue()

    def attempt() -> None:
        try:
            answers.put(urllib.request.urlopen(request, timeout=READ_SECONDS))  # noqa: S310 - the same
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            answers.put(error)

    threading.Thread(target=attempt, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise DownloadError(f"no answer within {seconds:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
