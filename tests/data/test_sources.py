"""Corpora by name: limits, splits, digits, synthetic, packs and CIFAR-10."""

from __future__ import annotations

import io
import os
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import CorpusError, InputError
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepare_corpus
from samekind.data.sources import cifar10, packs, synthetic
from samekind.data.sources.registry import REGISTERED, load_corpus
from samekind.data.types.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def digits() -> Corpus:
    """The digits corpus."""
    return load_corpus("digits")


def test_digits(digits: Corpus) -> None:
    """All 1,797 digits at 32 px, split 80/20 within each class, always the same."""
    assert (len(digits), digits.channels, digits.classes) == (1797, 1, list("0123456789"))
    assert digits.native_array is not None
    assert digits.native_array.shape == (1797, 32, 32)
    assert Counter(digits.splits) == {"train": 1438, "test": 359}
    assert load_corpus(**digits.source).content_hash == digits.content_hash


def test_a_split_is_loaded_under_the_same_ids(digits: Corpus) -> None:
    """Loading one split gives the whole corpus's ids and hashes for it; `source` still describes the whole corpus."""
    test = load_corpus("digits", split="test")
    assert set(test.splits) == {"test"}
    assert test.ids == digits.split("test").ids
    assert load_corpus(**test.source).content_hash == digits.content_hash


def test_limit_takes_a_stratified_part_of_every_split(digits: Corpus) -> None:
    """So many training images and the same share of the test images; classes in proportion, ids and order kept, seeded, recorded."""
    part = load_corpus("digits", limit=200)
    assert Counter(part.splits) == {"train": 200, "test": 50}
    train = part.split("train")
    assert all(abs(n - 20) <= 1 for n in Counter(train.labels).values())
    rows = [digits.ids.index(id_) for id_ in part.ids]
    assert rows == sorted(rows)
    assert part.content_hash == digits.subset(rows).content_hash
    assert load_corpus(**part.source).content_hash == part.content_hash
    assert len(load_corpus("digits", limit=10**9)) == len(digits)
    assert Counter(load_corpus("digits", limit=1).splits) == {"train": 1, "test": 1}


def test_unknown_names_and_paths(tmp_path: Path) -> None:
    """An unknown name lists the known ones; a path is told apart from a name; splits and limits are checked before any work."""
    with pytest.raises(InputError, match="'imagenet'") as caught:
        load_corpus("imagenet")
    assert all(name in caught.value.hint for name in REGISTERED)
    with pytest.raises(CorpusError, match="no such folder"):
        load_corpus(tmp_path / "nope")
    with pytest.raises(CorpusError, match="no such folder"):
        load_corpus("./digits")
    with pytest.raises(InputError):
        load_corpus("")
    (tmp_path / "x.jpg").touch()
    with pytest.raises(CorpusError, match="is a file"):
        load_corpus(tmp_path / "x.jpg")
    with pytest.raises(InputError, match="'holdout'"):
        load_corpus("imagenet", split="holdout")
    for limit in (0, -3):
        with pytest.raises(InputError, match="limit"):
            load_corpus("digits", limit=limit)


def test_synthetic_is_seeded_and_its_duplicates_are_near() -> None:
    """The same every time; known pairs share a class and are nearer than any other two images of different pairs usually are."""
    corpus = load_corpus("synthetic")
    assert load_corpus(**corpus.source).content_hash == corpus.content_hash
    assert (
        synthetic.make_synthetic(40, seed=1).corpus.content_hash
        != synthetic.make_synthetic(40, seed=2).corpus.content_hash
    )
    pixels = corpus.native_array
    labels = corpus.labels
    assert pixels is not None
    assert labels is not None
    row = {id_: i for i, id_ in enumerate(corpus.ids)}
    pairs = [(row[a], row[b]) for a, b in synthetic.near_duplicates(corpus)]
    assert len(pairs) == len(corpus) // synthetic.DUPLICATE_EVERY
    assert all(labels[a] == labels[b] for a, b in pairs)

    def distance(a: int, b: int) -> float:
        return float(np.abs(pixels[a].astype(int) - pixels[b]).mean())

    assert max(distance(a, b) for a, b in pairs) < 25
    assert np.median([distance(a, a + 1) for a in range(0, 400, 2)]) > 60
    assert len({reference.sha256 for reference in corpus.references}) == len(corpus)


