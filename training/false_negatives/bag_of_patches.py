"""Description of an image before anything is trained: its small patches, each embedded by the patches it appears with.

# N images, L patches an image, P values a patch, K words of the dictionary, T words a patch, d dimensions a word, C cells

Patches are whitened and coded by the T nearest words of a k-means dictionary; a word is embedded by how often it shares an image with
every other word, so that words that appear in the same scenes lie together; an image is the mean of its words in each cell of a grid.
Nothing is trained by gradient and no label is read. It errs elsewhere than a young encoder does, which is what `relation` uses it for.

Source:
    Sparse manifold transform, arXiv 2209.15261 (simplified: one layer, T words of equal weight, stride 2); patch whitening and k-means
    dictionary: Coates, Lee & Ng, AISTATS 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn import functional

from samekind.core.progress import NoProgress, Progress
from samekind.data.types.rows import ChosenRows, RowSource
from samekind.training.models.streams import one_thread
from samekind.training.models.whitening import Whitening, directions_worth_keeping
from samekind.training.runtime.eigen import symmetric_eigen
from samekind.training.runtime.side_by_side import side_by_side

LARGEST_SIDE = 32  # pixels; larger images are averaged down to it, since patches of more pixels would say less each
PATCH, STRIDE = 6, 2
WORDS, WORDS_A_PATCH, WORD_DIM = 1024, 4, 64
CELLS = 4  # a side
DIM = 256
DICTIONARY_IMAGES, DICTIONARY_PATCHES = 4000, 100_000
PATCHES_A_WORD = 16  # fewest, for k-means
ROUNDS, PATCHES_A_ROUND = 5, 10_000
PATCH_FLOOR = 0.01  # of the loudest direction: keeps noise from being whitened into a signal
FITTED_ROWS = 20_000
BLOCK = 16  # images at once: their similarities to the dictionary (13 MB of 32 px) stay near a core
POOLED_AT_ONCE = 128


@dataclass(frozen=True)
class PatchCode:
    """Coding of patches as words.

    Attributes:
        whitening: `(P, P)` float32 map of centred patches.
        words: `(K, P)` float32 unit-norm words.
    """

    whitening: Tensor
    words: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """`(B, L, T)` int64 numbers of each patch's nearest words, of `(B, C, S, S)` float32 images."""
        patches = _patches(images)
        similarity = patches.flatten(0, 1) @ (self.words @ self.whitening.T).T  # a patch's length changes no order
        nearest = similarity.topk(min(WORDS_A_PATCH, len(self.words)), dim=1, sorted=False).indices
        return nearest.reshape(*patches.shape[:2], -1)


@torch.no_grad()
def describe_patches(pixels: RowSource, *, seed: int, progress: Progress | None = None) -> NDArray[np.float32]:
    """Describes images by their patches; the same images and seed give the same description.

    Args:
        pixels: `(N, S, S, C)` uint8, S ≥ 6.
        seed: of the dictionary.
        progress: shows a bar.

    Returns:
        `(N, D)` float32 unit-norm descriptions, D at most 256 and at most an eighth of the images (but 8).
    """
    progress = progress or NoProgress()
    random = np.random.default_rng((seed, 7))
    chosen = ChosenRows(pixels, np.sort(random.permutation(len(pixels))[:DICTIONARY_IMAGES]))
    # On one core each: sums shared by threads end in other last bits, from which k-means makes another dictionary; and they are short.
    with one_thread(), threadpool_limits(1):
        code = _learn_code(chosen, seed)
    words = _code_all(pixels, code, progress)
    with one_thread():
        embedding = _embed_words(words, len(code.words))
    pooled = _pool_all(words, embedding)
    whitening = Whitening(pooled.shape[1], min(pooled.shape[1], directions_worth_keeping(DIM, len(pooled))))
    whitening.fit(pooled[np.sort(random.permutation(len(pooled))[:FITTED_ROWS])].float(), 0.0)
    described = torch.cat([functional.normalize(whitening(block.float()), dim=1) for block in pooled.split(4096)])
    result: NDArray[np.float32] = described.numpy()
    return result


def _block(pixels: RowSource, start: int) -> Tensor:
    """`(B, C, S, S)` float32 in [0, 1], at most 32 pixels a side."""
    block = torch.from_numpy(np.ascontiguousarray(pixels[start : start + BLOCK])).permute(0, 3, 1, 2).float() / 255
    return functional.adaptive_avg_pool2d(block, LARGEST_SIDE) if block.shape[-1] > LARGEST_SIDE else block


