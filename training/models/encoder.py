"""The encoder: what turns images into unit-norm embeddings, in training, indexing and search alike.

    image → normalise → backbone → feature → whitening (→ unit norm → adapter) → unit norm = embedding
                                      └────→ projector → unit norm = projection   (training only)

It is stored as `encoder.safetensors` beside a readable `meta.json`; its fingerprint is the SHA-256 of that file, so an index knows which
encoder made it. No pickle is ever loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress, Progress
from samekind.data.decode import prepare
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import PILLOW, preprocessing_of
from samekind.data.types.rows import ChosenRows, RowSource
from samekind.training.models.adapter import ResidualAdapter
from samekind.training.models.backbones import build_backbone
from samekind.training.models.exchange.exchange import EncoderExchange
from samekind.training.models.inference.quick_backbone import QuickBackbone
from samekind.training.models.streams import images_at_once, in_streams
from samekind.training.models.whitening import WHITENING_ROWS, Whitening
from samekind.training.runtime.artefact import GIVEN, encoder_files, read_meta

EMBED_BATCH = 512


@dataclass(frozen=True)
class EncoderSpec:
    """Everything needed to build an encoder before its weights are loaded.

    Attributes:
        backbone: name as in `TrainConfig.backbone`.
        image_size: pixels a side of its input.
        channels: 1 or 3.
        dim: dimension D of the embedding.
        mean, std: per channel, of pixels in [0, 1].
        width, stem_stride, pool: of `resnet-small`.
        interpolation, crop, resize: of `Preprocessing`.
        adapter: width of the hidden layer of the residual adapter; 0 for none.
        crops: of each image; with more than one, features have unit norm and the mean of an image's is its feature.
    """

    backbone: str
    image_size: int
    channels: int
    dim: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    width: int = 32
    stem_stride: int = 2
    pool: int = 4
    interpolation: str = "bicubic"
    crop: float = 0.0
    adapter: int = 0
    crops: int = 1
    resize: str = PILLOW


_LATER = ("interpolation", "crop", "adapter", "crops", "resize")
"""Fields that older artefacts do not name. At their defaults they are left out of the file, so that its fingerprint stays."""


class Encoder(EncoderExchange, nn.Module):
    """Backbone, whitening and unit norm.

    Args:
        spec: how it is built. `spec.dim` may be 0 or more than the backbone's feature has: both stand for the feature's own dimension.
    """

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.backbone, self.feature_dim = build_backbone(
            spec.backbone,
            image_size=spec.image_size,
            channels=spec.channels,
            width=spec.width,
            stem_stride=spec.stem_stride,
            pool=spec.pool,
        )
        self.dim = min(spec.dim or self.feature_dim, self.feature_dim)
        self.spec = replace(spec, dim=self.dim)
        self.whitening = Whitening(self.feature_dim, self.dim)
        self.adapter = ResidualAdapter(self.dim, spec.adapter) if spec.adapter else None
        shape = (1, spec.channels, 1, 1)
        self.register_buffer("mean", torch.tensor(spec.mean).reshape(shape), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).reshape(shape), persistent=False)
        self.to(memory_format=torch.channels_last)
        self._fingerprint: str | None = None
        self._quick = QuickBackbone()
        self.source, self.known, self.folder = "", {}, None

    def normalise(self, images_BCHW: Tensor) -> Tensor:
        """`(B, C, S, S)` uint8 in 0–255 to float32 of zero mean and unit variance over the training images."""
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        scaled = (
            images_BCHW.to(mean.device, non_blocking=True).to(torch.float32).div(255)
        )  # a quarter of the bytes travels
        return ((scaled - mean) / std).contiguous(memory_format=torch.channels_last)

    def feature(self, images_BCHW: Tensor) -> Tensor:
        """`(B, C, S, S)` normalised images, or crops of them, to `(B, feature_dim)` features, before whitening."""
        return self._of_crops(self.backbone(images_BCHW))

    def _feature_of(self, images_BSSC: Pixels) -> Tensor:
        """`(B, S, S, C)` uint8 to `(B, feature_dim)` features."""
        return self.feature(self.normalise(torch.from_numpy(np.ascontiguousarray(images_BSSC.transpose(0, 3, 1, 2)))))

    def _of_crops(self, feature_BF: Tensor) -> Tensor:
        return feature_BF if self.spec.crops == 1 else functional.normalize(feature_BF.float(), dim=1)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """`(B, C, S, S)` normalised images to `(B, D)` unit-norm embeddings."""
        return self.embedding(self.feature(images_BCHW))

    def embedding(self, feature_BF: Tensor) -> Tensor:
        """`(B, feature_dim)` features to `(B, D)` unit-norm embeddings."""
        unit = functional.normalize(self.whitening(feature_BF), dim=1)
        return unit if self.adapter is None else functional.normalize(self.adapter(unit), dim=1)

    def embed(
        self, images: RowSource, batch_size: int = EMBED_BATCH, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Embeds prepared images.

        Args:
            images: `(N, S, S, C)` uint8, or `(N, V, S, S, C)` where V crops of each are looked at, as `samekind.data.decode.prepare`
                makes them.
            batch_size: images a forward pass.
            progress: shows a bar.

        Returns:
            `(N, D)` float32 of unit norm.
        """
        return self._run(self.embedding, self.dim, images, batch_size, progress)

    def features(
        self, images: RowSource, batch_size: int = EMBED_BATCH, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Features of prepared images before whitening, `(N, feature_dim)` float32."""
        return self._run(lambda feature_BF: feature_BF, self.feature_dim, images, batch_size, progress)

    def embed_features(self, feature_NF: NDArray[np.float32]) -> NDArray[np.float32]:
        """`(N, feature_dim)` features, as `features` gives them, to `(N, D)` float32 of unit norm."""
        with torch.no_grad():
            blocks = [self.embedding(block).cpu().numpy() for block in torch.from_numpy(feature_NF).split(8192)]
        return np.concatenate(blocks) if blocks else np.empty((0, self.dim), dtype=np.float32)

    def add_adapter(self, hidden: int) -> None:
        """Puts an adapter behind the whitening; one that was there is lost, the new one changes nothing until it is trained."""
        self.spec, self._fingerprint = replace(self.spec, adapter=hidden), None
        self.adapter = ResidualAdapter(self.dim, hidden)

    def renew_whitening(self, dim: int, feature_NF: NDArray[np.float32] | None = None, exponent: float = 0.0) -> None:
        """Replaces the whitening by one of `dim` directions (0: as many as the feature has), fitted to features or yet to be fitted; an
        adapter is lost.
        """
        self.take_whitening(Whitening(self.feature_dim, min(dim or self.feature_dim, self.feature_dim)))
        if feature_NF is not None:
            self.whitening.fit(torch.from_numpy(feature_NF), exponent)

    def take_whitening(self, whitening: Whitening) -> None:
        """Replaces the whitening by this one; an adapter is lost."""
        self.dim = whitening.matrix.shape[1]
        self.spec = replace(self.spec, dim=self.dim, adapter=0)
        self.whitening, self.adapter, self._fingerprint = whitening.to(self.get_buffer("mean").device), None, None

    @property
    def whole(self) -> Encoder:
        """Itself; a `FeatureEncoder` has its backbone elsewhere."""
        return self

    def fitted_whitening(self, feature_NF: NDArray[np.float32], exponent: float, dim: int) -> Whitening:
        """A whitening of `dim` directions fitted to these features of its own."""
        whitening = Whitening(self.feature_dim, dim)
        whitening.fit(torch.from_numpy(feature_NF), exponent)
        return whitening

    def fit_whitening(self, images: RowSource, exponent: float, seed: int, progress: Progress | None = None) -> None:
        """Fits the whitening to the features of up to 20,000 of these images, a seeded choice; exponent 0 leaves it alone."""
        if exponent:
            rows = np.random.default_rng((seed, 4)).permutation(len(images))[:WHITENING_ROWS]
            features = self.features(ChosenRows(images, np.sort(rows)), progress=progress)
            self.whitening.fit(torch.from_numpy(features), exponent)

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Embeds images of any size and mode: `prepare`, then `embed`; `(N, D)` float32 of unit norm."""
        return self.embed(np.stack([prepare(image, preprocessing_of(self.spec)) for image in images]))

    @torch.no_grad()
    def _run(
        self,
        function: Callable[[Tensor], Tensor],
        dim: int,
        images: RowSource,
        batch_size: int,
        progress: Progress | None,
    ) -> NDArray[np.float32]:
        """`function` of the features of images, a batch at a time."""
        was_training = self.training
        self.eval()
        crops = images.shape[1] if len(images.shape) == 5 else 1
        device = self.get_buffer("mean").device
        at_once = images_at_once(self.spec.backbone, self.spec.image_size, device)
        size = max(1, min(batch_size, at_once) // crops)
        rows = np.empty((len(images), dim), dtype=np.float32)
        normalisation = self.get_buffer("mean"), self.get_buffer("std")
        quick = self._quick.of(self.backbone, normalisation, len(images) * crops)

        def embed(start: int) -> int:
            batch = images[start : start + size]
            flat = batch.reshape(-1, *batch.shape[-3:])
            feature = self._feature_of(flat) if quick is None else self._of_crops(quick(flat))
            if crops > 1:
                feature = feature.reshape(len(batch), crops, -1).mean(1)
            rows[start : start + len(batch)] = function(feature).float().cpu().numpy()
            return len(batch)

        with (progress or NoProgress()).task("embedding", len(images)) as task:
            for count in in_streams(device, embed, range(0, len(images), size)):
                task.advance(count)
        self.train(was_training)
        return rows

    def to_bytes(self) -> bytes:
        """The encoder as a safetensors file: the weights, and the spec in its header, so that no other file can contradict them."""
        # The checkpoint that a backbone started from is in the weights now; it need not lie where they are loaded.
        spec = replace(self.spec, backbone=self.spec.backbone.partition("@")[0])
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        default = {field.name: field.default for field in fields(EncoderSpec)}
        named = {k: v for k, v in asdict(spec).items() if k not in _LATER or v != default[k]}
        return safetensors.torch.save(tensors, {"spec": json.dumps(named)})

    @property  # a cached_property would not match the protocol `ImageEncoder` for pyright
    def fingerprint(self) -> str:
        """SHA-256 of the weights file: the identity of the encoder. Computed once, so only ask when training is over."""
        if self._fingerprint is None:
            self._fingerprint = hashlib.sha256(self.to_bytes()).hexdigest()
        return self._fingerprint

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Reads an encoder from an artefact, or from a folder that `save_pretrained` wrote.

        Args:
            folder: holds weights and their description, see `encoder_files`.

        Raises:
            ArtefactError: the folder or a file is missing, or the weights are not those that `meta.json` describes.
        """
        meta = read_meta(folder)
        expected = meta["encoder"].get("fingerprint")
        described, path = encoder_files(folder)
        if str(expected).startswith(GIVEN):
            raise ArtefactError(
                f"{folder} holds vectors that were given, and no encoder that could embed an image",
                hint="search by id (search --like ID) or by vector (Index.search), or index the images with an encoder",
            )
        if not path.is_file():
            raise ArtefactError(
                f"{folder} holds no {path.name}", hint="training has not finished: run samekind train again"
            )
        stored = path.read_bytes()
        fingerprint = hashlib.sha256(stored).hexdigest()
        try:
            if fingerprint != expected:
                raise ValueError("another encoder's")
            encoder = cls(_spec_of(stored))
            encoder.load_state_dict(safetensors.torch.load(stored))
        except (RuntimeError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
            raise ArtefactError(
                f"{path} is not the encoder that {described.name} describes",
                hint="the artefact is damaged: train again with --force",
            ) from error
        encoder._fingerprint, encoder.known, encoder.source = fingerprint, meta, str(meta.get("source", ""))
        encoder.folder = Path(folder)
        return encoder.eval()


def _spec_of(stored: bytes) -> EncoderSpec:
    """The spec in the header of a weights file (8 bytes of length, then JSON)."""
    header = json.loads(stored[8 : 8 + int.from_bytes(stored[:8], "little")])
    values: dict[str, Any] = json.loads(header["__metadata__"]["spec"])
    return EncoderSpec(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
