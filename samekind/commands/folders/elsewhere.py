"""Indexes that lie elsewhere: published from here, and searched there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import samekind
from samekind.commands.shared import command_line
from samekind.core.text import counted

if TYPE_CHECKING:
    from samekind.console import Console


def publish(index: samekind.Index, place: str, console: Console) -> str:
    """Publishes an index; returns what was done, and the command that searches it, in two lines."""
    if index.adaptation is not None:
        console.say("the table has the encoder's own vectors: people's answers have no part in searches there")
    done = samekind.publish(index, place, console.progress)
    lists = f", {done.nprobes:,} lists a search, recall {done.recall:.3f}" if done.nprobes else ""
    changes = f"{counted(done.added, 'row')} added, {counted(done.removed, 'row')} taken out"
    return f"{counted(done.rows, 'image')} in {place}: {changes}{lists}\nnext: {command_line('search', place, 'IMAGE')}"


def copy_here(address: str) -> Path:
    """The artefact from which an address is published, and which stays: `artifacts/photos` for `s3://bucket/photos`."""
    return Path("artifacts") / address.rstrip("/").rpartition("/")[2]
