"""Calling `samekind` in this process, because each cold start costs seconds, and pictures to call it with."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from samekind.cli import main

PER_CLASS = 16
CLASSES = ("bars", "checks", "dots")


@dataclass(frozen=True)
class Called:
    """What one call of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        answer: dict[str, Any] = json.loads(self.out)
        return answer


def call(*arguments: object) -> Called:
    """Runs `samekind` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Called(code, out.getvalue(), err.getvalue())


def refused(*arguments: object) -> str:
    """Runs a command that must be refused in one line; returns the line."""
    called = call(*arguments)
    assert called.code == 2, called
    assert called.out == ""
    assert "Traceback" not in called.err
    lines = called.err.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("error: ")]  # exactly one
    assert [line.partition(": ")[0] for line in lines[at + 1 :]] in ([], ["hint"]), "one line and a hint"
    return lines[at]


def draw(kind: str, rng: np.random.Generator) -> Image.Image:
    """A 24 × 24 grey picture of one of `CLASSES`, with noise."""
    y, x = np.mgrid[:24, :24]
    step = int(rng.integers(4, 7))
    pattern = {
        "bars": (x // step) % 2,
        "checks": (x // step + y // step) % 2,
        "dots": (x % step < 2) & (y % step < 2),
    }[kind]
    return Image.fromarray(np.clip(pattern * 180 + rng.integers(0, 60, (24, 24)), 0, 255).astype(np.uint8))


def draw_folder(folder: Path, per_class: int) -> Path:
    """Pictures of every class, each class in a folder of its own; returns `folder`."""
    rng = np.random.default_rng(0)
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for i in range(per_class):
            draw(kind, rng).save(folder / kind / f"{i}.png")
    return folder
