"""Reads every byte of an index and compares its parts with each other: `samekind verify`.

Opening compares sizes and blocks of files, which costs the same at any size and finds what is missing, cut off or swapped. This finds
the rest: bits that changed on the disk, and parts that are whole but do not belong together.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress, Progress, Task
from samekind.indexer.labeling.people.given_labels import LabelTable
from samekind.indexer.labeling.people.tags import TagTable
from samekind.indexer.labeling.verdicts import VerdictTable, num_gone
from samekind.indexer.map.stored import ImageMap
from samekind.indexer.search.state.delta import load_vectors
from samekind.indexer.search.unit_vectors import not_unit
from samekind.indexer.storage.adaptation import adapted_files
from samekind.indexer.storage.checks import (
    check_index_file,
    check_rows_file,
    check_table_files,
    check_weights,
    is_lost,
    usable_adaptation,
)
from samekind.indexer.storage.fingerprints import file_sha256
from samekind.indexer.storage.layout import (
    ADAPTATION,
    INDEX_FILE,
    MANIFEST,
    MAP,
    PROBES_FOLDER,
    ROWS_FILE,
    TABLE_FOLDER,
)
from samekind.indexer.storage.manifest import Manifest, index_name
from samekind.indexer.storage.probes import table_follows
from samekind.indexer.storage.remedies import changed_meanwhile, json_field, rebuild_command, restore_hint, undo_hint
from samekind.indexer.storage.rows import Rows
from samekind.indexer.storage.table import ImageTable
from samekind.training.models.text_tower import stored_text
from samekind.training.runtime.artefact import (
    GIVEN,
    META,
    METRICS,
    METRICS_SHA256,
    TEXT,
    WEIGHTS,
    read_history,
    seal_holds,
)

PARTS = (WEIGHTS, ROWS_FILE, INDEX_FILE, str(TABLE_FOLDER), "verdicts")
"""What every index has; the index file of a tuned one has another name. After them come, where there are any, `text.safetensors`,
`labels` (by people), `tags`, `meta.json`, `metrics.jsonl`, `probes`, `adaptation.safetensors`, `map.safetensors`."""
_FROM_A_COPY = "take it from a copy; if there is none, samekind train --force and samekind index make the artefact anew"


@dataclass(frozen=True)
class CheckedPart:
    """One part of an artefact.

    Attributes:
        part: one of `PARTS` or of those that come after them; a tuned index file by its own name.
        ok: nothing is wrong with it.
        message: what was compared, or what is wrong.
        hint: the remedy; empty if nothing is wrong.
    """

    part: str
    ok: bool
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Verification:
    """The parts of an artefact, each compared with what it should be.

    Attributes:
        artefact: the folder.
        parts: in the order of `PARTS`.
    """

    artefact: str
    parts: tuple[CheckedPart, ...]

    @property
    def ok(self) -> bool:
        """True if no part is damaged."""
        return not self.damaged

    @property
    def damaged(self) -> tuple[CheckedPart, ...]:
        """The damaged parts."""
        return tuple(part for part in self.parts if not part.ok)

    def to_dict(self) -> dict[str, Any]:
        """The result as `--json` prints it."""
        return {"artefact": self.artefact, "ok": self.ok, "parts": [asdict(part) for part in self.parts]}


def verify(path: str | Path, progress: Progress | None = None) -> Verification:
    """Reads an index in full: hashes of the files, the table's rows and vectors, and whether all of them say the same.

    It changes nothing, and needs no lock: an index that is written meanwhile is refused, whatever it looked like.

    Args:
        path: the artefact.
        progress: shows a bar.

    Raises:
        ArtefactError: there is no finished index, its manifest is damaged, or somebody has written meanwhile.
    """
    folder = Path(path)
    manifest = Manifest.read(folder)
    if not seal_holds(folder / MANIFEST):
        raise ArtefactError(f"{folder / MANIFEST} is damaged", hint=rebuild_command(folder))
    with (progress or NoProgress()).task("Verifying", len(PARTS) + manifest.rows) as task:
        parts = tuple(_Parts(folder, manifest, task).checked())
    if not _is_still(folder, manifest):
        raise changed_meanwhile(folder)
    return Verification(str(path), parts)


def _is_still(folder: Path, manifest: Manifest) -> bool:
    """True if nobody has written since the manifest was read: a writer takes it away first, and writes it last."""
    try:
        return Manifest.read(folder).state == manifest.state
    except ArtefactError:
        return False


class _Parts:
    """The parts of one artefact. The table comes after the files that are derived from it: those whose hash is right show what it was."""

    def __init__(self, folder: Path, manifest: Manifest, task: Task) -> None:
        self._folder, self._manifest, self._task = folder, manifest, task
        self._index_file = index_name(manifest)
        self._whole: set[str] = set()

    def checked(self) -> Iterator[CheckedPart]:
        """Checks one part after the other."""
        checks = (self._weights, self._rows, self._vectors, self._table, self._verdicts)
        for part, check in zip(PARTS, checks, strict=True):
            yield self._one(self._index_file if part == INDEX_FILE else part, check)
            self._task.advance()
        if json_field(self._folder / META, "text"):
            yield self._one(TEXT, self._text)
        if LabelTable(self._folder).exists():
            yield self._one(LabelTable.name, self._labels)
        if TagTable(self._folder).exists():
            yield self._one(TagTable.name, self._tags)
        if (self._folder / META).is_file():
            yield self._one(META, self._meta)
        if json_field(self._folder / META, METRICS_SHA256):
            yield self._one(METRICS, self._metrics)
            # An index elsewhere than its training has none.
            if METRICS in self._whole and (self._folder / PROBES_FOLDER).is_dir():
                yield self._one("probes", self._probes)
        if (self._folder / ADAPTATION).is_file() or is_lost(self._folder):
            yield self._one(ADAPTATION, self._adaptation)
        if (self._folder / MAP).is_file():
            yield self._one(MAP, self._map)

    def _one(self, part: str, check: Callable[[], str]) -> CheckedPart:
        try:
            message = check()
        except ArtefactError as error:
            return CheckedPart(part, False, str(error), error.hint)
        self._whole.add(part)
        return CheckedPart(part, True, message)

    def _weights(self) -> str:
        check_weights(self._folder, self._manifest, full=True)
        given = self._manifest.encoder.startswith(GIVEN)
        return "none: the vectors were given" if given else "the encoder of the vectors"

    def _text(self) -> str:
        stored_text(self._folder, self._manifest.encoder)
        return "the text tower of that encoder"

    def _adaptation(self) -> str:
        adaptation = usable_adaptation(self._folder, self._manifest, full=True)
        if adaptation is None:
            names = ", ".join(file.name for file in adapted_files(self._folder))
            raise ArtefactError(f"{self._folder} holds {names} but no {ADAPTATION}", hint=undo_hint(self._folder))
        return f"version {adaptation.version}, with the vectors that it maps"

    def _map(self) -> str:
        found = ImageMap.read(self._folder)
        stale = found.state != self._manifest.state
        return "of an earlier state of the index; samekind map makes it anew" if stale else "where each image lies"

    def _rows(self) -> str:
        check_rows_file(self._folder, self._manifest, full=True)
        return _counted(self._manifest.rows, "row")

    def _vectors(self) -> str:
        check_index_file(self._folder, self._manifest, full=True)
        return f"{_counted(self._manifest.rows, 'vector')} of dim {self._manifest.dim}"

    def _table(self) -> str:
        table = ImageTable(self._folder, self._manifest.table_version)
        if (len(table), table.dim) != (self._manifest.rows, self._manifest.dim):
            raise self._table_differs(
                f"it has {_counted(len(table), 'row')} of dim {table.dim}, expected {self._manifest.rows:,} of dim {self._manifest.dim}"
            )
        if ROWS_FILE in self._whole and not table.rows().equals(Rows.read(self._folder / ROWS_FILE).table):
            raise self._table_differs(f"its rows are not those of {ROWS_FILE}")
        self._check_vectors(table)
        self._check_thumbnails(table)
        check_table_files(self._folder, self._manifest)
        same = [name for name in (ROWS_FILE, self._index_file) if name in self._whole]
        equal = f", equal to {' and '.join(same)}" if same else ""
        return f"{_counted(len(table), 'row')}, vectors of unit norm{equal}"

    def _check_vectors(self, table: ImageTable) -> None:
        index = load_vectors(self._manifest, self._folder.joinpath) if self._index_file in self._whole else None
        start = 0
        for block in table.vector_batches():
            rows = np.arange(start, start + len(block))
            differs = (
                (index.vectors(rows) != block).any(axis=1) if index is not None else np.zeros(len(block), dtype=bool)
            )
            if differs.any():
                raise self._table_differs(f"the vector of row {rows[differs][0]} is not that of {self._index_file}")
            if len(bad := not_unit(block)):
                raise self._table_differs(f"the vector of row {rows[bad[0]]} is not of unit norm")
            start += len(block)
            self._task.advance(len(block))

    def _check_thumbnails(self, table: ImageTable) -> None:
        thumbnails = (encoded for block in table.thumbnail_batches() for encoded in block)
        for row, encoded in enumerate(thumbnails):
            try:
                Image.open(io.BytesIO(encoded)).verify()  # the checksums of a PNG; of a JPEG no more than its head
            except Exception as error:  # Pillow's parsers raise nearly anything on damaged bytes
                raise self._table_differs(f"the thumbnail of row {row} is no picture") from error

    def _table_differs(self, reason: str) -> ArtefactError:
        return ArtefactError(f"{self._folder / TABLE_FOLDER} is damaged: {reason}", hint=restore_hint(self._folder))

    def _verdicts(self) -> str:
        table = VerdictTable(self._folder)
        verdicts = table.all()
        table.check_files()
        gone = num_gone(self._folder, verdicts) if verdicts and ROWS_FILE in self._whole else None
        about = f", {gone:,} about images that the index does not hold" if gone else ""
        return _counted(len(verdicts), "verdict") + about

    def _labels(self) -> str:
        table = LabelTable(self._folder)
        labels = table.all()
        table.check_files()
        return _counted(len(labels), "label") + " by people"

    def _tags(self) -> str:
        table = TagTable(self._folder)
        tags = table.all()
        table.check_files()
        return _counted(len(tags), "change")

    def _meta(self) -> str:
        if not seal_holds(self._folder / META):
            raise ArtefactError(f"{self._folder / META} is not as it was written", hint=_FROM_A_COPY)
        return "as it was written"

    def _metrics(self) -> str:
        path = self._folder / METRICS
        if not path.is_file() or file_sha256(path) != json_field(self._folder / META, METRICS_SHA256):
            raise ArtefactError(f"{path} is not what the training left", hint=_FROM_A_COPY)
        return "the epochs of the training"

    def _probes(self) -> str:
        if not table_follows(self._folder, read_history(self._folder)):
            place = self._folder / PROBES_FOLDER
            hint = f"delete {place} and run the same samekind train again, which writes it anew and trains nothing"
            raise ArtefactError(f"{place} does not hold what {METRICS} says", hint=hint)
        return f"what {METRICS} says"


def _counted(count: int, noun: str) -> str:
    """A number with its noun: `1 row`, `70,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
