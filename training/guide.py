"""A frozen second encoder for the detector `guide`: an artefact of ours, or a timm or OpenCLIP model with a checkpoint on this disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data.errors import InputError, MissingDependencyError
from data.images import prepare_corpus
from data.recipes import recipe_for
from data.views import TwoViewTransform
from training.config import TrainConfig
from training.detectors import Guide
from training.encoder import Encoder, EncoderSpec
from training.images import TrainingImages

GUIDE_SIZE = 224
BATCH = 256


def build_guide(config: TrainConfig, images: TrainingImages, point: float | None) -> Guide:
    """Embeds the training images, and one altered view of each, with the guide.

    Raises:
        InputError: an unknown guide.
        MissingDependencyError: a model without a checkpoint on this disk.
        ArtefactError: the guide's artefact is missing or damaged.
    """
    guide = load_guide(config.guide, config.guide_weights)
    spec = guide.spec
    corpus = images.corpus.subset(images.fit.tolist())
    pixels = prepare_corpus(corpus, spec.image_size, spec.channels)
    transform = TwoViewTransform(
        spec.image_size, spec.channels, recipe_for(corpus.name, spec.channels, config.strength)
    )
    clean, altered = [], []
    for number, start in enumerate(range(0, len(pixels), BATCH)):
        batch = pixels[start : start + BATCH]
        clean.append(guide.embed(batch))
        altered.append(guide.embed(transform.batch(batch, (config.seed, 5, number))[0]))
    embedding = np.concatenate(clean)
    positive = (embedding * np.concatenate(altered)).sum(1)
    return Guide(embedding, positive, point)


def load_guide(name: str, weights: str) -> Encoder:
    """The frozen encoder that a guide's name stands for.

    Args:
        name: an artefact's folder, `timm/NAME` or `open_clip/NAME`.
        weights: checkpoint file; needed for the latter two, since nothing is downloaded.
    """
    if Path(name).is_dir():
        return Encoder.load(name)
    family = name.partition("/")[0]
    if family not in ("timm", "open_clip"):
        raise InputError(
            f"there is no guide {name!r}",
            hint="name an artefact's folder, timm/NAME or open_clip/NAME, e.g. open_clip/ViT-B-32",
        )
    if not weights:
        raise MissingDependencyError(
            f"the guide {name} needs a checkpoint on this disk",
            hint=f"put the weights of {name} into a file (.safetensors, .pt or .bin) and name it with --guide-weights FILE",
        )
    half = (0.5, 0.5, 0.5)
    spec = EncoderSpec(
        backbone=f"{name}@{weights}", image_size=GUIDE_SIZE, channels=3, dim=0, mean=half, std=half, width=1,
        stem_stride=0, pool=1,
    )  # fmt: skip
    return Encoder(spec).eval()
