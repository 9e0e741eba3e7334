"""Labels that are not folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from samekind.core.errors import CorpusError, InputError
from samekind.data.corpus import Corpus
from samekind.data.layouts.labels.values import joined
from samekind.data.sources.registry import load_corpus
from tests.data.layouts.make_images import put


def labels_by_id(corpus: Corpus) -> dict[str, str | None]:
    """The label of each image."""
    return dict(zip(corpus.ids, corpus.labels or [None] * len(corpus), strict=True))


def write_parquet(file: Path, columns: dict[str, list[object]], names: list[str] | None = None) -> None:
    """A Parquet file; `names` are those of the class numbers in its column `label`, as Hugging Face stores them."""
    table = pa.table(columns)
    if names is not None:
        info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, file)


METADATA: dict[str, Callable[[Path], object]] = {
    "metadata.csv": lambda file: file.write_text("file_name,label\n1.jpg,cat\n2.jpg,dog\n3.jpg,\n"),
    "metadata.jsonl": lambda file: file.write_text(
        '{"file_name": "1.jpg", "label": "cat"}\n{"file_name": "2.jpg", "label": "dog"}\n{"file_name": "3.jpg", "label": null}\n'
    ),
    "metadata.parquet": lambda file: write_parquet(
        file, {"file_name": ["1.jpg", "2.jpg", "3.jpg"], "label": [1, 0, None]}, ["dog", "cat"]
    ),
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_beside_the_images_is_read(name: str, tmp_path: Path) -> None:
    """As Hugging Face's image folders have it; what is missing there has no label, whatever its folder."""
    put(tmp_path, "train/1.jpg", "train/2.jpg", "train/3.jpg", "test/a/4.jpg", "test/b/5.jpg")
    METADATA[name](tmp_path / "train" / name)
    corpus = Corpus.from_folder(tmp_path)
    assert labels_by_id(corpus) == {
        "test/a/4.jpg": None,
        "test/b/5.jpg": None,
        "train/1.jpg": "cat",
        "train/2.jpg": "dog",
        "train/3.jpg": None,
    }
    assert (
        corpus.notes[0] == f"read as: splits train, test; 2 classes; 3 images without a label; labels of train/{name}"
    )


def test_metadata_without_labels_leaves_the_folders_their_own(tmp_path: Path) -> None:
    """Captions are no classes; a line says which columns there are."""
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,text,width\na/1.jpg,a cat,4\nb/2.jpg,a dog,5\n")
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.labels == ["a", "b"]
    assert "metadata.csv:text; there are text, width" in corpus.notes[1]


def coco(file: Path) -> None:
    """Two images of one object each, and one of none."""
    content = {
        "images": [{"id": 7, "file_name": "x/1.jpg"}, {"id": 8, "file_name": "2.jpg"}, {"id": 9, "file_name": "3.jpg"}],
        "annotations": [
            {"image_id": 7, "category_id": 3},
            {"image_id": 7, "category_id": 3},
            {"image_id": 8, "category_id": 5},
        ],
        "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "dog"}],
    }
    file.write_text(json.dumps(content))


def voc(folder: Path) -> None:
    """An XML file an image, one of them with ImageNet's placeholder for a name."""
    folder.mkdir()
    for name, stem, label in (("1.jpg", "1", "cat"), ("%s", "2", "dog")):
        objects = f"<object><name>{label}</name></object>"
        (folder / f"{stem}.xml").write_text(f"<annotation><filename>{name}</filename>{objects}</annotation>")


