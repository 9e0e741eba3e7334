"""Layouts that people download are recognised, and held-out pictures are never trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from samekind.core.errors import CorpusError, InputError
from samekind.data.corpus import Corpus
from samekind.data.sources.registry import load_corpus
from tests.data.layouts.make_images import put

SPLIT = {"r": "train", "v": "validation", "t": "test"}

# Of each image: its split by first letter (tRain, Validation, Test), `-` where it is drawn, and its class.
LAYOUTS: dict[str, tuple[str, dict[str, str | None]]] = {
    "yolo": (
        "read as: YOLO; inside images; splits train, val; unlabelled",
        {"images/train/1.jpg": "r", "images/val/2.jpg": "v", "labels/train/1.txt": None, "labels/val/2.txt": None},
    ),
    "yolo, split first": (
        "read as: YOLO; splits train, valid, test; unlabelled",
        {"train/images/1.jpg": "r", "train/labels/1.txt": None, "valid/images/2.jpg": "v", "test/images/3.jpg": "t"},
    ),
    "yolo without splits": (
        "read as: YOLO; inside images; no splits, about 80/20 are drawn; unlabelled",
        {"images/1.jpg": "-", "images/2.jpg": "-", "labels/1.txt": None},
    ),
    "wrappers": (
        "read as: inside x/y; splits train, test; 2 classes",
        {"x/y/train/cat/1.jpg": "r cat", "x/y/train/dog/1.jpg": "r dog", "x/y/test/cat/1.jpg": "t cat"},
    ),
    "a wrapper beside other pictures": (
        "read as: splits train, test (1 image beside them: train); 2 classes; 1 image without a label",
        {"ds/train/cat/1.jpg": "r cat", "ds/train/dog/1.jpg": "r dog", "ds/test/dog/1.jpg": "t dog", "docs/1.jpg": "r"},
    ),
    "splits beside other pictures": (
        "read as: splits train, test (1 image beside them: train); unlabelled",
        {"ds/train/1.jpg": "r", "ds/train/2.jpg": "r", "ds/test/3.jpg": "t", "docs/4.jpg": "r"},
    ),
    "query and gallery": (
        "read as: splits gallery, query; 2 classes",
        {"gallery/1/a.jpg": "r 1", "gallery/2/a.jpg": "r 2", "query/1/b.jpg": "t 1"},
    ),
    "train, query and gallery": (
        "read as: splits train, gallery, query; 4 classes",
        {"train/5/a.jpg": "r 5", "train/6/a.jpg": "r 6", "gallery/1/a.jpg": "v 1", "gallery/2/a.jpg": "v 2", "query/2/b.jpg": "t 2"},
    ),
    "market-1501": (
        "read as: inside market; splits bounding_box_train, bounding_box_test, query; unlabelled",
        {"market/bounding_box_train/1.jpg": "r", "market/bounding_box_test/2.jpg": "t", "market/query/3.jpg": "t"},
    ),
    "years": (
        "read as: splits train2017, val2017; unlabelled",
        {"train2017/1.jpg": "r", "val2017/2.jpg": "v", "annotations/x.txt": None},
    ),
    "train/images": (
        "read as: splits train, validation; unlabelled",
        {"train/images/1.jpg": "r", "train/images/2.jpg": "r", "validation/images/3.jpg": "v"},
    ),
    "train/images with classes": (
        "read as: splits train, dev; 2 classes",
        {"train/images/a/1.jpg": "r a", "train/images/b/2.jpg": "r b", "dev/images/a/3.jpg": "v a"},
    ),
    "an unsorted test folder": (
        "read as: splits train, test; 2 classes; 1 image without a label",
        {"train/cat/1.jpg": "r cat", "train/dog/1.jpg": "r dog", "test/unknown/1.jpg": "t"},
    ),
    "classes above splits": (
        "read as: classes above splits; splits train, test; 2 classes",
        {"cat/train/1.jpg": "r cat", "cat/test/2.jpg": "t cat", "dog/train/1.jpg": "r dog", "dog/test/3.jpg": "t dog"},
    ),
    "objects with defects": (
        "read as: classes above splits; splits train, test; 2 classes",
        {
            "nut/train/good/1.png": "r nut", "nut/test/bent/2.png": "t nut", "nut/ground_truth/bent/2.png": None,
            "pin/train/good/3.png": "r pin", "pin/test/good/4.png": "t pin",
        },
    ),
    "two data sets of the same classes": (
        "read as: splits train, test; 2 classes",
        {
            "one/train/a/1.png": "r a", "one/train/b/1.png": "r b", "one/test/a/2.png": "t a",
            "two/train/a/3.png": "r a", "two/train/b/3.png": "r b", "two/test/b/4.png": "t b",
        },
    ),
    "tiny imagenet": (
        "read as: inside tiny; splits train, val, test; 2 classes; 2 images without a label",
        {
            "tiny/train/n1/images/1.jpg": "r n1", "tiny/train/n2/images/1.jpg": "r n2", "tiny/val/images/3.jpg": "v",
            "tiny/test/images/4.jpg": "t", "tiny/val/val_annotations.txt": None,
        },
    ),
    "class/images": (
        "read as: no splits, about 80/20 are drawn; 2 classes",
        {"cat/images/1.jpg": "- cat", "cat/images/2.jpg": "- cat", "dog/images/1.jpg": "- dog"},
    ),
    "a sample of itself": (
        "read as: splits train, valid, test1; 2 classes; 1 image without a label",
        {
            "train/a/1.jpg": "r a", "train/b/2.jpg": "r b", "valid/a/3.jpg": "v a", "sample/train/a/1.jpg": "r a",
            "sample/valid/a/3.jpg": "v a", "test1/4.jpg": "t",
        },
    ),
    "one lone class": (
        "read as: inside cat; no splits, about 80/20 are drawn; unlabelled",
        {"cat/1.jpg": "-", "cat/2.jpg": "-"},
    ),
    "one lone class in splits": (
        "read as: splits train, test; unlabelled",
        {"train/cat/1.jpg": "r", "train/cat/2.jpg": "r", "test/cat/3.jpg": "t"},
    ),
    "a lone wrapper of classes": (
        "read as: inside photos; no splits, about 80/20 are drawn; 2 classes; 1 image without a label",
        {"photos/cat/1.jpg": "- cat", "photos/dog/2.jpg": "- dog", "cover.jpg": "-"},
    ),
    "flat": ("read as: no splits, about 80/20 are drawn; unlabelled", {"1.jpg": "-", "2.jpg": "-"}),
    "masks": (
        "read as: inside images; splits train, val; unlabelled",
        {"images/train/1.png": "r", "images/val/2.png": "v", "masks/train/1.png": None, "masks/val/2.png": None},
    ),
    "voc": (
        "read as: inside VOC/JPEGImages; no splits, about 80/20 are drawn; unlabelled",
        {"VOC/JPEGImages/1.jpg": "-", "VOC/SegmentationClass/1.png": None, "VOC/Annotations/1.xml": None},
    ),
    "a name before the split": (
        "read as: splits seg_train, seg_pred, seg_test; 2 classes; 1 image without a label",
        {
            "seg_train/seg_train/sea/1.jpg": "r sea", "seg_train/seg_train/ice/2.jpg": "r ice", "seg_test/seg_test/sea/3.jpg": "t sea",
            "seg_pred/seg_pred/4.jpg": "t",
        },
    ),
    "a letter behind the split": (
        "read as: inside horse2zebra; splits trainA, trainB, testA, testB; unlabelled",
        {
            "horse2zebra/trainA/1.jpg": "r", "horse2zebra/trainB/2.jpg": "r", "horse2zebra/testA/3.jpg": "t",
            "horse2zebra/testB/4.jpg": "t",
        },
    ),
    "a word behind the split": (
        "read as: splits train_cropped, val_cropped, test_cropped; 2 classes",
        {
            "train_cropped/a/1.jpg": "r a", "train_cropped/b/1.jpg": "r b", "val_cropped/a/2.jpg": "v a",
            "test_cropped/b/3.jpg": "t b",
        },
    ),
    "numbered splits": (
        "read as: splits 1_train, 2_test; 2 classes",
        {"1_train/a/1.jpg": "r a", "1_train/b/1.jpg": "r b", "2_test/a/2.jpg": "t a"},
    ),
    "a second test": (
        "read as: splits Training, Test, test-hard; 2 classes; 1 image without a label",
        {"Training/a/1.jpg": "r a", "Training/b/1.jpg": "r b", "Test/a/2.jpg": "t a", "test-hard/3.jpg": "t"},
    ),
    "split words in names of different things": (
        "read as: no splits, about 80/20 are drawn; 3 classes",
        {"toy_train/1.jpg": "- toy_train", "blood_test/2.jpg": "- blood_test", "car/3.jpg": "- car"},
    ),
    "masks that are a class": (
        "read as: no splits, about 80/20 are drawn; 2 classes",
        {"mask/1.jpg": "- mask", "no_mask/2.jpg": "- no_mask"},
    ),
    "a class called train": (
        "read as: no splits, about 80/20 are drawn; 2 classes",
        {"vehicles/train/1.jpg": "- vehicles", "animals/cat/2.jpg": "- animals"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_recognised(name: str, tmp_path: Path) -> None:
    """One line says what was understood; each image has its split and its class, and what is no picture of the corpus is not in it."""
    line, files = LAYOUTS[name]
    corpus = Corpus.from_folder(put(tmp_path, *files))
    wanted = {file: said for file, said in files.items() if said is not None}
    assert corpus.notes == (line,)
    assert corpus.ids == sorted(wanted)
    for i, id_ in enumerate(corpus.ids):
        split, _, label = wanted[id_].partition(" ")
        assert split == "-" or corpus.splits[i] == SPLIT[split], id_
        assert (None if corpus.labels is None else corpus.labels[i]) == (label or None), id_


@pytest.mark.parametrize(
    ("layout", "labels", "splits"),
    [
        ("folders", ["test", "train", "train"], None),
        ("flat", None, None),
        ("splits", ["a", "a", "b"], ["test", "train", "train"]),
        ("class-splits", ["test", "train", "train"], ["test", "train", "train"]),
        ("yolo", None, ["test", "train", "train"]),
    ],
)
def test_a_layout_that_is_named_overrides(
    layout: str, labels: list[str] | None, splits: list[str] | None, tmp_path: Path
) -> None:
    """The same folder is read as the user says, and the corpus' source reads it so again."""
    corpus = Corpus.from_folder(put(tmp_path, "test/a/1.jpg", "train/a/2.jpg", "train/b/3.jpg"), layout=layout)
    assert corpus.labels == labels
    assert splits is None or corpus.splits == splits
    assert corpus.source["layout"] == layout
    assert load_corpus(**corpus.source).content_hash == corpus.content_hash


