"""What outlives a run of a page: the opened index with what is worked out from it, and the present query.

The Search page must be there in seconds, so opening reads no vectors and loads no encoder; `warm_later` does that in the background once
the first page has been drawn.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from samekind.app import components, view_models
from samekind.app.audit_job import AuditJob
from samekind.app.job import Job, Progress
from samekind.app.leases import Desk

if TYPE_CHECKING:
    import samekind as sk

ENVIRONMENT = "SAMEKIND_ARTEFACT"
MOST_LISTED = 500
PICTURES_KEPT = 16
ASKED_DEPTH = 10
"""Hardest negatives an anchor that can be asked about."""
WARM_AFTER_SECONDS = 3.0  # the browser is still drawing by then


@dataclass(frozen=True)
class Query:
    """The image that is searched with.

    Attributes:
        name: the corpus id, or the uploaded file's name.
        id: the corpus id; `None` for an upload.
        label: its class, if it is known.
        upload: the uploaded file; `None` for an image of the corpus.
    """

    name: str
    id: str | None = None
    label: str | None = None
    upload: bytes | None = None


class Library:
    """An opened index and what the pages work out from it; one for all sessions of the server.

    Attributes:
        index: the opened index.
        desk: who has which question before them just now.
    """

    def __init__(self, index: sk.Index) -> None:
        self.index = index
        self._loading = threading.Lock()
        self._auditing = threading.Lock()
        self._audits: dict[int, AuditJob] = {}
        self._lists: dict[str, Job[Any]] = {}
        self._pooling = threading.Lock()
        self.desk = Desk()
        self._pool: tuple[AuditJob, sk.CandidatePool] | None = None
        self._warming = False

    @cached_property
    def positions(self) -> dict[str, int]:
        """Row of each id in table order."""
        return {id_: i for i, id_ in enumerate(self.index.ids)}

    @cached_property
    def classes(self) -> list[str]:
        """Class names in alphabetical order; empty for an unlabelled corpus."""
        return self.index.classes

    @cached_property
    def some_unlabelled(self) -> bool:
        """Whether a labelled corpus holds images without a label."""
        return any(label is None for label in self.index.labels or [])

    @cached_property
    def splits(self) -> list[str]:
        """The splits that occur."""
        found = set(self.index.splits)
        return [name for name in ("train", "validation", "test") if name in found]

    def label(self, id_: str) -> str | None:
        """Class of an image."""
        return None if self.index.labels is None else self.index.labels[self.positions[id_]]

    @cached_property
    def picture(self) -> Callable[[str], bytes]:
        """`Index.picture`, the last ones kept: a photo takes a while to read, and every note or switch draws the page again."""
        return lru_cache(maxsize=PICTURES_KEPT)(self.index.picture)

    def neighbours(self, query: Query, k: int, where: str | None, leave_out_itself: bool) -> Sequence[sk.Hit]:
        """The k images most similar to the query, most similar first.

        Raises:
            SamekindError: an upload that cannot be read, among others.
        """
        if query.id is None:
            with self._loading:  # the background may be loading the encoder just now
                return _hits(self.index.search(query.upload, k=k, where=where, exclude_self=leave_out_itself))
        # By its vector, and leaving out its own row only: an exact copy elsewhere in the corpus is worth seeing.
        vector = self.index.vectors(np.array([self.positions[query.id]]))[0]
        hits = _hits(self.index.search(vector, k=k + 1, where=where))
        return view_models.without(hits, query.id if leave_out_itself else None, k)

    def audit(self, k: int) -> AuditJob:
        """The audit with k negatives an anchor, one for all sessions: done, under way, or begun just now."""
        with self._auditing:
            if k not in self._audits or self._audits[k].failed:
                self._audits[k] = AuditJob(self.index, k)
            return self._audits[k]

    def label_issues(self) -> Job[sk.LabelIssues]:
        """The list of wrong labels, one for all sessions, as `audit`."""
        return self._list("labels", lambda progress: self.index.label_issues(MOST_LISTED, progress))

    def duplicates(self) -> Job[sk.Duplicates]:
        """The list of duplicates, one for all sessions, as `audit`."""
        return self._list("duplicates", lambda progress: self.index.duplicates(MOST_LISTED, progress))

    def _list(self, name: str, work: Callable[[Progress], Any]) -> Job[Any]:
        with self._auditing:
            if name not in self._lists or self._lists[name].failed:
                self._lists[name] = Job(work, f"samekind-{name}")
            return self._lists[name]

    def pool(self) -> sk.CandidatePool:
        """The pairs that can be asked about, made once from the audit with 10 negatives an anchor, which must be done."""
        from samekind import CandidatePool

        job = self.audit(ASKED_DEPTH)
        with self._pooling:
            if self._pool is None or self._pool[0] is not job:
                self._pool = (job, CandidatePool(self.index, job.wait(lambda share: None).report))
            return self._pool[1]

    @cached_property
    def verdicts(self) -> sk.VerdictTable:
        """What people have said of pairs of images of this artefact."""
        from samekind import VerdictTable

        return VerdictTable(self.index.path)

    def warm_later(self) -> None:
        """Loads vectors and encoder in the background, once, after the page that is being drawn has had its turn."""
        if not self._warming:
            self._warming = True
            threading.Thread(target=self._warm, name="samekind-warm", daemon=True).start()

    def _warm(self) -> None:
        time.sleep(WARM_AFTER_SECONDS)
        try:
            with self._loading:
                _ = self.index.vectors(np.array([0])), self.index.encoder
        except Exception:  # noqa: BLE001  it fails again, and is told, when a person needs it; or the server is just being stopped
            return


def _hits(result: sk.SearchResult | list[sk.SearchResult]) -> tuple[sk.Hit, ...]:
    assert not isinstance(result, list), "one query has one result"
    return result.hits


def artefact_path() -> Path | None:
    """The artefact that the launcher named: the first argument, else the environment variable."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get(ENVIRONMENT, "")
    return Path(named).expanduser() if named else None


def library_or_stop() -> Library:
    """The opened index; shows one clear error and ends the page if there is none."""
    path = artefact_path()
    if path is None:
        remedy = f"Start the demo with `samekind demo ARTEFACT`, or name the artefact's folder in `{ENVIRONMENT}`."
        components.failure("No artefact was named.", remedy)
        st.stop()
    from samekind import SamekindError

    try:
        return _open(str(path), *_stamp(path))
    except SamekindError as error:
        components.failure(str(error), error.hint)
        st.stop()


@st.cache_resource(show_spinner="Opening the index …", max_entries=2)
def _open(path: str, changed_ns: int, size: int) -> Library:
    """Opens the index once a process, and afresh after it was rebuilt, added to or removed from."""
    from samekind import Index

    return Library(Index.open(path))


def _stamp(path: Path) -> tuple[int, int]:
    """Time of change and size of the manifest, which every change of an index writes last."""
    try:
        status = (path / "manifest.json").stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def present_query(library: Library) -> Query | None:
    """The query of this session, else the one that the address names (`?id=train/00005`)."""
    query: Query | None = st.session_state.get("query")
    if query is not None and query.id is not None and query.id not in library.positions:
        query = None
    linked = st.query_params.get("id")
    if query is None and linked in library.positions:
        query = Query(linked, linked, library.label(linked))
        st.session_state["query"] = query
    return query


def choose(library: Library, id_: str) -> None:
    """Makes an image of the corpus the query."""
    st.session_state["query"] = Query(id_, id_, library.label(id_))


def choose_upload(name: str, content: bytes) -> None:
    """Makes an uploaded file the query."""
    st.session_state["query"] = Query(name, upload=content)
