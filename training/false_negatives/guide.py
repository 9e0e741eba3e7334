"""A frozen second encoder for the detector `guide`: an artefact of ours, or a pretrained model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from samekind.core.errors import InputError
from samekind.data.prepared import prepare_corpus
from samekind.data.types.preprocessing import preprocessing_of
from samekind.data.views.policies import policy_for
from samekind.data.views.two_view import TwoViewTransform
from samekind.training.config.objective import USING_LABELS
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.detectors.pairs import Guide
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained.require_encoder import require_encoder
from samekind.training.models.pretrained.resolve import resolve_encoder, weights_file
from samekind.training.runtime.artefact import read_meta
from samekind.training.training_set import TrainingImages

BATCH = 256


def build_guide(config: TrainConfig, images: TrainingImages, threshold: float | None) -> Guide:
    """Embeds the training images, and one augmented view of each, with the guide.

    Raises:
        InputError: an unknown guide, or one that was trained with labels.
        MissingDependencyError: a model without a checkpoint on this disk.
        ArtefactError: the guide's artefact is missing or damaged.
    """
    guide = load_guide(config.guide, config.guide_weights)
    spec, corpus = guide.spec, images.corpus
    policy = policy_for(corpus.name, spec.channels, config.strength)
    transform = TwoViewTransform(spec.image_size, spec.channels, policy)
    clean, augmented = [], []
    for number, start in enumerate(range(0, len(images.fit), BATCH)):
        rows = images.fit[start : start + BATCH]
        # Batch by batch: all of them at 224 px would be gigabytes.
        pixels = prepare_corpus(corpus.subset(rows.tolist()), preprocessing_of(spec))
        clean.append(guide.embed(pixels))
        augmented.append(
            guide.embed(transform.batch(pixels if spec.crops == 1 else pixels[:, 0], (config.seed, 5, number))[0])
        )
    embedding = np.concatenate(clean)
    positive = (embedding * np.concatenate(augmented)).sum(1)
    return Guide(embedding, positive, threshold)


def load_guide(name: str, weights: str) -> Encoder:
    """The frozen encoder that a guide's name stands for.

    Args:
        name: as `resolve_encoder` takes it.
        weights: checkpoint file of a `timm/` or `open_clip/` model; the same as `NAME@FILE`.
    """
    require_encoder(name)
    if Path(name).is_dir():
        _refuse_labels(name)
    return resolve_encoder(_with_weights(name, weights))


def _with_weights(name: str, weights: str) -> str:
    return f"{name}@{weights}" if weights else name


def outside_files(config: TrainConfig) -> dict[str, str]:
    """Files that a run reads besides its corpus, by content: another guide behind the same name is another run."""
    files = {}
    if config.guide:
        require_encoder(config.guide)
        if Path(config.guide).is_dir():
            files["guide"] = str(read_meta(config.guide)["encoder"].get("fingerprint"))
        elif (weights := weights_file(_with_weights(config.guide, config.guide_weights))) is not None:
            files["guide"] = _sha256(weights)
    weights = weights_file(config.backbone)
    if weights is not None:
        files["backbone"] = _sha256(weights)
    return files


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_labels(folder: str) -> None:
    """A guide that knows labels would carry them into a run that says it uses none."""
    config = read_meta(folder).get("config", {})
    treated = config.get("treatment", "none") != "none"
    if config.get("objective") in USING_LABELS or (treated and config.get("detector") == "oracle"):
        raise InputError(f"the guide {folder} was trained with labels", hint="take one that was not")
