"""A build in progress, as an interrupted one resumes it: `indexing.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from samekind.indexer.storage.fingerprints import table_file_names
from samekind.indexer.storage.layout import JOURNAL, MANIFEST
from samekind.indexer.storage.manifest import CorpusEntry, entries
from samekind.indexer.storage.remedies import json_field
from samekind.training.runtime.artefact import write_json


@dataclass(frozen=True)
class Journal:
    """A build in progress. It is written before the table is touched and removed after the manifest is in place.

    Attributes:
        encoder: fingerprint of the encoder whose vectors the table gets.
        base_version: the table's version before this build, from which the plan is worked out; `None` if the table has yet to be rebuilt.
        corpora: what the table held before.
        corpus: what is being added; `None` while rows are being removed or the index file is built anew.
        delete: ids of the rows that are being removed.
        cleaning: old versions of the table are being deleted.

    In the file there is also `files`: the names of the table's files before the build, by which readers of the state before know it.
    """

    encoder: str
    base_version: int | None
    corpora: tuple[CorpusEntry, ...] = ()
    corpus: CorpusEntry | None = None
    delete: tuple[str, ...] = ()
    cleaning: bool = False

    def write(self, folder: Path) -> None:
        """Puts `indexing.json` in place, atomically. Where the table is to be rebuilt, it then takes the old manifest away: from now on the
        index is unfinished. Otherwise readers go on with the state before.
        """
        held = [entry.to_dict() for entry in self.corpora]
        added = None if self.corpus is None else self.corpus.to_dict()
        before = json_field(folder / JOURNAL, "files")
        files = before if isinstance(before, list) else table_file_names(folder)
        write_json(folder / JOURNAL, {**asdict(self), "corpora": held, "corpus": added, "files": files})
        if self.base_version is None:
            (folder / MANIFEST).unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> Journal | None:
        """The journal of an interrupted build, or `None` if there is none or it is unreadable."""
        try:
            values = json.loads((folder / JOURNAL).read_text(encoding="utf-8"))
            corpus = values["corpus"] and CorpusEntry(**values["corpus"])
            delete = tuple(values.get("delete", ()))
            held = entries(values["corpora"])
            cleaning = values.get("cleaning") is True
            return cls(values["encoder"], values["base_version"], held, corpus, delete, cleaning)
        except (OSError, ValueError, KeyError, TypeError):
            return None
