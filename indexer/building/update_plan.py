"""The changes that indexing a corpus makes to a table, worked out from these two alone, so that an interrupted build finds its plan again.

With one exception: whether a row's file is still there is asked of the file system, to tell a file that was moved from one that was copied.
A build that was interrupted resumes by the same plan as long as no file of that corpus comes or goes meanwhile; one that does changes
the corpus, and with it the plan, anyway.

Within one source an image is known by its id: two files of equal content stay two rows. Between sources it is known by its content: what
another source has brought already is not taken twice. Of the same source

* changed content under the same id replaces the row,
* a changed label, split or place keeps the vector,
* a file that was renamed or moved to another class takes its vector along,
* an image that is no longer there stays until it is removed.

Arrays in memory have no source that could be read again, so other arrays never replace them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from samekind.data.corpus import Corpus
from samekind.data.decoding.pictures import file_and_frame
from samekind.data.layouts.folder_choices import choices_of
from samekind.indexer.storage.manifest import CorpusEntry
from samekind.indexer.storage.places import current_place

FILE_GONE = "the file is gone"
NOT_READ = "the file is there, but is not read as an image of this corpus"


@dataclass
class Plan:
    """Steps that bring a table up to date.

    Attributes:
        delete: ids of rows to be replaced.
        reuse: (corpus row, new id, id of the row whose vector and thumbnail are taken).
        embed: (corpus row, new id).
        unchanged: rows of this corpus that stay as they are.
        known: images left out because another source has brought them.
        vanished: ids of this corpus whose images are not among its images any more.
    """

    delete: list[str] = field(default_factory=list)
    reuse: list[tuple[int, str, str]] = field(default_factory=list)
    embed: list[tuple[int, str]] = field(default_factory=list)
    unchanged: int = 0
    known: int = 0
    vanished: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """True if nothing is to be done."""
        return not (self.delete or self.reuse or self.embed)


@dataclass(frozen=True)
class TableRow:
    """The key of a row: it tells the row from the one that replaces it."""

    id: str
    uri: str
    split: str
    label: str | None
    sha256: str


def source_of(corpus: Corpus) -> str | None:
    """The source of a corpus: a registered name, or the absolute path of a folder; `None` for arrays in memory."""
    source = corpus.source.get("corpus")
    return str(source) if source else None


def entry_for(corpus: Corpus, corpora: Sequence[CorpusEntry]) -> CorpusEntry:
    """The corpus' entry in the manifest: the key of an earlier one of the same source or content, otherwise a new key."""
    source, choices = source_of(corpus), choices_of(corpus.source)
    for entry in corpora:
        if entry.content_hash == corpus.content_hash or (source is not None and entry.source == source):
            return CorpusEntry(entry.key, source, corpus.content_hash, len(corpus), choices, corpus.label_rule)
    taken = {entry.key for entry in corpora}
    key, number = corpus.name, 2
    while key in taken:
        key, number = f"{corpus.name}-{number}", number + 1
    return CorpusEntry(key, source, corpus.content_hash, len(corpus), choices, corpus.label_rule)


