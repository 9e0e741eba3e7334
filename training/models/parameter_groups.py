"""A backbone's parameters by block, from input to output: which of them learn, and how fast.

Networks of timm say with regular expressions which parameters belong together (`group_matcher`), ours do so too, and timm's own function
reads them; for open_clip's, which have none, they are written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from samekind.core.errors import InputError

Block = dict[str, nn.Parameter]
"""Parameters of a block by their names in the backbone."""

_INNER = ("tower", "trunk")  # of `ImageTower`, and of open_clip's wrapper around networks of timm
_WITH_PREVIOUS = (99999,)  # timm's mark for parameters that come behind a block and belong to it
_OPEN_CLIP: Mapping[str, Any] = {
    "VisionTransformer": {
        "stem": r"^conv1|class_embedding|positional_embedding|ln_pre",
        "blocks": [(r"^transformer\.resblocks\.(\d+)", None), (r"^attn_pool|ln_post|proj", _WITH_PREVIOUS)],
    },
    "ModifiedResNet": {"stem": r"^conv\d|bn\d", "blocks": r"^layer(\d+)\.(\d+)"},
}


def blocks_of(backbone: nn.Module) -> list[Block]:
    """The backbone's blocks, its stem first; each parameter is in one of them, and whatever follows the last block is in that one.

    A network whose blocks nobody tells apart is one block.
    """
    from timm.models import group_parameters  # late, for it takes seconds

    prefix, network = "", backbone
    for attribute in _INNER:
        if isinstance(inner := getattr(network, attribute, None), nn.Module):
            prefix, network = f"{prefix}{attribute}.", inner
    known = getattr(network, "group_matcher", None)
    matcher = _OPEN_CLIP.get(type(network).__name__, {}) if known is None else known()
    grouped = group_parameters(network, matcher)
    blocks: list[Block] = []
    for names in (grouped[depth] for depth in sorted(grouped)):
        block = {f"{prefix}{name}": network.get_parameter(name) for name in names}
        if blocks and not any(parameter.ndim > 1 for parameter in block.values()):
            blocks[-1] |= block  # a norm alone is no block
        else:
            blocks.append(block)
    behind = {name: p for name, p in backbone.named_parameters() if not name.startswith(prefix)}
    blocks[-1] |= behind
    return blocks


def freeze_but_last(backbone: nn.Module, count: int, name: str) -> None:
    """Takes the gradients from all parameters but those of the last blocks.

    Args:
        backbone: to be trained.
        count: blocks that learn, ≥ 1.
        name: of the backbone, for the error.

    Raises:
        InputError: it has fewer blocks.
    """
    blocks = blocks_of(backbone)
    if count > len(blocks):
        raise InputError(
            f"{name} has {len(blocks)} blocks, its stem included, and last-{count} asks for more",
            hint=f"take --train last-N with N up to {len(blocks)}, or --train all",
        )
    for block in blocks[:-count]:
        for parameter in block.values():
            parameter.requires_grad_(False)


def freeze_statistics(backbone: nn.Module, *, everywhere: bool) -> None:
    """Makes batch norms use and keep the statistics that they have, in training too: those of frozen blocks, or all of them."""
    for norm in backbone.modules():
        if isinstance(norm, _BatchNorm) and (everywhere or not any(p.requires_grad for p in norm.parameters())):
            norm.register_forward_pre_hook(_evaluate)


def _evaluate(norm: nn.Module, _: Any) -> None:
    """Sets a norm to evaluation before each pass, since whoever calls `train()` on the whole network sets it back."""
    norm.eval()


def optimizer_groups(
    network: nn.Module, backbone: nn.Module, *, weight_decay: float, layer_decay: float
) -> list[dict[str, Any]]:
    """The parameters that learn, as an optimiser takes them: weights decay; biases and norms (one axis) do not.

    Args:
        network: all that is trained, the backbone in it.
        backbone: whose last block learns at `layer_decay` times the rate, the one before at its square, and so on.
        weight_decay: of weights.
        layer_decay: in (0, 1].

    Returns:
        Groups with `lr_scale`, the share of the learning rate, beside what `torch.optim` reads.

    Source:
        Layer-wise decay as in BEiT, arXiv 2106.08254, and timm's `param_groups_layer_decay`.
    """
    blocks = blocks_of(backbone) if layer_decay != 1 else []
    scale = {id(p): layer_decay ** (len(blocks) - i) for i, block in enumerate(blocks) for p in block.values()}
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            groups.setdefault((scale.get(id(parameter), 1.0), parameter.ndim <= 1), []).append(parameter)
    return [
        {"params": groups[key], "weight_decay": 0.0 if key[1] else weight_decay, "lr_scale": key[0]}
        for key in sorted(groups)
    ]