def test_synthetic_duplicates_of_a_split() -> None:
    """Only pairs whose images are both there are named."""
    train = load_corpus("synthetic", split="train")
    pairs = synthetic.near_duplicates(train)
    assert 0 < len(pairs) < len(synthetic.near_duplicates(load_corpus("synthetic")))
    assert {id_ for pair in pairs for id_ in pair} <= set(train.ids)
    with pytest.raises(InputError):
        synthetic.make_synthetic(0)


def write_pack(path: Path, contents: list[bytes], **arrays: Any) -> Path:
    """An `.npz` pack of these files."""
    offsets = np.cumsum([0, *map(len, contents)])
    np.savez(path, jpeg=np.frombuffer(b"".join(contents), np.uint8), offsets=offsets, **arrays)
    return path


def png(value: int, side: int = 32) -> bytes:
    """A plain grey PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (value, value, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_pack_is_a_corpus(tmp_path: Path) -> None:
    """Images in order, labels by name, splits under their usual names; a broken image is listed and the others keep their ids."""
    contents = [png(10), png(20), b"broken", png(40, side=9)]
    splits = np.array(["train", "val", "train", "train"])
    path = write_pack(
        tmp_path / "p.npz", contents, label=np.array([1, 0, 0, -1]), classes=np.array(["x", "y"]), split=splits
    )
    corpus = load_corpus(str(path))
    assert corpus.ids == ["train/00000", "validation/00000", "train/00002"]
    assert corpus.labels == ["y", "x", None]
    assert [file.path for file in corpus.skipped] == ["p.npz[2]"]
    assert corpus.image(2).size == (9, 9)
    assert np.asarray(corpus.image(1))[0, 0].tolist() == [20, 20, 200]
    assert load_corpus(**corpus.source).content_hash == corpus.content_hash


def test_packs_stay_below_the_limit_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one takes the place of packs that were not used for longer, and of nothing else; one that does not fit then is not kept."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(packs, "_WORTH_KEEPING", 2)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(cache))

    def kept(*shades: int) -> set[str]:
        path = tmp_path / "p.npz"
        load_corpus(write_pack(path, [png(shade) for shade in shades]))
        return {file.name for file in cache.glob("packs/*.npy")}

    (first,) = kept(1, 2, 3)
    (second,) = kept(4, 5, 6) - {first}
    size = (cache / "packs" / first).stat().st_size
    os.utime(cache / "packs" / second, (86400.0, 86400.0))
    features = cache / "features" / "a.f16"
    features.parent.mkdir()
    features.write_bytes(bytes(size))
    monkeypatch.setenv("SAMEKIND_CACHE_LIMIT", str(3 * size))
    after = kept(7, 8, 9)
    assert len(after) == 2
    assert first in after
    assert second not in after, "not used since 1970"
    monkeypatch.setenv("SAMEKIND_CACHE_LIMIT", str(2 * size - 200))
    assert kept(10, 11, 12) == after, "beside the features there is no room for any"
    assert features.stat().st_size == size


def test_a_pack_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reading takes the pixels from the cache; a damaged cache or a changed pack is decoded again."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(packs, "_WORTH_KEEPING", 2)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(cache))
    path = write_pack(tmp_path / "p.npz", [png(1), png(2), png(3)])
    corpus = load_corpus(path)
    (kept,) = cache.glob("packs/*.npy")
    with monkeypatch.context() as patch:
        patch.setattr(packs, "_decode_all", None)
        assert load_corpus(path).content_hash == corpus.content_hash
    kept.write_bytes(kept.read_bytes()[:100])
    assert load_corpus(path).content_hash == corpus.content_hash
    changed = load_corpus(write_pack(path, [png(1), png(2), png(4)]))
    assert np.asarray(changed.image(2))[0, 0, 0] == 4


def test_what_is_no_pack(tmp_path: Path) -> None:
    """Other files, packs without a readable image, and inconsistent ones are corpus errors."""
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    write_pack(tmp_path / "bad.npz", [b"x", b"y"])
    write_pack(tmp_path / "short.npz", [png(1), png(2)], split=np.array(["train"]))
    write_pack(tmp_path / "odd.npz", [png(1)], split=np.array(["holdout"]))
    for name, text in (
        ("text", "not a pack"),
        ("other", "not a pack"),
        ("bad", "no readable"),
        ("short", "inconsistent"),
        ("odd", "holdout"),
    ):
        with pytest.raises(CorpusError, match=text):
            load_corpus(tmp_path / f"{name}.npz")


def write_cifar10(folder: Path, protocol: int = 2) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Six batches of two images as the official ones are pickled; returns the images, `(12, 32, 32, 3)`."""
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    for i, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        rows = images[2 * i : 2 * i + 2].transpose(0, 3, 1, 2).reshape(2, -1)
        batch = {
            "batch_label": name,
            "labels": [i, 9 - i],
            "data": np.ascontiguousarray(rows),
            "filenames": ["a.png", "b.png"],
        }
        (folder / name).write_bytes(pickle.dumps(batch, protocol=protocol))
    return images


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("nested", [True, False])
def test_cifar10_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nested: bool, protocol: int) -> None:
    """torchvision's files are read in their order, with or without the folder around them, also by way of the environment."""
    folder = tmp_path / cifar10.FOLDER
    images = write_cifar10(folder, protocol)
    data_dir = tmp_path if nested else folder
    corpus = load_corpus("cifar10", data_dir=data_dir)
    assert np.array_equal(prepare_corpus(corpus, Preprocessing(32, 3)), images)
    assert corpus.splits == ["train"] * 10 + ["test"] * 2
    assert corpus.labels is not None
    assert corpus.labels[:2] == ["airplane", "truck"]
    monkeypatch.setenv("SAMEKIND_DATA_DIR", str(data_dir))
    assert load_corpus("cifar10").source == {"corpus": "cifar10", "data_dir": str(data_dir), "limit": None}


