"""Where an image's file lies now: below the folder that its corpus is said to lie in, which may have moved since its row was written.

A row keeps the address that it was indexed under. The manifest names the folder of each corpus, and `samekind relocate` changes that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samekind.data.decoding.object_store import is_address
from samekind.data.layouts.class_names import composed
from samekind.data.sources.mirror import place_of

if TYPE_CHECKING:
    from samekind.indexer.storage.manifest import CorpusEntry


def current_place(row: Mapping[str, Any], corpora: Sequence[CorpusEntry]) -> str:
    """The address of a row's image: its uri, below the folder that its corpus lies in now.

    Args:
        row: with `id`, `uri` and `corpus`.
        corpora: of the index.
    """
    uri: str = row["uri"]
    source = next((entry.source for entry in corpora if entry.key == row["corpus"]), None)
    name = name_within(row)
    if source is not None and is_address(source):
        source = str(place_of(source))  # the copy: the row may have been written where the cache lay elsewhere
    if source is None or name is None or not Path(source).is_absolute():
        return uri
    root = source.rstrip("/")
    return uri if uri == f"{root}/{row['id']}" else f"{root}/{name}"


def name_within(row: Mapping[str, Any]) -> str | None:
    """The path of a row's file within the folder of its corpus; `None` if it is no file of a folder."""
    if "://" in row["uri"]:
        return None
    uri, own = str(row["uri"]), str(row["id"])
    names = [own]
    if own.startswith(
        f"{row['corpus']}/"
    ):  # the id got the corpus' name before it, or there is a folder of that name in the corpus
        names.append(own.removeprefix(f"{row['corpus']}/"))
        if Path(uri.removesuffix(f"/{own}")).name != row["corpus"]:
            names.reverse()
    return next((found for name in names if (found := _end_of(uri, name)) is not None), None)


def _end_of(uri: str, name: str) -> str | None:
    """The end of an address that is a name, as the disk has it: ids are in NFC, and an accent may stand behind its letter there."""
    end = "/".join(uri.split("/")[-1 - name.count("/") :])
    return end if len(end) < len(uri) and (end == name or composed(end) == composed(name)) else None
