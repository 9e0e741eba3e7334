"""Objectives as functions of embeddings: tensors in, a scalar loss out, for anybody's training loop.

# B images of a batch, D dimension of an embedding, A predictions, C codes

Each is a few lines over the building blocks that a run is put together from (`similarity`, `terms`, `contrastive`, `mochi`, `nce`), and so
each says what an objective consists of. Both views of every image are anchors, and all views of the other images are negatives, 2B − 2 an
anchor; the mean is taken over the 2B anchors. Embeddings may have any length, similarities are cosines. Half precision is computed in
float32, float64 stays float64.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from samekind.training.objectives.checks import check_rows, check_shape
from samekind.training.objectives.contrastive import decoupled_loss, mean_over_anchors, softmax_loss
from samekind.training.objectives.mochi import mix_hardest
from samekind.training.objectives.nce import NoiseContrast
from samekind.training.objectives.similarity import Contrast, against_codes, at_least_float32, in_batch
from samekind.training.objectives.terms import plain_terms, with_positives


def info_nce(view_1_BD: Tensor, view_2_BD: Tensor, *, temperature: float = 0.2) -> Tensor:
    """InfoNCE within the batch (NT-Xent): `−log(e⁺ / (e⁺ + Σ_j e_j))`, `e = exp(cosine / τ)`.

    Args:
        view_1_BD: `(B, D)` float embeddings of the first views.
        view_2_BD: `(B, D)` float embeddings of the second views, row by row of the same images.
        temperature: τ > 0.

    Returns:
        Scalar float32 or float64; 0 for a batch of one image, which has no negatives.

    Raises:
        ValueError: views of different shapes, or τ out of range.

    Source:
        arXiv 1807.03748, equation 4; arXiv 2002.05709, equation 1.
    """
    return debiased(view_1_BD, view_2_BD, temperature=temperature, tau_plus=0.0)


def decoupled(view_1_BD: Tensor, view_2_BD: Tensor, *, temperature: float = 0.2) -> Tensor:
    """Decoupled contrastive loss: `−log(e⁺ / Σ_j e_j)`, without the positive in the denominator.

    Args:
        view_1_BD: `(B, D)` float embeddings of the first views.
        view_2_BD: `(B, D)` float embeddings of the second views, row by row of the same images.
        temperature: τ > 0.

    Returns:
        Scalar float32 or float64, which may be negative.

    Raises:
        ValueError: views of different shapes, or τ out of range.

    Source:
        arXiv 2110.06848, equation 6.
    """
    terms = plain_terms(_contrast(view_1_BD, view_2_BD))
    return mean_over_anchors(decoupled_loss(terms, temperature=temperature), terms.contrasted)


def debiased(view_1_BD: Tensor, view_2_BD: Tensor, *, temperature: float = 0.2, tau_plus: float = 0.1) -> Tensor:
    """InfoNCE whose negatives' mass is corrected for the share τ⁺ of them that is expected to be false.

    Args:
        view_1_BD: `(B, D)` float embeddings of the first views.
        view_2_BD: `(B, D)` float embeddings of the second views, row by row of the same images.
        temperature: τ > 0.
        tau_plus: class prior τ⁺ in [0, 1); 0 is `info_nce`.

    Returns:
        Scalar float32 or float64.

    Raises:
        ValueError: views of different shapes, or τ or τ⁺ out of range.

    Source:
        arXiv 2007.00224, equation 8.
    """
    return hard(view_1_BD, view_2_BD, temperature=temperature, beta=0.0, tau_plus=tau_plus)


def hard(
    view_1_BD: Tensor, view_2_BD: Tensor, *, temperature: float = 0.2, beta: float = 1.0, tau_plus: float = 0.1
) -> Tensor:
    """Hard negative sampling: `debiased` with negatives weighted by `exp(β · cosine / τ)`.

    Args:
        view_1_BD: `(B, D)` float embeddings of the first views.
        view_2_BD: `(B, D)` float embeddings of the second views, row by row of the same images.
        temperature: τ > 0.
        beta: hardness β ≥ 0; 0 is `debiased`.
        tau_plus: class prior τ⁺ in [0, 1); 0 corrects nothing.

    Returns:
        Scalar float32 or float64.

    Raises:
        ValueError: views of different shapes, or τ, β or τ⁺ out of range.

    Source:
        arXiv 2010.04592, equation 4, in the form of its released code.
    """
    terms = plain_terms(_contrast(view_1_BD, view_2_BD), beta=beta, temperature=temperature)
    return mean_over_anchors(softmax_loss(terms, temperature=temperature, tau_plus=tau_plus), terms.contrasted)


def mixed(
    view_1_BD: Tensor, view_2_BD: Tensor, *, temperature: float = 0.2, generator: torch.Generator | None = None
) -> Tensor:
    """InfoNCE with mixes of each anchor's hardest negatives as further negatives (MoCHi).

    Args:
        view_1_BD: `(B, D)` float embeddings of the first views.
        view_2_BD: `(B, D)` float embeddings of the second views, row by row of the same images.
        temperature: τ > 0.
        generator: draws what is mixed, on the CPU; the global one if left out.

    Returns:
        Scalar float32 or float64.

    Raises:
        ValueError: views of different shapes, or τ out of range.

    Source:
        arXiv 2010.01028, equations 4 to 6.
    """
    contrast = _contrast(view_1_BD, view_2_BD)
    terms = mix_hardest(plain_terms(contrast), contrast.candidate_vector, generator)
    return mean_over_anchors(softmax_loss(terms, temperature=temperature), terms.contrasted)


def nce(view_1_BD: Tensor, view_2_BD: Tensor, noise: NoiseContrast) -> Tensor:
    """Noise-contrastive estimation: a binary decision for each pair, with a learned normalisation.

    Args:
        view_1_BD: `(B, D)` float embeddings of the first views.
        view_2_BD: `(B, D)` float embeddings of the second views, row by row of the same images.
        noise: holds τ and the learned scalars; made once, and its parameters are given to the optimizer. The first batch starts them.

    Returns:
        Scalar float32 or float64.

    Raises:
        ValueError: views of different shapes.

    Source:
        Gutmann and Hyvärinen 2010, equation 8; arXiv 1805.01978, equation 5; pairwise sigmoid, arXiv 2303.15343, equation 1.
    """
    terms = plain_terms(_contrast(view_1_BD, view_2_BD))
    return mean_over_anchors(noise(terms), terms.contrasted)


def supervised(view_1_BD: Tensor, view_2_BD: Tensor, label_B: Tensor, *, temperature: float = 0.2) -> Tensor:
    """Supervised contrastive loss: all views of the anchor's class are positives, and the denominator holds all other views.

    Args:
        view_1_BD: `(B, D)` float embeddings of the first views.
        view_2_BD: `(B, D)` float embeddings of the second views, row by row of the same images.
        label_B: `(B,)` int64 class of each image, negative where unknown: such an image has its other view as its only positive.
        temperature: τ > 0.

    Returns:
        Scalar float32 or float64.

    Raises:
        ValueError: views of different shapes, not one label an image, or τ out of range.

    Source:
        arXiv 2004.11362, equation 2.
    """
    contrast = _contrast(view_1_BD, view_2_BD)
    check_shape("label_B", label_B, (len(view_1_BD),))
    label = label_B.repeat(2)
    same = (label[:, None] == label[None, :]) & (label >= 0)[:, None]
    terms = with_positives(plain_terms(contrast), same)
    return mean_over_anchors(softmax_loss(terms, temperature=temperature), terms.contrasted)


def cpc(prediction_AD: Tensor, code_CD: Tensor, target_A: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Contrastive predictive coding: which of the codes is the predicted one? Logits are plain inner products.

    Args:
        prediction_AD: `(A, D)` float predictions `W_k c` of codes.
        code_CD: `(C, D)` float codes; all but the predicted one are negatives of a prediction.
        target_A: `(A,)` int64 row of the code that each prediction is about.
        temperature: τ > 0; learning W_k learns the scale, hence 1.

    Returns:
        Scalar float32 or float64; 0 if there is only one code.

    Raises:
        ValueError: dimensions that differ, not one target a prediction, a target that is no row of the codes, or τ out of range.

    Source:
        arXiv 1807.03748, equation 4.
    """
    if target_A.numel() and not 0 <= int(target_A.min()) <= int(target_A.max()) < len(code_CD):
        raise ValueError(
            f"targets must be rows of the {len(code_CD)} codes, got {int(target_A.min())} to {int(target_A.max())}"
        )
    number = torch.arange(len(code_CD), device=code_CD.device)
    terms = plain_terms(against_codes(prediction_AD, code_CD, target_A, number, number))
    return mean_over_anchors(softmax_loss(terms, temperature=temperature), terms.contrasted)


def _contrast(view_1_BD: Tensor, view_2_BD: Tensor) -> Contrast:
    check_rows("view_1_BD", view_1_BD)
    check_shape("view_2_BD", view_2_BD, tuple(view_1_BD.shape))
    return in_batch(*(functional.normalize(at_least_float32(view), dim=1) for view in (view_1_BD, view_2_BD)))
