"""The network that is trained, and the key encoder and queue beside it."""

from __future__ import annotations

from dataclasses import dataclass

from samekind.core.errors import InputError
from samekind.training.config.settings import Settings, Values, at_least, one_of, setting, within

SMALL, PATCHES = "resnet-small", "patches-small"
LITE0 = "lite0"
RANDOM = "@none"
"""Ends the name of a library's architecture that is to be trained from random weights."""
TRAINED = ("adapter", "all")
SHAPES = ("width", "stem_stride", "pool")
"""Settings that are of `resnet-small` and `patches-small` alone."""
_LIBRARIES = ("timm/", "open_clip/", "hf-hub:")


def names_model(name: str) -> bool:
    """True for the name of a pretrained model; everything else is the path of an artefact, or an architecture without weights."""
    return name == LITE0 or (name.startswith(_LIBRARIES) and not name.endswith(RANDOM))


def _pretrained(of: Values) -> bool:
    return names_model(of["backbone"])


def _adapting(of: Values) -> bool:
    return _pretrained(of) and of["train"] != "all"


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """Backbone, whitening, projector, and a queue of keys.

    Attributes:
        backbone: what is trained: `resnet-small`, `timm/NAME@none` or `open_clip/NAME@none` from random weights; a pretrained model
            (`lite0`, `timm/NAME[@FILE]`, `open_clip/NAME[@TAG|FILE]`, `hf-hub:ORG/NAME`) from its own.
        train: `all` of it, or an `adapter` on a frozen one. `None` takes the adapter for a pretrained model.
        views: augmented views of each image that an adapter is trained on.
        adapter_hidden: width of the adapter's hidden layer.
        fall_back: leave out an adapter that has gained nothing over the frozen space (`training.run.fallback`).
        width: channels of the first stage of `resnet-small`.
        stem_stride: 1, 2 or 4; 0 chooses by image size.
        pool: `resnet-small` averages its last map to `pool × pool` cells, which are its feature.
        whitening: exponent in [0, 1] of the label-free whitening fitted to the features after training, or to frozen ones before; 0 leaves
            it out. `None` takes 0.5; frozen features are then whitened by what mutual neighbours share instead.
        embedding_dim: directions that the whitening keeps at most (fewer if there are few images), 0 for no limit. Without whitening
            the feature's own dimension stays.
        projector_hidden: width of the projector's hidden layer.
        projector_dim: dimension of the projection that the objective sees; 0 for none: it sees the embedding.
        queue_size: keys of a MoCo-style queue; 0 contrasts within the batch.
        key_momentum: momentum m in [0, 1) of the key encoder that fills the queue.
    """

    backbone: str = setting(
        SMALL,
        flag=(
            "NAME",
            "resnet-small, lite0, timm/NAME[@FILE|@none], open_clip/NAME[@TAG|@FILE|@none], hf-hub:ORG/NAME.",
        ),
    )
    train: str | None = setting(
        None,
        one_of(*TRAINED),
        flag=("adapter|all", "An adapter on a frozen backbone, or all of it; adapter for a pretrained one."),
        counts=_pretrained,
    )
    views: int = setting(8, at_least(2), flag=("N", "Augmented views of each image for an adapter."), counts=_adapting)
    adapter_hidden: int = setting(512, at_least(1), counts=_adapting)
    fall_back: bool = setting(True, counts=lambda of: _adapting(of) and not of["fall_back"])
    width: int = setting(32, at_least(1))
    stem_stride: int = setting(0, one_of(0, 1, 2, 4))
    pool: int = setting(4, at_least(1))
    whitening: float | None = setting(
        None, within(0.0, 1.0), flag=("EXPONENT", "Of the fitted whitening; 0 leaves it out.")
    )
    embedding_dim: int = setting(256, at_least(0))
    projector_hidden: int = setting(512, at_least(1))
    projector_dim: int = setting(128, at_least(0))
    queue_size: int = setting(0, at_least(0), flag=("N", "Keys of a MoCo queue; 0 for none."))
    key_momentum: float = setting(0.99, within(0.0, 0.9999), counts=lambda of: of["queue_size"] > 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.train is None:
            self._settle("train", "adapter" if names_model(self.backbone) else "all")
        if self.whitening is None and self.train != "adapter":
            self._settle("whitening", 0.5)
        if self.train == "adapter" and not names_model(self.backbone):
            raise InputError(
                f"an adapter needs a pretrained backbone, {self.backbone} has none",
                hint="add --backbone lite0, or leave out --train adapter",
            )

    @property
    def adapts(self) -> bool:
        """True if an adapter is trained on a frozen backbone."""
        return self.train == "adapter"