def yolo(folder: Path) -> None:
    """A text file an image, and the names of the classes beside the folder."""
    folder.mkdir()
    (folder / "1.txt").write_text("1 0.5 0.5 0.1 0.1\n1 0.2 0.5 0.1 0.1\n")
    (folder / "2.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (folder / "3.txt").write_text("")
    (folder.parent / "data.yaml").write_text("path: .\nnames:\n  0: dog\n  1: cat\nnc: 2\n")


FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "coco": ("instances.json", coco),
    "voc": ("Annotations", voc),
    "yolo": ("labels", yolo),
    "csv, named column": ("a.csv:species", lambda f: f.write_text("path,age,species\n1.jpg,3,cat\n2.jpg,4,dog\n")),
    "csv, semicolons": ("a.csv", lambda f: f.write_text("image_id;breed\n1;cat\n2;dog\n")),
    "csv, byte order mark": ("a.csv", lambda f: f.write_text("\ufefffilename,class\n1.jpg,cat\n2.jpg,dog\n")),
    "csv, a row an object": (
        "a.csv",
        lambda f: f.write_text("filename,class,x\n1.jpg,cat,1\n1.jpg,cat,2\n2.jpg,dog,3\n"),
    ),
    "csv, a column a class": ("a.csv", lambda f: f.write_text("filename,cat,dog\n1.jpg,1,0\n2.jpg,0,1\n3.jpg,0,0\n")),
    "tsv": ("a.tsv", lambda f: f.write_text("file\tlabel\n1.jpg\tcat\n2.jpg\tdog\n")),
    "rows in json": (
        "a.json",
        lambda f: f.write_text(json.dumps([{"file": "1.jpg", "label": "cat"}, {"file": "2.jpg", "label": ["dog"]}])),
    ),
    "names in json": ("a.json", lambda f: f.write_text(json.dumps({"1.jpg": "cat", "2.jpg": "dog"}))),
    "text": ("val_annotations.txt", lambda f: f.write_text("1.jpg\tcat\t0\t0\t9\n2.jpg\tdog\t0\t0\t9\n")),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_labels_is_read(name: str, tmp_path: Path) -> None:
    """Whatever its form, the same labels; the third image has none. A later command reads them again."""
    put(tmp_path / "photos", "1.jpg", "2.jpg", "3.jpg")
    given, write = FILES[name]
    write(tmp_path / given.partition(":")[0])
    corpus = Corpus.from_folder(tmp_path / "photos", labels=str(tmp_path / given))
    assert labels_by_id(corpus) == {"1.jpg": "cat", "2.jpg": "dog", "3.jpg": None}
    assert load_corpus(**corpus.source).content_hash == corpus.content_hash


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ("1.jpg,3\n2.jpg,07\n", ["3", "07", None]),
        ("1.jpg,3.0\n2.jpg,4.0\n3.jpg,\n", ["3", "4", None]),
        ("1.jpg,1.5\n2.jpg,4.0\n3.jpg,NaN\n", ["1.5", "4.0", None]),
        ("1.jpg,true\n2.jpg, null\n3.jpg,none\n", ["true", None, "none"]),
    ],
)
def test_numbers_and_gaps(rows: str, wanted: list[str | None], tmp_path: Path) -> None:
    """Numbers are names as they are written, unless a gap in the column has made decimals of them; usual words for nothing are nothing."""
    put(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    (tmp_path / "labels.csv").write_text("file_name,label\n" + rows)
    assert Corpus.from_folder(tmp_path, labels="labels.csv").labels == wanted


SEVERAL = {
    "a list": (
        "l.jsonl",
        '{"file": "1.jpg", "label": ["dog", "cat"]}\n'
        '{"file": "2.jpg", "label": ["cat", "dog", "cat"]}\n'
        '{"file": "3.jpg", "label": ["cat"]}\n',
    ),
    "signs between": ("l.csv", "file,label\n1.jpg,cat|dog\n2.jpg,dog; cat\n3.jpg,cat\n"),
    "rows": ("l.csv", "file,label\n1.jpg,cat\n1.jpg,dog\n2.jpg,dog\n2.jpg,cat\n3.jpg,cat\n"),
    "columns": ("l.csv", "file,cat,dog\n1.jpg,1,1\n2.jpg,1,1\n3.jpg,1,0\n"),
    "text of a list": ("l.tsv", "file\tlabel\n1.jpg\t['cat', 'dog']\n2.jpg\t['dog','cat']\n3.jpg\tcat\n"),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_labels_an_image(name: str, tmp_path: Path) -> None:
    """In whatever order and however often: equal sets are one class, and a line says that it takes all of them."""
    put(tmp_path / "photos", "1.jpg", "2.jpg", "3.jpg")
    file, content = SEVERAL[name]
    (tmp_path / file).write_text(content)
    corpus = Corpus.from_folder(tmp_path / "photos", labels=tmp_path / file)
    assert corpus.labels == ["cat + dog", "cat + dog", "cat"]
    assert corpus.notes[1] == (
        "2 images have several labels: two images are of the same class if all of theirs are the same (exact)"
    )


def test_the_order_of_several_labels_does_not_count() -> None:
    """Nor does one that is named twice; none at all is no label."""
    assert joined(["dog", "cat", "ant", "dog"]) == joined(["cat", "ant", "dog"]) == "ant + cat + dog"
    assert joined([]) is None


def test_a_column_of_splits_is_honoured(tmp_path: Path) -> None:
    """Where the folders name none."""
    put(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    (tmp_path / "all.csv").write_text("file_name,label,split\n1.jpg,a,train\n2.jpg,b,valid\n3.jpg,b,test\n")
    corpus = Corpus.from_folder(tmp_path, labels="all.csv")
    assert corpus.splits == ["train", "validation", "test"]
    assert corpus.notes[0] == "read as: splits train, valid, test; 2 classes; labels of all.csv"


def test_a_synset_map_renames_class_folders(tmp_path: Path) -> None:
    """Two synsets of one name stay two classes."""
    put(tmp_path / "photos", "n01/1.jpg", "n02/2.jpg", "n03/3.jpg")
    (tmp_path / "map.txt").write_text("n01 tench, Tinca tinca\nn02 crane\nn03 crane\n")
    corpus = Corpus.from_folder(tmp_path / "photos", labels=tmp_path / "map.txt")
    assert corpus.labels == ["tench, Tinca tinca", "crane (n02)", "crane (n03)"]


def test_names_that_could_mean_two_images_label_neither(tmp_path: Path) -> None:
    """A name alone is enough if it is unique; otherwise it takes the folder."""
    put(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.jpg")
    (tmp_path / "l.csv").write_text("file,label\n1.jpg,x\nb/1.jpg,y\n2,z\n")
    corpus = Corpus.from_folder(tmp_path, labels="l.csv")
    assert corpus.labels == [None, "y", "z"]
    assert "l.csv: 1 line names no image here, or a name that several have, for example '1.jpg'" in corpus.notes


def test_metadata_of_other_images_says_so(tmp_path: Path) -> None:
    """The folders' labels stay, and a line tells why the file's are not taken."""
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,label\n8.jpg,x\n9.jpg,y\n")
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.labels == ["a", "b"]
    assert "metadata.csv: 2 lines name no image here, or a name that several have, for example '8.jpg'" in corpus.notes


def test_a_file_that_was_read_is_not_listed_as_skipped(tmp_path: Path) -> None:
    """Metadata, a file and a folder of labels, and lists of splits; what was not read is."""
    put(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    METADATA["metadata.csv"](tmp_path / "metadata.csv")
    (tmp_path / "train.txt").write_text("1.jpg\n2.jpg\n")
    (tmp_path / "test.txt").write_text("3.jpg\n")
    (tmp_path / "notes.txt").write_text("of a walk\n")
    (tmp_path / "l.csv").write_text("file,label\n1.jpg,a\n2.jpg,b\n")
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / "1.json").write_text('[{"file": "1.jpg", "label": "a"}]')

    def skipped(**how: str) -> list[str]:
        return sorted(file.path for file in Corpus.from_folder(tmp_path, **how).skipped)  # type: ignore[arg-type]

    assert skipped() == ["boxes/1.json", "l.csv", "notes.txt"]
    assert skipped(labels="l.csv") == ["boxes/1.json", "metadata.csv", "notes.txt"]
    assert skipped(labels="boxes") == ["l.csv", "metadata.csv", "notes.txt"]
    assert skipped(layout="flat") == ["boxes/1.json", "l.csv", "metadata.csv", "notes.txt", "test.txt", "train.txt"]


REFUSED: dict[str, tuple[str, str | bytes, str]] = {
    "gone": ("gone.csv", "", "there is no file"),
    "no such column": ("l.csv:kind", "file,label\n1.jpg,a\n", "has no column 'kind'"),
    "which column": ("l.csv", "file,kind,size\n1.jpg,a,2\n", "does not say which column"),
    "no column of images": ("l.csv", "when,label\n1,a\n", "has no column that names images"),
    "no rows": ("l.csv", "file,label\n", "holds no rows"),
    "other images": ("l.csv", "file,label\n9.jpg,a\n", "names no image of"),
    "of another kind": ("l.xlsx", "x", "is no file of labels"),
    "not text": ("l.csv", b"\xff\xfe\x00", "it is not UTF-8"),
    "broken json": ("l.json", "{", "is damaged"),
    "deep json": ("l.json", "[" * 100_000, "is damaged"),
    "a line that is no json": ("l.jsonl", '{"file": "1.jpg", "label": 1}\nx\n', "line 2"),
    "no parquet": ("l.parquet", "x", "is no Parquet file"),
    "coco without names": ("l.json", '{"images": [{"id": 1}]}', "is no COCO file"),
    "entities": ("l.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "declares entities"),
    "entities in utf-16": (
        "l.xml",
        '<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>'.encode("utf-16"),
        "is not UTF-8 text",
    ),
    "other xml": ("l.xml", "<html></html>", "expected <annotation>"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_read_is_one_line(name: str, tmp_path: Path) -> None:
    """It names the file and what is wrong with it."""
    put(tmp_path / "photos", "1.jpg")
    given, content, message = REFUSED[name]
    if content:
        file = tmp_path / given.partition(":")[0]
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((InputError, CorpusError), match=message) as caught:
        Corpus.from_folder(tmp_path / "photos", labels=str(tmp_path / given))
    assert "\n" not in str(caught.value)
