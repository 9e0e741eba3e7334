"""A bar while long work on a large corpus is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from samekind.app.jobs.job import Job
from samekind.app.state.library import Library
from samekind.app.view_models.audit_view import AuditView
from samekind.app.widgets import notices

Result = TypeVar("Result")


def audit(library: Library, k: int, split: str | None = None) -> AuditView | None:
    """The audit with k negatives per anchor, of one split if named, as `result`."""
    count = len(library.index) if split is None else library.index.splits.count(split)
    text = f"Comparing {count:,} images with each other, once; 70,000 take about a minute …"
    return result(lambda: library.audit(k, split), text)


def result(job: Callable[[], Job[Result]], text: str) -> Result | None:
    """A job's result, with a bar while it is under way; `None`, and one line with the reason, if there is none."""
    from samekind import SamekindError

    bar = st.empty()

    def show(share: float) -> None:
        bar.progress(share, f"{text} {100 * share:.0f} %")

    try:
        return job().wait(show)
    except SamekindError as error:
        notices.failure(str(error), error.hint)
        return None
    finally:
        bar.empty()
