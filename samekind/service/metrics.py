"""Few figures, as Prometheus reads them."""

from __future__ import annotations

import bisect
import os
from collections import Counter, defaultdict
from pathlib import Path

BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
"""Seconds."""
TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STATM = Path("/proc/self/statm")


class Metrics:
    """Counts of one process; the event loop alone writes them."""

    def __init__(self) -> None:
        self._answered: Counter[tuple[str, int]] = Counter()
        self._slower: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS) + 1))
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._batches = self._batched = 0

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Counts a request.

        Args:
            endpoint: path of the route, or `other`: never what a client made up.
            status: of HTTP.
            seconds: it took.
        """
        self._answered[endpoint, status] += 1
        self._slower[endpoint][bisect.bisect_left(BUCKETS, seconds)] += 1
        self._seconds[endpoint] += seconds

    def batch(self, size: int) -> None:
        """Counts searches that were carried out together."""
        self._batches += 1
        self._batched += size

    def text(self, images: int, waiting: dict[str, int]) -> str:
        """All figures.

        Args:
            images: of the index.
            waiting: pieces of work in each pool.
        """
        lines = [
            *_head("samekind_requests_total", "counter", "Requests answered."),
            *(
                f'samekind_requests_total{{endpoint="{endpoint}",status="{status}"}} {count}'
                for (endpoint, status), count in sorted(self._answered.items())
            ),
            *_head("samekind_request_seconds", "histogram", "Time until the answer."),
            *(line for endpoint in sorted(self._slower) for line in self._histogram(endpoint)),
            *_head("samekind_batches_total", "counter", "Searches of the index, each for one or more queries."),
            f"samekind_batches_total {self._batches}",
            *_head("samekind_batched_queries_total", "counter", "Queries in these."),
            f"samekind_batched_queries_total {self._batched}",
            *_head("samekind_waiting", "gauge", "Pieces of work that wait or are in hand."),
            *(f'samekind_waiting{{pool="{pool}"}} {count}' for pool, count in sorted(waiting.items())),
            *_head("samekind_images", "gauge", "Images of the index."),
            f"samekind_images {images}",
            *_head("samekind_resident_memory_bytes", "gauge", "Memory of the process."),
            f"samekind_resident_memory_bytes {resident_bytes()}",
        ]
        return "\n".join(lines) + "\n"

    def _histogram(self, endpoint: str) -> list[str]:
        counts, total = self._slower[endpoint], 0
        lines = []
        for limit, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
            total += count
            lines.append(f'samekind_request_seconds_bucket{{endpoint="{endpoint}",le="{limit}"}} {total}')
        lines.append(f'samekind_request_seconds_sum{{endpoint="{endpoint}"}} {self._seconds[endpoint]:.6f}')
        lines.append(f'samekind_request_seconds_count{{endpoint="{endpoint}"}} {total}')
        return lines


def resident_bytes() -> int:
    """Memory of this process; 0 where the system does not tell."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"
