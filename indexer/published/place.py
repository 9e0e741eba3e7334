"""Where a published index lies: a folder, or an address that LanceDB reaches, such as `s3://bucket/photos`.

Credentials, region and endpoint are taken from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
`AWS_ENDPOINT_URL`), as other programs take them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from samekind.core.errors import ArtefactError, SamekindError
from samekind.data.decoding.object_store import endpoint
from samekind.indexer.storage.database import open_published
from samekind.indexer.storage.remedies import lance_reason

IMAGES, FILES = "images", "files"
"""Tables of a published index: the rows, and the files of the artefact that queries need."""
_CODE = re.compile(r"<Code>(\w+)</Code>")
_REMEDIES = {
    "NoSuchBucket": ("there is no such bucket", "make it, or mend the address"),
    "AccessDenied": ("access is denied", "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what the key may do"),
    "InvalidAccessKeyId": ("the key is unknown", "check AWS_ACCESS_KEY_ID"),
    "SignatureDoesNotMatch": ("the key is wrong", "check AWS_SECRET_ACCESS_KEY"),
}


def table_names(database: Any) -> list[str]:
    """All tables of a place, page by page."""
    names, token = list[str](), None
    while True:
        page = database.list_tables(limit=100, page_token=token)
        names, token = [*names, *page.tables], page.page_token
        if not token:
            return names


class Place:
    """The tables of a published index.

    Args:
        place: folder or address.
    """

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")

    def __str__(self) -> str:
        return self.place

    @contextmanager
    def reached(self) -> Iterator[Any]:
        """LanceDB's connection; what it says of a place that cannot be reached becomes an error with its remedy.

        Raises:
            ArtefactError: the place cannot be reached, read or written.
        """
        try:
            yield open_published(self.place, _options(self.place))
        except (SamekindError, MemoryError):
            raise
        except Exception as error:  # LanceDB raises nearly anything
            raise self._failed(error) from error

    def table(self, name: str) -> Any:
        """One table.

        Raises:
            ArtefactError: it is not there, or the place cannot be reached.
        """
        with self.reached() as database:
            if name not in table_names(database):
                raise ArtefactError(f"{self} holds no published index", hint=f"samekind export ARTEFACT --lance {self}")
            return database.open_table(name)

    def _failed(self, error: Exception) -> ArtefactError:
        said = str(error)
        code = _CODE.search(said)
        if code is not None and code.group(1) in _REMEDIES:
            reason, hint = _REMEDIES[code.group(1)]
            return ArtefactError(f"{self} cannot be reached: {reason}", hint=hint)
        if "credential" in said.lower():
            return ArtefactError(
                f"{self} cannot be reached: there are no credentials",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            )
        reason = lance_reason(error)[:200]
        return ArtefactError(
            f"{self} cannot be reached: {reason}", hint="check the address, AWS_REGION and AWS_ENDPOINT_URL"
        )


def _options(place: str) -> dict[str, str]:
    """What LanceDB does not take from the environment by itself."""
    server = endpoint()
    if not place.startswith("s3://") or server is None:
        return {}
    return {"endpoint": server, "allow_http": str(server.startswith("http://")).lower()}
