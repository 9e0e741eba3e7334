"""What an index is made of, written last: `manifest.json`; and what a build in progress needs to go on: `indexing.json`.

Opening compares the manifest with what lies there and refuses whatever does not match. The table is compared by the names and sizes of
its files, which Lance never rewrites: that notices every change of it, and costs neither LanceDB's import (2 s) nor a read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.training.runtime.artefact import META, WEIGHTS, write_json

MANIFEST = "manifest.json"
JOURNAL = "indexing.json"
INDEX_FILE = "index.faiss"
ROWS_FILE = "rows.arrow"
TABLE_FOLDER = Path("db") / "images.lance"
FORMAT = 1
_READ_BYTES = 1 << 22


class NewerFormatError(ArtefactError):
    """The manifest was written by a newer samekind: nothing here may be taken for damaged and made anew."""


@dataclass(frozen=True)
class CorpusEntry:
    """A corpus that the index holds rows of.

    Attributes:
        key: what the table's column `corpus` says; the corpus' name, numbered if two sources share it.
        source: name or absolute folder that the corpus was loaded from; `None` for arrays in memory.
        content_hash: of the corpus when it was last indexed; empty while that is unfinished.
        num_images: how many images it had then.
    """

    key: str
    source: str | None
    content_hash: str
    num_images: int


@dataclass(frozen=True)
class Manifest:
    """A finished index.

    Attributes:
        encoder: fingerprint of the encoder that made the vectors.
        dim: dimension D of the vectors.
        rows: number of rows N.
        table_version: LanceDB's version number of the table.
        table_files: digest over names and sizes of the table's files.
        index_type: FAISS' name for the index, `Flat` or `IVF…,Flat`.
        index: `{"size", "sha256"}` of `index.faiss`.
        rows_file: the same of `rows.arrow`.
        corpora: what was indexed.
        ann_recall_at_10: overlap with exact search, measured when the index was built; 1 for `Flat`.
        metric: `cosine`: the inner product of unit vectors.
        samekind: version that wrote this.
        format: of this file.
    """

    encoder: str
    dim: int
    rows: int
    table_version: int
    table_files: str
    index_type: str
    index: dict[str, Any]
    rows_file: dict[str, Any]
    corpora: tuple[CorpusEntry, ...]
    ann_recall_at_10: float = 1.0
    metric: str = "cosine"
    samekind: str = "unknown"
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Puts `manifest.json` in place, atomically."""
        write_json(folder / MANIFEST, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Reads `manifest.json`.

        Raises:
            ArtefactError: there is none, or it is damaged; `NewerFormatError` if a newer samekind wrote it.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise _no_manifest(folder)
        values = _read_json(path, folder)
        version = values.get("format", 0)
        if not isinstance(version, int):
            raise ArtefactError(f"{path} is damaged", hint=again(folder))
        if version > FORMAT:
            raise NewerFormatError(
                f"{path} has format {version}, this samekind reads up to {FORMAT}", hint="upgrade samekind"
            )
        try:
            return cls(**{**values, "corpora": tuple(CorpusEntry(**entry) for entry in values["corpora"])})
        except (KeyError, TypeError) as error:
            raise ArtefactError(f"{path} is damaged", hint=again(folder)) from error


@dataclass(frozen=True)
class Journal:
    """A build in progress. It is written before the table is touched and removed after the manifest is in place.

    Attributes:
        encoder: fingerprint of the encoder whose vectors the table gets.
        base_version: the table's version before this build; `None` if the table has yet to be made anew. Every step of a build adds
            exactly one version, so `current version − base_version` steps are done.
        corpora: what the table held before.
        corpus: what is being added; `None` while rows are being removed.
        delete: ids of the rows that are being removed.
    """

    encoder: str
    base_version: int | None
    corpora: tuple[CorpusEntry, ...] = field(default=())
    corpus: CorpusEntry | None = None
    delete: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Puts `indexing.json` in place, atomically, then takes the old manifest away: from now on the index is unfinished."""
        write_json(folder / JOURNAL, asdict(self))
        (folder / MANIFEST).unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> Journal | None:
        """The journal of an interrupted build, or `None` if there is none or it cannot be understood."""
        try:
            values = json.loads((folder / JOURNAL).read_text())
            corpus = values["corpus"] and CorpusEntry(**values["corpus"])
            entries, delete = _entries(values["corpora"]), tuple(values.get("delete", ()))
            return cls(values["encoder"], values["base_version"], entries, corpus, delete)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def verify(folder: Path, manifest: Manifest) -> None:
    """Compares an artefact with its manifest.

    Raises:
        ArtefactError: the encoder, the table or a file is not what the manifest says.
    """
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ArtefactError(
            f"{folder} holds an index but no {WEIGHTS}", hint=f"copy the whole folder, or: {again(folder)}"
        )
    if file_sha256(weights) != manifest.encoder:
        if _described_encoder(folder) == manifest.encoder:  # index and meta agree: it is the file that is wrong
            raise ArtefactError(
                f"{weights} is not the encoder that {META} describes and the index was built with",
                hint="put the right file back, or train again with --force and index again",
            )
        raise ArtefactError(
            f"the index in {folder} was built with another encoder than its {WEIGHTS}", hint=again(folder)
        )
    for name, expected in ((INDEX_FILE, manifest.index), (ROWS_FILE, manifest.rows_file)):
        if not (folder / name).is_file():
            raise ArtefactError(f"{folder} lacks {name}", hint=again(folder))
        if describe_file(folder / name) != expected:
            raise ArtefactError(f"{folder / name} is not the file that the index was finished with", hint=again(folder))
    if table_files(folder) != manifest.table_files:
        raise ArtefactError(
            f"the table in {folder / 'db'} has changed since the index was built from it", hint=again(folder)
        )


def _described_encoder(folder: Path) -> str | None:
    """The fingerprint in `meta.json`; `None` if it cannot be read."""
    try:
        fingerprint: str | None = json.loads((folder / META).read_text())["encoder"]["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return fingerprint


def again(folder: Path) -> str:
    """The command that mends an index."""
    trained_on = _field(folder / META, "corpus")
    trained_on = trained_on if isinstance(trained_on, dict) else {}
    indexed = [entry.get("source") for entry in _held(folder)]
    corpus, place = (indexed and indexed[0]) or trained_on.get("corpus") or "CORPUS", shlex.quote(str(folder))
    known = trained_on.get("data_dir") if corpus == trained_on.get("corpus") else None
    data_dir = f" --data-dir {shlex.quote(str(known))}" if known else ""
    return f"run: samekind index --corpus {shlex.quote(str(corpus))} --encoder {place} --out {place}{data_dir}"


def from_nothing(folder: Path) -> str:
    """What to do where the table itself is of no use. The folder `db` stays: verdicts lie in it, too."""
    others = ", ".join(str(entry.get("source") or entry.get("key")) for entry in _held(folder)[1:])
    return f"put a copy of it back, or delete {folder / TABLE_FOLDER} and {again(folder)}" + (
        f"; then likewise for {others}" if others else ""
    )


def _held(folder: Path) -> list[dict[str, Any]]:
    """The corpora of an index by its manifest or, while one is being built, by its journal, as far as they can be read."""
    known = _field(folder / MANIFEST, "corpora")
    if not isinstance(known, list):
        before = _field(folder / JOURNAL, "corpora")
        known = [*(before if isinstance(before, list) else []), _field(folder / JOURNAL, "corpus")]
    return [entry for entry in known if isinstance(entry, dict)]


def encoder_named(folder: Path) -> str | None:
    """The encoder that a manifest names even though the rest of it may be damaged."""
    name = _field(folder / MANIFEST, "encoder")
    return name if isinstance(name, str) else None


def file_sha256(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def describe_file(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file, as the manifest keeps them."""
    return {"size": path.stat().st_size, "sha256": file_sha256(path)}


def table_files(folder: Path) -> str:
    """Digest over names and sizes of the table's data, deletions and versions; empty if there is no table."""
    root = folder / TABLE_FOLDER
    lines = []
    for part in ("_versions", "_deletions", "data"):
        if (root / part).is_dir():
            entries = [(entry.name, entry.stat().st_size) for entry in os.scandir(root / part)]
            lines += [f"{part}/{name} {size}" for name, size in sorted(entries) if not name.endswith(".json")]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""


def _entries(values: list[dict[str, Any]]) -> tuple[CorpusEntry, ...]:
    return tuple(CorpusEntry(**entry) for entry in values)


def _read_json(path: Path, folder: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} is damaged", hint=again(folder)) from error
    if not isinstance(values, dict):
        raise ArtefactError(f"{path} is damaged", hint=again(folder))
    return values


def _field(path: Path, name: str) -> Any:
    """One field of a JSON file that may be missing or damaged; `None` then."""
    try:
        return json.loads(path.read_text())[name]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _no_manifest(folder: Path) -> ArtefactError:
    if not folder.exists():
        return ArtefactError(
            f"{folder} does not exist", hint="give the folder of an artefact, e.g. artifacts/fashion-mnist"
        )
    if not folder.is_dir():
        return ArtefactError(
            f"{folder} is a file, expected the folder of an artefact", hint="e.g. artifacts/fashion-mnist"
        )
    if (folder / JOURNAL).exists() or (folder / TABLE_FOLDER).exists():
        return ArtefactError(f"the index in {folder} is unfinished", hint=again(folder))
    if (folder / META).exists():
        return ArtefactError(f"{folder} holds a trained encoder but no index", hint=again(folder))
    return ArtefactError(f"{folder} holds no index", hint="train and index first, e.g. make train")
