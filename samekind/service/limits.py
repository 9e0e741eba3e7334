"""How much one visitor may ask of the service."""

from __future__ import annotations

from dataclasses import dataclass

from samekind.core.errors import InputError

MEGABYTE = 1_000_000
MAX_K = 1_000
MAX_OFFSET = 10_000
MAX_LISTED = 1_000
MAX_PARTS = 20
"""Images of the index that one query may be like, and unlike."""
MAX_LIST_OFFSET = 1_000_000_000
"""Of lists that are cut and not worked out: every page that another one names can be asked for."""
JSON_BYTES = 2_000_000
"""Of a body that is no upload: it is read in the event loop, where all others wait for it."""


@dataclass(frozen=True)
class Limits:
    """What is refused. Each field is a flag of `samekind serve`.

    Attributes:
        max_body: megabytes of an upload; other bodies may have 2 at most.
        max_pixels: width × height of an uploaded picture, up to what the index itself was built with.
        timeout: seconds until a request is answered with an error.
        rate: requests a second from one address; 0 for no limit. Twice as many may come at once.
        queue: requests that are worked at or wait; more are refused with 503.
        max_batch: searches that are carried out together; 1 for none.
        window: milliseconds that a search waits for others before it is carried out.

    Raises:
        InputError: one is out of range.
    """

    max_body: float = 20.0
    max_pixels: int = 50_000_000
    timeout: float = 30.0
    rate: float = 100.0
    queue: int = 64
    max_batch: int = 64
    window: float = 0.0

    def __post_init__(self) -> None:
        for name, low in (("max_pixels", 1), ("queue", 1), ("max_batch", 1), ("rate", 0), ("window", 0)):
            if getattr(self, name) < low:
                raise InputError(f"--{name.replace('_', '-')} must be at least {low}, got {getattr(self, name):g}")
        for name in ("max_body", "timeout"):
            if not getattr(self, name) > 0:
                raise InputError(f"--{name.replace('_', '-')} must be above 0, got {getattr(self, name):g}")

    @property
    def body_bytes(self) -> int:
        """`max_body` in bytes."""
        return int(self.max_body * MEGABYTE)
