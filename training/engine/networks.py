"""The network that is trained."""

from __future__ import annotations

import os
import shutil

import torch
from torch import nn

from samekind.core.errors import InputError, MissingDependencyError
from samekind.training.config.train_config import TrainConfig
from samekind.training.features.feature_encoder import Trainable
from samekind.training.models.encoder import Encoder
from samekind.training.models.patches import PatchEncoder
from samekind.training.models.projection import ProjectionNetwork
from samekind.training.objectives.cpc import CpcNetwork


def build_network(config: TrainConfig, encoder: Trainable) -> nn.Module:
    """A backbone with a projector, or with the predictors of `cpc`. A pretrained one without a projector has its whitening there, which is
    fitted already: the objective sees the embedding.
    """
    if config.objective == "cpc":
        assert isinstance(encoder.backbone, PatchEncoder)
        return CpcNetwork(encoder.backbone, context=config.cpc_context)
    network = ProjectionNetwork(encoder, config.projector_hidden, config.projector_dim)
    if isinstance(encoder, Encoder) and config.fine_tunes and not config.projector_dim:
        network.projector = encoder.whitening
    return network


def projection_dim(config: TrainConfig, encoder: Trainable) -> int:
    """Dimension of the projections of `build_network`'s network."""
    return config.projector_dim or (encoder.dim if config.fine_tunes else encoder.feature_dim)


def compile_network(network: nn.Module, config: TrainConfig, device: torch.device) -> None:
    """Has a network compiled in place at its first batch; names of parameters, copies and checkpoints stay what they were.

    Args:
        network: that is trained.
        config: whose `compiler` is `none`, `inductor` or `cudagraphs`.
        device: that it lies on.

    Raises:
        InputError: a CUDA graph is asked for elsewhere, or the objective or the batches are not of this kind.
        MissingDependencyError: the compiler that `inductor` calls on a CPU is not installed.
    """
    compiler = config.compiler
    if compiler == "none":
        return
    if config.objective == "cpc" or config.effective_batch:
        what = "cpc, which calls parts of the network" if config.objective == "cpc" else "an effective batch in chunks"
        raise InputError(f"--compiler is not for {what}", hint="leave out --compiler")
    if compiler == "cudagraphs" and device.type != "cuda":
        raise InputError(
            f"cudagraphs is for CUDA, and this runs on {device.type}", hint="--compiler inductor, or leave it out"
        )
    if device.type == "cpu" and not any(map(shutil.which, (os.environ.get("CXX", ""), "g++", "clang++"))):
        raise MissingDependencyError(
            "inductor needs a C++ compiler", hint="apt-get install g++, or leave out --compiler"
        )
    network.compile(backend=compiler, dynamic=False)
