"""Files that stand for an image which is not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from samekind.core.errors import ImageError
from samekind.data.corpus import Corpus
from samekind.data.decode import decode_image
from samekind.data.decoding import files as reading_files
from samekind.data.types.reading import Reading
from tests.data.decoding.samples import encoded, halves, noise

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def reason(folder: Path, name: str, content: bytes) -> str:
    """Why a file is left out."""
    (folder / "ok.png").write_bytes(encoded(halves(), "PNG"))
    (folder / name).write_bytes(content)
    corpus = Corpus.from_folder(folder)
    assert corpus.ids == ["ok.png"]
    assert [file.path for file in corpus.skipped] == [name]
    return corpus.skipped[0].reason


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jpg", b"<!DOCTYPE html><html><body>404</body></html>", "a web page (HTML), not an image"),
        ("b.png", b"\xef\xbb\xbf\n  <html lang='en'>", "a web page (HTML), not an image"),
        ("c.webp", b"<?xml version='1.0'?><html>Access denied</html>", "a web page (HTML), not an image"),
        ("d.jpg", b'{"error": "rate limited"}', "text (JSON), not an image"),
        ("e.jpg", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML, not an image"),
        ("f.jpg", b"", "the file is empty (0 bytes)"),
        (
            "g.png",
            bytes(50_000),
            "nothing but zeros: a copy or a download that was not completed, or a cloud placeholder",
        ),
        ("h.tif", LFS, "a Git LFS pointer, the image itself is not here (git lfs pull)"),
        (
            "i.jpg",
            b"/annex/objects/SHA256E-s9--ab.jpg\n",
            "a git-annex pointer, the image itself is not here (git annex get)",
        ),
        ("j.jpg", b"../.git/annex/objects/X/y\n", "a git-annex pointer, the image itself is not here (git annex get)"),
        (".k.jpg.icloud", b"bplist00", "an iCloud placeholder, the image itself is not on this disk"),
        ("l.jpg.cloud", b"", "a cloud placeholder, the image itself is not on this disk"),
        ("m.jpg.dvc", b"outs:\n- md5: 1\n", "a DVC pointer, the image itself is not here (dvc pull)"),
        ("n.jpg.crdownload", encoded(noise(), "JPEG")[:900], "an unfinished download (.crdownload)"),
        ("o.jpg.part", encoded(noise(), "JPEG"), "an unfinished download (.part)"),
        (
            "p.jpg",
            b'{"url": "https://drive.google.com/open?id=1", "doc_id": "1"}',
            "a link to Google Drive, not an image",
        ),
        ("q.jpg", b"[InternetShortcut]\r\nURL=https://example.org/\r\n", "a link to a web page, not an image"),
        ("r.jpg", encoded(noise(), "JPEG")[:900], "the file is truncated"),
    ],
)
def test_placeholders_are_named_as_what_they_are(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Web pages, pointers of version control, stubs of clouds, unfinished downloads: each has its own line in `skipped`."""
    assert reason(tmp_path, name, content) == words


def test_a_query_hears_the_same(tmp_path: Path) -> None:
    """A pointer as a query is refused with the reason that a corpus lists."""
    (tmp_path / "x.jpg").write_bytes(LFS)
    with pytest.raises(ImageError, match=r"x\.jpg: a Git LFS pointer"):
        decode_image(tmp_path / "x.jpg")


def test_a_link_of_git_annex(tmp_path: Path) -> None:
    """A link into the annex whose content was not fetched is no link to nowhere."""
    (tmp_path / "ok.png").write_bytes(encoded(halves(), "PNG"))
    (tmp_path / "x.jpg").symlink_to(".git/annex/objects/aa/bb/SHA256E-s9--ab.jpg/SHA256E-s9--ab.jpg")
    assert "git annex get" in Corpus.from_folder(tmp_path).skipped[0].reason


@pytest.mark.parametrize(
    "status", [{"st_file_attributes": 0x400000}, {"st_file_attributes": 0x1000}, {"st_flags": 0x40000000}]
)
def test_files_that_a_cloud_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: dict[str, int]) -> None:
    """What cannot be read because OneDrive, Dropbox or iCloud hold it is called so, by what the system says of the file."""
    file = tmp_path / "x.jpg"
    file.write_bytes(bytes(100))
    assert "zeros" in reading_files.read_file(file, Reading()).failures[0][1]
    monkeypatch.setattr(reading_files, "_status", lambda _: SimpleNamespace(st_mode=stat.S_IFREG, **status))
    assert "cloud placeholder" in reading_files.read_file(file, Reading()).failures[0][1]
    assert os.path.getsize(file) == 100
