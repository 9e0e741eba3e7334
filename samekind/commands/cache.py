"""`samekind cache`: what lies in the cache, and emptying it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from samekind.commands.shared import Json
from samekind.core.text import counted, size_text
from samekind.tables import table

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Cache:
    """Lists what is kept on disk to be quick, such as features, pixels and audits, or deletes it.

    Nothing in it is lost but time: what is deleted is computed again by whoever needs it. When it grows beyond its limit (half of the room
    on its disk, or what the variable SAMEKIND_CACHE_LIMIT says, for example 50GB), the least recently used goes by itself. Copies of
    corpora in object stores count apart, and stay until they are deleted.

    Example:
        samekind cache
        samekind cache --purge
        samekind cache --copies
    """

    purge: Annotated[bool, arg(help="Delete all that no process is using.")] = False
    copies: Annotated[bool, arg(help="Delete the copies of corpora in object stores; nothing may be reading them.")] = (
        False
    )
    json: Json = False

    def run(self, console: Console) -> None:
        """Deletes if asked to, and lists what is there."""
        from samekind.core.cache_limit import cache_limit
        from samekind.data.sources.mirror import kept_copies
        from samekind.training.runtime.cache_folder import cache_entries, cache_folder, purge

        freed = purge(console.progress)[1] if self.purge else 0
        for copy in kept_copies() if self.copies else []:
            shutil.rmtree(copy.folder, ignore_errors=True)
            freed += copy.size
        entries = cache_entries()
        held = sum(entry.size for entry in entries)
        listed = [
            {
                "kind": entry.kind,
                "what": entry.what,
                "bytes": entry.size,
                "last_used": date.fromtimestamp(entry.last_used).isoformat(),
                "in_use": entry.in_use,
                "file": str(entry.file),
            }
            for entry in entries
        ]
        answer = {
            "folder": str(cache_folder()),
            "bytes": held,
            "limit_bytes": cache_limit(held),
            "freed_bytes": freed,
            "entries": listed,
            "copies": [
                {"address": copy.address, "bytes": copy.size, "folder": str(copy.folder)} for copy in kept_copies()
            ],
        }
        console.answer(answer, _text(answer))


def _text(answer: dict[str, Any]) -> str:
    freed = f"deleted {size_text(answer['freed_bytes'])}\n" if answer["freed_bytes"] else ""
    rows = [
        [each["what"], size_text(each["bytes"]), each["last_used"], "in use" if each["in_use"] else ""]
        for each in answer["entries"]
    ]
    shown = table(["", "size", "last used", ""], rows) + "\n" if rows else ""
    copies = [[copy["address"], size_text(copy["bytes"]), copy["folder"]] for copy in answer["copies"]]
    shown += table(["copies of", "size", "in"], copies) + "\n" if copies else ""
    what = f"{counted(len(rows), 'array')}, {size_text(answer['bytes'])} of at most {size_text(answer['limit_bytes'])}"
    return f"{freed}{shown}{what} in {answer['folder']}"
