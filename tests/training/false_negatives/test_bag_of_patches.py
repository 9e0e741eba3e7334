"""The description by patches: what it tells apart, what it ignores, and its parts against slow loops."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_info, threadpool_limits

from samekind.data.types.images import Pixels
from samekind.training.false_negatives import bag_of_patches as patch_descriptor
from samekind.training.false_negatives.bag_of_patches import PatchCode, describe_patches


def textures(per_class: int, size: int = 28, channels: int = 1) -> tuple[Pixels, NDArray[np.int64]]:
    """Stripes of three directions at any phase, width and brightness, dark and bright exchanged in squares at random, with noise."""
    random = np.random.default_rng(0)
    kinds = np.arange(3 * per_class) % 3
    y, x = np.mgrid[:size, :size]
    sign = np.kron(random.choice([-1, 1], (len(kinds), size // 4, size // 4)), np.ones((4, 4)))
    waves = [np.sin(random.uniform(0.5, 1.5) * (y, x, (x + y) / 1.4)[kind] + random.uniform(0, 6.3)) for kind in kinds]
    images = (
        np.stack(waves) * sign * 40
        + random.uniform(70, 180, (len(kinds), 1, 1))
        + random.normal(0, 8, (len(kinds), size, size))
    )
    return np.repeat(images.clip(0, 255).astype(np.uint8)[..., None], channels, axis=3), kinds


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (48, 3)])
def test_textures_are_told_apart_where_pixels_are_not(size: int, channels: int) -> None:
    """The nearest other image is of the same kind; by pixels it need not be."""
    pixels, kinds = textures(20, size, channels)
    described = torch.from_numpy(describe_patches(pixels, seed=0))
    torch.testing.assert_close(described.norm(dim=1), torch.ones(60))
    raw = torch.from_numpy(pixels.reshape(60, -1)).float()
    raw = torch.nn.functional.normalize(raw - raw.mean(1, keepdim=True), dim=1)
    found = [(kinds[(x @ x.T - 2 * torch.eye(60)).argmax(1).numpy()] == kinds).mean() for x in (described, raw)]
    assert found[0] > 0.95
    assert found[0] > found[1] + 0.1


def test_the_seed_decides() -> None:
    """The same seed gives the same description, another seed another."""
    pixels, _ = textures(6)
    first = describe_patches(pixels, seed=0)
    np.testing.assert_array_equal(describe_patches(pixels, seed=0), first)
    assert not np.allclose(describe_patches(pixels, seed=1) @ first.T, first @ first.T, atol=2e-2)


@pytest.mark.parametrize("shape", [(2, 8, 8, 1), (3, 28, 28, 3), (20, 7, 7, 3), (1, 32, 32, 3)])
@pytest.mark.parametrize("fill", ["black", "noise"])
def test_few_small_or_empty_images_are_described(shape: tuple[int, ...], fill: str) -> None:
    """No NaN, one row an image."""
    random = np.random.default_rng(0)
    pixels = np.zeros(shape, np.uint8) if fill == "black" else random.integers(0, 256, shape).astype(np.uint8)
    described = describe_patches(pixels, seed=0)
    assert len(described) == len(pixels)
    assert np.isfinite(described).all()


def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are worked through in blocks, the last one smaller."""
    pixels, _ = textures(6)
    whole = describe_patches(pixels, seed=0)
    monkeypatch.setattr(patch_descriptor, "BLOCK", 7)
    np.testing.assert_allclose(describe_patches(pixels, seed=0) @ whole.T, whole @ whole.T, atol=1e-3)


