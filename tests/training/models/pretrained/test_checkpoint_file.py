"""Checkpoints as they are found: wrappers, prefixes, heads, channels, sizes, foreign names, damage."""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from samekind.core.errors import ArtefactError, InputError, MissingDependencyError
from samekind.training.models.pretrained.checkpoints.adapt_tensor import adapted
from samekind.training.models.pretrained.checkpoints.checkpoint_file import load_weights, read_checkpoint

Tensors = dict[str, Tensor]


def network(seed: int, channels: int = 3) -> nn.Module:
    """A small backbone with a counter, of random weights."""
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(body, nn.Linear(4, 6))


def tensors_of(net: nn.Module) -> Tensors:
    """Its state dict with statistics that are nobody's default."""
    return {
        name: tensor + 1 if tensor.dtype == torch.int64 else tensor + 0.5 for name, tensor in net.state_dict().items()
    }


def prefixed(prefix: str, tensors: Tensors) -> Tensors:
    """All names behind a prefix."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def saved(value: Any, path: Path) -> Path:
    """`torch.save`, or safetensors by the name."""
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(value, path)
    else:
        torch.save(value, path)
    return path


HEAD = {"head.weight": torch.ones(9, 6), "head.bias": torch.ones(9)}

WRAPPED: dict[str, Callable[[Tensors, Tensors], Any]] = {
    "bare": lambda good, other: good,
    "head": lambda good, other: good | HEAD,
    "state_dict": lambda good, other: {"state_dict": good, "epoch": 3},
    "model": lambda good, other: {"model": good, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
    "model_state and module": lambda good, other: {"model_state": prefixed("module.", good)},
    "average before model": lambda good, other: {"model": other, "model_ema": good},
    "state_dict_ema": lambda good, other: {"state_dict": other, "state_dict_ema": good, "arch": "net"},
    "dino": lambda good, other: {
        "student": prefixed("module.backbone.", other) | {"module.head.mlp.0.weight": torch.ones(3, 6)},
        "teacher": prefixed("backbone.", good) | {"head.mlp.0.weight": torch.ones(3, 6)},
        "args": argparse.Namespace(arch="vit_small", lr=0.1),
        "epoch": 9,
    },
    "moco v2": lambda good, other: {
        "state_dict": prefixed("module.encoder_k.", other)
        | prefixed("module.encoder_q.", good)
        | {"module.queue": torch.ones(6, 8)}
    },
    "moco v3": lambda good, other: {
        "state_dict": prefixed("module.momentum_encoder.", other) | prefixed("module.base_encoder.", good)
    },
    "lightly": lambda good, other: {
        "state_dict": prefixed("backbone_momentum.", other)
        | prefixed("backbone.", good)
        | prefixed("projection_head.layers.", HEAD)
    },
    "lightning and compile": lambda good, other: {
        "state_dict": prefixed("model._orig_mod.encoder.", good),
        "callbacks": {"best": {"score": torch.ones(1)}},
    },
    "samekind": lambda good, other: prefixed("backbone.", good) | {"whitening.mean": torch.ones(6)},
    "clip": lambda good, other: (
        prefixed("visual.trunk.", good) | {"text.0.weight": torch.ones(4, 4), "logit_scale": torch.ones(())}
    ),
    "image_encoder": lambda good, other: {"model": prefixed("image_encoder.", good)},
}


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [*((kind, ".pt") for kind in WRAPPED), *((kind, ".safetensors") for kind in ("bare", "head", "samekind", "clip"))],
)
def test_what_is_wrapped_around_the_weights_does_not_matter(kind: str, suffix: str, tmp_path: Path) -> None:
    """Every kind of checkpoint fills the backbone with the same tensors, the counter included; the network beside them is not taken."""
    good, other = tensors_of(network(1)), tensors_of(network(2))
    value = WRAPPED[kind](good, other)
    backbone = network(3)
    report = load_weights(backbone, saved(value, tmp_path / f"weights{suffix}"))
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, good[name]), name
    assert set(report.used) == set(good)
    assert not report.missing
    assert not report.by_order


def test_the_report_counts_what_was_left_out(tmp_path: Path) -> None:
    """Used, a classifier's, others: the numbers of the file's tensors, in one line."""
    path = saved(tensors_of(network(1)) | HEAD, tmp_path / "net.pth")
    report = load_weights(network(0), path)
    assert report.line == "9 of 11 tensors used, 2 of a classifier left out"
    assert report.unused == ("head.weight", "head.bias")
    path = saved({"teacher": prefixed("backbone.", tensors_of(network(1))), "student": {"extra": torch.ones(1)}}, path)
    assert load_weights(network(0), path).line == "9 of 10 tensors used, 1 of other parts left out"


def test_old_files_without_counters_load(tmp_path: Path) -> None:
    """`num_batches_tracked` may be missing; the report says so."""
    good = {name: tensor for name, tensor in tensors_of(network(1)).items() if "num_batches" not in name}
    report = load_weights(network(0), saved(good, tmp_path / "old.bin"))
    assert report.missing == ("0.1.num_batches_tracked",)
    assert len(report.used) == 8


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    """A checkpoint in float16 fills a float32 backbone."""
    good = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors_of(network(1)).items()
    }
    backbone = network(0)
    load_weights(backbone, saved(good, tmp_path / "half.pt"))
    assert backbone.state_dict()["1.weight"].dtype == torch.float32
    assert torch.equal(backbone.state_dict()["1.weight"], good["1.weight"].float())


@pytest.mark.parametrize(("there", "here"), [(3, 1), (1, 3)])
def test_colour_and_grey_weights_see_grey_images_alike(there: int, here: int, tmp_path: Path) -> None:
    """A grey image gives the features that it gave, repeated to three channels or not."""
    source, target = network(1, there).eval(), network(2, here).eval()
    load_weights(target, saved(source.state_dict(), tmp_path / "net.pt"))
    grey = torch.rand(2, 1, 9, 9)
    torch.testing.assert_close(target(grey.expand(-1, here, -1, -1)), source(grey.expand(-1, there, -1, -1)))


def test_foreign_names_are_matched_by_order_only_if_all_match(tmp_path: Path) -> None:
    """The same tensors in the same order under other names, a classifier after them; another order or shape is refused."""
    good = tensors_of(network(1))
    foreign = {f"layer{index}.{name.rpartition('.')[2]}": tensor for index, (name, tensor) in enumerate(good.items())}
    backbone = network(0)
    report = load_weights(
        backbone, saved(foreign | {"_fc.weight": torch.ones(5, 6), "_fc.bias": torch.ones(5)}, tmp_path / "a.pt")
    )
    assert report.by_order
    assert report.line == "9 of 11 tensors used, 2 of a classifier left out, matched by order, as the names are others"
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, good[name]), name
    grey = network(0, 1)
    assert load_weights(grey, tmp_path / "a.pt").by_order
    torch.testing.assert_close(grey.state_dict()["0.0.weight"], good["0.0.weight"].sum(1, keepdim=True))
    names = list(foreign)
    swapped = {name: foreign[name] for name in [names[1], names[0], *names[2:]]}
    for wrong in (swapped, dict(list(foreign.items())[1:]), {"first.weight": torch.ones(2, 2)} | foreign):
        with pytest.raises(InputError, match="do not fit"):
            load_weights(network(0), saved(wrong, tmp_path / "b.pt"))


def test_a_checkpoint_of_another_network_is_refused_and_nothing_is_loaded(tmp_path: Path) -> None:
    """One line names what is missing and how much; the backbone keeps every weight."""
    backbone = network(0)
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    partial = tensors_of(network(1))
    del partial["0.0.bias"]
    partial["1.weight"] = torch.ones(7, 4)
    with pytest.raises(InputError) as caught:
        load_weights(backbone, saved(partial, tmp_path / "partial.pt"))
    said = str(caught.value)
    assert "2 tensors of the backbone do not fit: 0.0.bias is missing; 1.weight is (7, 4) there, (6, 4) here" in said
    assert "\n" not in said
    with pytest.raises(InputError, match=r"8 tensors .*; and 5 more"):
        load_weights(backbone, saved({"w": torch.ones(1)}, tmp_path / "other.pt"))
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, before[name]), name


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    """A pickle with a call in it is refused, and the call is not made."""
    sprung = tmp_path / "sprung"
    path = saved({"state_dict": tensors_of(network(1)), "extra": Trap(sprung)}, tmp_path / "trap.pt")
    with pytest.raises(ArtefactError, match="more than tensors") as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert not sprung.exists()


def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    """Missing, of another kind, empty, torn, a plain pickle, a program, no tensors in it."""
    with pytest.raises(MissingDependencyError, match="no checkpoint at"):
        read_checkpoint(tmp_path / "nowhere.pt")
    (tmp_path / "weights.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match="by its name"):
        read_checkpoint(tmp_path / "weights.zip")
    whole = saved(tensors_of(network(1)), tmp_path / "whole.pt").read_bytes()
    safe = saved(network(1).state_dict(), tmp_path / "whole.safetensors").read_bytes()
    damaged = {
        "empty.pt": b"",
        "torn.pt": whole[: len(whole) // 2],
        "text.bin": b"not a checkpoint at all",
        "pickle.pth": pickle.dumps({"a": [1, 2]}),
        "torn.safetensors": safe[: len(safe) // 2],
        "empty.safetensors": b"",
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArtefactError, match=r"cannot be read|holds no tensors") as caught:
            read_checkpoint(tmp_path / name)
        assert "\n" not in str(caught.value), name
    with pytest.raises(ArtefactError, match="holds no tensors"):
        read_checkpoint(saved([1, 2], tmp_path / "list.pt"))


def test_maps_of_positions_are_interpolated() -> None:
    """`(1, D, H, W)` and `(1, H, W, D)`: a constant stays what it is, and both layouts agree; other channels are no fit."""
    positions = torch.rand(1, 5, 4, 4)
    smaller = adapted("pos_embed", positions, torch.empty(1, 5, 3, 3))
    last = adapted("pos_embed", positions.permute(0, 2, 3, 1), torch.empty(1, 3, 3, 5))
    assert smaller is not None
    assert last is not None
    torch.testing.assert_close(smaller, last.permute(0, 3, 1, 2))
    flat = adapted("pos_embed", torch.full((1, 5, 4, 4), 0.25), torch.empty(1, 5, 7, 7))
    torch.testing.assert_close(flat, torch.full((1, 5, 7, 7), 0.25))
    assert adapted("pos_embed", positions, torch.empty(1, 6, 3, 3)) is None
