"""The second look at pixels against NumPy's correlation in a loop, and the list on pictures that were put in twice."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.indexer.curation import near_duplicates as module
from samekind.indexer.curation.pixel_agreement import pixel_agreement, zoomed_agreement
from samekind.indexer.curation.small_pictures import MARGIN, SIDE
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder


def scenes(count: int, seed: int = 0, side: int = SIDE + 8) -> NDArray[np.uint8]:
    """`(count, side, side, 3)` uint8 smooth colour scenes, larger than a small picture so that crops can be taken."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(c).resize((side, side), Image.Resampling.BICUBIC)) for c in coarse])


def crop(scene: NDArray[np.uint8], down: int = 0, across: int = 0) -> NDArray[np.uint8]:
    """The middle of a scene, shifted."""
    return scene[4 + down : 4 + down + SIDE, 4 + across : 4 + across + SIDE]


def agreement(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Of one pair."""
    return float(pixel_agreement(np.stack([first, second]), np.array([[0, 1]]))[0])


def slow_channels(picture: NDArray[np.float64]) -> list[list[NDArray[np.float64]]]:
    """Colours, and the slopes of their mean."""
    grey = np.pad(picture.mean(axis=2), 1, mode="edge")
    slopes = [grey[1:-1, 2:] - grey[1:-1, :-2], grey[2:, 1:-1] - grey[:-2, 1:-1]]
    return [[picture[..., c] for c in range(3)], slopes]


def slow_unit(windows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Centred windows, end to end, of norm 1."""
    flat = np.concatenate([(window - window.mean()).ravel() for window in windows])
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-3))


