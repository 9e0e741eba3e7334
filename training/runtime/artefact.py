"""The files of an artefact that training writes and everybody reads; every write is a temporary file and a rename."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.core.files import atomic_path

WEIGHTS = "encoder.safetensors"
META = "meta.json"
METRICS = "metrics.jsonl"
METRICS_SHA256 = "metrics_sha256"
"""Field of `meta.json`: the SHA-256 of the epoch records that a finished run left."""
TEXT = "text.safetensors"
"""The text tower of an encoder that has one."""
ANSWERS = "answers.json"
"""Verdicts that a run began with."""
SAVED_WEIGHTS, SAVED_META = "model.safetensors", "config.json"
"""The same two files under the names that hubs expect, in a folder that `Encoder.save_pretrained` wrote."""
GIVEN = "given:"
"""Begins what stands in for an encoder's fingerprint where vectors were given and there is no encoder."""
FORMAT = 1
SEAL = "seal"
"""Field of `meta.json` and `manifest.json`: the SHA-256 of all other fields. Whoever edits one by hand breaks it; only `verify` minds."""
_SEALED = (META, "manifest.json")


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a crash leaves the old one or the new one, never a part.

    Raises:
        ArtefactError: the folder cannot be written.
    """
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise ArtefactError(
            f"cannot write {path}: {error.strerror}", hint="check permissions and free space"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Writes readable JSON; NaN and infinity are refused, undefined figures are `null`. What describes an artefact gets a seal."""
    if path.name in _SEALED:
        value = {**value, SEAL: _seal(value)}
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def seal_holds(path: Path) -> bool:
    """True if a JSON file is as samekind wrote it; of older versions, which set no seal, if it can be read."""
    try:
        value = json.loads(path.read_text())
        return bool(value.get(SEAL, _seal(value)) == _seal(value))
    except (OSError, ValueError, AttributeError):
        return False


def _seal(value: Mapping[str, Any]) -> str:
    others = json.loads(json.dumps({name: each for name, each in value.items() if name != SEAL}))
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def check_writable(folder: Path) -> None:
    """Makes sure that `folder` can be made and written, and leaves nothing behind: a refusal must not cost an hour's training.

    Raises:
        ArtefactError: it cannot.
    """
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        hint = "choose another --out, or mend the permissions"
        raise ArtefactError(f"cannot write to {folder}: {error.strerror}", hint=hint) from error


def check_file_writable(path: Path) -> None:
    """Makes sure that a file can be written, before its content is computed.

    Raises:
        ArtefactError: it is a folder, its folder is missing, or that cannot be written.
    """
    if path.is_dir():
        raise ArtefactError(f"cannot write {path}: it is a folder", hint=f"name a file, e.g. {path / 'FILE'}")
    if not path.parent.is_dir():
        raise ArtefactError(
            f"cannot write {path}: there is no folder {path.parent}", hint="make it, or choose another place"
        )
    check_writable(path.parent)


def encoder_files(folder: str | Path) -> tuple[Path, Path]:
    """The description and the weights of the encoder in a folder: an artefact's, or those that `save_pretrained` wrote."""
    artefact, saved = Path(folder) / META, Path(folder) / SAVED_META
    if saved.is_file() and not artefact.is_file():
        return saved, Path(folder) / SAVED_WEIGHTS
    return artefact, Path(folder) / WEIGHTS


def read_meta(folder: str | Path) -> dict[str, Any]:
    """The artefact's `meta.json`, or the `config.json` of a saved encoder.

    Raises:
        ArtefactError: there is none, it cannot be read, or a newer samekind wrote it.
    """
    path = encoder_files(folder)[0]
    if not path.is_file():
        raise _undescribed(Path(folder))
    try:
        meta: dict[str, Any] = json.loads(path.read_text())
        version = meta["format"]
        meta["encoder"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(
            f"{path} is damaged", hint="take it from a copy, or train or index again in another folder"
        ) from error
    if version > FORMAT:
        raise ArtefactError(f"{path} has format {version}, this samekind reads up to {FORMAT}", hint="upgrade samekind")
    return meta


def _undescribed(folder: Path) -> ArtefactError:
    for weights, description in ((WEIGHTS, META), (SAVED_WEIGHTS, SAVED_META)):
        if (folder / weights).is_file():
            return ArtefactError(
                f"{folder} holds {weights} but no {description}, which describes it",
                hint="copy the whole folder, or train or index again in another one",
            )
    what = "holds no trained encoder" if folder.is_dir() else "does not exist"
    return ArtefactError(f"{folder} {what}", hint="artefacts are made by samekind train, index and quickstart")


def read_history(folder: str | Path) -> list[dict[str, Any]]:
    """The epoch records of `metrics.jsonl`, first epoch first; empty if there are none.

    Raises:
        ArtefactError: the file is damaged.
    """
    path = Path(folder) / METRICS
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged", hint="take it from a copy, or train again with --force") from error


def write_history(folder: Path, history: Iterable[dict[str, Any]]) -> None:
    """Replaces `metrics.jsonl`."""
    write_atomically(
        folder / METRICS, "".join(json.dumps(record, allow_nan=False) + "\n" for record in history).encode()
    )
