"""Output that survives any console: what its encoding lacks is written as what it looks like, or as a question mark."""

from __future__ import annotations

import codecs
import contextlib
import io
import sys

_HANDLER = "samekind.look_alikes"
_LOOK_ALIKES = {
    "…": "...", "–": "-", "—": "-", "−": "-", "‑": "-", "×": "x", "→": "->", "←": "<-", "≥": ">=", "≤": "<=", "±": "+/-", "·": "*",
    "•": "*", "“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "\u202f": " ", "²": "2", "β": "beta", "τ": "tau", "⁺": "+",
    "│": "|", "┃": "|", "─": "-", "━": "-", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "┌": "+", "┐": "+", "└": "+", "┘": "+", "╸": "-",
    "╺": "-",
}  # fmt: skip


def look_alikes(error: UnicodeError) -> tuple[str | bytes, int]:
    """The error handler: the characters that could not be encoded, each as its look-alike."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_LOOK_ALIKES.get(character, "?") for character in text), error.end


def write_anything() -> None:
    """Lets stdout and stderr take any text, whatever their encoding. Streams that were replaced by somebody else's are left alone."""
    codecs.register_error(_HANDLER, look_alikes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):  # closed already
                stream.reconfigure(errors=_HANDLER)