def slow_agreement(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """The same by a loop over shifts and the mirror image, one window at a time."""
    window = SIDE - 2 * MARGIN
    best = -np.inf
    for turned in (first / 255, first[:, ::-1] / 255):
        for down, across in itertools.product(range(2 * MARGIN + 1), repeat=2):
            total = 0.0
            for a, b in zip(slow_channels(turned), slow_channels(second / 255), strict=True):
                middle = [c[MARGIN : MARGIN + window, MARGIN : MARGIN + window] for c in a]
                place = [c[down : down + window, across : across + window] for c in b]
                total += float(slow_unit(middle) @ slow_unit(place)) / 2
            best = max(best, total)
    return best


def test_agreement_is_that_of_a_plain_loop() -> None:
    """Random scenes, noise and a shifted pair, in blocks or not."""
    small = np.stack([crop(scene) for scene in scenes(4)] + [crop(scenes(1)[0], 1, -2)])
    pairs = np.array([[0, 1], [1, 2], [3, 0], [0, 4], [2, 2]])
    expected = [slow_agreement(small[a], small[b]) for a, b in pairs]
    np.testing.assert_allclose(pixel_agreement(small, pairs), expected, atol=1e-5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samekind.indexer.curation.pixel_agreement._BLOCK", 2)
        np.testing.assert_allclose(pixel_agreement(small, pairs), expected, atol=1e-5)


def test_what_leaves_a_picture_the_same_leaves_the_agreement_at_one() -> None:
    """Shifts up to the margin, the mirror image, brightness and contrast, in either order."""
    scene = scenes(1, seed=3)[0]
    picture = crop(scene)
    dim = (picture * 0.5 + 40).astype(np.uint8)
    for other, least in (
        (crop(scene, 1, -1), 0.9999),
        (crop(scene, 2, -2), 0.99),  # its window reaches the edge, where slopes are one-sided
        (picture[:, ::-1], 0.9999),
        (crop(scene, -1, 1)[:, ::-1], 0.9999),
        (dim, 0.99),
    ):
        assert agreement(picture, other) >= least
        assert agreement(other, picture) >= least


def test_different_scenes_and_flat_pictures_do_not_agree() -> None:
    """Unlike scenes stay far below the list's threshold; a flat picture agrees with nothing, itself included, and is no NaN."""
    small = np.stack([crop(scene) for scene in scenes(12, seed=5)])
    a, b = np.triu_indices(12, k=1)
    assert pixel_agreement(small, np.stack([a, b], axis=1)).max() < module.SAME_PICTURE
    flat = np.full((SIDE, SIDE, 3), 90, dtype=np.uint8)
    assert agreement(flat, flat) == pytest.approx(0)
    assert agreement(flat, small[0]) == pytest.approx(0, abs=0.1)


def resized(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A picture at another side."""
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX))


def test_a_crop_agrees_with_the_picture_once_that_is_zoomed() -> None:
    """Two thirds of the way into a picture, either way around; a plain loop over the windows finds the same."""
    whole = scenes(1, seed=4, side=96)[0]
    part = whole[6:92, 2:88]  # a crop by 10 %
    small = np.stack([resized(whole, SIDE), resized(part, SIDE)])
    larger = np.stack([resized(whole, 18), resized(part, 18)])
    plain = float(pixel_agreement(small, np.array([[0, 1]]))[0])
    for pair in ([0, 1], [1, 0]):
        zoomed = float(zoomed_agreement(small, larger, np.array([pair]))[0])
        assert zoomed > max(plain, module.SAME_PICTURE)
    window = SIDE - 2 * MARGIN
    fits = []
    for fixed, moving in ((small[0], larger[1]), (small[1], larger[0])):
        for down, across in itertools.product(range(18 - window + 1), repeat=2):
            total = 0.0
            middle = slow_channels(fixed / 255)
            places = slow_channels(moving / 255)
            for a, b in zip(middle, places, strict=True):
                first = slow_unit([c[MARGIN : MARGIN + window, MARGIN : MARGIN + window] for c in a])
                second = slow_unit([c[down : down + window, across : across + window] for c in b])
                total += float(first @ second) / 2
            fits.append(total)
    assert zoomed_agreement(small, larger, np.array([[0, 1]]))[0] == pytest.approx(max(fits), abs=1e-5)


def test_a_crop_is_listed(tmp_path: Path) -> None:
    """Its pixels alone do not agree enough; only pairs that may be listed are zoomed."""
    pixels = scenes(12, seed=6, side=96)
    pixels[7] = resized(pixels[3][6:92, 2:88], 96)
    save_encoder(FakeEncoder(), tmp_path)
    index = build_index(Corpus.from_arrays(list(pixels), None, name="crops"), FakeEncoder(), tmp_path)
    ids = index.ids
    plain, _ = module.near_candidates(index, index.rows.numbered("sha256"))
    at = plain.row_P2.tolist().index([3, 7])
    assert module.WORTH_ZOOMING <= plain.score_P[at] < module.SAME_PICTURE
    assert [(pair.a, pair.b) for pair in index.duplicates().pairs] == [(ids[3], ids[7])]
    for name in ("WORTH_ZOOMING", "ALIKE"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, 1.01)
            np.testing.assert_array_equal(module.zoomed(index, plain).score_P, plain.score_P)


def test_only_pairs_that_may_be_listed_are_looked_at(tmp_path: Path) -> None:
    """Those are the pairs of all that are near enough, with the same scores: of most images no neighbour is."""
    save_encoder(FakeEncoder(), tmp_path)
    index = build_index(Corpus.from_arrays(list(scenes(40)), None, name="scenes"), FakeEncoder(), tmp_path)
    contents = index.rows.numbered("sha256")
    every, _ = module.near_candidates(index, contents)
    least = float(np.median(every.similarity_P))
    some, _ = module.near_candidates(index, contents, least=least)
    near = every.similarity_P >= least
    assert 0 < near.sum() < len(near)
    for name in ("row_P2", "similarity_P", "score_P"):
        np.testing.assert_allclose(getattr(some, name), getattr(every, name)[near], atol=1e-6)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """40 noise pictures of which 9 is an exact copy of 2 and 21 a slightly darker one of 11."""
    pixels = pictures(40)
    pixels[9] = pixels[2]
    pixels[21] = (pixels[11] * 0.9).astype(np.uint8)
    labels = [("Bag", "Coat")[i % 2] for i in range(40)]
    save_encoder(FakeEncoder(), tmp_path / "artefact")
    return build_index(Corpus.from_arrays(list(pixels), labels, name="twice"), FakeEncoder(), tmp_path / "artefact")


def test_the_list_holds_what_was_put_in_twice(index: Index) -> None:
    """Exact copies first, then near ones; noise that was put in once is in no pair, and both labels are told."""
    found = index.duplicates()
    assert found.num_pairs == 2
    exact, near = found.pairs
    assert (exact.a, exact.b, exact.kind, exact.score) == (index.ids[2], index.ids[9], "exact", 1.0)
    assert (near.a, near.b, near.kind) == (index.ids[11], index.ids[21], "near")
    assert near.score > module.SAME_PICTURE
    vectors = index.vectors().astype(np.float64)
    assert near.similarity == pytest.approx(vectors[11] @ vectors[21])
    assert (exact.a_label, exact.b_label) == ("Bag", "Coat")
    capped = index.duplicates(count=1)
    assert (capped.pairs, capped.num_pairs) == ((exact,), 2)


def test_many_exact_copies_hide_no_near_one(tmp_path: Path) -> None:
    """As many copies as there are candidates of an image take no place of its near copy; the near pair is named once."""
    pixels = pictures(40)
    copies = list(range(1, module.CANDIDATES + 2))
    pixels[copies] = pixels[0]
    pixels[30] = (pixels[0] * 0.9).astype(np.uint8)
    save_encoder(FakeEncoder(), tmp_path / "artefact")
    index = build_index(Corpus.from_arrays(list(pixels), name="often"), FakeEncoder(), tmp_path / "artefact")
    found = index.duplicates()
    near = [pair for pair in found.pairs if pair.kind == "near"]
    assert [(pair.a, pair.b) for pair in near] == [(index.ids[0], index.ids[30])]
    assert found.num_pairs == (len(copies) + 1) * len(copies) // 2 + 1


def test_pixels_alone_make_no_duplicate(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the encoder sees two things the pair is not listed, and without near pairs there is no doubt to voice."""
    assert any("look before you believe" in note for note in index.duplicates().notes)
    monkeypatch.setattr(module, "ALIKE", 1.01)
    found = index.duplicates()
    assert [pair.kind for pair in found.pairs] == ["exact"]
    assert not any("look before you believe" in note for note in found.notes)


def test_answers_stand_beside_the_pairs(index: Index) -> None:
    """`duplicate` confirms a pair, `different` dismisses it, in either order; the list stays as long."""
    sha = index.rows.column("sha256")
    table = VerdictTable(index.path)
    table.add([Verdict(sha[21], sha[11], "duplicate")])
    assert [pair.confirmed for pair in index.duplicates().pairs] == [None, True]
    table.add([Verdict(sha[11], sha[21], "different")])
    assert [pair.confirmed for pair in index.duplicates().pairs] == [None, False]


def test_a_single_image_has_no_duplicates(tmp_path: Path) -> None:
    """There is nothing to compare with, and nothing fails."""
    save_encoder(FakeEncoder(), tmp_path)
    alone = build_index(Corpus.from_arrays(list(pictures(1)), None, name="alone"), FakeEncoder(), tmp_path)
    assert alone.duplicates().num_pairs == 0
    with pytest.raises(InputError, match="count must be"):
        alone.duplicates(count=0)


def test_the_list_as_csv(index: Index) -> None:
    """One line a pair, with the fields of `Duplicate`."""
    lines = list(csv.DictReader(io.StringIO(index.duplicates().to_csv())))
    assert [(line["a"], line["b"], line["kind"]) for line in lines] == [
        (index.ids[2], index.ids[9], "exact"),
        (index.ids[11], index.ids[21], "near"),
    ]
