"""Copies: files of equal content, and near copies by a perceptual hash, are no negatives of each other; copies across splits are told."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.training.config.train_config import TrainConfig
from samekind.training.engine.loss import Loss, mean_loss
from samekind.training.false_negatives.perceptual_hash import MOST_BITS, near_copies, perceptual_hash
from samekind.training.false_negatives.same_content import SameContent, find_same_content, leak_line
from samekind.training.objectives.similarity import Contrast, against_codes, against_keys, in_batch
from samekind.training.objectives.terms import plain_terms
from samekind.training.run.train import train
from samekind.training.training_set import TrainingImages, load_training_images, training_corpus
from tests.training.batches import IN_BATCH, projections
from tests.training.runs import Lines, config, corpus

CONTENT = np.array([0, 1, 2, 0, 3, 2, 4])


def contrasts(index: list[int]) -> list[Contrast]:
    """A batch, the same against a queue with an empty slot, and predictions against patches, all of images that `index` names."""
    rows = torch.tensor(index)
    first, second = projections(len(index), 0), projections(len(index), 1)
    queue = torch.tensor([3, -1, 2])
    patches = torch.arange(len(index))
    return [
        in_batch(first, second, rows),
        against_keys(first, second, rows, projections(3, 2), queue),
        against_codes(first, second, patches, patches, rows),
    ]


@given(index=st.lists(st.integers(0, 6), min_size=3, max_size=7))
def test_copies_are_no_negatives_and_nothing_else_changes(index: list[int]) -> None:
    """By pairs: a negative stays one unless it is another image of the same content; an empty slot of a queue has none."""
    copies = SameContent(CONTENT)
    for contrast in contrasts(index):
        before = plain_terms(contrast).negative_mask
        after = copies.drop_copies(plain_terms(contrast), contrast).negative_mask
        for a, m in itertools.product(range(len(before)), range(before.shape[1])):
            i, j = int(contrast.anchor_index[a]), int(contrast.candidate_index[m])
            is_copy = j >= 0 and i != j and CONTENT[i] == CONTENT[j]
            assert bool(after[a, m]) == (bool(before[a, m]) and not is_copy)


@pytest.mark.parametrize("objective", IN_BATCH)
def test_no_objective_pushes_a_copy_away(objective: str) -> None:
    """The gradient of a cosine between copies is 0, and was not without the rule."""
    contrast = in_batch(projections(4, 0), projections(4, 1), torch.tensor([0, 3, 1, 4]))
    pushed = []
    for copies in (None, SameContent(CONTENT)):
        candidate = contrast.candidate.clone().requires_grad_()
        loss = Loss(TrainConfig(objective=objective), 7, None, copies=copies)
        torch.manual_seed(0)
        mean_loss(loss(replace(contrast, candidate=candidate))).backward()
        assert candidate.grad is not None
        pushed.append(float(candidate.grad[[0, 1, 4, 5], [1, 0, 5, 4]].abs().max()))
    assert pushed[0] > 0
    assert pushed[1] == 0


def photo(seed: int, side: int = 96) -> Image.Image:
    """A coloured scene of coarse blobs with fine texture."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((side, side), 3)
    fine = random.normal(0, 6, (side, side, 3))
    return Image.fromarray(np.clip(np.asarray(coarse) + fine, 0, 255).astype(np.uint8))


def again(picture: Image.Image, how: str) -> Image.Image:
    """The same picture, saved another time."""
    if how == "jpeg":
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=50)
        return Image.open(stream).convert("RGB")
    if how == "half":
        return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    if how == "double":
        return picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.BICUBIC)
    return picture.point(lambda value: min(255, int(value * 1.05)))


def as_corpus(pictures: list[Image.Image]) -> Corpus:
    """In memory."""
    return Corpus.from_arrays([np.asarray(picture) for picture in pictures])


@pytest.mark.parametrize("how", ["jpeg", "half", "double", "bright"])
def test_near_copies_are_found(how: str) -> None:
    """Saved again, in another size, brightened: joined with its original, and nobody else is."""
    pictures = [photo(seed) for seed in range(12)]
    found = near_copies(as_corpus([*pictures, again(pictures[5], how)]), np.arange(13), NoProgress())
    assert found[12] == found[5]
    assert len(set(found.tolist())) == 12


def test_pictures_that_only_look_alike_in_grey_or_have_no_structure_are_no_near_copies() -> None:
    """Another colour of the same pattern, two flat pictures and two noisy ones that are nearly flat stay apart."""
    random = np.random.default_rng(0)
    grey = np.asarray(photo(0).convert("L"), dtype=np.float64)
    red, blue = (np.stack([grey * weight for weight in tint], axis=2) for tint in ((1, 0.7, 0.7), (0.7, 0.7, 1)))
    flat = [np.full((96, 96, 3), value) for value in (200, 203)]
    noise = [200 + random.integers(0, 3, (96, 96, 3)) for _ in range(2)]
    pictures = [Image.fromarray(pixels.astype(np.uint8)) for pixels in (red, blue, *flat, *noise)]
    assert bin(perceptual_hash(pictures[0]) ^ perceptual_hash(pictures[1])).count("1") <= MOST_BITS
    assert len(set(near_copies(as_corpus(pictures), np.arange(6), NoProgress()).tolist())) == 6


