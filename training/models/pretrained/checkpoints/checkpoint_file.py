"""Weights from files as they are found: read without running what is in them, matched to a backbone, loaded whole or not at all."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from samekind.core.errors import ArtefactError, InputError, MissingDependencyError
from samekind.training.models.pretrained.checkpoints.matching import Match, best_match
from samekind.training.models.pretrained.tower import ImageTower

PICKLED = (".pt", ".pth", ".bin", ".ckpt", ".tar")
_CLASSIFIERS = ("classifier", "fc", "head", "head_dist", "heads", "last_linear", "linear")
_NAMED = 3  # tensors that an error names


@dataclass(frozen=True)
class WeightsReport:
    """What became of the tensors of a checkpoint.

    Attributes:
        used: names of the backbone's tensors that the checkpoint filled.
        unused: names of the checkpoint's tensors that were left out, as they are in the file.
        missing: names of the backbone's tensors that the checkpoint lacks and that hold nothing learned (counters, tables of indices).
        by_order: the names in the file were foreign, so tensors were matched by order and shape.
    """

    used: tuple[str, ...]
    unused: tuple[str, ...]
    missing: tuple[str, ...]
    by_order: bool

    @property
    def line(self) -> str:
        """For the user, such as `247 of 249 tensors used, 2 of a classifier left out`."""
        classifier = sum(any(part.strip("_") in _CLASSIFIERS for part in name.split(".")) for name in self.unused)
        others = len(self.unused) - classifier
        said = [f"{len(self.used)} of {len(self.used) + len(self.unused)} tensors used"]
        said += [f"{classifier} of a classifier left out"] if classifier else []
        said += [f"{others} of other parts left out"] if others else []
        said += ["matched by order, as the names are others"] if self.by_order else []
        return ", ".join(said)


def load_weights(backbone: nn.Module, path: Path) -> WeightsReport:
    """Fills a backbone with the weights of a checkpoint, in place.

    Classifiers, projectors and other towers in the file are left out. Wrappers and prefixes of all kinds are looked through; where a file
    holds several networks, the teacher or moving average is taken, and of MoCo the query encoder. RGB weights are summed for a grey
    backbone and grey ones spread for an RGB one (timm's `adapt_input_conv`); position embeddings of another image size are interpolated
    (bicubic, antialiased); timm's own filters translate the names of original releases.

    Args:
        backbone: as `build_backbone` makes it.
        path: of a checkpoint, see `read_checkpoint`.

    Raises:
        InputError: tensors of the backbone are missing in the file or have another shape; the backbone is as it was.
        ArtefactError, MissingDependencyError: as `read_checkpoint`.
    """
    network = backbone.tower if isinstance(backbone, ImageTower) else backbone
    match = best_match(read_checkpoint(path), network)
    if match.misfits:
        raise _refusal(path, match)
    own = network.state_dict()
    network.load_state_dict({**own, **match.tensors})
    missing = tuple(name for name in own if name not in match.tensors)
    return WeightsReport(tuple(match.tensors), match.unused, missing, match.by_order)


def _refusal(path: Path, match: Match) -> InputError:
    named = "; ".join(list(match.misfits.values())[:_NAMED])
    more = len(match.misfits) - _NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return InputError(
        f"{path} does not hold these weights: {len(match.misfits)} tensors of the backbone do not fit: {named}{rest}",
        hint="take the architecture that the file was made with, and some models the image size, too",
    )


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, on the CPU.

    Tensors in nested dictionaries get dotted names (`teacher.backbone.conv1.weight`); a level that holds one dictionary only adds nothing,
    so that `{"state_dict": …, "epoch": 3}` reads like a bare state dict.

    Args:
        path: a `.safetensors` file, or what `torch.save` writes (`.pt`, `.pth`, `.bin`, `.ckpt`, `.tar`). Of the latter, tensors,
            containers and the settings of argparse are unpickled, nothing else.

    Raises:
        MissingDependencyError: there is no such file.
        InputError: another kind of file, by its name.
        ArtefactError: damaged, without tensors, or with objects that only running its code would read.
    """
    if not path.is_file():
        raise MissingDependencyError(
            f"no checkpoint at {path}", hint="name a .safetensors, .pt, .pth, .bin or .ckpt file"
        )
    if path.suffix != ".safetensors" and path.suffix not in PICKLED:
        raise InputError(f"{path} is no checkpoint by its name", hint="expected .safetensors, .pt, .pth, .bin or .ckpt")
    try:
        tensors = safetensors.torch.load_file(path) if path.suffix == ".safetensors" else _tensors(_unpickled(path))
    except Exception as error:  # the parsers of both formats raise nearly anything on damaged bytes
        raise ArtefactError(f"{path} cannot be read: {_reason(path, error)}", hint=_REMEDY) from error
    if not tensors:
        raise ArtefactError(f"{path} holds no tensors under names", hint=_REMEDY)
    return tensors


_REMEDY = "save the weights alone where the file comes from: safetensors.torch.save_file(model.state_dict(), FILE)"


def _unpickled(path: Path) -> Any:
    # Checkpoints of DINO, MAE, timm and others carry the arguments of their script, which are inert.
    with torch.serialization.safe_globals([argparse.Namespace]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _tensors(value: Any) -> dict[str, Tensor]:
    """Tensors of nested dictionaries under dotted names; optimisers, whose keys are numbers, are passed over."""
    if not isinstance(value, Mapping):
        return {}
    named = {key: inner for key, inner in value.items() if isinstance(key, str)}
    own = {key: inner.detach() for key, inner in named.items() if isinstance(inner, Tensor)}
    inside = {key: found for key, inner in named.items() if (found := _tensors(inner))}
    if not own and len(inside) == 1:
        return next(iter(inside.values()))
    return own | {f"{key}.{name}": tensor for key, found in inside.items() for name, tensor in found.items()}


def _reason(path: Path, error: Exception) -> str:
    """One line: what stands in the way."""
    if path.suffix != ".safetensors":
        try:
            unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        except Exception:  # noqa: BLE001 - damaged bytes; the first error says more
            unsafe = []
        foreign = [name for name in unsafe if name != "argparse.Namespace"]
        if foreign:
            return f"it holds more than tensors ({', '.join(foreign[:_NAMED])}), which would run code to be read"
    if "Weights only load failed" in str(error) or isinstance(error, KeyError):  # an opcode that pickle does not know
        return "it is no file of weights"
    if "TorchScript" in str(error):
        return "it is a TorchScript program, not weights"
    return next(iter(str(error).splitlines()), "")[:120] or type(error).__name__
