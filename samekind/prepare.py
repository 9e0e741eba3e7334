"""`python -m samekind.prepare ARTEFACT`: works out what the demo shows of many images while its visitors look at something else.

A process of its own: its memory goes when it ends, at the lowest priority it takes the processor only when nobody else needs it, and
where memory runs out it is the first to go. Whatever fails, fails again where somebody asks for it, who is told why.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import samekind

_LAST = 19  # nobody waits longer because of this process


def main(artefact: str) -> None:
    """Prepares the index that the demo opens first."""
    if hasattr(os, "nice"):
        os.nice(_LAST)
    with suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text("1000")
    with suppress(samekind.SamekindError):
        samekind.Index.open(samekind.first_run(artefact)).prepare()


if __name__ == "__main__":
    main(sys.argv[1])
