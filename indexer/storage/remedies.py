"""Remedies for an index that is unfinished, damaged or changed, and for conditions that are no SQL: what errors say."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError, InputError
from samekind.data.layouts.folder_choices import choice_flags, choices_of
from samekind.data.types.reading import READING_ARGUMENTS
from samekind.indexer.storage.layout import JOURNAL, MANIFEST, ROW_COLUMNS, TABLE_FOLDER
from samekind.training.runtime.artefact import GIVEN, META

_EXAMPLE = f"SQL over {', '.join(ROW_COLUMNS)}, e.g. \"label = 'Bag' AND split = 'test'\""
_STRING = re.compile(r"'[^']*'")
_WHERE_IN_RUST = re.compile(r",? ?/\S+\.rs:\d+.*$")
_PLANNING = re.compile(r"^(?:Error .*?)??(?:Error during planning: |: +(?=Received )|\( +(?=No field ))")
_ALL_FIELDS = re.compile(
    r" *(?:Valid fields are [^.]*|Did you mean '(?:thumbnail|vector)'\?)\."
)  # thumbnail and vector among them


def rebuild_command(folder: Path) -> str:
    """The command that mends an index."""
    if str((json_field(folder / META, "encoder") or {}).get("fingerprint")).startswith(GIVEN):
        return (
            f"run: samekind index --vectors FILE --out {shlex.quote(str(folder))}, with the file that it was made from"
        )
    place, words = shlex.quote(str(folder)), corpus_words(folder)
    corpus, how = words[:2] or ["--corpus", "CORPUS"], words[2:]
    return f"run: samekind index {shlex.join(corpus)} --encoder {place} --out {place}" + "".join(
        f" {shlex.quote(word)}" for word in how
    )


def corpus_words(folder: Path) -> list[str]:
    """The corpus of an artefact, and how it is read, as words of a command line: `--corpus`, its name or folder, and further flags. Of
    several corpora the first one; empty where it is unknown, as that of images which Python handed over.
    """
    trained_on = json_field(folder / META, "corpus")
    trained_on = trained_on if isinstance(trained_on, dict) else {}
    indexed = next(iter(recorded_corpora(folder)), {})
    corpus = indexed.get("source") or trained_on.get("corpus")
    if not corpus:
        return []
    known = trained_on.get("data_dir") if corpus == trained_on.get("corpus") else None
    choices = indexed.get("choices") if indexed.get("source") else trained_on
    read = {name: trained_on[name] for name in READING_ARGUMENTS if name in trained_on}
    reading = read if corpus == trained_on.get("corpus") else {}
    words = [word for name, value in reading.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    data_dir = ["--data-dir", str(known)] if known else []
    return ["--corpus", str(corpus), *data_dir, *choice_flags(choices_of(choices or {})), *words]


def restore_hint(folder: Path) -> str:
    """The remedy where the table itself is unusable. The folder `db` stays: verdicts lie in it, too."""
    others = ", ".join(str(entry.get("source") or entry.get("key")) for entry in recorded_corpora(folder)[1:])
    return (
        f"close what has it open and put a copy of it back, or delete {folder / TABLE_FOLDER} and {rebuild_command(folder)}"
        + (f"; then likewise for {others}" if others else "")
    )


def undo_hint(folder: Path) -> str:
    """The remedy where an adaptation is unusable: the index itself is whole without it, and the answers stay."""
    place = shlex.quote(str(folder))
    return f"run: samekind adapt {place}, which makes it anew from the answers, or samekind adapt {place} --undo"


def changed_meanwhile(folder: Path) -> ArtefactError:
    """The error of an open index whose parts are no longer there as they were when it was opened."""
    return ArtefactError(f"the index in {folder} has changed since it was opened", hint="open it again")


def json_field(path: Path, name: str) -> Any:
    """One field of a JSON file that may be missing or damaged; `None` then."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def recorded_corpora(folder: Path) -> list[dict[str, Any]]:
    """The corpora of an index by its manifest or, while one is being built, by its journal, as far as they can be read."""
    known = json_field(folder / MANIFEST, "corpora")
    if not isinstance(known, list):
        before = json_field(folder / JOURNAL, "corpora")
        known = [*(before if isinstance(before, list) else []), json_field(folder / JOURNAL, "corpus")]
    return [entry for entry in known if isinstance(entry, dict)]


def check_statement(condition: str) -> None:
    """Refuses a condition that LanceDB would read up to a semicolon, silently leaving out the rest.

    Raises:
        InputError: it holds more than one statement.
    """
    if ";" in _STRING.sub("", condition):
        raise InputError(f"cannot filter by {condition!r}: it holds more than one statement", hint=_EXAMPLE)


def bad_condition(condition: str, error: Exception) -> InputError:
    """The error for a condition that LanceDB does not understand."""
    quotes = "texts are in single quotes; " if '"' in condition else ""
    reason = _ALL_FIELDS.sub("", _PLANNING.sub("", lance_reason(error)))
    return InputError(f"cannot filter by {condition!r}: {reason}", hint=quotes + _EXAMPLE)


def lance_reason(error: Exception) -> str:
    """LanceDB's complaint on one line, without where in its code it arose."""
    return _WHERE_IN_RUST.sub("", _reason(error))


def _reason(error: Exception) -> str:
    """LanceDB's complaint on one line, without the parts that speak about its own inside."""
    text = " ".join(str(error).split())
    for prefix in ("Invalid input,", "lance error:", "Invalid user input:", "Schema error:"):
        text = text.replace(prefix, "").strip()
    return (
        text.split("SELECT 1 FROM t WHERE", 1)[0].strip(" :")
        if "(sql parser error" not in text
        else _parser_reason(text)
    )


def _parser_reason(text: str) -> str:
    return text.split("(sql parser error:", 1)[1].rstrip(") ").strip()
