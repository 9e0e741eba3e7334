"""Fashion-MNIST from its four sources, with small stand-in files and a server on this machine."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from samekind.core.errors import DownloadError
from samekind.core.files import atomic_path
from samekind.data.prepared import prepare_corpus
from samekind.data.sources import download, fashion_mnist
from samekind.data.sources.registry import load_corpus
from samekind.data.types.preprocessing import Preprocessing

COUNTS = {"train": 30, "t10k": 20}


def stand_in(name: str) -> bytes:
    """The unpacked content of one of the four files, small."""
    count = COUNTS[name.split("-")[0]]
    rng = np.random.default_rng(count)
    if "labels" in name:
        return np.array([2049, count], ">u4").tobytes() + (np.arange(count) % 10).astype(np.uint8).tobytes()
    return (
        np.array([2051, count, 28, 28], ">u4").tobytes() + rng.integers(0, 256, count * 784, dtype=np.uint8).tobytes()
    )


CONTENTS = {name: stand_in(name) for name in fashion_mnist.SHA256}


def put(folder: Path, packed: bool = True) -> Path:
    """The four files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENTS.items():
        (folder / f"{name}.gz" if packed else folder / name).write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, the stand-ins' hashes, a mirror where nobody listens, and no apt."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(fashion_mnist, "cache_folder", lambda: folder)
    monkeypatch.setattr(
        fashion_mnist, "SHA256", {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    )
    monkeypatch.setattr(fashion_mnist, "MIRROR", "http://127.0.0.1:1/")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return folder


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves a folder with byte ranges, notes them, and can hang up early."""

    ranges: list[str] = []  # noqa: RUF012 - emptied by the fixture
    break_after: int | None = None

    def __init__(self, folder: Path, *args: object) -> None:
        self.folder = folder
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:  # the base class dictates the name
        """Answers with the file or the rest of it."""
        content = (self.folder / self.path.lstrip("/")).read_bytes()
        asked = self.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.ranges.append(asked)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:] if self.break_after is None else content[start : start + self.break_after])

    def log_message(self, format: str, *args: object) -> None:
        """Stays silent."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server of the four files; yields the folder it serves."""
    folder = put(tmp_path / "mirror")
    monkeypatch.setattr(Handler, "ranges", [])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, folder))
    monkeypatch.setattr(fashion_mnist, "MIRROR", f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("layout", ["", "FashionMNIST/raw"])
@pytest.mark.parametrize("packed", [True, False])
def test_files_on_disk_become_a_corpus_and_are_kept(tmp_path: Path, layout: str, packed: bool) -> None:
    """gz or not, flat or in torchvision's layout: pixels, labels, splits and ids are the files'; afterwards the cache suffices."""
    data_dir = tmp_path / "data"
    put(data_dir / layout, packed)
    corpus = load_corpus("fashion-mnist", data_dir=data_dir)
    images = np.frombuffer(CONTENTS["t10k-images-idx3-ubyte"], np.uint8, offset=16).reshape(-1, 28, 28)
    assert np.array_equal(prepare_corpus(corpus.split("test"), Preprocessing(28, 1))[..., 0], images)
    assert (len(corpus), corpus.ids[30], corpus.channels) == (50, "test/00000", 1)
    assert corpus.labels is not None
    assert corpus.labels[8:11] == ["Bag", "Ankle boot", "T-shirt/top"]
    assert load_corpus("fashion-mnist").content_hash == corpus.content_hash
    assert load_corpus(**corpus.source).content_hash == corpus.content_hash


def test_a_damaged_cache_is_mended(tmp_path: Path, cache: Path) -> None:
    """A cached file with one wrong byte is not trusted, fetched again and replaced."""
    data_dir = put(tmp_path / "data")
    before = load_corpus("fashion-mnist", data_dir=data_dir).content_hash
    victim = cache / "train-images-idx3-ubyte"
    content = bytearray(victim.read_bytes())
    content[500] ^= 1
    victim.write_bytes(content)
    with pytest.raises(DownloadError):
        load_corpus("fashion-mnist")
    assert load_corpus("fashion-mnist", data_dir=data_dir).content_hash == before
    assert victim.read_bytes() == CONTENTS[victim.name]


def test_the_mirror_is_asked_and_nothing_is_left_over(mirror: Path, cache: Path) -> None:
    """Four requests fill the cache with the unpacked files and nothing else."""
    assert len(load_corpus("fashion-mnist")) == 50
    assert {file.name for file in cache.iterdir()} == {*CONTENTS, ".lock"}
    assert Handler.ranges == [""] * 4
    load_corpus("fashion-mnist")
    assert len(Handler.ranges) == 4


def test_a_broken_download_goes_on_where_it_stopped(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next attempt asks for the rest only, and the result is whole."""
    monkeypatch.setattr(Handler, "break_after", 1000)
    with pytest.raises(DownloadError, match="broke"):
        load_corpus("fashion-mnist")
    monkeypatch.setattr(Handler, "break_after", None)
    assert len(load_corpus("fashion-mnist")) == 50
    assert Handler.ranges[:2] == ["", "bytes=1000-"]


def test_a_download_that_is_something_else_is_refused(mirror: Path, cache: Path) -> None:
    """Wrong content never reaches the cache, and the attempt after the mirror is mended succeeds."""
    good = (mirror / "train-labels-idx1-ubyte.gz").read_bytes()
    (mirror / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DownloadError, match="damaged"):
        load_corpus("fashion-mnist")
    assert not list(cache.glob("train-labels*"))
    (mirror / "train-labels-idx1-ubyte.gz").write_bytes(good)
    assert len(load_corpus("fashion-mnist")) == 50


def test_no_source_at_all_says_what_to_do(tmp_path: Path) -> None:
    """One line with what each source said, and a hint that names the files and the option."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "t10k-labels-idx1-ubyte").write_bytes(b"MNIST's, say")
    with pytest.raises(DownloadError) as caught:
        load_corpus("fashion-mnist", data_dir=tmp_path / "data")
    message = str(caught.value)
    assert "SHA-256 differs" in message
    assert "mirror: " in message
    assert "apt-get is not installed" in message
    assert "\n" not in message
    assert "train-images-idx3-ubyte.gz" in caught.value.hint
    assert "--data-dir" in caught.value.hint


def test_a_silent_server_is_given_up_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit covers a name look-up or a connection that never answers."""
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.2)
    released = threading.Event()
    monkeypatch.setattr("urllib.request.urlopen", lambda *args, **kwargs: released.wait(30))
    start = time.perf_counter()
    with pytest.raises(DownloadError, match="no answer"):
        download.fetch("http://localhost/x", tmp_path / "x")
    assert time.perf_counter() - start < 5
    released.set()


APT = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in
    *Dir::State*update*) touch "{log}.updated" ;;
    *download*) [ -e "{log}.updated" ] || {{ echo "E: Unable to locate package" >&2; exit 100; }}; touch dataset-fashion-mnist_1_all.deb ;;
esac
"""
DPKG = """#!/bin/sh
mkdir -p "$3/usr/share/datasets" && cp -r "{files}" "$3/usr/share/datasets/fashion-mnist"
"""


def test_debians_package_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Without lists, apt is given private ones, the package is unpacked without installing it, and only the files stay."""
    log, programs = tmp_path / "apt.log", tmp_path / "bin"
    programs.mkdir()
    for name, text in (("apt-get", APT.format(log=log)), ("dpkg-deb", DPKG.format(files=put(tmp_path / "files")))):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert len(load_corpus("fashion-mnist")) == 50
    plain, update, private = log.read_text().splitlines()
    assert plain == "download dataset-fashion-mnist"
    assert "Dir::State=" in update
    assert update.endswith(" update")
    assert private.endswith("download dataset-fashion-mnist")
    assert {file.name for file in cache.iterdir()} == {*CONTENTS, ".lock"}


def test_an_archive_that_a_killed_process_left_is_unpacked_and_goes(cache: Path) -> None:
    """It had arrived and nobody had come to unpack it; otherwise every later load would."""
    put(cache, packed=True)
    assert len(load_corpus("fashion-mnist")) == sum(COUNTS.values())
    assert {path.name: path.read_bytes() for path in cache.iterdir() if path.name != ".lock"} == CONTENTS


def test_two_that_fetch_at_once_take_turns(mirror: Path) -> None:
    """The others wait and find what the first has fetched: written into by several, a file would be damaged."""
    with ThreadPoolExecutor(4) as pool:
        corpora = list(pool.map(load_corpus, ["fashion-mnist"] * 4))
    assert {len(corpus) for corpus in corpora} == {sum(COUNTS.values())}
    assert Handler.ranges == [""] * 4


def test_what_has_arrived_is_written_once(mirror: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is killed while a file is written again leaves a temporary that nobody has a reason to take away."""
    written: list[Path] = []

    def noted(path: Path) -> AbstractContextManager[Path]:
        written.append(path)
        return atomic_path(path)

    monkeypatch.setattr(fashion_mnist, "atomic_path", noted)
    load_corpus("fashion-mnist")
    assert sorted(written) == sorted(cache / name for name in CONTENTS)
