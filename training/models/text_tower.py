"""The text tower: what turns words into vectors of the space in which an open_clip encoder's images lie.

    text → tokens → transformer → unit norm → the images' whitening, about the texts' own mean → unit norm = embedding

It is stored as `text.safetensors` beside the encoder, with all that is needed to build it in the header, and answers without the image
tower, the hub or the checkpoint that it came from. `docs/decisions/0015-text-queries.md` says why the map is what it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from samekind.core.errors import ArtefactError, InputError, MissingDependencyError
from samekind.training.models.neutral_captions import NEUTRAL_CAPTIONS
from samekind.training.models.whitening import Whitening
from samekind.training.runtime.artefact import META, TEXT, read_meta

_BATCH = 64
_UNUSED_VISION = {"layers": 1, "width": 64, "head_width": 64, "patch_size": 32, "image_size": 32}
"""The smallest image tower that open_clip builds: its model class makes both towers, and only that of text is kept."""
_INDEX_AGAIN = (
    "index again with a model that embeds text, e.g. --encoder open_clip/ViT-B-32@laion2b_s34b_b79k (docs/searching.md)"
)


@dataclass(frozen=True)
class TextSpec:
    """Everything needed to build a text tower before its weights are loaded.

    Attributes:
        model: name of the model that it belongs to, as in `--encoder`.
        embed_dim: dimension F of the features of text and image.
        text_cfg: open_clip's description of the tower and its tokenizer.
        quick_gelu: the activation of OpenAI's models.
        dim: dimension D of the embeddings; 0 stands for F.
        encoder: fingerprint of the encoder whose embeddings these are comparable with; empty before there is one.
    """

    model: str
    embed_dim: int
    text_cfg: dict[str, Any] = field(hash=False)
    quick_gelu: bool = False
    dim: int = 0
    encoder: str = ""


class TextTower(nn.Module):
    """Text transformer, tokenizer, and the map into the space of an index.

    Args:
        spec: how it is built. Until `map_like` is called, embeddings are the features of open_clip.

    Raises:
        InputError: the tower is a Hugging Face model, which open_clip builds from the hub alone.
    """

    def __init__(self, spec: TextSpec) -> None:
        super().__init__()
        import open_clip

        if spec.text_cfg.get("hf_model_name"):
            raise InputError(
                f"the text tower of {spec.model} is {spec.text_cfg['hf_model_name']} of the Hugging Face hub, which is not supported",
                hint="images can be searched for; for text queries choose another open_clip model, e.g. open_clip/ViT-B-32",
            )
        self.spec = spec
        whole = open_clip.CustomTextCLIP(
            spec.embed_dim,
            vision_cfg=_UNUSED_VISION,
            text_cfg=spec.text_cfg,
            quick_gelu=spec.quick_gelu,
        )
        self.tower: nn.Module = whole.text
        self.whitening = Whitening(spec.embed_dim, spec.dim or spec.embed_dim)

    @cached_property
    def tokenizer(self) -> Any:
        """open_clip's: from texts to `(Q, L)` tokens.

        Raises:
            MissingDependencyError: it is one of the Hugging Face hub that is not on this machine.
        """
        from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

        described = self.spec.text_cfg
        options = {"context_length": described.get("context_length", 77), **(described.get("tokenizer_kwargs") or {})}
        name = described.get("hf_tokenizer_name")
        if not name:
            return SimpleTokenizer(**options)
        try:
            return HFTokenizer(name, tokenizer_mode=described.get("tokenizer_mode"), **options)
        except (ImportError, OSError, ValueError) as error:
            raise MissingDependencyError(
                f"the tokenizer {name} of {self.spec.model} is not on this machine",
                hint="pip install transformers sentencepiece, and fetch it into the hub's cache where there is a network",
            ) from error

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(Q, F)` float32 of unit norm: what open_clip's `encode_text(normalize=True)` gives.

        Raises:
            InputError: a text is empty or longer than the tower reads.
            MissingDependencyError: the tokenizer is not on this machine.
        """
        return self._run(texts, lambda unit_QF: unit_QF)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """`(Q, D)` float32 of unit norm, comparable with the embeddings of the encoder it is mapped like; raises as `embed_text`."""
        return self._run(texts, lambda unit_QF: functional.normalize(self.whitening(unit_QF), dim=1))

    def map_like(self, whitening: Whitening) -> None:
        """Takes over the images' map. One that was fitted is applied about the mean of neutral captions instead of the images' mean."""
        fitted = bool(whitening.mean.any())
        self.whitening = Whitening(*whitening.matrix.shape)
        self.whitening.matrix.copy_(whitening.matrix)
        if fitted:
            self.whitening.mean.copy_(torch.from_numpy(self.embed_text(NEUTRAL_CAPTIONS).mean(axis=0)))

    @torch.no_grad()
    def _run(self, texts: Sequence[str], function: Callable[[Tensor], Tensor]) -> NDArray[np.float32]:
        for text in texts:
            self._check(text)
        self.eval()
        blocks = []
        for start in range(0, len(texts), _BATCH):
            feature = self.tower(self.tokenizer(list(texts[start : start + _BATCH])))
            feature = feature[0] if isinstance(feature, tuple) else feature  # CoCa's gives its tokens, too
            blocks.append(function(functional.normalize(feature.float(), dim=1)).numpy())
        width = self.whitening.matrix.shape[1]
        return np.concatenate(blocks) if blocks else np.empty((0, width), dtype=np.float32)

    def _check(self, text: str) -> None:
        """Refuses what open_clip would cut off or embed as nothing."""
        if not text.strip():
            raise InputError("the text to search for is empty", hint='describe what to look for, e.g. "red shoe"')
        encode = getattr(self.tokenizer, "encode", None)
        most = self.spec.text_cfg.get("context_length", 77) - 2  # start and end of text
        if encode is not None and len(encode(text)) > most:
            raise InputError(
                f"the text has {len(encode(text))} tokens, {self.spec.model} reads {most}",
                hint="describe it in fewer words",
            )

    def to_bytes(self, encoder: str) -> bytes:
        """The tower as a safetensors file with its spec in the header.

        Args:
            encoder: fingerprint of the encoder that it is stored with.
        """
        spec = {**asdict(self.spec), "dim": self.whitening.matrix.shape[1], "encoder": encoder}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        return safetensors.torch.save(tensors, {"spec": json.dumps(spec)})

    @classmethod
    def load(cls, folder: Path, encoder: str) -> TextTower:
        """Reads the text tower of an artefact.

        Args:
            folder: holds `text.safetensors` and `meta.json`.
            encoder: fingerprint of the encoder whose embeddings the texts are to be compared with.

        Raises:
            InputError: the artefact's encoder has no text tower.
            ArtefactError: the file is missing, damaged or another encoder's.
        """
        stored, spec = _stored(folder, encoder)
        try:
            tower = cls(spec)
            tower.load_state_dict(safetensors.torch.load(stored))
        except (RuntimeError, safetensors.SafetensorError) as error:
            raise _another(folder) from error
        return tower.eval()


