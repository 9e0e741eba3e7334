"""Pictures from the clipboard: pasted anywhere on the page, they are taken as uploads are."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from samekind.app.state import search_session
from samekind.app.state.told import told

HERE = Path(__file__).parent
KEY = "pasted"
_MEGABYTE = 1_000_000
HTML = """
<p class="paste">
  <span class="how"><kbd>Ctrl</kbd> + <kbd>V</kbd> (on a Mac <kbd>⌘</kbd> + <kbd>V</kbd>) anywhere on this page searches with the picture
  in the clipboard.</span><span role="alert"></span>
</p>
"""
CSS = """
.paste { margin: 0; font: 14px/1.5 var(--st-font, sans-serif); color: var(--st-text-color, inherit); }
.paste [role=alert] { display: block; font-weight: 600; }
@media (any-pointer: coarse) and (not (any-pointer: fine)) { .how { display: none; } } /* a phone: no keys to press */
"""


@cache
def _element() -> Callable[..., Any]:
    """Registers the custom element once per process."""
    js = (HERE / "paste.js").read_text(encoding="utf-8")
    element: Callable[..., Any] = st.components.v2.component("samekind_paste", html=HTML, css=CSS, js=js)
    return element


def show(on_files: Callable[[list[tuple[str, bytes]]], None] = search_session.choose_uploads) -> None:
    """Draws a line that says how, and listens.

    Args:
        on_files: called with names and contents of what was pasted, before the page is drawn again.
    """
    most = int(st.get_option("server.maxUploadSize")) * _MEGABYTE

    def pasted() -> None:
        if files := read(told(KEY, "files"), most):
            on_files(files)

    data = {"most": most, "uploads": search_session.num_uploads()}
    _element()(data=data, key=KEY, on_files_change=pasted)


def read(told: Any, most: int) -> list[tuple[str, bytes]]:
    """Names and contents of what the browser has sent; what is too large or not as our script sends it is left out.

    Args:
        told: a list of objects with `name` and `content`, which is Base64.
        most: bytes of all of them together.
    """
    files: list[tuple[str, bytes]] = []
    for each in told if isinstance(told, list) else ():
        try:
            name, content = str(each["name"]), base64.b64decode(each["content"], validate=True)
        except (TypeError, KeyError, ValueError, binascii.Error):
            continue
        if sum(len(held) for _, held in files) + len(content) <= most:
            files.append((name, content))
    return files
