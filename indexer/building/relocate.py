"""A corpus that has moved: artefacts name the folder that it was read from, and here they learn the new one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from samekind.core.errors import ArtefactError, CorpusError, InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.data.decoding.pictures import content_sha256, file_and_frame
from samekind.data.layouts.labels.given_labels import absolute_labels
from samekind.data.sources.parquet import parquet_files
from samekind.data.sources.registry import REGISTERED, load_corpus
from samekind.indexer.storage.checks import check_finished
from samekind.indexer.storage.layout import JOURNAL, MANIFEST, ROWS_FILE, TABLE_FOLDER
from samekind.indexer.storage.manifest import CorpusEntry, Manifest
from samekind.indexer.storage.places import name_within
from samekind.indexer.storage.recorded_corpus import is_recorded_corpus, recorded_source
from samekind.indexer.storage.rows import Rows
from samekind.training.runtime.artefact import META, read_meta, write_json
from samekind.training.runtime.lock import exclusive

SAMPLE = 64
"""Images of a corpus whose content is compared."""
_ENOUGH = 0.5


@dataclass(frozen=True)
class Relocation:
    """A corpus that an artefact finds again.

    Attributes:
        corpus: its name.
        before: where it was.
        now: where it is.
        compared: images whose content was compared.
        found: those of them that are there with the same content.
    """

    corpus: str
    before: str
    now: str
    compared: int
    found: int

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


def relocate(artefact: str | Path, place: str | Path, *, progress: Progress | None = None) -> Relocation:
    """Tells an artefact where its corpus lies now.

    Pictures, `evaluate`, `detectors` and the next `index` look there from then on. Nothing is embedded, and readers
    may have the index open.

    Args:
        artefact: the folder with the encoder or the index.
        place: folder, Parquet file or pack that the corpus lies in now; for a corpus known by name its data folder.
        progress: shows a bar where a whole corpus has to be read.

    Returns:
        What was found there.

    Raises:
        CorpusError: there is nothing at that place, or not the images of this artefact: at least half of a sample must be there unchanged.
        ArtefactError: the artefact names no corpus that lies in a folder, its index is unfinished, or another process works in it.
    """
    folder, new = Path(artefact), Path(place).expanduser()
    if not new.exists():
        raise CorpusError(f"there is nothing at {new}", hint="name the folder that the images lie in now")
    new = new.resolve()
    with exclusive(_existing(folder)):
        meta = read_meta(folder) if (folder / META).is_file() else {}
        if not any((folder / name).exists() for name in (MANIFEST, JOURNAL, TABLE_FOLDER)):
            return _relocated_training(folder, meta, new, progress or NoProgress())
        check_finished(folder)
        manifest = Manifest.read(folder)
        entries = [entry for entry in manifest.corpora if entry.source and Path(entry.source).is_absolute()]
        if not entries:
            return _relocated_training(folder, meta, new, progress or NoProgress())
        rows = Rows.read(folder / ROWS_FILE).table.to_pylist()
        found = [_compared([row for row in rows if row["corpus"] == entry.key], entry, new) for entry in entries]
        best = max(found, key=lambda one: (one.found / max(1, one.compared), one.before != one.now))
        if not best.compared or best.found < _ENOUGH * best.compared:
            raise _not_there(best)
        recorded = meta.get("corpus") or {}
        if recorded.get("corpus") == best.before:  # the manifest last: it is what a second try goes by
            write_json(
                folder / META,
                {**meta, "corpus": {**recorded, "corpus": best.now, **_labels(recorded, best.before, new)}},
            )
        moved = [_moved(entry, best, new) if entry.key == best.corpus else entry for entry in manifest.corpora]
        replace(manifest, corpora=tuple(moved)).write(folder)
        return best


def _moved(entry: CorpusEntry, best: Relocation, new: Path) -> CorpusEntry:
    choices = entry.choices or {}
    return replace(entry, source=best.now, choices={**choices, **_labels(choices, best.before, new)})


def _labels(choices: Mapping[str, Any], before: str, new: Path) -> dict[str, str]:
    """The choice of a file of labels that lay in the folder and has moved with it; empty if there is none."""
    given = str(choices.get("labels") or "")
    inner = given.removeprefix(f"{before.rstrip('/')}/")
    try:
        return {} if inner == given else {"labels": absolute_labels(str(new / inner), new)}
    except InputError:
        return {}


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise ArtefactError(f"{folder} is no artefact", hint="name the folder that train, index or quickstart made")
    return folder


def _compared(rows: list[dict[str, Any]], entry: CorpusEntry, new: Path) -> Relocation:
    """How many of a sample of a corpus' images are at a place."""
    chosen = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(int))]
    if new.is_file() or parquet_files(new):
        held = {reference.sha256 for reference in load_corpus(new).references}
        found = sum(row["sha256"] in held for row in chosen)
    else:
        found = sum(_is_there(row, new) for row in chosen)
    return Relocation(entry.key, str(entry.source), str(new), len(chosen), found)


def _is_there(row: dict[str, Any], new: Path) -> bool:
    name = name_within(row)
    if name is None:
        return False
    file, frame = file_and_frame(new / name)
    if not file.is_file():  # a named pipe would wait for ever
        return False
    try:
        return bool(content_sha256(file.read_bytes(), frame) == row["sha256"])
    except OSError:
        return False


def _relocated_training(folder: Path, meta: dict[str, Any], new: Path, progress: Progress) -> Relocation:
    """For an encoder without an index of a folder: its images are known by one hash over all of them."""
    recorded = meta.get("corpus") or {}
    name, kind = recorded.get("corpus"), "data_dir" if recorded.get("corpus") in REGISTERED else "corpus"
    if not name or not (kind == "data_dir" or Path(name).is_absolute()):
        raise ArtefactError(f"{folder} names no corpus that could have moved", hint="there is nothing to relocate")
    labels = _labels(recorded, str(name), new) if kind == "corpus" else {}
    corpus = _loaded({**recorded_source(recorded), kind: str(new), **labels}, progress)
    one = Relocation(str(recorded.get("name")), str(recorded.get(kind)), str(new), len(corpus), len(corpus))
    if not is_recorded_corpus(corpus, recorded):
        raise _not_there(replace(one, found=0))
    write_json(folder / META, {**meta, "corpus": {**recorded, kind: str(new), **labels}})
    return one


def _loaded(source: dict[str, Any], progress: Progress) -> Corpus:
    try:
        return load_corpus(**source, progress=progress)
    except InputError as error:
        raise CorpusError(str(error), hint=error.hint) from error


def _not_there(one: Relocation) -> CorpusError:
    return CorpusError(
        f"{one.now} does not hold the images of {one.before}: of {one.compared} compared, {one.found} are there with the same content",
        hint=f"name the folder that takes the place of {shlex.quote(one.before)}",
    )
