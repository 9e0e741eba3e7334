"""Asks the base commit and the working tree the same questions, and says where the answers differ.

Both sides run by command line on this machine, so weights must agree byte for byte and figures digit for digit. A third side, `old`,
is the working tree's code on artefacts that the base commit made. What the base answers is kept in the platform's temporary folder.

    python -m tests.gate
    python -m tests.gate --only 'train hard*' --only 'old *'
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from tests.gate import facts
from tests.gate.facts import FACTS, INTERRUPTED, READING, Fact
from tests.gate.places import Place, base_place, snapshot

SHOWN_DIFFERENCES = 5


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        title: what is printed.
        place: the side that is asked.
        fact: what it is asked.
        expected: name of the fact of the base that it must equal.
    """

    title: str
    place: Place
    fact: Fact
    expected: str


def checks(new: Place, old: Place) -> list[Check]:
    """All comparisons. A run that was interrupted must come to what the base's came to that was not."""
    ours = [Check(name, new, fact, name.replace("resumed ", "train ")) for name, fact in FACTS.items()]
    olds = {f"old {name}": (fact, name) for name, fact in READING.items()}
    olds |= {f"old resumed {name}": (FACTS[f"resumed {name}"], f"train {name}") for name in INTERRUPTED}
    return ours + [Check(title, old, fact, expected) for title, (fact, expected) in olds.items()]


def answer(place: Place, fact: Fact) -> Any:
    """What a side answers, as JSON has it; a command that fails is an answer too."""
    try:
        return facts.without_times(json.loads(json.dumps(fact(place))))
    except Exception as error:  # noqa: BLE001 (the gate goes on, and the base's answer differs)
        return f"{type(error).__name__}: {error}"


@contextmanager
def alone(place: Place) -> Iterator[None]:
    """Keeps other gates out of the cache."""
    with (place.folder.parent / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def base_answer(base: Place, name: str) -> Any:
    """What the base answers, kept from the first gate on."""
    kept = base.folder.parent / "facts" / f"{name.replace(' ', '-')}.json"
    with alone(base):
        if not kept.exists():
            started = time.monotonic()
            value = answer(base, FACTS[name])
            if isinstance(value, str):
                sys.exit(f"the base cannot say '{name}': {value}")
            say("base", name, value, started)
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(json.dumps(value))
        return json.loads(kept.read_text())


def hand_over(base: Place, old: Place) -> None:
    """Copies what the base made to where the working tree's code goes on with it."""
    started = time.monotonic()
    with alone(base):
        facts.prepare(base)
        for name in INTERRUPTED:
            facts.begin(base, name)
        say("base", "artefacts for old *", "", started)
        for made in (*base.folder.glob("begun-*"), base.folder / "hard", base.folder / "turned"):
            (shutil.copytree if made.is_dir() else shutil.copy2)(made, old.folder / made.name)
        for file in (*base.folder.glob("query-*.png"), base.folder / "verdicts.csv", base.folder / "index.json"):
            shutil.copy2(file, old.folder)


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Where two answers differ; keys that only the new one has are no difference."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            at = f"{where}.{key}" if where else key
            yield from differences(value, new[key], at) if key in new else [f"{at} is gone"]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{where}.{i}")
    elif type(old) is not type(new) or old != new:
        yield f"{where}: {_short(old)} there, {_short(new)} here"


def _short(value: Any) -> str:
    text = f"{len(value)} entries" if isinstance(value, list | dict) else str(value)
    return text if len(text) < 300 else text[:300] + "…"


def say(what: str, title: str, value: Any, started: float) -> None:
    """One line: how it went, the digest of the weights or else of the answer, and how long it took."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    shown = value.get("weights", digest) if isinstance(value, dict) else digest
    print(f"{what:10}{title:40}{shown[:8]}… {time.monotonic() - started:5.0f} s", flush=True)  # noqa: T201


def passes(base: Place, check: Check) -> bool:
    """Makes one comparison and prints its line, and where the answers differ."""
    expected, started = base_answer(base, check.expected), time.monotonic()
    value = answer(check.place, check.fact)
    found = list(differences(expected, value))
    say("DIFFERENT" if found else "same", check.title, value, started)
    rest = [f"… and {len(found) - SHOWN_DIFFERENCES} more"] if len(found) > SHOWN_DIFFERENCES else []
    for line in [*found[:SHOWN_DIFFERENCES], *rest]:
        print(f"          {line}", flush=True)  # noqa: T201
    return not found


def main() -> int:
    """Runs the gate; returns 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--base", default="98a49ed", metavar="COMMIT", help="what to compare with (default: %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="comparisons at once")
    parser.add_argument(
        "--only", action="append", metavar="PATTERN", help="titles like this, e.g. 'old *'; may be repeated"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="leave what the working tree makes in this new folder"
    )
    given = parser.parse_args()
    base = base_place(given.base, Path(facts.__file__))
    with tempfile.TemporaryDirectory(prefix="samekind-gate-") as temporary:
        made = given.keep or Path(temporary)
        for part in ("code", "new", "old"):
            (made / part).mkdir(parents=True)  # what an earlier gate left there must not be taken for this one's
        code = snapshot(made / "code")
        new, old = Place(code, made.resolve() / "new"), Place(code, made.resolve() / "old")
        chosen = [c for c in checks(new, old) if any(fnmatch(c.title, pattern) for pattern in given.only or ["*"])]
        if any(check.place is old for check in chosen):
            hand_over(base, old)
        with ThreadPoolExecutor(given.jobs) as pool:
            results = list(pool.map(partial(passes, base), chosen))
    print(f"{sum(results)} equal, {len(results) - sum(results)} different")  # noqa: T201
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
