"""Kills work at random instants, does it again, and compares: `make faults`.

A `kill -9` meets each of eight kinds of work at instants that are spread over its whole duration (by a seed, one in each of equal parts).
The duration is that of the work: its process tells when it begins, and has imported everything by then; a kill that comes after its end
is tried again. Then the same work is done again, and must come to the same bytes, rows or answers. Nothing may be left: no process, no
file.

    python -m tests.faults
    python -m tests.faults --only train --kills 10 --seed 3
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults.download import Download
from tests.faults.forked import import_everything
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.rounds import Tally, base_of, rounds
from tests.faults.server import serving

_EVERY = 10  # rounds between two lines of progress


def main() -> int:
    """Runs all or some operations; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="of each operation (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes that kill at once (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=[each.name for each in OPERATIONS])
    parser.add_argument("--json", type=Path, help="also writes the figures there")
    asked = parser.parse_args()
    chosen = [each for each in OPERATIONS if not asked.only or each.name in asked.only]
    os.environ.update({"HF_HUB_OFFLINE": "1", "NO_ALBUMENTATIONS_UPDATE": "1"})
    started = time.monotonic()
    import_everything()
    work = Path(tempfile.mkdtemp(prefix="samekind-faults-"))
    try:
        with serving(Download.served()) as address:
            Download.address = address
            tallies = {each.name: _killed(each, asked.kills, asked.seed, asked.jobs, work) for each in chosen}
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _print_table(tallies, asked.seed, time.monotonic() - started)
    if asked.json:
        asked.json.write_text(json.dumps({name: vars(tally) for name, tally in tallies.items()}, indent=2))
    return int(any(tally.problems or tally.orphans or tally.over for tally in tallies.values()))


def _killed(operation: Operation, kills: int, seed: int, jobs: int, work: Path) -> Tally:
    """One operation, shared out among `jobs` processes."""
    _say(f"{operation.name} …")
    shares = [list(range(job, kills, jobs)) for job in range(jobs)]
    pids = [_job(operation, share, kills, seed, work / f"{job}") for job, share in enumerate(shares)]
    total = Tally()
    for job, pid in enumerate(pids):
        _, status = os.waitpid(pid, 0)
        written = work / f"{job}" / "tally.json"
        if status or not written.is_file():
            total.problems.append(f"job {job} ended with status {status}")
            continue
        found = Tally(**json.loads(written.read_text()))
        total = Tally(
            kills=total.kills + found.kills,
            over=total.over + found.over,
            late=total.late + found.late,
            same=total.same + found.same,
            orphans=total.orphans + found.orphans,
            problems=total.problems + found.problems,
            seconds=max(total.seconds, found.seconds),
            unused=max(total.unused, found.unused),
        )
        shutil.rmtree(work / f"{job}")
    for problem in total.problems:
        _say(f"{operation.name}: {problem}")
    return total


def _job(operation: Operation, share: list[int], of: int, seed: int, folder: Path) -> int:
    """Starts a process that does its share of the rounds and leaves its tally in `folder`."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        base = base_of(operation, folder)
        tally = Tally(seconds=base.seconds)
        for tally in rounds(operation, base, share, of, seed):
            if tally.rounds % _EVERY == 0:
                _say(f"{operation.name}: {tally.rounds} of {len(share)} rounds, {len(tally.problems)} problems")
        (folder / "tally.json").write_text(json.dumps(vars(tally)))
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not go on with its parent's work
        traceback.print_exc()
    finally:
        os._exit(code)


def _print_table(tallies: dict[str, Tally], seed: int, seconds: float) -> None:
    lines = [f"{platform.platform()}, {os.cpu_count()} cores, seed {seed}, {seconds:.0f} s", ""]
    heads = [
        "work",
        "met the work",
        "late tries",
        "never met",
        "same afterwards",
        "orphans",
        "problems",
        "unused files",
        "undisturbed",
    ]
    rows = [tuple(heads), ("---",) * len(heads)]
    for name, tally in tallies.items():
        met, same = (f"{count} of {tally.rounds}" for count in (tally.kills, tally.same))
        took = f"{tally.seconds:.1f} s"
        counts = (met, tally.late, tally.over, same, tally.orphans, len(tally.problems), tally.unused)
        rows.append((name, *map(str, counts), took))
    sys.stdout.write("\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
