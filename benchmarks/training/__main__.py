"""Pairs a second of a training: the product, `lightly` with the same network, and a step on views that are ready, each in a fresh process.

    python -m benchmarks.training --cifar10 PACK --photos FOLDER     # about 20 minutes on two quiet cores
    python -m benchmarks.training --cifar10 PACK --photos FOLDER --seconds 0 --rounds 1     # three steps of each, to see that all works
    python -m benchmarks.training --photos FOLDER --only "ResNet-18" # the works whose title has this in it
    python -m benchmarks.training --cifar10 PACK --company           # about 4 minutes

All methods of a work take turns, round by round; what is printed are medians, least and greatest. `--company` measures the small encoder
alone and beside a process that never rests, which the benchmark starts itself: in streams, and with threads that share every layer as
before (docs/decisions/0048). A work whose images are not here is passed over, and so is `lightly` where it is not installed (`make
bench-train` installs it). Pairs are images: two views each, 256 a batch, 32 and 64 where the title says so, bfloat16 where it is faster.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import samekind as sk
from samekind.comparison.machine import processor

BATCH, SEED = 256, 0
PLAIN = {"objective": "info_nce", "treatment": "none", "batch_size": BATCH, "seed": SEED, "hold_out": 0}
RESNET18 = {"backbone": "timm/resnet18@none"}
PHOTO = {**PLAIN, "image_size": 160}
ADAPTER = {"preset": "adapter", "treatment": "none", "batch_size": 64, "seed": SEED, "hold_out": 0}


@dataclass(frozen=True)
class Work:
    """What is trained.

    Attributes:
        title: for the table.
        images: name of the corpus, see `_corpus`.
        settings: of the run.
        methods: that are compared.
        limit: most images, so that loading them takes seconds.
    """

    title: str
    images: str
    settings: dict[str, Any]
    methods: tuple[str, ...] = ("samekind", "lightly", "ceiling")
    limit: int = 12_000


WORKS = (
    Work("CIFAR-10, 32 px, resnet-small", "cifar10", PLAIN),
    Work("Fashion-MNIST, 28 px, resnet-small", "fashion-mnist", PLAIN),
    Work("photos, 64 px, resnet-small", "photos", {**PLAIN, "image_size": 64}, limit=2000),
    Work("photos, 160 px, resnet-small, batches of 64", "photos", {**PHOTO, "batch_size": 64}, limit=2000),
    Work("CIFAR-10, 32 px, ResNet-18", "cifar10", {**PLAIN, **RESNET18}),
    Work("Fashion-MNIST, 28 px, ResNet-18", "fashion-mnist", {**PLAIN, **RESNET18}),
    Work("photos, 160 px, ResNet-18, batches of 32", "photos", {**PHOTO, **RESNET18, "batch_size": 32}, limit=2000),
    Work("photos, 224 px, adapter on lite0, batches of 64", "photos", ADAPTER, ("samekind",), 300),
)
COMPANY = Work("CIFAR-10, 32 px, resnet-small", "cifar10", PLAIN, ("samekind", "threads", "lightly"))


def main() -> None:
    """Prints a table a work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cifar10", help="folder of CIFAR-10, as --data-dir takes it")
    parser.add_argument("--photos", help="folder or pack of photos")
    parser.add_argument("--seconds", type=float, default=8.0, help="of a measurement, its start aside")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", metavar="TEXT", help="the works whose title has this in it")
    parser.add_argument("--company", action="store_true", help="alone and beside a busy process")
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "WORK"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        method, number = given.one
        _one(method, WORKS[int(number)], given)
        return
    print(
        f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, seed {SEED}, {given.seconds:g} s each"
    )
    for work in (COMPANY,) if given.company else WORKS:
        if given.only in work.title:
            _compare(work, given)


def _compare(work: Work, given: argparse.Namespace) -> None:
    """Measures a work's methods in turn, and prints a line for each."""
    places = {"cifar10": given.cifar10, "photos": given.photos, "fashion-mnist": "its own"}
    print(f"\n{work.title}")
    if places[work.images] is None:
        print(f"  passed over: --{work.images} says where they are")
        return
    methods = [m for m in work.methods if m != "lightly" or importlib.util.find_spec("lightly") is not None]
    kinds = [(method, busy) for busy in ((False, True) if given.company else (False,)) for method in methods]
    found: dict[tuple[str, bool], list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(given.rounds):
        for method, busy in kinds:
            with _busy_process() if busy else _nobody():
                found[method, busy].append(_measured(method, work, given))
    for (method, busy), measured in found.items():
        rates = [figures["pairs_per_second"] for figures in measured]
        starts = [figures["start_s"] for figures in measured if "start_s" in figures]
        print(
            f"  {method:9} {'beside a busy process' if busy else 'alone':21} {statistics.median(rates):7,.0f} pairs/s "
            f"({min(rates):,.0f}–{max(rates):,.0f}), peak {max(f['peak_mib'] for f in measured):,.0f} MiB"
            + (f", first step after {statistics.median(starts):.1f} s" if starts else ""),
            flush=True,
        )


def _measured(method: str, work: Work, given: argparse.Namespace) -> dict[str, float]:
    """What a fresh process measures."""
    places = [item for name in ("cifar10", "photos") if (at := getattr(given, name)) for item in (f"--{name}", at)]
    number = WORKS.index(work) if work in WORKS else 0
    command = [sys.executable, "-m", "benchmarks.training", *places, "--seconds", str(given.seconds)]
    # As `samekind train` asks for it itself.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [*command, "--one", method, str(number)], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _one(method: str, work: Work, given: argparse.Namespace) -> None:
    from benchmarks.training import measure

    corpus, figures = _corpus(work, given), {}
    if method in ("samekind", "threads"):
        streams = {"streams": 1} if method == "threads" else {}
        settings = {"preset": "small", **work.settings, **streams}
        rate, figures["start_s"] = measure.ours(corpus, settings, given.seconds)
    else:
        timed = {"lightly": measure.peer, "ceiling": measure.ceiling}[method]
        rate = timed(corpus, work.settings, given.seconds)
    print(
        json.dumps({"pairs_per_second": work.settings["batch_size"] * rate, "peak_mib": measure.peak_mib(), **figures})
    )


def _corpus(work: Work, given: argparse.Namespace) -> sk.Corpus:
    limit = work.limit if given.seconds else min(work.limit, 4 * work.settings["batch_size"])
    if work.images == "photos":
        return sk.load_corpus(given.photos, limit=limit)
    place = Path(given.cifar10) if work.images == "cifar10" else None
    return sk.load_corpus(work.images, data_dir=place, limit=limit)


@contextmanager
def _busy_process() -> Iterator[None]:
    """A process that never rests."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _nobody() -> Iterator[None]:
    yield


if __name__ == "__main__":
    main()
