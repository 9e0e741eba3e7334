"""The text tower of a pretrained model: built by open_clip's description, with weights from the checkpoint that holds both towers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samekind.training.models.pretrained.checkpoints.checkpoint_file import load_weights
from samekind.training.models.pretrained.hub_models import HUB, open_clip_description
from samekind.training.models.pretrained.resolve import weights_file
from samekind.training.models.text_tower import TextSpec, TextTower

OPEN_CLIP = "open_clip/"


def may_have_text(name: str) -> bool:
    """True for names of models that open_clip builds; a hub's model may still be one of timm, which has no text."""
    return name.startswith((OPEN_CLIP, HUB))


def text_spec(name: str) -> TextSpec | None:
    """What open_clip says of the text tower of a model; `None` if it does not know the model.

    Args:
        name: `open_clip/NAME[@TAG|FILE]` or `hf-hub:ORG/NAME[@REVISION]`.
    """
    import open_clip

    plain = name if name.startswith(HUB) else name.partition("@")[0]  # a file's path is of this machine
    described: dict[str, Any] | None = (
        open_clip_description(name)
        if name.startswith(HUB)
        else open_clip.get_model_config(plain.removeprefix(OPEN_CLIP))
    )
    if described is None or "text_cfg" not in described:
        return None
    return TextSpec(plain, described["embed_dim"], described["text_cfg"], bool(described.get("quick_gelu")))


def resolve_text_tower(name: str) -> TextTower | None:
    """The text tower of the model that a name stands for, as `resolve_encoder` understands it; `None` if there is none.

    Raises:
        InputError: the tower cannot be built, or the checkpoint lacks it.
        MissingDependencyError: the weights are not on this machine.
    """
    spec = text_spec(name) if may_have_text(name) else None
    path = weights_file(name) if spec is not None else None
    return None if spec is None or path is None else load_text_tower(spec, path)


def load_text_tower(spec: TextSpec, path: Path) -> TextTower:
    """The text tower with its weights.

    Args:
        spec: of `text_spec`.
        path: checkpoint that holds both towers, by open_clip's names.

    Raises:
        InputError: the tower cannot be built, or the checkpoint lacks it.
    """
    tower = TextTower(spec)
    load_weights(tower.tower, path)
    return tower.eval()
