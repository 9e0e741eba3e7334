"""The folder for what can be computed or fetched again; one that can be written also where there is no home."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

import platformdirs

from samekind.core.errors import ArtefactError

VARIABLE = "SAMEKIND_CACHE_DIR"
"""Names the variable that says where the cache lies."""
_told: set[Path] = set()


def cache_home() -> Path:
    """The user's cache; deleting it costs nothing but time.

    It is what `SAMEKIND_CACHE_DIR` names, or else the usual place (`~/.cache/samekind` on Linux). Without a home, or with one that
    cannot be written, it is a folder of the user's own among the temporary files, which a line on stderr says once.

    Raises:
        ArtefactError: none of these can be written.
    """
    given = os.environ.get(VARIABLE, "")
    if given:
        return Path(given).expanduser().absolute()
    usual = Path(platformdirs.user_cache_dir("samekind"))
    # Without a home, and for a user whom nobody knows, it begins with a tilde.
    if usual.is_absolute() and _is_writable(usual):
        return usual
    instead = _temporary()
    if instead is None:
        raise ArtefactError(f"the cache folder {usual} cannot be written", hint=f"name another one: {VARIABLE}=FOLDER")
    if instead not in _told:
        _told.add(instead)
        logging.getLogger("samekind").warning(
            "the cache folder %s cannot be written: taking %s (%s=FOLDER names another)", usual, instead, VARIABLE
        )
    return instead


def _is_writable(folder: Path) -> bool:
    """True if the folder, or else the nearest one above it that exists, can be written."""
    existing = next((part for part in (folder, *folder.parents) if part.exists()), None)
    return existing is not None and existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _temporary() -> Path | None:
    """A folder among the temporary files that nobody else can write; `None` if it cannot be made, or is somebody else's."""
    own = os.getuid() if hasattr(os, "getuid") else 0
    try:
        folder = Path(tempfile.gettempdir()) / f"samekind-{own}"
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    is_ours = folder.is_dir() and not folder.is_symlink() and (not hasattr(os, "getuid") or status.st_uid == own)
    return folder if is_ours and os.access(folder, os.W_OK | os.X_OK) else None
