"""Blocks of a backbone: each parameter in one, in the order in which images pass them; what is frozen, and how fast the rest learns."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from timm.optim._param_groups import param_groups_layer_decay
from torch import Tensor, nn

from samekind.core.errors import InputError
from samekind.training.models.backbones import build_backbone
from samekind.training.models.parameter_groups import (
    blocks_of,
    freeze_but_last,
    freeze_statistics,
    optimizer_groups,
)
from tests.tiny_clip import PLAIN, register

SIDE = 64
NETWORKS = {  # and the number of their blocks, stem included
    "resnet-small": 4,
    "timm/tf_efficientnet_lite0": 17,
    "timm/test_efficientnet": 6,
    "timm/test_convnext": 10,
    "timm/test_vit": 7,
    "timm/poolformerv2_s12": 1,
    "open_clip/RN50": 18,
    f"open_clip/{PLAIN}": 3,
}


def build(name: str) -> nn.Module:
    """The backbone with random weights."""
    return build_backbone(name, image_size=SIDE, channels=3, width=4, stem_stride=2, pool=2)[0]


@pytest.fixture(scope="module", autouse=True)
def _tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> None:
    register(tmp_path_factory.mktemp("clip"))


def depth_by_name(backbone: nn.Module) -> dict[str, int]:
    """Number of the block of each parameter."""
    return {name: depth for depth, block in enumerate(blocks_of(backbone)) for name in block}


@pytest.mark.parametrize(("name", "count"), NETWORKS.items())
def test_each_parameter_is_in_one_block_in_the_order_of_the_forward_pass(name: str, count: int) -> None:
    """By watching which layers an image passes: the depth of their own parameters never falls."""
    backbone = build(name)
    blocks = blocks_of(backbone)
    assert sorted(n for block in blocks for n in block) == sorted(n for n, _ in backbone.named_parameters())
    assert all(backbone.get_parameter(n) is p for block in blocks for n, p in block.items())
    assert len(blocks) == count
    passed: list[int] = []
    depth = depth_by_name(backbone)

    def watch(prefix: str, own: list[str]) -> Any:
        return lambda *_: passed.append(depth[f"{prefix}.{own[0]}"])

    for prefix, module in backbone.named_modules():
        if prefix and (own := [n for n, _ in module.named_parameters(recurse=False)]):
            module.register_forward_pre_hook(watch(prefix, own))
    backbone.eval()(
        torch.zeros(1, 3, SIDE, SIDE)
    )  # with gradients, so that no batch norm is folded into its convolution
    assert passed == sorted(passed)
    assert set(passed) == set(range(count))


def test_blocks_of_lite0_are_timms() -> None:
    """Our copy of the network is cut where timm cuts its own."""
    theirs: Any = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    assert depth_by_name(build("timm/tf_efficientnet_lite0")) == depth_by_name(theirs)


def test_what_comes_behind_an_open_clip_tower_belongs_to_its_last_block() -> None:
    """Norm and projection into the space of the words."""
    assert {"tower.proj", "tower.ln_post.weight"} <= set(blocks_of(build(f"open_clip/{PLAIN}"))[-1])


def test_the_head_of_a_wrapped_network_of_timm_belongs_to_its_last_block() -> None:
    """As open_clip wraps them: the trunk has the blocks."""
    wrapped = nn.ModuleDict({"trunk": build("resnet-small"), "head": nn.Linear(2, 2)})
    wrapped.trunk = wrapped["trunk"]
    blocks = blocks_of(wrapped)
    assert len(blocks) == 4
    assert {"head.weight", "trunk.stages.2.body.0.weight"} <= set(blocks[-1])


def test_all_but_the_last_blocks_are_frozen() -> None:
    """N of them learn; more than there are is refused with their number."""
    backbone = build("resnet-small")
    freeze_but_last(backbone, 1, "resnet-small")
    learns = {name for name, p in backbone.named_parameters() if p.requires_grad}
    assert learns == {name for name, _ in backbone.named_parameters() if name.startswith("stages.2.")}
    freeze_but_last(whole := build("resnet-small"), 4, "resnet-small")
    assert all(p.requires_grad for p in whole.parameters())
    with pytest.raises(InputError, match="resnet-small has 4 blocks, its stem included, and last-5 asks for more"):
        freeze_but_last(build("resnet-small"), 5, "resnet-small")


@pytest.mark.parametrize("everywhere", [True, False])
def test_frozen_statistics_are_used_and_kept_in_training(everywhere: bool) -> None:
    """Whoever sets the network to training: all of them, or those of the blocks that do not learn."""
    backbone = build("resnet-small")
    freeze_but_last(backbone, 1, "resnet-small")
    freeze_statistics(backbone, everywhere=everywhere)
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    images = torch.randn(4, 3, SIDE, SIDE)
    frozen = backbone.eval()(images)
    trained = backbone.train()(images)
    moved = {name for name, value in backbone.named_buffers() if not torch.equal(value, before[name])}
    last = {name for name in before if name.startswith("stages.2.")}
    assert moved == (set() if everywhere else last)
    assert torch.equal(frozen, trained) == everywhere


def test_rates_fall_block_by_block() -> None:
    """As timm computes them, but for one step: its last block has the full rate, ours leaves that to the projector."""
    backbone: Any = timm.create_model("test_efficientnet", num_classes=0)
    network = nn.ModuleDict({"backbone": backbone, "projector": nn.Linear(3, 3)})
    ours = scales(optimizer_groups(network, backbone, weight_decay=0.1, layer_decay=0.5))
    theirs = scales(param_groups_layer_decay(backbone, weight_decay=0.1, layer_decay=0.5))
    assert {p: (scale / 2, decay) for p, (scale, decay) in theirs.items()}.items() <= ours.items()
    projector = network["projector"]
    assert isinstance(projector, nn.Linear)
    assert (ours[projector.weight], ours[projector.bias]) == ((1.0, 0.1), (1.0, 0.0))
    assert len(ours) == len(theirs) + 2


def scales(groups: list[dict[str, Any]]) -> dict[Tensor, tuple[float, float]]:
    """Share of the rate and weight decay of each parameter, which is in one group only."""
    parameters = [p for group in groups for p in group["params"]]
    assert len(set(parameters)) == len(parameters)
    return {p: (group["lr_scale"], group["weight_decay"]) for group in groups for p in group["params"]}


def test_frozen_parameters_do_not_reach_the_optimiser() -> None:
    """And where no block is slower there are two groups in the old order, so that older checkpoints are found by it."""
    backbone = build("resnet-small")
    groups = optimizer_groups(backbone, backbone, weight_decay=0.1, layer_decay=1.0)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert [p for p in backbone.parameters() if p.ndim > 1] == groups[0]["params"]
    freeze_but_last(backbone, 2, "resnet-small")
    learns = {p for p in backbone.parameters() if p.requires_grad}
    assert set(scales(optimizer_groups(backbone, backbone, weight_decay=0.1, layer_decay=0.5))) == learns
