"""Builds an index so that it can be killed at any moment and goes on where it was.

    journal written, old manifest taken away
    → table: delete, reuse, embed (each step one version)
    → rows.arrow, index.faiss → manifest → journal removed

Every append is atomic, and the journal names the table's version before the build. The plan is worked out from the corpus and from the
table *at that version* (and from which files are still there, see `indexer.building.update_plan`), so the steps already done are counted,
not guessed, and continuing gives the same rows in the same order. A removal has its ids in the journal; whoever comes next finishes it
first.

One process at a time writes (`samekind.training.runtime.lock`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.indexer.building.embed import chunk_size, embed_chunks, reused_rows
from samekind.indexer.building.update_plan import Plan, entry_for, make_plan
from samekind.indexer.search import vector_index
from samekind.indexer.search.opened import ImageEncoder
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.manifest import (
    INDEX_FILE,
    JOURNAL,
    MANIFEST,
    ROWS_FILE,
    TABLE_FOLDER,
    CorpusEntry,
    Journal,
    Manifest,
    NewerFormatError,
    describe_file,
    encoder_named,
    file_sha256,
    from_nothing,
    table_files,
    verify,
)
from samekind.indexer.storage.rows import Rows
from samekind.indexer.storage.table import ImageTable, id_chunks
from samekind.training.runtime.artefact import (
    ANSWERS,
    FORMAT,
    META,
    METRICS,
    WEIGHTS,
    check_writable,
    read_meta,
    write_atomically,
    write_json,
)
from samekind.training.runtime.lock import exclusive


def bring_up_to_date(corpus: Corpus, encoder: ImageEncoder, folder: Path, progress: Progress | None = None) -> int:
    """Makes the index in `folder` hold `corpus`, beside whatever it holds already.

    Args:
        corpus: the images.
        encoder: makes the vectors. A table of another encoder's vectors is made anew; the corpora that are given up so are named.
        folder: the artefact. If it holds no encoder yet, it gets this one.
        progress: shows bars and says what was found.

    Returns:
        How many images were embedded.

    Raises:
        ArtefactError: the folder cannot be written, holds another encoder, an unfinished training or other corpora of which it is not known
            what made their vectors, or another process is working there; `NewerFormatError` for an index of a newer samekind.
        InputError: the encoder gives vectors that are not of unit norm.
    """
    check_writable(folder)
    with exclusive(folder):
        return _bring_up_to_date(corpus, encoder, folder, progress or NoProgress())


def _bring_up_to_date(corpus: Corpus, encoder: ImageEncoder, folder: Path, progress: Progress) -> int:
    _place_encoder(encoder, corpus, folder)
    _finish_removal(folder, progress)
    journal = _journal(corpus, encoder, folder, progress)
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


def remove_rows(folder: Path, ids: Sequence[str], progress: Progress | None = None) -> None:
    """Deletes rows and builds FAISS index and manifest anew.

    Args:
        folder: a finished index.
        ids: rows to delete; all are there.
        progress: shows a bar.

    Raises:
        ArtefactError: the index is not finished, or another process is working there.
    """
    progress = progress or NoProgress()
    with exclusive(folder):
        _finish_removal(folder, progress)
        manifest = Manifest.read(folder)
        Journal(manifest.encoder, ImageTable(folder).version, manifest.corpora, delete=tuple(ids)).write(folder)
        _finish_removal(folder, progress)


def finish_removal(folder: Path) -> tuple[str, ...]:
    """Finishes a removal that was interrupted, if there is one.

    Returns:
        The ids that it was to remove.

    Raises:
        ArtefactError: another process is working there.
    """
    if not _removal(folder):
        return ()
    with exclusive(folder):
        return _finish_removal(folder, NoProgress())


def _removal(folder: Path) -> Journal | None:
    journal = Journal.read(folder)
    return journal if journal is not None and journal.delete and ImageTable(folder).exists() else None


def _finish_removal(folder: Path, progress: Progress) -> tuple[str, ...]:
    """Deleting twice deletes once: nothing has to be counted."""
    journal = _removal(folder)
    if journal is None:
        return ()
    table = ImageTable(folder)
    for part in id_chunks(journal.delete):
        table.delete(part)
    finish(folder, journal.encoder, journal.corpora, progress)
    return journal.delete


def finish(folder: Path, encoder: str, corpora: tuple[CorpusEntry, ...], progress: Progress) -> None:
    """Derives everything else from the table: `rows.arrow`, `index.faiss` and, last, the manifest.

    Raises:
        ArtefactError: two rows have one id, as after two writers at once; no answer would be right.
    """
    table = ImageTable(folder)
    rows = Rows(table.rows())
    if len(rows.position) != len(rows):
        raise ArtefactError(
            f"the table in {folder / 'db'} holds {len(rows) - len(rows.position)} ids twice",
            hint=from_nothing(folder),
        )
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


def _journal(corpus: Corpus, encoder: ImageEncoder, folder: Path, progress: Progress) -> Journal:
    """Where to start: an interrupted build of the same corpus goes on; otherwise from what the table holds, or from nothing.

    Raises:
        ArtefactError: what the table holds is not known well enough to build on it, and other corpora would be lost without it.
    """
    anew = Journal(encoder.fingerprint, None, (), entry_for(corpus, ()))
    journal, table = Journal.read(folder), ImageTable(folder)
    if not table.exists() or (journal is not None and journal.base_version is None):
        return anew  # where the journal says so, whatever is given up was named when it was written
    if journal is not None and journal.base_version is not None and table.version >= journal.base_version:
        if journal.encoder != encoder.fingerprint:
            _say_given_up(table, corpus, progress)
            return anew
        if journal.corpus is not None and journal.corpus.content_hash == corpus.content_hash:
            return journal
        held = journal.corpora
        if journal.corpus is not None:  # another corpus was interrupted half-way: its rows stay, unfinished
            half = CorpusEntry(journal.corpus.key, journal.corpus.source, "", journal.corpus.num_images)
            held = (*(entry for entry in held if entry.key != half.key), half)
        return Journal(encoder.fingerprint, table.version, held, entry_for(corpus, held))
    held, made_by = _held(folder, table)
    if made_by == encoder.fingerprint:
        return Journal(encoder.fingerprint, table.version, held, entry_for(corpus, held))
    others = _others(table, corpus)
    if made_by is None and others:
        raise ArtefactError(
            f"{folder / MANIFEST} is missing or damaged, and the table holds rows of {', '.join(others)} too: what made them is not known",
            hint=f"restore {MANIFEST} from a copy, or delete {folder / TABLE_FOLDER} to index everything again",
        )
    _say_given_up(table, corpus, progress)
    return anew


def _held(folder: Path, table: ImageTable) -> tuple[tuple[CorpusEntry, ...], str | None]:
    """What the table holds, and the encoder of its vectors: as the manifest says or, if that is damaged, as far as either can be known."""
    try:
        manifest = Manifest.read(folder)
    except NewerFormatError:
        raise
    except ArtefactError:
        journal = Journal.read(folder)
        return _entries_of(table), journal.encoder if journal is not None else encoder_named(folder)
    return manifest.corpora, manifest.encoder


def _entries_of(table: ImageTable) -> tuple[CorpusEntry, ...]:
    """What a table holds by its own account: a row's uri is `folder/id` for a file and `name://id` otherwise."""
    entries: dict[str, CorpusEntry] = {}
    for row in table.rows().select(["id", "uri", "corpus"]).to_pylist():
        key, uri = row["corpus"], row["uri"]
        ends = (
            "/" + row["id"],
            "/" + row["id"].removeprefix(f"{key}/"),
        )  # the id may have got the corpus' name before it
        name = next((uri.removesuffix(end) for end in ends if uri.endswith(end)), None)
        name = uri.partition("://")[0] if "://" in uri else name
        known = entries.get(key, CorpusEntry(key, None, "", 0))
        entries[key] = CorpusEntry(key, known.source or name, "", known.num_images + 1)
    return tuple(entries.values())


