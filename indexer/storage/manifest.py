"""The parts of a finished index, written last: `manifest.json`."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.core.text import counted
from samekind.data.types.same_class import rule_of
from samekind.indexer.storage.layout import INDEX_FILE, JOURNAL, MANIFEST, TABLE_FOLDER
from samekind.indexer.storage.remedies import json_field, rebuild_command
from samekind.training.runtime.artefact import META, SEAL, write_json
from samekind.training.runtime.lock import LOCK

FORMAT = 2
"""2 has samples of files beside their hashes, so that opening need not read them in full."""
NEWEST_FORMAT = 3
"""3 has what earlier releases would misread: a kind of index that they do not know, one that was tuned, or changes beside its file."""
_MOST_NAMED = 10
_KNOWN_KINDS = re.compile(r"(IVF\d+,)?Flat")  # by format 2


class NewerFormatError(ArtefactError):
    """The manifest was written by a newer samekind: nothing here may be taken for damaged and rebuilt."""


@dataclass(frozen=True)
class CorpusEntry:
    """A corpus that the index holds rows of.

    Attributes:
        key: what the table's column `corpus` says; the corpus' name, numbered if two sources share it.
        source: name or absolute folder that the corpus was loaded from; `None` for arrays in memory.
        content_hash: of the corpus when it was last indexed; empty while that is unfinished.
        num_images: how many images it had then.
        label_rule: when images of several labels are of the same class (`exact`, `any`); empty if none has several.
        choices: how a folder was read, where the user said so (`data.layouts.folder_choices`).
    """

    key: str
    source: str | None
    content_hash: str
    num_images: int
    choices: dict[str, Any] = field(default_factory=dict)
    label_rule: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The entry as it stands in a JSON file."""
        return {name: value for name, value in asdict(self).items() if name not in ("choices", "label_rule") or value}


@dataclass(frozen=True)
class Manifest:
    """A finished index.

    Attributes:
        encoder: fingerprint of the encoder that made the vectors.
        dim: dimension D of the vectors.
        rows: number of rows N.
        table_version: LanceDB's version number of the table.
        table_files: digest over names and sizes of the table's files.
        index_type: FAISS' name for the index, `Flat`, `IVF…,Flat` or `IVF…,PQ…x4fs,RFlat`, say.
        index: `{"size", "sha256", "sample"}` of `index.faiss`; format 1 had no sample. `"name"` if the file has another name.
        rows_file: the same of `rows.arrow`.
        corpora: what was indexed.
        ann_recall_at_10: overlap with exact search, measured when the index was built; 1 for `Flat`.
        weights: the same of the encoder's file; `None` in format 1, and where the file is not the encoder of the vectors.
        delta: the same of `delta.safetensors`, and in `of` the hash of the index file that it has changes of; `None` without one.
        metric: `cosine`: the inner product of unit vectors.
        samekind: version that wrote this.
        format: of this file.
        tuned: parameters, recall, latency and bytes a vector, as `samekind tune` measured them; `None` where it did not.
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
    weights: dict[str, Any] | None = None
    delta: dict[str, Any] | None = None
    metric: str = "cosine"
    samekind: str = "unknown"
    format: int = FORMAT
    tuned: dict[str, Any] | None = None

    @property
    def state(self) -> tuple[str, int, str]:
        """Tells one state of an index from any other: whatever is derived from the same table and encoder is equal."""
        return self.encoder, self.table_version, self.table_files

    @property
    def label_rule(self) -> str:
        """When images of several labels are of the same class: `any` if one corpus is read so, `exact`, or empty if none has several."""
        return rule_of(entry.label_rule for entry in self.corpora)

    def write(self, folder: Path) -> None:
        """Puts `manifest.json` in place, atomically."""
        values = {**asdict(self), "corpora": [entry.to_dict() for entry in self.corpora]}
        if self.delta is None:
            del values["delta"]
        if self.tuned is None:
            del values["tuned"]
        if self.tuned or self.delta or not _KNOWN_KINDS.fullmatch(self.index_type):
            values["format"] = NEWEST_FORMAT
        write_json(folder / MANIFEST, values)

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
        values.pop(SEAL, None)
        version = values.get("format", 0)
        if not isinstance(version, int):
            raise ArtefactError(f"{path} is damaged", hint=rebuild_command(folder))
        if version > NEWEST_FORMAT:
            raise NewerFormatError(
                f"{path} has format {version}, this samekind reads up to {NEWEST_FORMAT}", hint="upgrade samekind"
            )
        try:
            manifest = cls(**{**values, "corpora": entries(values["corpora"])})
            for file in (manifest.index, manifest.rows_file, manifest.weights or {}, manifest.delta or {}):
                if not isinstance(file, dict):
                    raise TypeError("a file's entry is no object")
            if Path(index_name(manifest)).name != index_name(manifest):
                raise TypeError("the index file lies elsewhere")  # and would be deleted there by `samekind tune`
            return manifest
        except (KeyError, TypeError) as error:
            raise ArtefactError(f"{path} is damaged", hint=rebuild_command(folder)) from error


def index_name(manifest: Manifest) -> str:
    """The name of the index file."""
    return str(manifest.index.get("name", INDEX_FILE))


def encoder_named(folder: Path) -> str | None:
    """The encoder that a manifest names even though the rest of it may be damaged."""
    name = json_field(folder / MANIFEST, "encoder")
    return name if isinstance(name, str) else None


def entries(values: list[dict[str, Any]]) -> tuple[CorpusEntry, ...]:
    """Corpora as they stand in a JSON file."""
    return tuple(CorpusEntry(**entry) for entry in values)


def _read_json(path: Path, folder: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} is damaged", hint=rebuild_command(folder)) from error
    if not isinstance(values, dict):
        raise ArtefactError(f"{path} is damaged", hint=rebuild_command(folder))
    return values


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
        return ArtefactError(f"the index in {folder} is unfinished", hint=rebuild_command(folder))
    if (folder / META).exists():
        return ArtefactError(f"{folder} holds a trained encoder but no index", hint=rebuild_command(folder))
    inside = sorted(
        manifest.parent.name for manifest in folder.glob(f"*/{MANIFEST}") if (manifest.parent / TABLE_FOLDER).exists()
    )
    if inside:
        named = f"{folder} holds no index itself, but {counted(len(inside), 'folder with one', 'folders with one')}"
        more = ", …" if len(inside) > _MOST_NAMED else ""
        hint = f"name one, e.g. {shlex.quote(str(folder / inside[0]))}"
        return ArtefactError(f"{named}: {', '.join(inside[:_MOST_NAMED])}{more}", hint=hint)
    named = shlex.quote(str(folder))
    if (folder / LOCK).exists():
        text = f"{folder} holds no index yet: what was begun there is not finished"
        return ArtefactError(text, hint="run the command that began it again, such as samekind index or quickstart")
    return ArtefactError(f"{folder} holds no index", hint=f"if it is a folder of images: samekind quickstart {named}")