def test_cifar10_from_a_pack(tmp_path: Path) -> None:
    """A pack of the ten classes is found by its classes, given itself or in a folder beside other packs."""
    (tmp_path / "sub").mkdir()
    write_pack(tmp_path / "clothes.npz", [png(1)], label=np.array([0]), classes=np.array(["hat"]))
    path = write_pack(
        tmp_path / "sub" / "c.npz", [png(7), png(8)], label=np.array([3, 4]), classes=np.array(cifar10.CLASSES)
    )
    for data_dir in (tmp_path, path):
        corpus = load_corpus("cifar10", data_dir=data_dir)
        assert corpus.labels == ["cat", "deer"]
        assert corpus.name == "cifar10"
        assert load_corpus(**corpus.source).content_hash == corpus.content_hash


class Attack:
    """Pickles to a call of `os.mkdir`."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.mkdir, (self.path,)


def test_cifar10_runs_no_code_from_a_pickle(tmp_path: Path) -> None:
    """A pickle that calls a function is refused before the call."""
    folder = tmp_path / cifar10.FOLDER
    write_cifar10(folder)
    (folder / "data_batch_3").write_bytes(pickle.dumps(Attack(str(tmp_path / "pwned"))))
    with pytest.raises(CorpusError, match=r"data_batch_3 .*refused"):
        load_corpus("cifar10", data_dir=tmp_path)
    assert not (tmp_path / "pwned").exists()


def test_cifar10_absent_says_what_to_put_where(tmp_path: Path) -> None:
    """Without files the error names them and the option; a damaged file is named."""
    for data_dir in (None, tmp_path, tmp_path / "missing"):
        with pytest.raises(CorpusError) as caught:
            load_corpus("cifar10", data_dir=data_dir)
        assert "data_batch_1" in caught.value.hint
        assert "--data-dir" in caught.value.hint
    write_cifar10(tmp_path / cifar10.FOLDER)
    (tmp_path / cifar10.FOLDER / "test_batch").write_bytes(b"\x80\x02]")
    with pytest.raises(CorpusError, match="test_batch"):
        load_corpus("cifar10", data_dir=tmp_path)