def stored_text(folder: Path, encoder: str) -> bytes:
    """The text tower's file, compared in full with what `meta.json` says of it, and with the encoder; raises as `TextTower.load`."""
    return _stored(folder, encoder)[0]


def _stored(folder: Path, encoder: str) -> tuple[bytes, TextSpec]:
    described = read_meta(folder).get("text")
    if not described:
        raise InputError(
            f"the encoder of {folder} has no text tower, so the index cannot be searched for words", hint=_INDEX_AGAIN
        )
    path = folder / TEXT
    if not path.is_file():
        raise ArtefactError(f"{folder} lacks {TEXT}", hint=f"copy the whole folder, or {_INDEX_AGAIN}")
    stored = path.read_bytes()
    try:
        spec = _spec_of(stored)
        if (hashlib.sha256(stored).hexdigest(), spec.encoder) == (described["fingerprint"], encoder):
            return stored, spec
    except (ValueError, KeyError, TypeError) as error:
        raise _another(folder) from error
    raise _another(folder)


def _another(folder: Path) -> ArtefactError:
    return ArtefactError(
        f"{folder / TEXT} is not the text tower that {META} describes",
        hint=f"put the right file back, or {_INDEX_AGAIN} and another --out",
    )


def _spec_of(stored: bytes) -> TextSpec:
    """The spec in the header of a file (8 bytes of length, then JSON)."""
    header = json.loads(stored[8 : 8 + int.from_bytes(stored[:8], "little")])
    return TextSpec(**json.loads(header["__metadata__"]["spec"]))
