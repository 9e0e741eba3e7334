"""What is passed over in a folder: what machines leave there, and what the user excludes.

Network drives, phones, file managers and archives leave folders whose files look like images and are none of the user's: thumbnails,
deleted files, snapshots, resource forks. They are never read, and `samekind inspect` lists them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

MACHINE_FOLDERS = frozenset(
    {
        "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "@__thumb", "@synoresource", "~snapshot",  # drives
        "__macosx", "lost+found", "$recycle.bin", "recycler", "recycled", "system volume information", "found.000",
        "__pycache__", "~syncthing~", "ipod photo cache", "network trash folder", "temporary items",
    }
)  # fmt: skip
"""Names, in lower case, of folders that an operating system or a network drive makes."""

MACHINE_FILES = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "pspbrwse.jbf"})
"""Names, in lower case, of files that file managers make."""

MACHINE_PATTERNS = ("~$*", "synophoto_thumb_*", "synofile_thumb_*", "~syncthing~*", "*.lrdata")

HIDDEN = "hidden"
EXCLUDED = "excluded by "
"""Before the patterns, in the reason for what the user excludes."""


def why_passed_over(parts: Sequence[str], exclude: Sequence[str], *, is_folder: bool) -> str | None:
    """The reason for passing a file or folder over, `None` if it is to be looked at.

    Args:
        parts: its path within the corpus, in parts, as they are on disk.
        exclude: the user's patterns. One fits the whole path (`*` takes `/` too), or the name of the file or of any folder on the way;
            capital letters count.
        is_folder: True for a folder, which is then not entered.
    """
    name = parts[-1].lower()
    if name in (MACHINE_FOLDERS if is_folder else MACHINE_FILES) or any(fnmatchcase(name, p) for p in MACHINE_PATTERNS):
        return f"made by the system ({parts[-1].strip()})"
    fitting = [pattern for pattern in exclude if _fits(parts, pattern)]
    if fitting:
        return EXCLUDED + ", ".join(fitting)
    return HIDDEN if name.startswith(".") else None


def _fits(parts: Sequence[str], pattern: str) -> bool:
    pattern = pattern.removeprefix("./").strip("/")
    path = "/".join(parts)
    return fnmatchcase(path, pattern) or ("/" not in pattern and fnmatchcase(parts[-1], pattern))
