"""A CLIP with random weights, small enough for tests: described to open_clip, with a checkpoint as open_clip saves one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from torch import nn

import samekind as sk

DIM, SIDE, CONTEXT = 24, 32, 32
_CONFIG: dict[str, Any] = {
    "embed_dim": DIM,
    "vision_cfg": {"image_size": SIDE, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}
PLAIN = "samekind-tiny"
VARIANTS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "samekind-tiny-quick": {"quick_gelu": True},
    "samekind-tiny-custom": {"custom_text": True},
    "samekind-tiny-bidirectional": {
        "custom_text": True,
        "text_cfg": {
            **_CONFIG["text_cfg"],
            "no_causal_mask": True,
            "proj_bias": True,
            "pool_type": "last",
            "tokenizer_kwargs": {"clean": "canonicalize"},
        },
    },
    "samekind-tiny-hub-tokenizer": {"text_cfg": {**_CONFIG["text_cfg"], "hf_tokenizer_name": "nobody/nothing"}},
    "samekind-tiny-hub-tower": {"text_cfg": {"hf_model_name": "nobody/nothing", "hf_tokenizer_name": "nobody/nothing"}},
}


def register(folder: Path) -> None:
    """Makes open_clip know the variants, in this process."""
    for name, changes in VARIANTS.items():
        (folder / f"{name}.json").write_text(json.dumps({**_CONFIG, **changes}))
    open_clip.add_model_config(folder)


def checkpoint(folder: Path, name: str = PLAIN, seed: int = 0) -> tuple[str, Any]:
    """A checkpoint of a variant with random weights: its name for `--encoder`, and open_clip's model."""
    torch.manual_seed(seed)
    model: nn.Module = open_clip.create_model(name)
    for parameter in model.parameters():  # open_clip starts many at zero or one, where a swap would not show
        nn.init.normal_(parameter, std=0.15)
    path = folder / f"{name}-{seed}.pt"
    torch.save({"state_dict": model.state_dict()}, path)
    return f"open_clip/{name}@{path}", model.eval()


def build(folder: Path, **options: Any) -> Path:
    """An index of 40 noise pictures on a checkpoint of the plain variant, which `register` has made known."""
    name, _ = checkpoint(folder)
    return sk.build_index(corpus(), name, folder / "index", **options).path


def registered_index(folder: Path) -> Path:
    """The same after making the small models known."""
    configs = folder / "configs"
    configs.mkdir()
    register(configs)
    return build(folder)


def corpus(count: int = 40) -> sk.Corpus:
    """Noise in colour, without labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    return sk.Corpus.from_arrays(pixels, None, ["train"] * count, name="noise", source={"corpus": "noise"})
