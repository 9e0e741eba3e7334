"""An audit that continues without its visitor."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import pytest

import samekind as sk
from samekind.app.jobs.audit_job import AuditJob
from samekind.app.state.library import Library


class SlowIndex:
    """Audits like the index it wraps, but first takes three steps and waits for a sign."""

    def __init__(self, index: sk.Index) -> None:
        self.index = index
        self.sign = threading.Event()
        self.calls = 0

    def audit(self, k: int, progress: Any, split: str | None) -> sk.FalseNegativeReport:
        """The audit, after the sign."""
        self.calls += 1
        with progress.task("comparing", 4) as task:
            task.advance(3)
            assert self.sign.wait(20)
        return self.index.audit(k=k, split=split)


class Gone(Exception):
    """Stands for Streamlit's own exception that ends a page when its visitor leaves."""


def test_the_audit_outlives_the_visitor_who_asked_for_it(artefact: Path) -> None:
    """A visitor who leaves while the bar moves does not stop it; the next one gets the result without a second audit."""
    slow = SlowIndex(sk.Index.open(artefact))
    library = Library(cast("sk.Index", slow))
    seen: list[float] = []

    def leave(share: float) -> None:
        seen.append(share)
        if share == 0.75:
            raise Gone

    with pytest.raises(Gone):
        library.audit(3).wait(leave)
    assert all(0 <= share <= 0.75 for share in seen)
    slow.sign.set()
    view = library.audit(3).wait(lambda share: None)
    assert view.report.k == 3
    assert slow.calls == 1
    assert library.audit(3).wait(leave) is view, "who comes later is not shown a bar"


def test_a_failure_is_reported_and_can_be_tried_again(artefact: Path) -> None:
    """What the audit raises reaches the page that waits, and the next visit tries again."""
    library = Library(sk.Index.open(artefact))
    with pytest.raises(sk.InputError):
        library.audit(0).wait(lambda share: None)
    first = library._audits[0, None]
    assert first.failed
    assert library.audit(0) is not first


def test_jobs_of_different_depth_are_different(artefact: Path) -> None:
    """Each k has its own result."""
    index = sk.Index.open(artefact)
    views = [AuditJob(index, k).wait(lambda share: None) for k in (2, 5)]
    assert [view.report.k for view in views] == [2, 5]
