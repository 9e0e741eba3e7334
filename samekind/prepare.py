"""`python -m samekind.prepare ARTEFACT SECONDS`: works out what the demo shows of many images while its visitors look at something else,
from so many seconds on: what the first page waits for comes first.

A process of its own: its memory goes when it ends, it has the lowest priority, and where memory runs out it is the first to go. It ends
with its standard input, which the demo holds. Whatever fails, fails again where somebody asks for it, who is told why.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import samekind
from samekind.core.lifetime import end_with_stdin

_LAST = 19  # of all that want the processor; on Windows whoever starts this says so


def main(artefact: str) -> None:
    """Prepares the index that the demo opens first."""
    if hasattr(os, "nice"):
        os.nice(_LAST)
    with suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    with suppress(samekind.SamekindError):
        samekind.Index.open(samekind.first_run(artefact)).prepare()


if __name__ == "__main__":
    threading.Thread(target=end_with_stdin, daemon=True).start()
    time.sleep(float(sys.argv[2]))
    main(sys.argv[1])