@pytest.mark.parametrize(
    ("layout", "message"),
    [("splits", "no folder is called"), ("class-splits", "no folder is called"), ("lists", "holds no train.txt")],
)
def test_a_layout_that_is_not_there_is_refused(layout: str, message: str, tmp_path: Path) -> None:
    """One line says what is missing."""
    with pytest.raises(CorpusError, match=message):
        Corpus.from_folder(put(tmp_path, "a/1.jpg", "b/2.jpg"), layout=layout)


def test_an_unknown_layout_names_those_that_there_are(tmp_path: Path) -> None:
    """Before the folder is looked at; and a corpus that is no folder has no layout."""
    with pytest.raises(InputError, match="unknown layout 'imagenet'") as caught:
        Corpus.from_folder(tmp_path, layout="imagenet")
    assert "class-splits" in caught.value.hint
    with pytest.raises(InputError, match="--layout is for folders of images, and digits is none"):
        load_corpus("digits", layout="flat")


LISTS = {
    "beside the folders": ({"train.txt": "./a/1.jpg\na/2.jpg\n", "test.txt": "b/3.jpg\n"}, "rrt-"),
    "voc": ({"ImageSets/Main/train.txt": "1\n2\n", "ImageSets/Main/val.txt": "3\n"}, "rrv-"),
    "with class numbers": ({"meta/train_list.txt": "a/1 0\na/2 0\n", "meta/test_list.txt": "b/3.jpg,1\n"}, "rrt-"),
    "from another machine": ({"train.txt": "/home/x/a/1.jpg\n/home/x/a/2.jpg\n", "test.txt": "C:\\x\\b\\3.jpg\n"}, "rrt-"),
    "a picture in two": ({"train.txt": "a/1.jpg\na/2.jpg\nb/3.jpg\n", "test.txt": "b/3.jpg\n"}, "rrt-"),
    "only what is held out": ({"val.txt": "b/3.jpg\n"}, "rrv-"),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_files_are_splits(name: str, tmp_path: Path) -> None:
    """What a list holds out is not trained on, nor, where there is a list to train by, what no list names."""
    lists, wanted = LISTS[name]
    put(tmp_path, "a/1.jpg", "a/2.jpg", "b/3.jpg", "b/4.jpg", *lists)
    for file, text in lists.items():
        (tmp_path / file).write_text(text)
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.labels == ["a", "a", "b", "b"]
    for split, said in zip(corpus.splits, wanted, strict=True):
        assert split == SPLIT.get(said, "train" if name == "only what is held out" else "validation")
    named = f"split{'s' if len(lists) > 1 else ''} {', '.join(lists)}"
    rest = "train" if name == "only what is held out" else "validation"
    count = "3 images" if name == "only what is held out" else "1 image"
    assert corpus.notes == (f"read as: {named} ({count} in none of them: {rest}); 2 classes",)


def test_a_text_file_that_lists_no_images_makes_no_splits(tmp_path: Path) -> None:
    """Notes that happen to be called test.txt are left alone."""
    (put(tmp_path, "a/1.jpg", "b/2.jpg") / "test.txt").write_text("this is a test\nof a/1.jpg\nand nothing else\n")
    assert Corpus.from_folder(tmp_path).notes[0].startswith("read as: no splits")