def _patches(images: Tensor) -> Tensor:
    """`(B, L, P)` patches, each without its own brightness."""
    patches = functional.unfold(images, PATCH, stride=STRIDE).transpose(1, 2)
    return patches - patches.mean(2, keepdim=True)


def _learn_code(pixels: RowSource, seed: int) -> PatchCode:
    from sklearn.cluster import MiniBatchKMeans

    patches = torch.cat([_patches(_block(pixels, start)).flatten(0, 1) for start in range(0, len(pixels), BLOCK)])
    chosen = np.random.default_rng((seed, 8)).permutation(len(patches))[:DICTIONARY_PATCHES]
    patches = patches[np.sort(chosen)]
    variance, directions = symmetric_eigen(patches.T @ patches / len(patches))
    floor = (PATCH_FLOOR * variance.max()).clamp(min=1e-12)
    whitening = directions * (variance.clamp(min=0) + floor).rsqrt()
    unit = functional.normalize(patches @ whitening, dim=1).numpy()
    count = max(1, min(WORDS, len(unit) // PATCHES_A_WORD))
    means = MiniBatchKMeans(
        count,
        init="random",
        n_init=1,
        max_iter=ROUNDS,
        batch_size=PATCHES_A_ROUND,
        reassignment_ratio=0.0,
        compute_labels=False,  # nobody asks which word each patch is nearest to
        random_state=seed,
    )
    words = functional.normalize(torch.from_numpy(means.fit(unit).cluster_centers_.astype(np.float32)), dim=1)
    return PatchCode(whitening, words)


def _code_all(pixels: RowSource, code: PatchCode, progress: Progress) -> Tensor:
    """`(N, L, T)` int16 words of every image."""
    # Filled in place: small results made between blocks of 13 MB keep the memory of those from being used again (19 GB for 50,000 images).
    side = min(pixels.shape[1], LARGEST_SIDE)
    patches = ((side - PATCH) // STRIDE + 1) ** 2
    words = torch.empty(len(pixels), patches, min(WORDS_A_PATCH, len(code.words)), dtype=torch.int16)

    def fill(start: int) -> int:
        block = words[start : start + BLOCK]
        block.copy_(code(_block(pixels, start)))
        return len(block)

    with progress.task("patches", len(pixels)) as task:
        for done in side_by_side(fill, range(0, len(pixels), BLOCK)):
            task.advance(done)
    return words


def _embed_words(words_NLT: Tensor, count: int) -> Tensor:
    """`(K, d)` unit-norm embeddings of words: leading eigenvectors of how often two of them share an image."""
    together = torch.zeros(count, count)
    for block in words_NLT.flatten(1).split(1024):
        histogram = torch.zeros(len(block), count)
        histogram.scatter_add_(1, block.long(), torch.ones(block.shape))
        together += histogram.T @ histogram
        together.diagonal().sub_(histogram.sum(0))  # a word does not appear with itself
    often = together.sum(1).clamp(min=1e-9)
    _, directions = symmetric_eigen(together / (often[:, None] * often[None, :]).sqrt())
    # The loudest eigenvector only says how frequent a word is.
    embedding = directions.flip(1)[:, 1 : WORD_DIM + 1] if count > 1 else directions
    return functional.normalize(embedding / often.sqrt()[:, None], dim=1)


def _pool_all(words_NLT: Tensor, embedding_Kd: Tensor) -> Tensor:
    """`(N, C² · d)` float16: each cell's mean patch as a unit vector, C² cells."""
    side = round(words_NLT.shape[1] ** 0.5)
    cells = min(CELLS, side)
    row = torch.arange(side) * cells // side
    cell = (row[:, None] * cells + row[None, :]).reshape(-1)
    mean = functional.one_hot(cell, cells * cells).T.float()  # `(C², L)`; its scale is lost in the normalisation

    pooled = torch.empty(
        len(words_NLT), cells * cells * embedding_Kd.shape[1], dtype=torch.float16
    )  # in place, as above

    def pool(start: int) -> None:
        block = slice(start, start + POOLED_AT_ONCE)
        patches = functional.normalize(embedding_Kd[words_NLT[block].long()].mean(2), dim=2)
        pooled[block] = functional.normalize(mean @ patches, dim=2).flatten(1)

    for _ in side_by_side(pool, range(0, len(words_NLT), POOLED_AT_ONCE)):
        pass
    return pooled
