"""Builds an index so that it can be killed at any moment and goes on where it was.

    journal written, old manifest taken away
    → table: delete, reuse, embed (each step one version)
    → rows.arrow, index.faiss → manifest → journal removed

Every append is atomic, and the journal names the table's version before the build. The plan is a pure function of the corpus and of the
table *at that version*, so the steps already done are counted, not guessed, and continuing gives the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from data.corpus import Corpus
from data.errors import ArtefactError
from data.progress import NoProgress, Progress
from indexer import vector_index
from indexer.embed import ImageEncoder, chunk_size, embed_chunks, reused_rows
from indexer.manifest import (
    INDEX_FILE,
    JOURNAL,
    ROWS_FILE,
    CorpusEntry,
    Journal,
    Manifest,
    describe_file,
    file_sha256,
    table_files,
    verify,
)
from indexer.plan import Plan, entry_for, make_plan
from indexer.rows import Rows
from indexer.store import ImageTable, id_chunks
from indexer.vector_index import VectorIndex
from training.artefact import FORMAT, META, METRICS, WEIGHTS, check_writable, write_atomically, write_json


def bring_up_to_date(corpus: Corpus, encoder: ImageEncoder, folder: Path, progress: Progress | None = None) -> int:
    """Makes the index in `folder` hold `corpus`, beside whatever it holds already.

    Args:
        corpus: the images.
        encoder: makes the vectors. A table of another encoder's vectors is made anew.
        folder: the artefact. If it holds no encoder yet, it gets this one.
        progress: shows bars and says what was found.

    Returns:
        How many images were embedded.

    Raises:
        ArtefactError: the folder cannot be written or holds another encoder.
        InputError: the encoder gives vectors that are not of unit norm.
    """
    progress = progress or NoProgress()
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _place_encoder(encoder, corpus, folder)
    journal = _journal(corpus, encoder, folder)
    table = ImageTable(folder)
    if journal.base_version is None:
        journal.write(folder)
        table.create(encoder.dim)
        journal = Journal(journal.encoder, table.version, journal.corpora, journal.corpus)
        journal.write(folder)
    assert journal.base_version is not None
    assert journal.corpus is not None
    plan = make_plan(corpus, journal.corpus.key, table.at(journal.base_version).rows())
    _say(plan, journal.corpus, progress)
    if plan.empty and _finished(folder, journal):
        return 0
    journal.write(folder)
    _Work(corpus, encoder, table, plan, journal, progress).run()
    corpora = [entry for entry in journal.corpora if entry.key != journal.corpus.key]
    finish(folder, encoder.fingerprint, (*corpora, journal.corpus), progress)
    return len(plan.embed)


def remove_rows(
    folder: Path, encoder: str, ids: Sequence[str], corpora: tuple[CorpusEntry, ...], progress: Progress | None = None
) -> None:
    """Deletes rows and builds FAISS index and manifest anew.

    Args:
        folder: a finished index.
        encoder: its encoder's fingerprint.
        ids: rows to delete; all are there.
        corpora: the manifest's.
        progress: shows a bar.
    """
    table = ImageTable(folder)
    Journal(encoder, table.version, corpora).write(folder)
    for part in id_chunks(ids):
        table.delete(part)
    finish(folder, encoder, corpora, progress or NoProgress())


def finish(folder: Path, encoder: str, corpora: tuple[CorpusEntry, ...], progress: Progress) -> None:
    """Derives everything else from the table: `rows.arrow`, `index.faiss` and, last, the manifest."""
    table = ImageTable(folder)
    rows = Rows(table.rows())
    with progress.task("Building the search index", max(1, len(rows))) as task:
        index = VectorIndex.build(table.vector_batches, table.dim, len(rows), vector_index.EXACT_LIMIT)
        rows.write(folder / ROWS_FILE)
        index.save(folder / INDEX_FILE)
        Manifest(
            encoder=encoder,
            dim=table.dim,
            rows=len(rows),
            table_version=table.version,
            table_files=table_files(folder),
            index_type=index.kind,
            index=describe_file(folder / INDEX_FILE),
            rows_file=describe_file(folder / ROWS_FILE),
            corpora=corpora,
            ann_recall_at_10=index.ann_recall,
            samekind=_version(),
        ).write(folder)
        (folder / JOURNAL).unlink(missing_ok=True)
        task.advance(max(1, len(rows)))


class _Work:
    """The steps of one build; each adds one version to the table."""

    def __init__(
        self, corpus: Corpus, encoder: ImageEncoder, table: ImageTable, plan: Plan, journal: Journal, progress: Progress
    ) -> None:
        assert journal.base_version is not None
        assert journal.corpus is not None
        self.corpus, self.encoder, self.table, self.plan, self.progress = corpus, encoder, table, plan, progress
        self.key, self.base = journal.corpus.key, journal.base_version

    def run(self) -> None:
        """Does what is not done yet."""
        done = self.table.version - self.base
        small = list(self._small_steps())
        for step in small[done:]:
            step()
        chunks_done = max(0, done - len(small))
        if chunks_done:
            embedded = min(chunks_done * chunk_size(self.encoder.spec), len(self.plan.embed))
            self.progress.print(
                f"continuing an interrupted build: {embedded:,} of {len(self.plan.embed):,} images are embedded already"
            )
        if self.plan.embed:
            for rows in embed_chunks(self.corpus, self.encoder, self.plan.embed, self.key, chunks_done, self.progress):
                self.table.append(rows)

    def _small_steps(self) -> Iterator[Callable[[], None]]:
        for ids in id_chunks(self.plan.delete):
            yield lambda ids=ids: self.table.delete(ids)  # type: ignore[misc]
        reuse = self.plan.reuse
        for start in range(0, len(reuse), chunk_size(self.encoder.spec)):
            part = reuse[start : start + chunk_size(self.encoder.spec)]
            yield lambda part=part: self.table.append(self._reused(part))  # type: ignore[misc]

    def _reused(self, part: list[tuple[int, str, str]]) -> Any:
        old = self.table.at(self.base).full_rows([old_id for _, _, old_id in part])
        return reused_rows(self.corpus, [(i, id_) for i, id_, _ in part], self.key, old)


def _journal(corpus: Corpus, encoder: ImageEncoder, folder: Path) -> Journal:
    """Where to start: an interrupted build of the same corpus goes on; otherwise from what the table holds, or from nothing."""
    anew = Journal(encoder.fingerprint, None, (), entry_for(corpus, ()))
    journal, table = Journal.read(folder), ImageTable(folder)
    if not table.exists():
        return anew
    if journal is not None:
        if (
            journal.encoder != encoder.fingerprint
            or journal.base_version is None
            or table.version < journal.base_version
        ):
            return anew
        if journal.corpus is not None and journal.corpus.content_hash == corpus.content_hash:
            return journal
        held = journal.corpora
        if journal.corpus is not None:  # another corpus was interrupted half-way: its rows stay, unfinished
            half = CorpusEntry(journal.corpus.key, journal.corpus.source, "", journal.corpus.num_images)
            held = (*(entry for entry in held if entry.key != half.key), half)
        return Journal(encoder.fingerprint, table.version, held, entry_for(corpus, held))
    try:
        manifest = Manifest.read(folder)
    except ArtefactError:
        return anew
    if manifest.encoder != encoder.fingerprint:
        return anew
    return Journal(encoder.fingerprint, table.version, manifest.corpora, entry_for(corpus, manifest.corpora))


def _finished(folder: Path, journal: Journal) -> bool:
    """Whether the index lacks nothing and knows this corpus."""
    try:
        manifest = Manifest.read(folder)
        verify(folder, manifest)
    except ArtefactError:
        return False
    return journal.corpus in manifest.corpora


def _say(plan: Plan, entry: CorpusEntry, progress: Progress) -> None:
    if plan.empty:
        progress.print(f"nothing new: all {plan.unchanged + plan.known:,} images of {entry.key} are in the index")
    elif plan.unchanged or plan.known:
        progress.print(f"{plan.unchanged + plan.known:,} images are in the index already, {len(plan.embed):,} are new")
    if plan.vanished:
        progress.print(
            f"{plan.vanished:,} rows of {entry.key} are not among these images; they stay until they are removed"
        )


def _place_encoder(encoder: ImageEncoder, corpus: Corpus, folder: Path) -> None:
    """An artefact holds the encoder that its vectors come from, so that it can be copied as it is."""
    weights = folder / WEIGHTS
    if weights.is_file():
        if file_sha256(weights) != encoder.fingerprint:
            raise ArtefactError(
                f"{folder} holds another encoder than the one given",
                hint="choose another --out, or give this folder as --encoder",
            )
        return
    to_bytes = getattr(encoder, "to_bytes", None)
    if to_bytes is None:
        raise ArtefactError(f"{folder} holds no {WEIGHTS}", hint="save the encoder there first")
    spec = asdict(encoder.spec) if is_dataclass(encoder.spec) and not isinstance(encoder.spec, type) else {}
    write_atomically(weights, to_bytes())
    write_json(
        folder / META,
        {
            "format": FORMAT,
            "encoder": {**spec, "fingerprint": encoder.fingerprint},
            "config": {},
            "corpus": {
                "name": corpus.name,
                "corpus": corpus.source.get("corpus"),
                "data_dir": corpus.source.get("data_dir"),
                "content_hash": corpus.content_hash,
                "num_images": len(corpus),
            },
            "training": {"finished": True},
        },
    )


def _version() -> str:
    try:
        return metadata.version("samekind")
    except metadata.PackageNotFoundError:
        return "unknown"


def copy_encoder(source: Path, folder: Path) -> None:
    """Copies the encoder of one artefact into another folder that has none, with all that is known about its training."""
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / WEIGHTS).exists() or source.resolve() == folder.resolve():
        return
    for name in (META, METRICS, WEIGHTS):  # the weights last: they are what makes the copy count
        if (source / name).is_file():
            write_atomically(folder / name, (source / name).read_bytes())
