"""Files in an object store, by addresses such as `s3://bucket/photos/1.jpg`.

pyarrow's own file systems reach S3 and what speaks its language, Google's and Azure's; any other kind of address goes to fsspec (`hf://…`
through huggingface_hub). Credentials, region and endpoint come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_REGION`, `AWS_ENDPOINT_URL`), as other programs take them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from samekind.core.errors import CorpusError, InputError, MissingDependencyError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL)
_AWS = re.compile(r"AWS Error (\w+)")
_REASONS = {
    "NO_SUCH_BUCKET": "there is no such bucket",
    "ACCESS_DENIED": "access is denied",
    "INVALID_ACCESS_KEY_ID": "the key is unknown",
    "SIGNATURE_DOES_NOT_MATCH": "the key is wrong",
    "NETWORK_CONNECTION": "nothing answers there",
}


def is_address(place: str) -> bool:
    """True for `s3://…` and the like, false for a folder or a name."""
    return _ADDRESS.match(place) is not None


def endpoint() -> str | None:
    """The address of an S3 server that is not Amazon's, from the environment; `None` if there is none."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


@contextmanager
def reached(address: str) -> Iterator[None]:
    """Says what a store that cannot be reached or read answers in one line.

    Raises:
        CorpusError: in place of what pyarrow or fsspec raised.
    """
    try:
        yield
    except (CorpusError, InputError, MissingDependencyError):
        raise
    except Exception as error:  # every kind of store has errors of its own
        code = _AWS.search(str(error))
        told = _REASONS.get(code.group(1)) if code is not None else None
        reason = told or " ".join(str(error).split())[:160] or type(error).__name__
        hint = "check the address, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL"
        raise CorpusError(f"{address} cannot be read: {reason}", hint=hint) from error


def opened_store(address: str) -> tuple[Any, str]:
    """The `pyarrow.fs.FileSystem` behind an address, and the path that the address has there.

    Raises:
        InputError: nobody knows this kind of address.
        MissingDependencyError: the package that does is not installed.
    """
    matched = _ADDRESS.match(address)
    if matched is None:
        raise InputError(f"{address!r} is no address", hint="for example s3://bucket/photos")
    scheme, path = matched.groups()
    return _store(scheme, path.split("/", 1)[0], endpoint()), path


def fetched(address: str) -> bytes:
    """The bytes of one file.

    Raises:
        CorpusError: it is not there, or the store cannot be reached.
    """
    with reached(address):
        store, path = opened_store(address)
        with store.open_input_stream(path) as stream:
            content: bytes = stream.readall()
    return content


@lru_cache(maxsize=8)
def _store(scheme: str, bucket: str, server: str | None) -> Any:
    import pyarrow as pa
    from pyarrow import fs

    if scheme == "s3" and server is not None:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return fs.S3FileSystem(endpoint_override=server, region=region)
    try:  # without the path: a key may have characters that no URI has
        return fs.FileSystem.from_uri(f"{scheme}://{bucket}/")[0]
    except pa.ArrowInvalid:
        return _by_fsspec(scheme)


def _by_fsspec(scheme: str) -> Any:
    import fsspec
    from pyarrow import fs

    try:
        return fs.PyFileSystem(fs.FSSpecHandler(fsspec.filesystem(scheme)))
    except ImportError as error:
        raise MissingDependencyError(f"{scheme}:// cannot be reached: {error}", hint="install what it names") from error
    except ValueError as error:
        raise InputError(
            f"nobody knows addresses that begin with {scheme}://", hint="try s3://, gs:// or hf://"
        ) from error
