"""The start of a run: its images and the encoder that is trained on them, from random weights, from good ones, or behind frozen ones."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch

from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.data.types.preprocessing import preprocessing_of
from samekind.data.types.rows import ChosenRows
from samekind.training.answers.start import AnsweredStart, Start
from samekind.training.config.false_negatives import ADAPTED
from samekind.training.config.model import RANDOM, names_model
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.links import LinkConstraints
from samekind.training.features.feature_encoder import FeatureEncoder, Trainable
from samekind.training.features.training_features import load_training_features
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.parameter_groups import freeze_but_last, freeze_statistics
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.models.pretrained.whiten import whiten, whitening_rows
from samekind.training.models.whitening import directions_worth_keeping
from samekind.training.runtime.devices import choose_device
from samekind.training.training_set import TrainingImages, load_training_images


class Begun(NamedTuple):
    """What a run begins with.

    Attributes:
        images: that it trains on.
        encoder: that it trains, from the run's seed.
        start: what answers have made of the space that it starts from; `None` where none were asked.
    """

    images: TrainingImages
    encoder: Trainable
    start: Start | None = None


def begin(
    corpus: Corpus,
    config: TrainConfig,
    progress: Progress,
    answers: LinkConstraints | None = None,
    resize: str | None = None,
) -> Begun:
    """Loads images and encoder.

    Args:
        corpus: what `training_corpus` returned.
        config: the run's settings.
        progress: shows bars.
        answers: pairwise annotations, if there are any.
        resize: the way of `Preprocessing` that a pretrained encoder goes, if the run was begun before; that of new ones if left out.

    Raises:
        InputError, MissingDependencyError: the pretrained model is unknown, or its weights are not on this machine, or it has fewer
            blocks than are to be trained.
    """
    if not names_model(config.backbone):
        images = load_training_images(corpus, config, progress)
        torch.manual_seed(config.seed)
        encoder = Encoder(_spec(config, images))
        _freeze(encoder, config)
        return Begun(images, encoder)
    pretrained = resolve_encoder(config.backbone, config.image_size, crops=config.crops)
    if resize is not None:
        pretrained.spec = replace(pretrained.spec, resize=resize)
    if config.adapts:
        turn = None if answers is None or config.start_from != ADAPTED else AnsweredStart(answers)
        images = load_training_features(corpus, config, pretrained, progress, turn)
        torch.manual_seed(config.seed)
        pretrained.add_adapter(config.adapter_hidden)
        return Begun(images, FeatureEncoder(pretrained), None if turn is None else turn.found)
    _freeze(pretrained, config)
    images = load_training_images(corpus, config, progress, preprocessing_of(pretrained.spec))
    images = _described(images, pretrained, config, progress)
    torch.manual_seed(config.seed)
    return Begun(images, pretrained)


def _freeze(encoder: Encoder, config: TrainConfig) -> None:
    """Stops the part of the backbone that is not to learn, and the statistics that are to stay."""
    if config.last_blocks is not None:
        freeze_but_last(encoder.backbone, config.last_blocks, config.backbone)
    if config.batch_norm == "frozen" or config.last_blocks is not None:
        freeze_statistics(encoder.backbone, everywhere=config.batch_norm == "frozen")


def _described(images: TrainingImages, encoder: Encoder, config: TrainConfig, progress: Progress) -> TrainingImages:
    """The images with what the pretrained encoder says of them before it is trained; its whitening is fitted to that for as long as it
    is trained.
    """
    encoder.to(choose_device(config.device))
    chosen = ChosenRows(images.fit_pixels, whitening_rows(len(images.fit), config.seed))
    whiten(encoder, encoder.features(chosen, progress=progress), config.whitening, NoProgress())
    described = encoder.embed(images.fit_pixels, progress=progress)
    encoder.cpu()
    return replace(images, described=described)


def _dim(config: TrainConfig, images: TrainingImages) -> int:
    return directions_worth_keeping(config.embedding_dim, len(images.pixels)) if config.whitening else 0


def _spec(config: TrainConfig, images: TrainingImages) -> EncoderSpec:
    return EncoderSpec(
        backbone=config.backbone.removesuffix(RANDOM),
        image_size=images.pixels.shape[1],
        channels=images.corpus.channels,
        dim=_dim(config, images),
        mean=images.mean,
        std=images.std,
        width=config.width,
        stem_stride=config.stem_stride,
        pool=config.pool,
    )
