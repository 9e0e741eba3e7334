"""`samekind index --watch`: the index follows its folder, change by change.

The folder is looked at every two seconds by sizes and times of change, which works on every file system, network drives included, where
notifications of the kernel do not. What has changed is taken once it has rested for one such look: a copy that is still under way is no
image yet.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import samekind
from samekind.console import Console
from samekind.core.errors import SamekindError
from samekind.core.text import counted

EVERY_SECONDS = 2.0
_MOST_LINES = 20


def watch(
    index: samekind.Index, folder: Path, load: Callable[[Console], samekind.Corpus], console: Console, every: float
) -> None:
    """Brings an index up to date with its folder again and again, until Ctrl-C.

    Args:
        index: as it is now.
        folder: the images.
        load: reads the folder as a corpus.
        console: gets a line for each change.
        every: seconds between two looks.
    """
    from samekind.data.decoding.remembered import remembering_files
    from samekind.indexer.storage.layout import JOURNAL

    console.say(f"watching {folder}: Ctrl-C ends it")
    try:
        with remembering_files():
            _keep_following(index, folder, load, console, every)
    except KeyboardInterrupt:
        if (index.path / JOURNAL).exists():  # in the middle of a change, which the same command finishes
            raise
        console.say(f"watched {folder}: {counted(len(samekind.Index.open(index.path)), 'image')} in {index.path}")


def _keep_following(
    index: samekind.Index, folder: Path, load: Callable[[Console], samekind.Corpus], console: Console, every: float
) -> None:
    done: object = None
    complained: set[str] = set()
    while True:
        taken = _rested(folder, index.path, every, done)
        try:
            _follow(index, load, console, complained)
            done = taken
        except (SamekindError, OSError) as error:  # the folder is away for now, or another process is writing
            _once(complained, [f"not taken over yet: {error}"], console)
            time.sleep(every)


def _rested(folder: Path, out: Path, every: float, done: object) -> object:
    """Waits until the folder is not as it was `done` and has not changed for `every` seconds; returns what it looks like."""
    before = done
    while True:
        now = _look(folder, out)
        if now != done and now == before:
            return now
        before = now
        time.sleep(every)


def _look(folder: Path, out: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file, but those of the index itself; a folder reached twice through links is entered once."""
    found, entered = {}, {os.path.realpath(out)} - {os.path.realpath(folder)}
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = os.path.join(place, name)
            try:
                state = os.stat(path)
            except OSError:
                continue
            found[path] = (state.st_size, state.st_mtime_ns)
    return found


def _follow(
    index: samekind.Index, load: Callable[[Console], samekind.Corpus], console: Console, complained: set[str]
) -> None:
    """Adds what is new, replaces what has changed, takes out what is gone, and says each."""
    silent = Console(follows=True)
    before = _contents(index)
    corpus = load(silent)
    index.add(corpus, silent.progress)
    gone = index.gone(corpus)
    if gone and len(gone) < len(index):
        index.remove(gone, silent.progress)
    lines = _changes(before, _contents(index))
    for line in lines[:_MOST_LINES]:
        console.say(line)
    if len(lines) > _MOST_LINES:
        console.say(f"… and {len(lines) - _MOST_LINES:,} more")
    if lines:
        console.say(f"{counted(len(index), 'image')} in {index.path}")
    _once(complained, [f"skipped {file.path}: {file.reason}" for file in corpus.skipped], console)


def _contents(index: samekind.Index) -> dict[str, str]:
    return dict(zip(index.ids, index.rows.column("sha256"), strict=True))


def _changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """A line for each image that came, went, changed or was moved."""
    new = [id_ for id_ in after if id_ not in before]
    old = {content: id_ for id_, content in before.items() if id_ not in after}
    moved = {old.pop(after[id_]): id_ for id_ in new if after[id_] in old}
    came = [f"added {id_}" for id_ in new if id_ not in moved.values()]
    changed = [f"changed {id_}" for id_, content in after.items() if before.get(id_, content) != content]
    went = [f"removed {id_}" for id_ in before if id_ not in after and id_ not in moved]
    return [*came, *changed, *(f"moved {was} to {now}" for was, now in moved.items()), *went]


def _once(complained: set[str], lines: Iterable[str], console: Console) -> None:
    """Says what has not been said before."""
    for line in lines:
        if line not in complained:
            complained.add(line)
            console.say(line)
