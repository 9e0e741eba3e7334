from __future__ import annotations

import numpy as np
import torch
from sklearn.manifold import trustworthiness
from torch.nn import functional

from samekind.indexer.map.kept import kept
from samekind.indexer.map.neighbour_embedding import NEGATIVES, Graph, embed_neighbours, gradient
from samekind.training.neighbours import nearest_others


def clusters(count: int, groups: int = 5, dim: int = 12) -> torch.Tensor:
    """Unit vectors around a few centres, in turn."""
    generator = torch.Generator().manual_seed(0)
    centre_GD = torch.randn(groups, dim, generator=generator)
    number_N = torch.arange(count) % groups
    return functional.normalize(centre_GD[number_N] + 0.3 * torch.randn(count, dim, generator=generator), dim=1)


def test_the_gradient_is_that_of_info_nce() -> None:
    """For every image: the mean over its neighbours of −log q⁺/(q⁺ + Σ q⁻), by autograd on its own point, one image after the other."""
    vectors, point_N2 = clusters(40), torch.randn(40, 2, generator=torch.Generator().manual_seed(1))
    graph = Graph.of(nearest_others(vectors, 4))
    negative_M = torch.tensor([3, 7, 7, 20, 39, 0])
    found_N2 = gradient(point_N2, graph, negative_M)
    for anchor in range(40):
        own = point_N2[anchor].double().requires_grad_()
        others = graph.other_E[graph.anchor_E == anchor]
        noise = negative_M[negative_M != anchor]
        q_P = 1 / (1 + (own - point_N2[others].double()).square().sum(1))
        q_M = 1 / (1 + (own - point_N2[noise].double()).square().sum(1))
        (-(q_P / (q_P + q_M.sum())).log()).mean().backward()
        assert own.grad is not None
        torch.testing.assert_close(found_N2[anchor].double(), own.grad, rtol=1e-4, atol=1e-5)


def test_every_neighbour_is_one_either_way_round() -> None:
    """An edge of one image to another is one of the other to it, once."""
    nearest = nearest_others(clusters(30), 3)
    graph = Graph.of(nearest)
    wanted = {(i, int(j)) for i in range(30) for j in nearest[i]}
    edges = list(zip(graph.anchor_E.tolist(), graph.other_E.tolist(), strict=True))
    assert len(edges) == len(set(edges))
    assert set(edges) == wanted | {(j, i) for i, j in wanted}


def test_equal_seeds_give_equal_maps_and_others_do_not() -> None:
    """With more images than negatives, so that the seed draws them; the number of threads does not matter."""
    vectors = clusters(NEGATIVES + 50)
    nearest = nearest_others(vectors, 5)
    first = embed_neighbours(vectors, nearest, seed=3, steps=30)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert torch.equal(first, embed_neighbours(vectors, nearest, seed=3, steps=30))
    finally:
        torch.set_num_threads(threads)
    assert not torch.equal(first, embed_neighbours(vectors, nearest, seed=4, steps=30))


def test_groups_of_the_space_are_groups_on_the_map() -> None:
    """The nearest point of nearly every point is of its own group."""
    vectors = clusters(300, groups=15)  # more than two principal components tell apart
    points = embed_neighbours(vectors, nearest_others(vectors, 10), steps=200)
    distance = torch.cdist(points, points).fill_diagonal_(torch.inf)
    assert (distance.argmin(1) % 15 == torch.arange(300) % 15).float().mean() > 0.97
    assert points.mean(0).abs().max() < 1e-3


def test_few_and_equal_images_have_finite_places() -> None:
    """One image, two equal ones, one dimension: nothing divides by 0."""
    for vectors in (torch.ones(1, 3), torch.eye(3)[[0, 0]], torch.ones(5, 1)):
        k = min(15, len(vectors) - 1)
        points = embed_neighbours(vectors, nearest_others(vectors, k), steps=20)
        assert points.shape == (len(vectors), 2)
        assert points.isfinite().all()


def test_trustworthiness_is_that_of_scikit_learn() -> None:
    """On a map that keeps something and loses something; and the neighbours kept are counted as sets."""
    vectors = clusters(80)
    points = vectors[:, :2].contiguous() + 0.01 * torch.arange(80)[:, None]
    found = kept(vectors, points, k=7)
    assert found is not None
    wanted = trustworthiness(vectors.numpy(), points.numpy(), n_neighbors=7, metric="cosine")
    np.testing.assert_allclose(found.trustworthiness, wanted, atol=1e-9)
    near = nearest_others(vectors, 7).tolist()
    flat = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf).topk(7, largest=False).indices
    common = sum(len(set(a) & set(b)) for a, b in zip(near, flat.tolist(), strict=True))
    assert found.neighbours == common / (80 * 7)


def test_a_copy_of_the_space_keeps_all() -> None:
    """Points on a circle are their own map; of three images nothing can be said."""
    angle = torch.linspace(0, 3, 50)
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    found = kept(circle, circle)
    assert found is not None
    assert (found.trustworthiness, found.neighbours) == (1.0, 1.0)
    assert kept(circle[:3], circle[:3]) is None