def test_a_patch_is_coded_by_its_nearest_words() -> None:
    """Against a loop over patches and words; brightness and contrast change no word."""
    random = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 10, 10, generator=random)
    whitening = torch.randn(108, 108, generator=random)
    words = torch.nn.functional.normalize(torch.randn(9, 108, generator=random), dim=1)
    got = PatchCode(whitening, words)(images)
    assert got.shape == (2, 9, 4)
    torch.testing.assert_close(PatchCode(whitening, words)(images * 0.5 + 0.25).sort(2), got.sort(2))
    for image in range(2):
        for number in range(9):
            top, left = 2 * (number // 3), 2 * (number % 3)
            patch = images[image, :, top : top + 6, left : left + 6].reshape(-1)
            unit = torch.nn.functional.normalize((patch - patch.mean()) @ whitening, dim=0)
            assert set(got[image, number].tolist()) == set((words @ unit).argsort(descending=True)[:4].tolist())


def test_words_are_embedded_by_whom_they_share_images_with() -> None:
    """Two scenes with words of their own, and one word of both: the scenes part, and the shared word lies between them."""
    random = np.random.default_rng(0)
    scenes = np.array([[0, 1, 2, 3, 8], [4, 5, 6, 7, 8]])[np.arange(200) % 2]
    words = torch.from_numpy(np.stack([random.choice(scene, 12) for scene in scenes])).reshape(200, 6, 2)
    embedding = patch_descriptor._embed_words(words, 9)[:, :1]
    side = embedding.sign().reshape(-1)
    assert (side[:4] == side[0]).all()
    assert (side[4:8] == -side[0]).all()
    counts = torch.zeros(9, 9, dtype=torch.float64)
    for image in words.flatten(1).tolist():
        for i, a in enumerate(image):
            for j, b in enumerate(image):
                counts[a, b] += i != j
    often = counts.sum(1)
    values = torch.linalg.eigvalsh(counts / (often[:, None] * often[None, :]).sqrt())
    assert values[-1].item() == pytest.approx(1.0)  # the direction that is left out: mere frequency
    assert values[-2] > 0.5 > 0.2 > values[-3]


def test_every_cell_is_the_unit_mean_of_its_patches() -> None:
    """Against a loop over cells, on a grid that cells do not divide."""
    random = torch.Generator().manual_seed(0)
    words, embedding = torch.randint(0, 5, (3, 49, 2), generator=random), torch.randn(5, 4, generator=random)
    got = patch_descriptor._pool_all(words, embedding).float().reshape(3, 4, 4, 4)
    unit = torch.nn.functional.normalize
    for image in range(3):
        patches = unit(embedding[words[image]].mean(1), dim=1).reshape(7, 7, 4)
        for row in range(4):
            for column in range(4):
                members = [
                    patches[y, x] for y in range(7) for x in range(7) if y * 4 // 7 == row and x * 4 // 7 == column
                ]
                torch.testing.assert_close(
                    got[image, row, column], unit(torch.stack(members).mean(0), dim=0), atol=1e-3, rtol=0
                )


def test_the_dictionary_is_learned_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums that threads share end in other last bits, from which k-means makes another dictionary; the caller's threads come back."""
    fit, before, seen = MiniBatchKMeans.fit, torch.get_num_threads(), []

    def noting(self: MiniBatchKMeans, *given: object) -> MiniBatchKMeans:
        seen.append((torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())))
        return fit(self, *given)

    monkeypatch.setattr(MiniBatchKMeans, "fit", noting)
    pixels, found = textures(5)[0], []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            with threadpool_limits(threads):
                found.append(describe_patches(pixels, seed=0))
                assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert {number for numbers in seen for number in numbers} == {1}
    np.testing.assert_array_equal(found[0], found[1])


RESIDENT = """
import numpy as np, torch
from samekind.core.progress import NoProgress
from samekind.training.false_negatives import bag_of_patches as patches

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

torch.set_num_threads(2)
random = torch.Generator().manual_seed(0)
code = patches.PatchCode(torch.randn(108, 108, generator=random), torch.randn(1024, 108, generator=random))
pixels = np.random.default_rng(0).integers(0, 256, (4000, 32, 32, 3), dtype=np.uint8)
patches._pool_all(patches._code_all(pixels[:256], code, NoProgress()), torch.randn(1024, 64, generator=random))
before = resident()
words = patches._code_all(pixels, code, NoProgress())
pooled = patches._pool_all(words, torch.randn(1024, 64, generator=random))
print(resident() - before, (words.nbytes + pooled.nbytes) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_is_made_of_many_images_holds_no_more_than_that() -> None:
    """Results between large passing blocks kept the memory of those, a third of a megabyte an image: 50,000 took 19 GB."""
    done = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, text=True, check=True)
    grown, held = map(float, done.stdout.split())
    assert grown < held + 150
