"""Everything that is derived from the table: `rows.arrow`, `index.faiss` and, last, the manifest.

All that takes time is done under other names. Then renames follow each other at once, so that readers have to wait for a moment only.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.indexer.building.adapted import follow_index
from samekind.indexer.building.beside import changed_index
from samekind.indexer.building.tidying import tidy
from samekind.indexer.building.tuning.tuned import kept_kind, sweep_tuned
from samekind.indexer.search import vector_index
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.checks import check_finished
from samekind.indexer.storage.fingerprints import describe_file, table_files
from samekind.indexer.storage.journal import Journal
from samekind.indexer.storage.layout import DELTA_FILE, INDEX_FILE, JOURNAL, ROWS_FILE
from samekind.indexer.storage.manifest import DELTA_FORMAT, FORMAT, CorpusEntry, Manifest
from samekind.indexer.storage.remedies import restore_hint
from samekind.indexer.storage.rows import Rows
from samekind.indexer.storage.table import ImageTable
from samekind.training.runtime.artefact import WEIGHTS


def finish(
    folder: Path, encoder: str, corpora: tuple[CorpusEntry, ...], progress: Progress, *, anew: bool = False
) -> None:
    """Writes what is derived from the table, and takes the journal away.

    Args:
        folder: the artefact.
        encoder: fingerprint of the encoder that made the vectors.
        corpora: what the table holds.
        progress: shows a bar.
        anew: the index file is built anew, however little has changed.

    Raises:
        ArtefactError: two rows have one id, as after two writers at once; no answer would be right.
    """
    table = ImageTable(folder)
    tidy(folder, table, progress)
    rows = Rows(table.rows())
    if len(rows.position) != len(rows):
        raise ArtefactError(
            f"the table in {folder / 'db'} holds {len(rows) - len(rows.position)} ids twice",
            hint=restore_hint(folder),
        )
    with progress.task("Building the search index", max(1, len(rows))) as task:
        changed = None if anew else changed_index(folder, encoder, rows, table, progress)
        index, delta = changed or (_built(folder, table, len(rows)), None)
        new_rows, new_index, new_delta = (folder / f"{name}.new" for name in (ROWS_FILE, INDEX_FILE, DELTA_FILE))
        rows.write(new_rows)
        if delta is None:
            index.save(new_index)
            described, beside = describe_file(new_index), None
        else:
            delta.write(new_delta)
            described = Manifest.read(folder).index
            beside = {**describe_file(new_delta), "of": described["sha256"]}
        manifest = Manifest(
            encoder=encoder,
            dim=table.dim,
            rows=len(rows),
            table_version=table.version,
            table_files=table_files(folder),
            index_type=index.kind,
            index=described,
            rows_file=describe_file(new_rows),
            corpora=corpora,
            ann_recall_at_10=index.ann_recall,
            weights=_weights(folder, encoder),
            samekind=_version(),
            delta=beside,
            format=FORMAT if beside is None else DELTA_FORMAT,
        )
        follow_index(folder, manifest, index, rows, progress)
        new_rows.replace(folder / ROWS_FILE)
        if delta is None:
            new_index.replace(folder / INDEX_FILE)
        else:
            new_delta.replace(folder / DELTA_FILE)
        manifest.write(folder)
        if delta is None:
            (folder / DELTA_FILE).unlink(missing_ok=True)
            sweep_tuned(folder)
        (folder / JOURNAL).unlink(missing_ok=True)
        task.advance(max(1, len(rows)))


def merge(folder: Path, progress: Progress) -> None:
    """Builds the index file anew, with all that lies beside it; the caller holds the lock of the folder.

    Raises:
        ArtefactError: the index is not finished.
    """
    check_finished(folder)
    manifest = Manifest.read(folder)
    Journal(manifest.encoder, ImageTable(folder).version, manifest.corpora).write(folder)
    finish(folder, manifest.encoder, manifest.corpora, progress, anew=True)


def _built(folder: Path, table: ImageTable, rows: int) -> VectorIndex:
    """The index of the table's vectors: of the kind that `samekind tune` has chosen, or that their number asks for."""
    kept = kept_kind(folder, rows)
    if kept is None:
        return VectorIndex.build(table.vector_batches, table.dim, rows, vector_index.EXACT_LIMIT)
    return VectorIndex.build_kind(table.vector_batches, table.dim, rows, *kept)


def add_samples(folder: Path, progress: Progress) -> None:
    """Rewrites a manifest of format 1 with the samples of files that format 2 has; the files have been compared in full before."""
    manifest = Manifest.read(folder)
    if manifest.format < FORMAT:
        progress.print(
            "the manifest of an older samekind now also holds samples of the files: opening need not read them in full"
        )
        replace(
            manifest,
            index=describe_file(folder / INDEX_FILE),
            rows_file=describe_file(folder / ROWS_FILE),
            weights=_weights(folder, manifest.encoder),
            format=FORMAT,
        ).write(folder)


def _weights(folder: Path, encoder: str) -> dict[str, Any] | None:
    """The description of the encoder's file, if it is that of the vectors: what is not must not be taken for it at opening."""
    weights = folder / WEIGHTS
    described = describe_file(weights) if weights.is_file() else None
    return described if described is not None and described["sha256"] == encoder else None


def _version() -> str:
    try:
        return metadata.version("samekind")
    except metadata.PackageNotFoundError:
        return "unknown"
