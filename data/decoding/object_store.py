"""Files in an object store, by addresses such as `s3://bucket/photos/1.jpg`.

pyarrow's own file systems reach S3 and what speaks its language, and Google's store; any other kind of address goes to fsspec (`hf://…`
through huggingface_hub). Credentials, region and endpoint come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_REGION`, `AWS_ENDPOINT_URL`), as other programs take them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from samekind.core.errors import CorpusError, InputError, MissingDependencyError, SamekindError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL)
_AWS = re.compile(r"AWS Error (\w+)")
_REASONS = {
    "NO_SUCH_BUCKET": "there is no such bucket",
    "ACCESS_DENIED": "access is denied",
    "INVALID_ACCESS_KEY_ID": "the key is unknown",
    "SIGNATURE_DOES_NOT_MATCH": "the key is wrong",
    "NETWORK_CONNECTION": "nothing answers there",
}
_BY_PYARROW = ("s3", "gs", "file")
_TAGS = ("etag", "ETag", "blob_id", "mtime", "LastModified", "last_modified", "created")
"""What fsspec's file systems tell of a file that changes with its content, the surest first."""


class Stamp(NamedTuple):
    """What a store tells of a file: if neither has changed, the file has not.

    Attributes:
        size: bytes.
        tag: a time of writing, or whatever the store has instead; empty if it has nothing.
    """

    size: int
    tag: str


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
    except SamekindError:
        raise
    except Exception as error:  # every kind of store has errors of its own
        code = _AWS.search(str(error))
        told = _REASONS.get(code.group(1)) if code is not None else None
        reason = told or " ".join(str(error).split())[:160] or type(error).__name__
        hint = "check the address, and what the environment says of keys, region and endpoint (AWS_…)"
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
    if scheme in _BY_PYARROW:
        return _store(scheme, path.split("/", 1)[0], endpoint()), path
    return _by_fsspec(address)


def files_below(store: Any, root: str, address: str) -> dict[str, Stamp]:
    """The files of a folder by their names below it, or one file by the empty name.

    Raises:
        CorpusError: there are none.
    """
    from pyarrow import fs

    info = store.get_file_info(root)
    if info.type == fs.FileType.NotFound:
        raise CorpusError(f"there is nothing at {address}", hint="check the address")
    above = f"{root.strip('/')}/"  # some stores give paths with a slash before them
    if isinstance(store, fs.PyFileSystem):  # pyarrow would not hand through what fsspec tells of each file
        below = store.handler.fs.find(root, detail=True)
        found = {path: Stamp(int(told.get("size") or 0), _tag(told)) for path, told in below.items()}
    else:
        infos = [info] if info.type == fs.FileType.File else store.get_file_info(fs.FileSelector(root, recursive=True))
        files = [each for each in infos if each.type == fs.FileType.File]
        found = {each.path: Stamp(int(each.size or 0), str(each.mtime_ns or "")) for each in files}
    if not found:
        raise CorpusError(f"there are no files at {address}", hint="check the address")
    if info.type == fs.FileType.File:
        return {"": next(iter(found.values()))}
    return {path.lstrip("/").removeprefix(above): stamp for path, stamp in found.items()}


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


def _tag(told: dict[str, Any]) -> str:
    return str(next((told[name] for name in _TAGS if told.get(name)), ""))


@lru_cache(maxsize=8)
def _store(scheme: str, bucket: str, server: str | None) -> Any:
    from pyarrow import fs

    if scheme == "s3" and server is not None:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return fs.S3FileSystem(endpoint_override=server, region=region)
    return fs.FileSystem.from_uri(f"{scheme}://{bucket}/")[
        0
    ]  # without the path: a key may have characters that no URI has


def _by_fsspec(address: str) -> tuple[Any, str]:
    import fsspec
    from pyarrow import fs

    scheme = address.partition(":")[0]
    try:
        files, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise MissingDependencyError(f"{address} cannot be reached: {error}", hint="install what it names") from error
    except ValueError as error:
        raise InputError(
            f"nobody knows addresses that begin with {scheme}://", hint="try s3://, gs:// or hf://datasets/"
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(files)), path