def test_bands_find_what_comparing_all_pairs_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that differ in up to six bits anywhere are compared, whichever bits these are."""
    from samekind.training.false_negatives import perceptual_hash as module

    random = np.random.default_rng(3)
    base = random.integers(0, 1 << 63, 40, dtype=np.uint64) << np.uint64(1)
    hashes = []
    for value in base.tolist():
        flipped = random.choice(np.arange(1, 64), int(random.integers(0, 9)), replace=False)
        hashes += [value, value ^ int(sum(1 << int(bit) for bit in flipped))]
    found = {
        tuple(sorted(pair))
        for pairs in module._alike(np.array(hashes, dtype=np.uint64), np.arange(80))
        for pair in pairs.tolist()
    }
    wanted = {
        (a, b) for a, b in itertools.combinations(range(80), 2) if bin(hashes[a] ^ hashes[b]).count("1") <= MOST_BITS
    }
    assert found == wanted
    assert 20 < len(wanted) < 40


def with_copies(count: int = 40) -> Corpus:
    """Blobs of which the training images 0, 1 and 2 and a test image are one picture, and another test image is training image 5."""
    plain = corpus(count=count)
    pixels = [reference.pixels for reference in plain.references]
    assert pixels[0] is not None
    for row, source in ((1, 0), (2, 0), (count - 1, 0), (count - 2, 5)):
        pixels[row] = pixels[source]
    return Corpus.from_arrays(pixels, plain.labels, plain.splits, name="copies", source={"corpus": "nowhere"})  # type: ignore[arg-type]


def images_of(corpus: Corpus, **settings: str) -> tuple[TrainingImages, TrainConfig]:
    """Without a hold-out."""
    chosen = config(hold_out=0, **settings)
    return load_training_images(training_corpus(corpus, chosen), chosen, NoProgress()), chosen


def test_copies_in_training_and_across_splits_are_told_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three copies in one group, and two test images that are trained on; a corpus without copies says nothing of the kind. Where copies
    push each other away, the weights are others.
    """
    told = Lines()
    run = train(with_copies(), config(hold_out=0), tmp_path / "run", progress=told)
    assert "3 training images in 1 group of the same content: no negatives of each other" in told.lines
    leaks = [line for line in told.lines if line.startswith("a leak: ")]
    assert len(leaks) == 1
    assert leaks[0].startswith("a leak: 2 test images of the same content as a training image")
    assert "near copies are not counted here" in leaks[0]
    told = Lines()
    train(corpus(count=40), config(hold_out=0, steps=1), tmp_path / "plain", progress=told)
    assert not [line for line in told.lines if "leak" in line or "same content" in line]
    monkeypatch.setattr("samekind.training.run.train.find_same_content", lambda *_: None)
    pushed = train(with_copies(), config(hold_out=0), tmp_path / "pushed")
    assert (run.out / "encoder.safetensors").read_bytes() != (pushed.out / "encoder.safetensors").read_bytes()


def test_a_validation_image_leaks_too_and_one_is_one() -> None:
    """Both splits are named."""
    images = with_copies()
    splits = [*images.splits[:-1], "validation"]
    line = leak_line(replace(images, splits=splits), [images.sha256(row) for row in range(30)])
    assert line.startswith("a leak: 1 test image and 1 validation image of the same content")


def test_copies_are_found_without_labels_and_near_ones_if_asked() -> None:
    """The same numbers for an unlabelled corpus; `--copies near` also joins what is brighter by a little."""
    images = with_copies()
    labelled, unlabelled = images_of(images), images_of(replace(images, labels=None))
    for images_and_config in (labelled, unlabelled):
        found = find_same_content(*images_and_config, NoProgress())
        assert found is not None
        assert [row for row in range(30) if found.content[row] == found.content[0]] == [0, 1, 2]
    assert find_same_content(*images_of(corpus()), NoProgress()) is None
    scenes = [photo(seed, 32) for seed in range(6)]
    near = as_corpus([*scenes, again(scenes[2], "bright")])
    assert find_same_content(*images_of(near), NoProgress()) is None
    joined = find_same_content(*images_of(near, copies="near"), NoProgress())
    assert joined is not None
    assert joined.content[2] == joined.content[6]
    assert config(copies="near").identity != config().identity
    assert "copies" not in config().identity
