"""Batches, hardness and bias on small samples, held to enumeration and closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from samekind import ideas
from samekind.objectives import Terms, softmax_loss


def sample(classes: list[int], seed: int = 0, dim: int = 4) -> ideas.CorpusSample:
    """Random unit vectors of these classes, −1 for unknown."""
    vectors = np.random.default_rng(seed).normal(size=(len(classes), dim)).astype(np.float32)
    return of(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), classes)


def of(vectors: np.ndarray, classes: list[int]) -> ideas.CorpusSample:
    """A sample of given vectors."""
    class_M = np.array(classes)
    known = (class_M >= 0)[:, None] & (class_M >= 0)[None, :]
    false = np.where(known, class_M[:, None] == class_M[None, :], -1).astype(np.int8)
    return ideas.CorpusSample(np.arange(len(classes)), vectors.astype(np.float32), false)


@pytest.mark.parametrize("classes", [[0, 0, 1, 1, 2, 0, 2], [-1] * 7])
def test_the_hardest_of_a_batch_is_the_mean_over_all_batches(classes: list[int]) -> None:
    """Every batch of every size is looked at, one by one."""
    drawn = sample(classes)
    figures = ideas.hardest_by_batch(drawn, [2, 4, 7, 8])
    assert [figure.batch for figure in figures] == [2, 4, 7], "a batch of 8 needs 8 images"
    for figure in figures:
        hardest = []
        for anchor in range(7):
            others = [i for i in range(7) if i != anchor]
            for batch in itertools.combinations(others, figure.batch - 1):
                place = int(np.argmax(drawn.similarity_MM[anchor, list(batch)]))
                hardest.append((anchor, batch[place]))
        assert figure.similarity == pytest.approx(np.mean([drawn.similarity_MM[pair] for pair in hardest]), abs=1e-6)
        if drawn.has_labels:
            assert figure.false == pytest.approx(np.mean([drawn.false_MM[pair] for pair in hardest]), abs=1e-9)
        else:
            assert figure.false is None


def test_images_without_a_label_are_left_out_where_some_have_one() -> None:
    """A partly labelled sample gives the figures of its labelled part."""
    partly = sample([0, -1, 0, 1, -1, 1])
    part = [0, 2, 3, 5]
    labelled = of(partly.vector_MD[part], [0, 0, 1, 1])
    assert ideas.hardest_by_batch(partly, [3]) == ideas.hardest_by_batch(labelled, [3])


def test_a_batch_holds_one_by_chance() -> None:
    """A batch of two has one negative; many have one nearly surely."""
    assert ideas.at_least_one(0.1, 2) == pytest.approx(0.1)
    assert ideas.at_least_one(0.1, 3) == pytest.approx(0.19)
    assert ideas.at_least_one(0.1, 257) > 0.999


@pytest.mark.parametrize("beta", [0.0, 0.5, 2.0])
def test_the_push_is_the_slope_of_the_loss(beta: float) -> None:
    """Shares are the positive parts of the derivatives of `hard` by each similarity, weights included."""
    similarity = np.array([0.9, 0.5, 0.4, -0.3], dtype=np.float32)
    candidate = torch.from_numpy(similarity.astype(np.float64))[None].requires_grad_()
    everyone, count = torch.ones(1, 4, dtype=torch.bool), torch.tensor([math.log(4)], dtype=torch.float64)
    terms = Terms(torch.tensor([0.7], dtype=torch.float64), candidate, everyone, candidate * beta / 0.2, count)
    (slope,) = torch.autograd.grad(softmax_loss(terms, temperature=0.2).sum(), candidate)
    positive = slope[0].clamp(min=0).numpy()
    assert ideas.push_shares(similarity, beta, 0.2) == pytest.approx(positive / positive.sum(), abs=1e-5)


def one_hot(num_classes: int, each: int) -> ideas.CorpusSample:
    """Images of a class are equal, and those of two classes orthogonal."""
    classes = [c for c in range(num_classes) for _ in range(each)]
    return of(np.eye(num_classes)[classes], classes)


def test_the_debiased_loss_comes_back_to_the_loss_with_true_negatives() -> None:
    """With true negatives the loss is log(1 + N e^(−1/τ)); a share of false ones adds its part, and τ⁺ takes it away again."""
    corpus, temperature, count = one_hot(5, 40), 0.5, 1000
    prior = 39 / 199
    (figure,) = ideas.losses_by_batch(corpus, [count], temperature=temperature, tau_plus=prior)
    low = math.exp(-1 / temperature)
    assert figure.true == pytest.approx(math.log(1 + count * low), abs=1e-9)
    assert figure.plain == pytest.approx(math.log(1 + count * (prior + (1 - prior) * low)), abs=0.01)
    assert figure.debiased == pytest.approx(figure.true, abs=0.05)


def test_without_a_prior_nothing_is_corrected() -> None:
    """τ⁺ = 0 is the plain loss; and who has no other image of the class is no anchor."""
    figures = ideas.losses_by_batch(sample([0, 0, 1, 2, 2]), [3, 8], temperature=0.2, tau_plus=0.0)
    assert [figure.debiased for figure in figures] == [figure.plain for figure in figures]
    for nobody in ([0, 1, 2], [0, 0, 0], [-1, -1, -1]):
        assert ideas.losses_by_batch(sample(nobody), [3], temperature=0.2, tau_plus=0.1) == []


def test_the_ratio_by_label_is_counted_pair_by_pair() -> None:
    """In every bin the share of same-class pairs over that of all pairs, by a loop; the score's mean over all pairs is 1."""
    corpus = sample([i % 3 for i in range(40)], seed=2)
    found = ideas.ratio_by_similarity(corpus, 0.5, num_bins=6)
    pairs = [(float(corpus.similarity_MM[i, j]), i % 3 == j % 3) for i, j in itertools.combinations(range(40), 2)]
    half = (found.similarity_K[1] - found.similarity_K[0]) / 2
    checked = 0
    for middle, ratio in zip(found.similarity_K, found.by_label_K, strict=True):
        inside = [is_same for s, is_same in pairs if middle - half <= s < middle + half]
        if len(inside) >= 20:
            base = np.mean([is_same for _, is_same in pairs])
            assert ratio == pytest.approx(np.mean(inside) / base, rel=1e-6)
            checked += 1
    assert checked >= 4
    scores = np.exp(np.array([s for s, _ in pairs]) / 0.5)
    assert found.by_score_K == pytest.approx(np.exp(found.similarity_K / 0.5) / scores.mean(), rel=1e-4)
    assert np.isnan(ideas.ratio_by_similarity(sample([-1] * 9), 0.5).by_label_K).all()


def test_the_first_component_is_that_of_the_largest_variance() -> None:
    """The variance along it is the largest singular value's, as NumPy's SVD has it."""
    corpus = sample([-1] * 30, dim=6)
    centred = corpus.vector_MD - corpus.vector_MD.mean(axis=0)
    assert corpus.first_component_M.std() == pytest.approx(np.linalg.svd(centred)[1][0] / math.sqrt(30), rel=1e-5)


def test_the_push_on_the_own_class_is_the_mean_over_anchors() -> None:
    """One anchor at a time, its shares summed over its class; unknown images count for nothing."""
    corpus = sample([0, 1, 0, -1, 1, 0], seed=5)
    known = [0, 1, 2, 4, 5]
    found = []
    for anchor in known:
        others = [i for i in known if i != anchor]
        share = ideas.push_shares(corpus.similarity_MM[anchor, others], 1.0, 0.3)
        found.append(sum(s for s, i in zip(share, others, strict=True) if corpus.false_MM[anchor, i] == 1))
    assert ideas.push_on_same_class(corpus, 1.0, 0.3) == pytest.approx(np.mean(found), abs=1e-6)
    assert ideas.push_on_same_class(sample([-1, -1]), 1.0, 0.3) is None
