"""What a page shows while the audit of a large corpus is under way."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import components
from app.audit_view import AuditView
from app.state import Library


def audit(library: Library, k: int) -> AuditView | None:
    """The audit with k negatives an anchor, with a bar while it is under way; `None`, and one line that says why, if it cannot be."""
    from samekind import SamekindError

    text = f"Comparing {len(library.index):,} images with each other, once; 70,000 take about a minute …"
    bar = st.empty()
    try:
        return library.audit(k).wait(lambda share: _show(bar, text, share))
    except SamekindError as error:
        components.failure(str(error), error.hint)
        return None
    finally:
        bar.empty()


def _show(bar: DeltaGenerator, text: str, share: float) -> None:
    bar.progress(share, f"{text} {100 * share:.0f} %")
