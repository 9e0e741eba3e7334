"""Folders that look like albums are told of in one line, and classes never are."""

from __future__ import annotations

from pathlib import Path

import pytest

from samekind.core.errors import SamekindError
from samekind.data.corpus import Corpus
from samekind.data.layouts.albums import albums
from tests.data.layouts.make_images import put
from tests.data.layouts.test_layouts import LAYOUTS
from tests.end_to_end.helpers import CLASSES

ALBUMS = [
    *("2019 Holidays", "2019-05 Rome", "2019-05-12", "2019_05_12", "20190512 Anna", "12.05.2019", "2018-Wedding"),
    *("Summer in Rome 2019", "Photos from 2019", "July 2018", "May, 2018", "IMG backup", "Backup of phone", "phone_backup_2"),
    *("100APPLE", "101CANON", "100_PANA", "DCIM", "Camera Roll", "WhatsApp Images", "New Folder (2)", "Untitled Album"),
]  # fmt: skip
TIMES = ["2017", "2018", "201905", "20190512"]
CLASS_NAMES = {
    "words": ["cat", "dog", "airplane", "T-shirt", "Ankle boot", "camera", "folder", "photo album", "party hat", "Maya", "summer dress"],
    "two words": ["wedding", "birthday cake", "marching band", "decathlon", "may bug", "june beetle"],
    "wordnet": ["n01440764", "n02084071", "n20190512"],
    "digits": [str(i) for i in range(10)],
    "numbers": [f"{i:04}" for i in (2, 1501, 1999, 2019)],
    "many numbers": [str(i) for i in range(1, 3000, 7)],
    "products": ["20191399", "20190512", "40190512"],
    "cars": ["Acura Integra Type R 2001", "AM General Hummer SUV 2000", "BMW X5 SUV 2007", "Ford F-150 Regular Cab 2012"],
    "airplanes": ["737-200", "A330-200", "Boeing 747", "DC-10", "Cessna 172", "Spitfire"],
    "birds": ["001.Black_footed_Albatross", "002.Laysan_Albatross", "200.Common_Yellowthroat"],
    "years in front": ["2012 BMW M3", "2011 Audi R8", "2015 Ford Focus", "2002 penny", "2005 dime"],
    "numbered within years": ["2020-1", "2020-2", "2021-3"],
    "kinds of pictures": ["screenshots", "photos", "downloads"],
    "coins": ["1 Euro", "2 Euro", "10 Cent"],
    "one album among many": ["cat", "dog", "cow", "horse", "2019 Holidays"],
    "two albums among many": ["cat", "dog", "cow", "horse", "hen", "pig", "2019 Holidays", "IMG backup"],
    "what tests draw": [*CLASSES],
}  # fmt: skip


@pytest.mark.parametrize("name", ALBUMS)
def test_a_folder_that_looks_like_an_album_is_told_of(name: str) -> None:
    """Beside one ordinary folder, and by its name; the remedy stands in the same line."""
    (line,) = albums([name, name, "cats", None])
    assert line.startswith(f"1 class has a name like an album's or a date ({name!r})")
    assert "--layout flat" in line


def test_years_and_dates_are_told_of_where_all_numbers_are_some() -> None:
    """Among other numbers a year is one of them."""
    (line,) = albums(TIMES)
    assert line.startswith("4 classes have names like albums or dates ('2017', '2018', '201905', …)")
    assert albums([*TIMES, "0002"]) == []
    assert len(albums([*TIMES, "Anna"])) == 1


@pytest.mark.parametrize("names", CLASS_NAMES.values(), ids=CLASS_NAMES)
def test_classes_are_not_taken_for_albums(names: list[str]) -> None:
    """Names of classes of data sets that people use, and one album among many classes."""
    assert albums(names) == []
    assert albums(names[:2]) == []


def test_no_labels_no_word() -> None:
    """A flat folder, and one of no labels at all."""
    assert albums(None) == albums([]) == albums([None, None]) == []


def test_a_messy_folder(tmp_path: Path) -> None:
    """It is said when it is read as it looks; with a layout that is asked for, and with labels of a file, nothing is."""
    names = ["2019 Holidays/1.jpg", "2019 Holidays/2.jpg", "IMG backup/3.jpg", "Anna/4.jpg"]
    put(tmp_path, *names)
    assert [note for note in Corpus.from_folder(tmp_path).notes if "albums" in note] == [
        "2 classes have names like albums or dates ('2019 Holidays', 'IMG backup'): "
        "if the folders are no classes, --layout flat reads them without labels"
    ]
    for layout in ("flat", "folders"):
        assert not any("albums" in note for note in Corpus.from_folder(tmp_path, layout=layout).notes)
    assert Corpus.from_folder(tmp_path, layout="flat").labels is None
    (tmp_path / "metadata.csv").write_text(
        "file_name,kind\n" + "".join(f"{name},{i % 2}x\n" for i, name in enumerate(names))
    )
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.classes == ["0x", "1x"]
    assert not any("albums" in note for note in corpus.notes)


def test_no_layout_that_people_download_is_taken_for_albums(tmp_path: Path) -> None:
    """All those that are recognised."""
    for number, (_, files) in enumerate(LAYOUTS.values()):
        put(tmp_path / str(number), *files)
        try:
            notes = Corpus.from_folder(tmp_path / str(number)).notes
        except SamekindError:
            continue
        assert not any("albums" in note or "album's" in note for note in notes)
