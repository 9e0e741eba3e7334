"""The network that is trained, and how its parameters are grouped."""

from __future__ import annotations

from torch import nn

from samekind.training.config.train_config import TrainConfig
from samekind.training.features.feature_encoder import Trainable
from samekind.training.models.patches import PatchEncoder
from samekind.training.models.projection import ProjectionNetwork
from samekind.training.objectives.cpc import CpcNetwork


def build_network(config: TrainConfig, encoder: Trainable) -> nn.Module:
    """A backbone with a projector, or with the predictors of `cpc`."""
    if config.objective == "cpc":
        assert isinstance(encoder.backbone, PatchEncoder)
        return CpcNetwork(encoder.backbone, context=config.cpc_context)
    return ProjectionNetwork(encoder, config.projector_hidden, config.projector_dim)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weights decay; biases and norms (one axis) do not."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
