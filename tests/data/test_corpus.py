"""The corpus itself: ids, splits, hashes, arrays."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from samekind.core.errors import CorpusError, InputError
from samekind.data.corpus import Corpus


def images(count: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Random images of one shape."""
    return np.random.default_rng(count).integers(0, 256, (count, *shape), dtype=np.uint8)


def test_ids_count_within_each_split_and_do_not_depend_on_loading() -> None:
    """An image keeps its id when only its split is looked at."""
    corpus = Corpus.from_arrays(
        images(5, 4, 4), ["a", "b", "a", None, "b"], ["train", "test", "train", "validation", "test"]
    )
    assert corpus.ids == ["train/00000", "test/00000", "train/00001", "validation/00000", "test/00001"]
    test = corpus.split("test")
    assert test.ids == ["test/00000", "test/00001"]
    assert test.labels == ["b", "b"]
    assert test.sha256(1) == corpus.sha256(4)
    assert np.array_equal(np.asarray(test.image(1)), np.asarray(corpus.image(4)))
    assert len(corpus.subset([])) == 0


def test_labels_are_all_or_per_image() -> None:
    """A corpus without any label has none at all; single ones may be missing."""
    assert Corpus.from_arrays(images(2, 4, 4), [None, None]).labels is None
    mixed = Corpus.from_arrays(images(2, 4, 4), [None, "x"])
    assert mixed.labels == [None, "x"]
    assert mixed.classes == ["x"]


@given(st.sampled_from(["pixel", "label", "split", "id", "order"]))
def test_the_content_hash_sees_every_change(what: str) -> None:
    """Changing one pixel, label, split or id, or the order, changes the hash; building the same again does not."""
    pixels = images(4, 3, 3)

    def build(changed: str = "") -> Corpus:
        copy = pixels.copy()
        copy[1, 1, 1] ^= changed == "pixel"
        corpus = Corpus.from_arrays(
            copy,
            ["a", "b" if changed != "label" else "a", "a", "b"],
            ["train", "train", "test", "test" if changed != "split" else "validation"],
            ids=["w", "x", "y", "z" if changed != "id" else "q"],
        )
        return corpus.subset([1, 0, 2, 3]) if changed == "order" else corpus

    assert build().content_hash == build().content_hash
    assert build().content_hash != build(what).content_hash


def test_an_array_hash_covers_shape_and_bytes() -> None:
    """The documented formula: SHA-256 of the shape's text and the bytes; the memory layout does not matter."""
    pixels = images(1, 4, 6)[0]
    expected = hashlib.sha256(b"(4, 6)" + pixels.tobytes()).hexdigest()
    assert Corpus.from_arrays([pixels]).sha256(0) == expected
    assert Corpus.from_arrays([np.asfortranarray(pixels)]).sha256(0) == expected
    assert Corpus.from_arrays([pixels.reshape(6, 4)]).sha256(0) != expected


def test_native_array_and_channels() -> None:
    """Arrays of one shape stack in order, also from odd memory layouts; mixed shapes do not; grey RGB counts as one channel."""
    pixels = images(5, 4, 6, 3)
    flipped = [row[:, ::-1] for row in pixels]
    native = Corpus.from_arrays(flipped).native_array
    assert native is not None
    assert np.array_equal(native, pixels[:, :, ::-1])
    assert Corpus.from_arrays([pixels[0], pixels[1][:2]]).native_array is None
    assert Corpus.from_arrays(pixels).channels == 3
    assert Corpus.from_arrays(pixels[..., :1].repeat(3, axis=3)).channels == 1
    assert Corpus.from_arrays(pixels[..., 0]).channels == 1


def test_images_have_the_mode_of_their_array() -> None:
    """Grey arrays give `L`, colour arrays `RGB`."""
    assert Corpus.from_arrays(images(1, 2, 2)).image(0).mode == "L"
    image = Corpus.from_arrays(images(1, 2, 2, 3)).image(0)
    assert isinstance(image, Image.Image)
    assert image.mode == "RGB"


def test_bad_arguments() -> None:
    """Empty, mistyped, misshapen and mismatched input is refused with the error of its kind."""
    with pytest.raises(CorpusError):
        Corpus.from_arrays([])
    with pytest.raises(InputError, match="float64"):
        Corpus.from_arrays(np.zeros((2, 4, 4)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="shape"):
        Corpus.from_arrays(np.zeros((2, 4, 4, 4), np.uint8))
    with pytest.raises(InputError, match="pixel"):
        Corpus.from_arrays([np.zeros((0, 4), np.uint8)])
    with pytest.raises(InputError, match="length"):
        Corpus.from_arrays(images(2, 4, 4), ["a"])
    with pytest.raises(InputError, match="unique"):
        Corpus.from_arrays(images(2, 4, 4), ids=["a", "a"])
    with pytest.raises(InputError, match="split"):
        Corpus.from_arrays(images(2, 4, 4)).split("holdout")
