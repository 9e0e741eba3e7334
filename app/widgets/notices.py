"""Errors, and the facts at the foot of the sidebar."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models.cards import plain
from samekind.core.text import counted

OWN_SPACE = "Worked out in the encoder's own space, not in the one that people's answers have made and searches use."


def failure(message: str, hint: str = "") -> None:
    """One clear line for something that the user can mend, with the remedy under it.

    Args:
        message: shown as it is, as is the hint: both may hold names.
        hint: the remedy.
    """
    text = plain(message)
    st.error(f"{text}\n\n{plain(hint)}" if hint else text, icon=":material/error:")


def own_space(library: Library) -> None:
    """One line where figures are of the encoder's space although searches use another one."""
    if library.index.adaptation is not None:
        st.caption(OWN_SPACE)


def about(library: Library) -> None:
    """A few facts about the artefact."""
    index = library.index
    classes = counted(len(library.classes), "class", "classes") if library.classes else "unlabelled"
    facts = [counted(len(index), "image"), classes, f"{index.dim} dimensions"]
    adaptation = index.manifest["adaptation"]
    if adaptation is not None:
        facts.append(f"adapted to {counted(adaptation['answers'], 'answer')} (version {adaptation['version']})")
    st.caption(plain(f"{Path(index.path).name}: {', '.join(facts)}"))
