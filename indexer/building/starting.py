"""Where a build starts: an interrupted one of the same corpus resumes; otherwise from what the table holds, or from nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.indexer.building.given_vectors import GIVEN_SOURCE
from samekind.indexer.building.update_plan import entry_for, source_of
from samekind.indexer.storage.journal import Journal
from samekind.indexer.storage.layout import MANIFEST, TABLE_FOLDER
from samekind.indexer.storage.manifest import CorpusEntry, Manifest, NewerFormatError, encoder_named
from samekind.indexer.storage.table import ImageTable
from samekind.training.models.image_encoder import ImageEncoder


def starting_journal(corpus: Corpus, encoder: ImageEncoder, folder: Path, progress: Progress) -> Journal:
    """The journal to build by: that of the interrupted build, or a new one.

    Raises:
        ArtefactError: what the table holds is not known well enough to build on it, and other corpora would be lost without it.
    """
    rebuild = Journal(encoder.fingerprint, None, (), entry_for(corpus, ()))
    journal, table = Journal.read(folder), ImageTable(folder)
    if not table.exists() or (journal is not None and journal.base_version is None):
        return rebuild  # where the journal says so, whatever is given up was named when it was written
    if journal is not None:
        if journal.encoder == encoder.fingerprint:
            return _resumed(journal, corpus, table, progress)
        _say_given_up(table, corpus, progress)
        return rebuild
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
    return rebuild


def _resumed(journal: Journal, corpus: Corpus, table: ImageTable, progress: Progress) -> Journal:
    """The journal of an interrupted build, for the same corpus or for another one that is added to what is there."""
    assert journal.base_version is not None
    if journal.corpus is None or journal.corpus.content_hash != corpus.content_hash:
        held = journal.corpora
        if journal.corpus is not None:  # another corpus was interrupted half-way: its rows stay, unfinished
            half = replace(journal.corpus, content_hash="")
            held = (*(entry for entry in held if entry.key != half.key), half)
        return Journal(journal.encoder, table.version, held, entry_for(corpus, held))
    if table.holds(journal.base_version):
        return journal
    progress.print(
        "the table from before the interrupted build is gone: the build resumes from what the table holds now"
    )
    return replace(journal, base_version=table.version)


def _held(folder: Path, table: ImageTable) -> tuple[tuple[CorpusEntry, ...], str | None]:
    """The corpora of the table and the encoder of its vectors: as the manifest says or, if that is damaged, as far as they can be known."""
    try:
        manifest = Manifest.read(folder)
    except NewerFormatError:
        raise
    except ArtefactError:
        journal = Journal.read(folder)
        return _entries_of(table), journal.encoder if journal is not None else encoder_named(folder)
    return manifest.corpora, manifest.encoder


def _entries_of(table: ImageTable) -> tuple[CorpusEntry, ...]:
    """The corpora of a table by its own account: a row's uri is `folder/id` for a file and `name://id` otherwise."""
    entries: dict[str, CorpusEntry] = {}
    for row in table.rows().select(["id", "uri", "corpus"]).to_pylist():
        key, uri = row["corpus"], row["uri"]
        ends = [
            "/" + form
            for id_ in (row["id"], row["id"].removeprefix(f"{key}/"))  # it may have got the corpus' name before it
            for form in (id_, unicodedata.normalize("NFD", id_))
        ]
        name = next((uri.removesuffix(end) for end in ends if uri.endswith(end)), None)
        name = uri.partition("://")[0] if "://" in uri else name
        known = entries.get(key, CorpusEntry(key, None, "", 0))
        entries[key] = CorpusEntry(key, known.source or name, "", known.num_images + 1)
    return tuple(entries.values())


def _others(table: ImageTable, corpus: Corpus) -> list[str]:
    """The corpora, beside this one, that a table holds rows of."""
    entries = _entries_of(table)
    own = {entry_for(corpus, entries).key}
    if source_of(corpus) == GIVEN_SOURCE:  # their rows say nothing of where they came from
        own.add(corpus.name)
    return [entry.source or entry.key for entry in entries if entry.key not in own]


def _say_given_up(table: ImageTable, corpus: Corpus, progress: Progress) -> None:
    others = _others(table, corpus)
    if others:
        progress.print(
            f"the table holds another encoder's vectors and is rebuilt: the rows of {', '.join(others)} are given up, index them again"
        )
