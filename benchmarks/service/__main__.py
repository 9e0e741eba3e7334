"""A mixed load on a service on loopback: errors, times of each kind of request, memory, and what batching saves.

    python -m benchmarks.service ARTEFACT [--seconds 60] [--clients 8] [--most 200000] [--compare]

It starts `samekind serve ARTEFACT` without a limit of rate and asks it from threads of this process: neighbours by id, searches by vector,
uploads (thumbnails of the index, if it has an encoder), a narrow page of the list, thumbnails and verdicts, in fixed shares and a seeded
order. `--most` bounds the requests. A row a kind: how many, errors, p50 and p99 in milliseconds as the client sees them; then requests a
second, and the server's resident memory after the first second, at half time and at the end. `--compare` instead asks for neighbours alone,
once with batches and once with `--max-batch 1`, and says how much of the server's processor time each request took. Linux only. Client and
server share the cores: times are those of a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

import samekind as sk

SHARES = {"neighbours": 40, "vector": 20, "upload": 10, "list": 10, "thumbnail": 15, "verdicts": 5}
MIB = 1 << 20
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """What was asked, and what came of it."""

    until: float
    most: int
    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    said: set[str] = field(default_factory=set)
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def more(self) -> bool:
        """True if another request is to be made, which is counted."""
        with self.lock:
            self.asked += 1
            return self.asked <= self.most and time.monotonic() < self.until

    def ask(self, kind: str, request: Callable[[], object]) -> None:
        """Makes one request."""
        started = time.perf_counter()
        try:
            request()
        except sk.SamekindError as error:
            with self.lock:
                self.errors[kind] += 1
                self.said.add(f"{kind}: {error}")
        with self.lock:
            self.seconds[kind].append(time.perf_counter() - started)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefact", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--most", type=int, default=200_000)
    parser.add_argument("--compare", action="store_true")
    given = parser.parse_args()
    if given.compare:
        compare(given.artefact, given.seconds, given.clients, given.most)
    else:
        mixed(given.artefact, given.seconds, given.clients, given.most)


def mixed(artefact: Path, seconds: float, clients: int, most: int) -> None:
    """The mixed load."""
    with serving(artefact) as (server, url):
        index = sk.Index.open(artefact)
        requests = _requests(index, url)
        for request in requests.values():  # the encoder and the table are loaded by the first
            request(seeded(0), sk.Client(url))
        load = Load(time.monotonic() + seconds, most)
        threads = _start(load, url, requests, clients)
        time.sleep(min(1.0, seconds / 4))
        memory = [resident(server.pid)]
        time.sleep(max(0.0, load.until - time.monotonic() - seconds / 2))
        memory.append(resident(server.pid))
        started = load.until - seconds
        for thread in threads:
            thread.join()
        took = time.monotonic() - started
        memory.append(resident(server.pid))
    print("| request | count | errors | p50 ms | p99 ms |\n|---|---|---|---|---|")
    for kind in SHARES:
        if load.seconds[kind]:
            low, high = np.percentile(load.seconds[kind], [50, 99]) * 1000
            print(f"| {kind} | {len(load.seconds[kind]):,} | {load.errors[kind]} | {low:.1f} | {high:.1f} |")
    count = sum(map(len, load.seconds.values()))
    print(f"\n{count:,} requests in {took:.0f} s by {clients} clients: {count / took:,.0f} a second")
    print("memory: " + ", ".join(f"{each / MIB:,.0f} MiB" for each in memory) + " (start, half time, end)")
    print("\n".join(sorted(load.said)[:10]))
    sys.exit(bool(load.errors))


def compare(artefact: Path, seconds: float, clients: int, most: int) -> None:
    """Neighbours with batches and without."""
    print(
        "| batches of at most | requests a second | server's processor ms a request | queries a batch |\n|---|---|---|---|"
    )
    for flags in (("--max-batch", "1"), (), ("--window", "2")):
        with serving(artefact, *flags) as (server, url):
            alone = {"neighbours": _reads(sk.Index.open(artefact))["neighbours"]}
            alone["neighbours"](seeded(0), sk.Client(url))
            before, load = processor_seconds(server.pid), Load(time.monotonic() + seconds, most)
            for thread in _start(load, url, alone, clients):
                thread.join()
            used, count = processor_seconds(server.pid) - before, len(load.seconds["neighbours"])
            batches, queries = _batches(sk.Client(url))
        name = " ".join(flags) or "64, the default"
        print(f"| {name} | {count / seconds:,.0f} | {1000 * used / count:.2f} | {queries / batches:.1f} |", flush=True)


Request = Callable[[random.Random, sk.Client], object]


def _reads(index: sk.Index) -> dict[str, Request]:
    """A function a kind of request, but for uploads."""
    ids = index.ids
    vectors = index.vectors(np.arange(min(len(ids), 1000)))
    return {
        "neighbours": lambda draw, client: client.search_id(draw.choice(ids)),
        "vector": lambda draw, client: client.search(vectors[draw.randrange(len(vectors))]),
        "list": lambda draw, client: client.images("split = 'test'", draw.randrange(10), 20),
        "thumbnail": lambda draw, client: client.thumbnail(draw.choice(ids)),
        "verdicts": lambda draw, client: client.verdicts(),
    }


def _requests(index: sk.Index, url: str) -> dict[str, Request]:
    """A function a kind; uploads only where the index can embed one."""
    found, ids = _reads(index), index.ids
    shown = index.thumbnails(ids[:: max(1, len(ids) // 50)])
    with sk.Client(url) as client:
        try:
            client.search(shown[0])
            found["upload"] = lambda draw, client: client.search(draw.choice(shown))
        except sk.SamekindError as error:
            print(f"no uploads: {error}")
    return found


def _start(load: Load, url: str, requests: dict[str, Request], clients: int) -> list[threading.Thread]:
    kinds = sorted(requests)
    weights = [SHARES[kind] for kind in kinds]

    def work(seed: int) -> None:
        draw = seeded(seed)
        with sk.Client(url) as client:
            while load.more():
                (kind,) = draw.choices(kinds, weights)
                load.ask(kind, partial(requests[kind], draw, client))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    return threads


@contextmanager
def serving(artefact: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The service in a process of its own, and its address."""
    command: Sequence[str] = [
        *(sys.executable, "-P", "-m", "samekind", "serve", str(artefact)),
        *("--port", "0", "--rate", "0", "--json", *flags),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield server, json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()


def seeded(seed: int) -> random.Random:
    """A client's own order of requests."""
    return random.Random(seed)  # noqa: S311 - nothing secret


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_seconds(pid: int) -> float:
    """Processor time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _batches(client: sk.Client) -> tuple[int, int]:
    """Batches and queries so far, as the service counts them."""
    text = client.metrics()
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return int(found["samekind_batches_total"]), int(found["samekind_batched_queries_total"])


if __name__ == "__main__":
    main()
