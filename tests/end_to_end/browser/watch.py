"""What must not happen behind a page: errors in its console, exceptions, and requests to other machines."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",  # a camera without a question and without a device
    "--use-fake-device-for-media-stream",
]
ENDPOINTS = re.compile(r"/[a-z-]+/_stcore/")


def watch(page: Page, wrong: list[str]) -> None:
    """Adds whatever goes wrong behind a page, from now on, to a list."""
    page.on(
        "console",
        lambda message: wrong.append(f"{message.text} {message.location['url']}") if _is_wrong(message) else None,
    )
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if _is_local(request.url) else wrong.append(f"asked for {request.url}"))


def _is_wrong(message: ConsoleMessage) -> bool:
    """Streamlit, opened at a page's own address, first asks for its endpoints below that page, and then at the root."""
    return message.type == "error" and not ENDPOINTS.search(message.location["url"])


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1"
