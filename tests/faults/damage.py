"""Damage to the files of an artefact, one by one, and what samekind says of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import samekind as sk
from samekind.core.errors import SamekindError
from samekind.indexer.labeling.people.given_labels import LabelTable
from samekind.indexer.labeling.verdicts import VerdictTable

OPENING, VERIFY, HARMLESS, SILENT, CRASH = "opening", "verify", "harmless", "SILENT", "CRASH"
"""Who finds it: whoever reads the part, `samekind verify`, nobody because no answer changes; nobody though one does; a traceback."""


def _flip(at: float) -> Callable[[Path, Path], None]:
    def flip(file: Path, other: Path) -> None:
        content = bytearray(file.read_bytes())
        content[min(int(at * len(content)), len(content) - 1)] ^= 0x10
        file.write_bytes(bytes(content))

    return flip


DAMAGES: dict[str, Callable[[Path, Path], object]] = {
    "first byte": _flip(0.0),
    "a byte at a third": _flip(1 / 3),
    "a byte at two thirds": _flip(2 / 3),
    "last byte": _flip(1.0),
    "cut off": lambda file, other: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "empty": lambda file, other: file.write_bytes(b""),
    "missing": lambda file, other: file.unlink(),
    "another run's": lambda file, other: shutil.copyfile(other, file),
}


def files_of(artefact: Path) -> Iterator[tuple[str, Path]]:
    """Every file but the empty ones of locks, with its name; numbers and random parts of LanceDB's and TensorBoard's names left out."""
    seen: dict[str, int] = {}
    for path in sorted(artefact.rglob("*")):
        if path.is_file() and path.stat().st_size:
            name = str(path.relative_to(artefact))
            if ".lance/" in name or name.startswith("tensorboard/"):
                kind = f"{path.parent.relative_to(artefact)}/*{path.suffix}" if ".lance/" in name else "tensorboard/*"
                seen[kind] = seen.get(kind, 0) + 1
                name = f"{kind} ({seen[kind]})"
            elif name.startswith("adapted-"):
                name = "adapted-*.faiss"
            yield name, path


def answers(artefact: Path) -> str:
    """Everything that an artefact answers, as a digest.

    Raises:
        SamekindError: a part is damaged.
    """
    index = sk.Index.open(artefact)
    found: dict[str, Any] = {"rows": [index.rows.row(i) for i in range(len(index))]}
    results: Any = index.search(index.vectors(), 5)  # a result for each of several queries
    found["hits"] = [[(hit.id, hit.similarity) for hit in each] for each in results]
    found["adapted"] = hashlib.sha256(index.adapted_vectors().tobytes()).hexdigest()
    found["pictures"] = [hashlib.sha256(each).hexdigest() for each in index.thumbnails(index.ids)]
    found["history"] = index.history()
    found["verdicts"] = [vars(each) for each in VerdictTable(artefact).all()]
    found["labels"] = [vars(each) for each in LabelTable(artefact).all()]
    found["tags"] = [vars(each) for each in sk.TagTable(artefact).all()]
    found["probes"] = sk.read_probes(artefact).to_json()
    found["meta"] = index.meta
    if (artefact / "encoder.safetensors").exists():
        found["encoder"] = index.encoder.fingerprint
    return json.dumps(found, sort_keys=True)


def told(artefact: Path, whole: str) -> tuple[str, str]:
    """Who finds the damage of an artefact whose answers were `whole`, and the line that is said."""
    try:
        same = answers(artefact) == whole
    except SamekindError as error:
        return (OPENING if error.hint and "\n" not in str(error) else CRASH), f"{error} ({error.hint})"
    except Exception as error:  # noqa: BLE001 - what a person would see as a traceback
        return CRASH, f"{type(error).__name__}: {error}"
    try:
        damaged = sk.verify(artefact).damaged
    except SamekindError as error:
        return (VERIFY if error.hint else CRASH), f"{error} ({error.hint})"
    if damaged:
        return (VERIFY if all(part.hint for part in damaged) else CRASH), f"{damaged[0].message} ({damaged[0].hint})"
    return (HARMLESS, "") if same else (SILENT, "the answers differ")
