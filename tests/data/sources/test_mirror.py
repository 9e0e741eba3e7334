"""The copy of what lies in an object store: what it holds, what is fetched again, and how it ends early; `file://` is one, too."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from samekind.core.cache_home import VARIABLE
from samekind.core.errors import CorpusError
from samekind.data.decoding.object_store import Stamp
from samekind.data.sources import mirror
from samekind.data.sources.mirror import kept_copies, mirrored, place_of
from samekind.data.sources.registry import load_corpus
from tests.data.sources.stores import wrapped
from tests.end_to_end.helpers import draw_folder
from tests.indexer.builds import Lines

pytestmark = pytest.mark.usefixtures("cache")


def test_only_what_has_changed_is_fetched(store: Path, asked: list[str]) -> None:
    """A new file, a changed one, one that is gone with its folder; the second time nothing."""
    address = f"file://{store}"
    first = load_corpus(address)
    assert len(asked) == len(first)
    asked.clear()
    assert load_corpus(address).content_hash == first.content_hash
    assert not asked
    rows = sorted(Path(id_) for id_ in first.ids)
    gone = rows[0].parts[0]
    shutil.rmtree(store / gone)
    shutil.copy(store / rows[-1], store / "new.png")
    os.utime(store / rows[-1], ns=(10**18, 10**18))
    second = load_corpus(address)
    assert sorted(asked) == sorted(["new.png", rows[-1].name])
    assert second.content_hash == load_corpus(store).content_hash
    assert not (place_of(address) / gone).exists()


def test_an_interrupted_copy_goes_on(store: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What had arrived is listed, and not fetched again; a file that the store does not give is left out, and told."""
    address, real = f"file://{store}", mirror._download

    def fails(source: Any, path: str, target: Path, at: str, stop: threading.Event) -> None:
        if len(asked) >= 4:
            raise CorpusError(f"{at} cannot be read: nothing answers there")
        real(source, path, target, at, stop)

    monkeypatch.setattr(mirror, "_AT_ONCE", 1)
    monkeypatch.setattr(mirror, "_FAILURES", 3)
    monkeypatch.setattr(mirror, "_download", fails)
    with pytest.raises(CorpusError, match="nothing answers there"):
        mirrored(address)
    assert len(asked) == 4
    (kept,) = kept_copies()
    assert (kept.address, kept.size > 0) == (address, True)
    monkeypatch.setattr(mirror, "_download", real)
    copy = mirrored(address)
    assert len(asked) == 9
    assert sorted(entry.name for entry in copy.parent.iterdir()) == [".lock", mirror.STATE, copy.name]

    def refuses(source: Any, path: str, target: Path, at: str, stop: threading.Event) -> None:
        if path.endswith("new.png"):
            raise CorpusError(f"{at} cannot be read: access is denied")
        real(source, path, target, at, stop)

    shutil.copy(next(store.rglob("*.png")), store / "new.png")
    shutil.copy(next(store.rglob("*.png")), store / "other.png")
    monkeypatch.setattr(mirror, "_download", refuses)
    progress = Lines()
    assert (mirrored(address, progress) / "other.png").is_file()
    assert any("1 file could not be fetched" in line and "access is denied" in line for line in progress.said)
    assert not (copy / "new.png").exists()
    monkeypatch.setattr(mirror, "_download", real)
    assert (mirrored(address) / "new.png").is_file()


