"""A bar while long work on a large corpus is under way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import streamlit as st

from samekind.app.jobs.job import Job
from samekind.app.state.library import CANDIDATE_DEPTH, Library
from samekind.app.view_models.audit_view import AuditView
from samekind.app.widgets import notices

Result = TypeVar("Result")


def audit(library: Library, k: int, split: str | None = None) -> AuditView | None:
    """The audit with k negatives per anchor, of one split if named, as `result`."""
    count = len(library.index) if split is None else library.index.splits.count(split)
    text = f"Comparing {count:,} images with each other, once; 70,000 take about a minute …"
    return result(lambda: library.audit(k, split), text)


def pairs(library: Library) -> bool:
    """Waits for the first candidate pairs; false, and one line with the reason, if there are none."""
    from samekind import CandidatePool

    if not CandidatePool.grows(library.index):
        return audit(library, CANDIDATE_DEPTH) is not None
    text = f"Comparing the first images with all {len(library.index):,} …"
    return _shown(lambda show: library.growing_pool().first(show), text) is not None


def result(job: Callable[[], Job[Result]], text: str) -> Result | None:
    """A job's result, with a bar while it is under way; `None`, and one line with the reason, if there is none."""
    return _shown(lambda show: job().wait(show), text)


def spinner(text: str, *, is_slow: bool) -> AbstractContextManager[None]:
    """Streamlit's, where the work may take a while; else none: each starts a thread, which takes as long as a search."""
    return st.spinner(text) if is_slow else nullcontext()


def _shown(wait: Callable[[Callable[[float], None]], Result], text: str) -> Result | None:
    from samekind import SamekindError

    bar = st.empty()

    def show(share: float) -> None:
        bar.progress(share, f"{text} {100 * share:.0f} %")

    try:
        return wait(show)
    except SamekindError as error:
        notices.failure(str(error), error.hint)
        return None
    finally:
        bar.empty()