def make_plan(corpus: Corpus, key: str, table: Any) -> Plan:
    """Compares a corpus with a table.

    Args:
        corpus: what is indexed.
        key: its name in the table's column `corpus`.
        table: Arrow table with `table.ROW_COLUMNS`, in table order.
    """
    own, foreign_content, taken = _existing(table, key)
    target = [_own_id(own, id_, key) for id_ in corpus.ids]
    vanished = {row.id: row for row in own.values()}
    for id_ in target:
        vanished.pop(id_ or "", None)
    place = CorpusEntry(
        key, source_of(corpus), corpus.content_hash, len(corpus)
    )  # rows keep the address from before it moved
    moved = {row.sha256: row for row in reversed(list(vanished.values())) if not _still_there(row, place)}
    content = {row.sha256: row for row in reversed(list(own.values()))}
    plan = Plan()
    for i, id_ in enumerate(target):
        sha256 = corpus.sha256(i)
        row = own[id_] if id_ is not None else None
        if row is not None and row == _wanted(corpus, i, row.id):
            plan.unchanged += 1
        elif row is not None:
            plan.delete.append(row.id)
            if row.sha256 == sha256:
                plan.reuse.append((i, row.id, row.id))
            else:
                plan.embed.append((i, row.id))
        elif sha256 in moved:
            old = moved.pop(sha256)
            vanished.pop(old.id)
            plan.delete.append(old.id)
            taken.discard(old.id)
            plan.reuse.append((i, _free_id(corpus.ids[i], key, taken), old.id))
        elif sha256 in foreign_content:
            plan.known += 1
        elif sha256 in content:
            plan.reuse.append((i, _free_id(corpus.ids[i], key, taken), content[sha256].id))
        else:
            plan.embed.append((i, _free_id(corpus.ids[i], key, taken)))
    plan.vanished = list(vanished)
    return plan


def gone(corpus: Corpus, corpora: Sequence[CorpusEntry], table: Any) -> list[str]:
    """Ids of a corpus' rows whose files are not there any more.

    Args:
        corpus: as its source is now.
        corpora: of the index.
        table: Arrow table with `table.ROW_COLUMNS`, in table order.
    """
    return [id_ for id_, reason in missing(corpus, corpora, table).items() if reason == FILE_GONE]


def missing(corpus: Corpus, corpora: Sequence[CorpusEntry], table: Any) -> dict[str, str]:
    """Why images of a corpus' rows are not among its images any more, by id in table order; arguments as of `gone`."""
    entry = entry_for(corpus, corpora)
    vanished = set(make_plan(corpus, entry.key, table).vanished)
    rows = [row for row in table_rows(table) if row.id in vanished]
    return {row.id: NOT_READ if _still_there(row, entry) else FILE_GONE for row in rows}


def table_rows(table: Any) -> list[TableRow]:
    """The rows of an Arrow table with `table.ROW_COLUMNS`, in its order."""
    columns = [table[name].to_pylist() for name in ("id", "uri", "split", "label", "sha256")]
    return [TableRow(*values) for values in zip(*columns, strict=True)]


def _existing(table: Any, key: str) -> tuple[dict[str, TableRow], set[str], set[str]]:
    """Own rows by id, the content of other sources, and all ids."""
    rows = table_rows(table)
    owners = table["corpus"].to_pylist()
    own = {row.id: row for row, owner in zip(rows, owners, strict=True) if owner == key}
    foreign = {row.sha256 for row, owner in zip(rows, owners, strict=True) if owner != key}
    return own, foreign, {row.id for row in rows}


def _own_id(own: dict[str, TableRow], id_: str, key: str) -> str | None:
    """The id under which an image of this corpus stands in the table: its own, or the one it got because that was taken."""
    # ids were once as the disk has them: an accent of a name may stand behind its letter
    forms = (id_, unicodedata.normalize("NFD", id_))
    return next((candidate for form in forms for candidate in (form, f"{key}/{form}") if candidate in own), None)


def _free_id(id_: str, key: str, taken: set[str]) -> str:
    """The image's own id; with the corpus' name before it if another source has that id."""
    while id_ in taken:
        id_ = f"{key}/{id_}"
    taken.add(id_)
    return id_


def _wanted(corpus: Corpus, i: int, id_: str) -> TableRow:
    label = None if corpus.labels is None else corpus.labels[i]
    return TableRow(id_, corpus.uri(i), corpus.splits[i], label, corpus.sha256(i))


def _still_there(row: TableRow, corpus: CorpusEntry) -> bool:
    """True if a row's image may still exist: only a file can be seen to be gone."""
    uri = current_place({"id": row.id, "uri": row.uri, "corpus": corpus.key}, [corpus])
    return "://" in uri or file_and_frame(uri)[0].exists()
