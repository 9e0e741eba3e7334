"""Training budget of every trial: a number of steps, or seconds that are turned into steps once.

Seconds would give a fast objective more steps than a slow one, and a busy machine fewer than an idle one. So they are measured once a
corpus, on `info_nce` with all cores, and the number of steps that comes out holds for every method, however many trials are computed at
once. It is kept in `budget.json`: a resumed run
tomorrow, or on another machine, uses the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError, InputError
from samekind.training.runtime.artefact import write_json

FILE = "budget.json"
TIMED_OBJECTIVE = "info_nce"
_FORM = re.compile(r"(\d+(?:\.\d+)?) ?(s|steps)?")


@dataclass(frozen=True)
class Budget:
    """Either seconds or steps.

    Attributes:
        text: as it was given.
        seconds: wall time of the training steps of `info_nce`; `None` if steps were given.
        steps: `None` if seconds were given.
    """

    text: str
    seconds: float | None = None
    steps: int | None = None


def parse_budget(text: str) -> Budget:
    """Reads `120s`, `500steps` or `500`.

    Raises:
        InputError: it is none of these, or not above 0.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None or (match[2] != "s" and "." in match[1]):
        raise InputError(
            f"cannot read the budget {text!r}", hint="seconds (120s) or optimiser steps (500steps, or 500)"
        )
    if float(match[1]) <= 0:
        raise InputError(
            f"the budget must be above 0, got {text!r}", hint="seconds (120s) or optimiser steps (500steps)"
        )
    if match[2] == "s":
        return Budget(text, seconds=float(match[1]))
    return Budget(text, steps=int(match[1]))


def stored_steps(out: Path, purpose: dict[str, Any]) -> int | None:
    """Number of steps that the same budget came to before; `None` if it was never timed.

    Args:
        out: folder of the results.
        purpose: what decides the number: budget, corpus and settings.

    Raises:
        ArtefactError: the file is damaged.
    """
    for entry in _entries(out):
        if entry["purpose"] == purpose:
            return int(entry["steps"])
    return None


def store_steps(out: Path, purpose: dict[str, Any], steps: int, measured: dict[str, Any]) -> None:
    """Keeps the number for the next time, with what was measured."""
    out.mkdir(parents=True, exist_ok=True)
    others = [entry for entry in _entries(out) if entry["purpose"] != purpose]
    write_json(out / FILE, [*others, {"purpose": purpose, "steps": steps, **measured}])


def _entries(out: Path) -> list[dict[str, Any]]:
    path = out / FILE
    if not path.is_file():
        return []
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        for entry in entries:
            int(entry["steps"])
            entry["purpose"]
    except (ValueError, TypeError, KeyError) as error:
        raise ArtefactError(f"{path} is damaged", hint="take it from a copy, or remove it and time anew") from error
    return entries