def test_ctrl_c_does_not_wait_for_large_files(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor for those that were asked for behind them; what had arrived stays noted."""
    started = threading.Event()
    size = (store / "large.png").write_bytes(b"x" * (3 << 20))

    class Slow:
        def __init__(self, source: Any) -> None:
            self.source = source

        def __enter__(self) -> Slow:
            return self

        def __exit__(self, *_: object) -> None:
            self.source.close()

        def read(self, count: int) -> Any:
            started.set()
            time.sleep(0.3)
            return self.source.read(1 << 10)

    def opened(files: Any, path: str) -> Any:
        source = files.open_input_stream(path)
        return Slow(source) if path.endswith("large.png") else source

    monkeypatch.setattr(mirror, "opened_store", wrapped(opened))

    def interrupts(futures: Any) -> Any:
        started.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(mirror, "as_completed", interrupts)
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        mirrored(f"file://{store}")
    assert time.monotonic() - before < 0.3 * size / (1 << 10) / 100
    assert not list(place_of(f"file://{store}").parent.glob("arriving-*"))


def test_the_copy_becomes_what_the_store_is(store: Path, asked: list[str]) -> None:
    """Whatever lay there: files cut off or removed, files of which nobody has noted anything, one in the place of a folder, a lost note."""
    address = f"file://{store}"
    copy = mirrored(address)
    files = sorted(copy.rglob("*.png"))
    files[0].write_bytes(files[0].read_bytes()[:20])
    files[1].unlink()
    (copy / "stray.png").write_bytes(b"x")
    (copy / "empty" / "folder").mkdir(parents=True)
    (copy / "moved").mkdir()
    (copy / "moved" / "1.png").write_bytes(b"x")
    shutil.copy(files[2], store / "moved")
    left = copy.parent / "arriving-killed"
    left.mkdir()
    asked.clear()
    mirrored(address)
    assert sorted(asked) == sorted([files[0].name, files[1].name, "moved"])
    here, there = (
        {file.relative_to(at): file.read_bytes() for file in at.rglob("*") if file.is_file()} for at in (copy, store)
    )
    assert here == there
    assert not (copy / "empty").exists()
    assert not left.exists()
    (copy.parent / mirror.STATE).write_text("{")
    asked.clear()
    assert mirrored(address) == copy
    assert len(asked) == len(there), "nobody knows what these files are copies of"


def test_a_file_and_a_folder_take_turns(tmp_path: Path) -> None:
    """Under one address."""
    place = tmp_path / "store" / "x"
    place.mkdir(parents=True)
    (place / "a").write_bytes(b"1")
    assert (mirrored(f"file://{place}") / "a").read_bytes() == b"1"
    shutil.rmtree(place)
    place.write_bytes(b"22")
    assert mirrored(f"file://{place}").read_bytes() == b"22"
    place.unlink()
    place.mkdir()
    (place / "b").write_bytes(b"3")
    assert [file.name for file in mirrored(f"file://{place}").iterdir()] == ["b"]


def test_a_file_of_equal_size_is_fetched_again(tmp_path: Path) -> None:
    """By its time, or by what fsspec has instead."""
    import fsspec

    files = fsspec.filesystem("memory")
    place = tmp_path / "x"
    place.mkdir()
    for content in (b"abc", b"xyz"):
        files.pipe("/equal/a", content)
        (place / "a").write_bytes(content)
        os.utime(place / "a", ns=(content[0], content[0]))
        assert (mirrored("memory://equal") / "a").read_bytes() == content
        assert (mirrored(f"file://{place}") / "a").read_bytes() == content


def test_two_processes_take_turns(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits, says so, and has nothing left to fetch."""
    address, progress = f"file://{store}", Lines()
    place_of(address).parent.mkdir(parents=True)
    taken = threading.Event()

    def other() -> None:
        with FileLock(place_of(address).parent / ".lock"):
            taken.set()
            time.sleep(1.0)

    thread = threading.Thread(target=other)
    thread.start()
    taken.wait()
    assert mirrored(address, progress).is_dir()
    thread.join()
    assert f"waiting for another process that fetches {address}" in progress.said


def test_what_nobody_will_look_at_is_not_fetched(store: Path, asked: list[str]) -> None:
    """Excluded, hidden, made by machines; what was fetched before it was excluded stays for others."""
    draw_folder(store / "raw", 1)
    (store / ".git").mkdir()
    (store / ".git" / "x.png").write_bytes(b"x")
    (store / "Thumbs.db").write_bytes(b"x")
    corpus = load_corpus(f"file://{store}", exclude="raw")
    assert len(asked) == len(corpus) == 9
    assert len(load_corpus(f"file://{store}")) == len(load_corpus(store)) == 12
    for exclude in ("raw", None):
        load_corpus(f"file://{store}", exclude=exclude)
    assert len(asked) == 12


@pytest.mark.parametrize(
    ("files", "left_out"),
    [
        ({"a/../../evil.png": 1, "b.png": 1}, 1),
        ({"/etc/x.png": 1, "b.png": 1}, 1),
        ({"a//b.png": 1}, 1),
        ({"a": 1, "a/b.png": 1}, 1),
        ({"x" * 300 + ".png": 1, "\0.png": 1}, 2),
        ({"a b/ü#1.png": 1, "..hidden.png": 1}, 0),
    ],
)
def test_names_that_no_disk_can_hold_are_left_out(files: dict[str, int], left_out: int) -> None:
    """Keys of an object store are any text."""
    there = {name: Stamp(size, "") for name, size in files.items()}
    assert sum(not mirror._can_lie_here(name, there) for name in there) == left_out


def test_a_copy_lies_in_a_folder_of_its_own(cache: Path) -> None:
    """Called as in the store, where a disk can hold that."""
    assert place_of("s3://bucket/photos/") == place_of("s3://bucket/photos")
    assert place_of("s3://bucket/photos").name == "photos"
    for odd in ("s3://bucket/..", "s3://bucket/.", f"s3://bucket/{'x' * 300}"):
        place = place_of(odd)
        assert (place.name, place.parent.parent) == ("images", cache / "copies")


def test_no_room_is_told_before_anything_is_copied(
    store: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable that names a larger disk."""
    monkeypatch.setattr(mirror, "free_bytes", lambda: 10)
    with pytest.raises(CorpusError, match="GB are free where the cache lies") as caught:
        load_corpus(f"file://{store}")
    assert VARIABLE in caught.value.hint
    assert not asked


def test_a_full_disk_is_no_fault_of_the_store(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with what to do."""

    def full(source: Any, path: str, target: Path, at: str, stop: threading.Event) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mirror, "_download", full)
    with pytest.raises(CorpusError, match=r"cannot be written to .*copies.*: No space left on device") as caught:
        load_corpus(f"file://{store}")
    assert VARIABLE in caught.value.hint


def test_copying_shows_how_far_it_is(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar over the files that are fetched; none where nothing is."""
    progress, bars = Lines(), list[tuple[str, int]]()
    original = progress.task

    def task(description: str, total: int) -> Any:
        bars.append((description, total))
        return original(description, total)

    monkeypatch.setattr(progress, "task", task)
    for expected in ([(f"Copying file://{store}", 9)], []):
        bars.clear()
        load_corpus(f"file://{store}", progress=progress)
        assert [bar for bar in bars if bar[0].startswith("Copying")] == expected
