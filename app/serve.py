"""`python -m samekind.app.serve run app/main.py … -- ARTEFACT`: Streamlit, with a slow import under way before the first visitor comes.

Streamlit runs no code of ours until a browser connects. The first page needs pictures, so LanceDB, and its import (2 s) would then be half
of the wait; here it happens while the browser loads. Plain `streamlit run` works as well, 2 s later.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from contextlib import suppress

# Whole before the thread starts, for the reason that app/main.py gives.
import pandas as _whole_pandas  # noqa: F401
from streamlit.web import cli

from samekind.app.jobs.job import collect_all
from samekind.core.lifetime import ENDS_WITH_STDIN, end_with_stdin

SECONDS_BETWEEN_LOOKS = 5.0


def main() -> None:
    """Starts the preloading and hands all arguments to Streamlit."""
    arguments = sys.argv[1:]
    if os.environ.pop(ENDS_WITH_STDIN, None):
        threading.Thread(target=end_with_stdin, daemon=True).start()
    if "--" in arguments[:-1]:
        threading.Thread(target=preload, args=(arguments[arguments.index("--") + 1],), daemon=True).start()
    threading.Thread(target=set_imports_aside, daemon=True).start()
    try:
        cli.main(prog_name="streamlit")
    except SystemExit as ended:
        _end_at_once(ended.code)


def _end_at_once(code: object) -> None:
    """Ends the process as `sys.exit` does, but for its threads: those of libraries that still run would make an orderly end an abort."""
    with suppress(OSError):
        if isinstance(code, str):
            sys.stderr.write(f"{code}\n")
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def set_imports_aside(seconds: float = SECONDS_BETWEEN_LOOKS) -> None:
    """Takes what imports have made out of all later garbage collections, whenever some have come to an end.

    Hundreds of thousands of functions and classes stay as long as the server: to look at them takes 0.25 s, during which no page is drawn.
    """
    set_aside, before = 0, len(sys.modules)
    while True:
        time.sleep(seconds)
        count = len(sys.modules)
        if set_aside < count == before:  # none is under way
            collect_all()  # else what is garbage now would stay, too
            gc.freeze()
            set_aside = count
        before = count


def preload(artefact: str) -> None:
    """Fetches one picture, which brings in all that the first page needs."""
    try:
        from samekind import Index, first_run

        index = Index.open(first_run(artefact))
        index.thumbnails(index.ids[:1])
    except Exception:  # noqa: BLE001  it fails again on the page, which shows the reason; or the server is just being stopped
        return


if __name__ == "__main__":
    main()
