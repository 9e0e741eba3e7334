"""What tests that start processes need."""

from __future__ import annotations

import signal


def heed_ctrl_c() -> None:
    """For `preexec_fn`: in a shell's background job, as CI may be, Ctrl-C is ignored, and so it would be in every child."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