def _others(table: ImageTable, corpus: Corpus) -> list[str]:
    """The corpora, beside this one, that a table holds rows of."""
    entries = _entries_of(table)
    own = entry_for(corpus, entries).key
    return [entry.source or entry.key for entry in entries if entry.key != own]


def _say_given_up(table: ImageTable, corpus: Corpus, progress: Progress) -> None:
    others = _others(table, corpus)
    if others:
        progress.print(
            f"the table holds another encoder's vectors and is made anew: the rows of {', '.join(others)} are given up, index them again"
        )


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
            f"not among these images any more, of {entry.key}: {plan.vanished:,}; in the index they stay until they are removed"
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
    _check_no_training(folder)
    write_json(  # before the weights, which are what makes an artefact of the folder
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
    write_atomically(weights, to_bytes())


def _check_no_training(folder: Path) -> None:
    """Refuses a folder whose `meta.json` belongs to a training that has yet to write its weights."""
    if (folder / META).is_file() and not (read_meta(folder).get("training") or {}).get("finished"):
        raise ArtefactError(
            f"{folder} holds an unfinished training",
            hint="finish it with the same samekind train, or choose another --out",
        )


def _version() -> str:
    try:
        return metadata.version("samekind")
    except metadata.PackageNotFoundError:
        return "unknown"


def copy_encoder(source: Path, folder: Path) -> None:
    """Copies the encoder of one artefact into another folder that has none, with all that is known about its training.

    Raises:
        ArtefactError: the folder cannot be written or holds an unfinished training, or another process is working there.
    """
    check_writable(folder)
    if (folder / WEIGHTS).exists() or source.resolve() == folder.resolve():
        return
    with exclusive(folder):
        _check_no_training(folder)
        for name in (ANSWERS, META, METRICS, WEIGHTS):  # the weights last: they are what makes the copy count
            if (source / name).is_file():
                write_atomically(folder / name, (source / name).read_bytes())
