"""What a custom element tells its callbacks."""

from __future__ import annotations

from typing import Any

import streamlit as st


def told(key: str, name: str) -> Any:
    """The value of this name that the element has sent; `None` if it sent none.

    A click that comes while one page gives way to the next is heard there, where the element is not: it is as if nothing had been said.
    """
    return (st.session_state.get(key) or {}).get(name)
