"""A button that copies the address of what is shown, settings included; whoever opens it sees the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
HTML = """
<div class="link">
  <button type="button">Copy link</button><span role="status"></span>
  <input readonly hidden aria-label="link to this view">
</div>
"""


@cache
def _element() -> Callable[..., Any]:
    """Registers the custom element once per process."""
    css, js = ((HERE / f"link.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    element: Callable[..., Any] = st.components.v2.component("samekind_link", html=HTML, css=css, js=js)
    return element


def show() -> None:
    """Draws the button; a page has one."""
    _element()(key="link")
