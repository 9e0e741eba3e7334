"""Indexes that lie elsewhere: published from here, and searched there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import samekind
from samekind.commands.shared import command_line
from samekind.core.text import counted
from samekind.data.decoding.object_store import is_address
from samekind.indexer.storage.layout import MANIFEST

if TYPE_CHECKING:
    from samekind.console import Console


def publish(
    index: samekind.Index, place: str, console: Console, codes: Literal["pq", "rq"] | None = None
) -> tuple[samekind.Published, str]:
    """Publishes an index; returns what was done, and that in a line with the command that searches there."""
    if index.adaptation is not None:
        console.say("the table has the encoder's own vectors: people's answers have no part in searches there")
    done = samekind.publish(index, place, console.progress, codes=codes)
    lists = f", {done.nprobes:,} lists a search, recall {done.recall:.3f}" if done.nprobes else ""
    changes = f"{counted(done.added, 'row')} added, {counted(done.removed, 'row')} taken out"
    return (
        done,
        f"{counted(done.rows, 'image')} in {place}: {changes}{lists}\nnext: {command_line('search', place, 'IMAGE')}",
    )


def copy_here(address: str) -> Path:
    """The artefact from which an address is published, and which stays: `artifacts/s3+bucket+photos` for `s3://bucket/photos`.

    No two addresses have one name, so that what goes to one never goes to another.
    """
    scheme, _, path = address.partition("://")
    return Path("artifacts") / quote(f"{scheme}/{path.strip('/')}", safe="").replace("%2F", "+")


def is_published(place: str) -> bool:
    """True for an address, and for a folder that an index was published into."""
    return is_address(place) or ((Path(place) / "files.lance").is_dir() and not (Path(place) / MANIFEST).exists())
