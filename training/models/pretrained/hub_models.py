"""`hf-hub:ORG/NAME`: a repository that holds a model of timm or open_clip, by the configuration in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samekind.core.errors import InputError, MissingDependencyError
from samekind.training.models.pretrained import hub, open_clip_models, timm_models
from samekind.training.models.pretrained.model_input import ModelInput

HUB = "hf-hub:"
TIMM_FILES = ("model.safetensors", "pytorch_model.bin")
OPEN_CLIP_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
_OPEN_CLIP_CONFIG = "open_clip_config.json"
_HARMLESS = {"img_size", "in_chans", "num_classes"}  # arguments of timm that say nothing of the backbone


@dataclass(frozen=True)
class HubModel:
    """What a repository holds.

    Attributes:
        backbone: `timm/NAME` or `open_clip/NAME`, for `build_backbone`.
        repository: `ORG/NAME`.
        files: names under which its weights may be, the preferred one first.
        expected: input that the weights were trained for.
    """

    backbone: str
    repository: str
    files: tuple[str, ...]
    expected: ModelInput

    def weights(self) -> Path:
        """The file of weights, from the cache or the hub.

        Raises:
            MissingDependencyError: neither has it.
        """
        found = hub.fetched(self.repository, self.files)
        if found is None:
            raise MissingDependencyError(
                f"the weights of {HUB}{self.repository} are not on this machine, and {hub.silence()}",
                hint=f"get {self.files[0]} of {self.repository} and name it: {self.backbone}@FILE",
            )
        return found


def hub_model(name: str) -> HubModel:
    """Reads which model a repository holds.

    Args:
        name: `hf-hub:ORG/NAME`, perhaps with `@REVISION`.

    Raises:
        InputError: the name is none, or the model is neither timm's nor open_clip's.
        MissingDependencyError: the repository is not in the cache, and the hub does not send it.
    """
    repository = name.removeprefix(HUB)
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise InputError(f"{name!r} names no repository", hint="hf-hub:ORG/NAME, e.g. hf-hub:timm/resnet18.a1_in1k")
    for file, read in ((_OPEN_CLIP_CONFIG, _open_clip), ("config.json", _timm)):
        path = hub.fetched(repository, [file])
        if path is not None:
            return read(repository, json.loads(path.read_text(encoding="utf-8")))
    raise MissingDependencyError(
        f"{name} is not on this machine, and {hub.silence()}",
        hint="get its weights and name them with the architecture: timm/NAME@FILE or open_clip/NAME@FILE",
    )


def open_clip_description(name: str) -> dict[str, Any] | None:
    """What a repository says of both towers of its open_clip model (`model_cfg`); `None` if it holds none, or is not at hand.

    Args:
        name: `hf-hub:ORG/NAME`, perhaps with `@REVISION`.
    """
    path = hub.fetched(name.removeprefix(HUB), [_OPEN_CLIP_CONFIG])
    config: dict[str, Any] | None = None if path is None else json.loads(path.read_text(encoding="utf-8"))
    return None if config is None else config.get("model_cfg", config)


def _timm(repository: str, config: dict[str, Any]) -> HubModel:
    architecture = config.get("architecture")
    if not architecture:
        raise InputError(
            f"{HUB}{repository} is neither timm's nor open_clip's: its config.json names no architecture",
            hint="take a repository of timm or open_clip",
        )
    own = sorted(set(config.get("model_args") or {}) - _HARMLESS)
    if own:
        raise InputError(
            f"{HUB}{repository} changes {architecture} ({', '.join(own)}), which cannot be rebuilt from its name",
            hint=f"take a plain timm/{architecture}",
        )
    expected = timm_models.input_of_config(config.get("pretrained_cfg") or config)
    return HubModel(f"timm/{architecture}", repository, TIMM_FILES, expected)


def _open_clip(repository: str, config: dict[str, Any]) -> HubModel:
    model, preprocess = config.get("model_cfg", config), config.get("preprocess_cfg", {})
    name = open_clip_models.name_of_config(model)
    if name is None:
        raise InputError(
            f"{HUB}{repository} holds an image tower that open_clip has no name for", hint="see open_clip.list_models()"
        )
    expected = open_clip_models.input_of_config(preprocess, model["vision_cfg"].get("image_size", 224))
    return HubModel(f"open_clip/{name}", repository, OPEN_CLIP_FILES, expected)
