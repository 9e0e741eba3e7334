"""Whether visitors may start processes here: whoever reaches the page could otherwise keep this machine busy and fill its disk.

By default only where nobody but users of this machine reach the page, which an address of its own alone shows (docs/decisions/0036).
"""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

import streamlit as st

from samekind.core.lifetime import ALLOWS_TRAINING

REFUSED = (
    "This demo can be reached by others, so a training cannot be started from the page. "
    "`samekind demo --allow-training` lets everybody who reaches it start one."
)
_OF_PROXIES = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")


def may_train() -> bool:
    """True if trainings may be started, stopped and resumed from this session."""
    return bool(os.environ.get(ALLOWS_TRAINING)) or (_listens_here_only() and not _is_behind_proxy())


def _listens_here_only() -> bool:
    return is_own_address(str(st.get_option("server.address") or ""))


def _is_behind_proxy() -> bool:
    """True if a proxy was named, or the browser's request has passed one or was meant for another machine.

    The latter is also how a web site elsewhere would look that has its name lead to this machine.
    """
    if st.get_option("server.baseUrlPath"):
        return True
    headers = st.context.headers
    host = headers.get("Host")
    is_elsewhere = host is not None and not is_own_address(urlsplit(f"//{host}").hostname or "")
    return is_elsewhere or any(headers.get(name) is not None for name in _OF_PROXIES)


def is_own_address(host: str) -> bool:
    """True for an address, or the name, by which a machine reaches itself alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
