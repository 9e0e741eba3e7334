"""What machines leave in folders, hidden files and what the user excludes are not read as images."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from samekind.data.corpus import Corpus
from samekind.data.layouts.folder_choices import FolderChoices
from samekind.data.scan import scan_folder
from samekind.data.sources.registry import load_corpus
from tests.data.layouts.make_images import put

LEFT_BEHIND = (
    "@__thumb/s800_1.jpg", "@SynoResource/1.jpg", "~snapshot/1.jpg", "iPod Photo Cache/F00/T1.jpg",
    "@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg", "#recycle/1.jpg", "#snapshot/2020/1.jpg", "@Recycle/1.jpg",
    ".Spotlight-V100/1.jpg", ".Trashes/501/1.jpg", "__MACOSX/cat/._1.jpg", "__MACOSX/cat/1.jpg", "Thumbs.db", "desktop.ini",
    "cat/._1.jpg", ".DS_Store", "lost+found/1.jpg", "$RECYCLE.BIN/S-1/1.jpg", "System Volume Information/1.jpg",
    "cat/.thumbnails/1.jpg", ".@__thumb/s1.jpg", "cat/~$1.jpg", "SYNOFILE_THUMB_M_1.jpg",
)  # fmt: skip


@pytest.mark.parametrize("file", LEFT_BEHIND)
def test_what_machines_leave_is_not_read(file: str, tmp_path: Path) -> None:
    """Four pictures of two classes stay that, and the file is among what was passed over, not among what could not be read."""
    folder = scan_folder(put(tmp_path, "cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg", file))
    assert folder.ids == ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"]
    assert folder.labels == ["cat", "cat", "dog", "dog"]
    assert folder.skipped == ()
    (passed,) = folder.passed_over
    assert file.startswith(passed.path)
    assert passed.reason == "hidden" or passed.reason.startswith("made by the system")


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["*_thumb.jpg"], ["a/1.jpg", "b/old/2.jpg", "b/old/deep/3.jpg"]),
        (["old"], ["a/1.jpg", "a/1_thumb.jpg"]),
        (["b/old/*"], ["a/1.jpg", "a/1_thumb.jpg"]),
        (["b/*/"], ["a/1.jpg", "a/1_thumb.jpg"]),
        (["*_thumb.jpg", "deep"], ["a/1.jpg", "b/old/2.jpg"]),
    ],
)
def test_what_fits_a_pattern_is_left_out(patterns: list[str], left: list[str], tmp_path: Path) -> None:
    """By the name of a file or folder, or by the path; the source of the corpus leaves it out again."""
    put(tmp_path, "a/1.jpg", "a/1_thumb.jpg", "b/old/2.jpg", "b/old/deep/3.jpg")
    corpus = Corpus.from_folder(tmp_path, exclude=patterns)
    assert corpus.ids == left
    assert load_corpus(**corpus.source).ids == left


def test_a_pattern_that_fits_nothing_is_told(tmp_path: Path) -> None:
    """A pattern that fits only what another one leaves out as well has done its work."""
    corpus = Corpus.from_folder(put(tmp_path, "1.jpg", "2.jpg"), exclude=["*.gif", "2.*", "*2.jpg"])
    assert corpus.ids == ["1.jpg"]
    assert corpus.notes[1:] == ("nothing is excluded by *.gif",)


NAMES = ("café", "Ångström", "고양이")


@pytest.mark.parametrize("name", NAMES)
def test_one_name_in_two_forms_of_unicode_is_one_class(name: str, tmp_path: Path) -> None:
    """Composed in one split and decomposed in the other; ids are composed, and the files are still found."""
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    put(tmp_path, f"train/{forms[0]}/1.jpg", f"test/{forms[1]}/2.jpg", "train/tea/3.jpg", "test/tea/4.jpg")
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.classes == sorted([forms[0], "tea"])
    assert set(corpus.ids) == {f"train/{forms[0]}/1.jpg", f"test/{forms[0]}/2.jpg", "train/tea/3.jpg", "test/tea/4.jpg"}
    assert [corpus.image(i).mode for i in range(4)] == ["RGB"] * 4


def test_two_files_that_differ_only_by_the_form_stay_two(tmp_path: Path) -> None:
    """Ids are unique even where a disk holds both forms of one name."""
    forms = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    corpus = Corpus.from_folder(put(tmp_path, *(f"{form}/1.jpg" for form in forms), "tea/1.jpg"))
    assert len(set(corpus.ids)) == 3
    assert corpus.classes == [forms[0], "tea"]


@pytest.mark.parametrize(
    ("one", "other"), [("Cat", "cat"), ("red shoe", "Red  shoe"), ("ＡＢ", "AB"), ("Straße", "STRASSE")]
)
def test_a_clash_of_names_is_told(one: str, other: str, tmp_path: Path) -> None:
    """They stay two classes, and one line names them with their counts."""
    corpus = Corpus.from_folder(put(tmp_path, f"{one}/1.jpg", f"{one}/2.jpg", f"{other}/3.jpg", "dog/4.jpg"))
    assert len(corpus.classes) == 3
    first, second = sorted([(one, "2 images"), (other, "1 image")])
    assert corpus.notes[1] == (
        "classes that differ only by case or blanks, and are counted as different: "
        f"{first[0]!r} ({first[1]}) and {second[0]!r} ({second[1]})"
    )


@pytest.mark.parametrize("pattern", ["*.icloud", "*_thumb.jpg"])
def test_placeholders_are_excluded_like_the_images_that_they_stand_for(pattern: str, tmp_path: Path) -> None:
    """iCloud's are hidden files, by whose names people do not know them."""
    folder = scan_folder(put(tmp_path, "1.jpg", ".2_thumb.jpg.icloud"), how=FolderChoices.of(exclude=pattern))
    assert folder.skipped == ()
    assert [file.reason for file in folder.passed_over] == [f"excluded by {pattern}"]
    assert not [note for note in folder.notes if note.startswith("nothing is excluded")]
