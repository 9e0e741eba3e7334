"""A server of a few files on this machine that is slow enough to be interrupted, and that resumes downloads as real ones do."""

from __future__ import annotations

import http.server
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_BLOCK, _PAUSE = 1 << 14, 0.004  # bytes, seconds: four megabytes a second


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serves files in a process of its own; yields the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if "Range" in self.headers else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            try:
                for at in range(start, len(content), _BLOCK):
                    self.wfile.write(content[at : at + _BLOCK])
                    time.sleep(_PAUSE)
            except OSError:
                pass  # whoever asked has been killed

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pid = os.fork()
    if not pid:
        try:
            server.serve_forever()
        finally:
            os._exit(0)
    port = server.server_port
    server.server_close()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
