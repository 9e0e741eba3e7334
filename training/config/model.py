"""The network that is trained, and the key encoder and queue beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from samekind.core.errors import InputError
from samekind.data.types.preprocessing import CROPS
from samekind.training.config.settings import Settings, Values, at_least, one_of, setting, within

SMALL, PATCHES = "resnet-small", "patches-small"
LITE0 = "lite0"
RANDOM = "@none"
"""Ends the name of a library's architecture that is to be trained from random weights."""
SHAPES = ("width", "stem_stride", "pool")
"""Settings that are of `resnet-small` and `patches-small` alone."""
LAYER_DECAY = 0.75
"""Of a pretrained backbone; docs/decisions/0018 has the trial."""
_LAST = "last-"
_LIBRARIES = ("timm/", "open_clip/", "hf-hub:")


def names_model(name: str) -> bool:
    """True for the name of a pretrained model; everything else is the path of an artefact, or an architecture without weights."""
    return name == LITE0 or (name.startswith(_LIBRARIES) and not name.endswith(RANDOM))


def _pretrained(of: Values) -> bool:
    return names_model(of["backbone"])


def _adapting(of: Values) -> bool:
    return _pretrained(of) and of["train"] in (None, "adapter")


def trains_last(train: str | None) -> bool:
    """True for `last-N`."""
    return train is not None and train.startswith(_LAST)


def _trained(name: str, value: Any) -> None:
    if re.fullmatch(rf"adapter|all|{_LAST}[1-9]\d*", str(value)) is None:
        raise InputError(
            f"unknown {name} {value!r}", hint="choose adapter, all, or last-N for the last N blocks, e.g. last-2"
        )


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Settings):
    """Backbone, whitening, projector, and a queue of keys.

    Attributes:
        backbone: what is trained: `resnet-small`, `timm/NAME@none` or `open_clip/NAME@none` from random weights; a pretrained model
            (`lite0`, `timm/NAME[@FILE]`, `open_clip/NAME[@TAG|FILE]`, `hf-hub:ORG/NAME`) from its own.
        train: `all` of it, its last N blocks and what comes behind them (`last-N`), or an `adapter` on a frozen one. `None` takes the
            adapter for a pretrained model.
        layer_decay: learning rate of each block of the backbone as a share of the rate of the block behind it, in [0.1, 1]; the last
            block has it of the projector's. `None` takes 0.75 for a pretrained backbone and 1 otherwise.
        batch_norm: `frozen` keeps the statistics of the backbone's batch norms as they were pretrained, `moving` takes each batch's.
            `None` freezes those of a pretrained one.
        views: augmented views of each image that an adapter is trained on.
        adapter_hidden: width of the adapter's hidden layer.
        crops: of each image before an adapter, whose features are averaged: 1, or 2 for twice the time (`data.types.preprocessing`).
        fall_back: leave out an adapter that has gained nothing over the frozen space (`training.run.fallback`).
        width: channels of the first stage of `resnet-small`.
        stem_stride: 1, 2 or 4; 0 chooses by image size.
        pool: `resnet-small` averages its last map to `pool × pool` cells, which are its feature.
        whitening: exponent in [0, 1] of the label-free whitening fitted to the features after training, or to frozen ones before; 0 leaves
            it out. `None` takes 0.5; features of a pretrained backbone are then whitened by what mutual neighbours share instead.
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
        _trained,
        flag=("adapter|last-N|all", "An adapter on a frozen backbone, its last N blocks, or all of it."),
        counts=lambda of: _pretrained(of) or trains_last(of["train"]),
    )
    layer_decay: float | None = setting(
        None,
        within(0.1, 1.0),
        flag=("FACTOR", "Rate of a block over that of the next; 0.75 for a pretrained backbone, else 1."),
        counts=lambda of: of["layer_decay"] not in (None, 1.0),
    )
    batch_norm: str | None = setting(
        None,
        one_of("frozen", "moving"),
        flag=("frozen|moving", "Statistics of the backbone's norms; frozen for a pretrained one."),
        counts=lambda of: of["batch_norm"] == "frozen",
    )
    views: int = setting(8, at_least(2), flag=("N", "Augmented views of each image for an adapter."), counts=_adapting)
    adapter_hidden: int = setting(512, at_least(1), counts=_adapting)
    crops: int = setting(
        1,
        one_of(*CROPS),
        flag=("1|2", "Crops of each image whose features are averaged before an adapter; 2 takes longer."),
        counts=lambda of: of["crops"] != 1,
    )
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
        if self.whitening is None and not names_model(self.backbone):
            self._settle("whitening", 0.5)
        if self.layer_decay is None or self.adapts:
            self._settle("layer_decay", LAYER_DECAY if self.fine_tunes else 1.0)
        if self.batch_norm is None or self.adapts:
            self._settle("batch_norm", "frozen" if self.fine_tunes else "moving")
        if self.batch_norm == "frozen" and not names_model(self.backbone):
            raise InputError(
                f"frozen statistics need a pretrained backbone, {self.backbone} has none",
                hint="add --backbone lite0, or leave out --batch-norm",
            )
        if self.train == "adapter" and not names_model(self.backbone):
            raise InputError(
                f"an adapter needs a pretrained backbone, {self.backbone} has none",
                hint="add --backbone lite0, or leave out --train adapter",
            )
        if self.crops != 1 and not self.adapts:
            raise InputError(
                f"{self.crops} crops of an image need an adapter on a frozen backbone",
                hint="leave out --crops, or train an adapter: --backbone lite0 --train adapter",
            )

    @property
    def adapts(self) -> bool:
        """True if an adapter is trained on a frozen backbone."""
        return self.train == "adapter"

    @property
    def fine_tunes(self) -> bool:
        """True if weights of a pretrained backbone are trained further."""
        return names_model(self.backbone) and not self.adapts

    @property
    def last_blocks(self) -> int | None:
        """N of `last-N`; `None` where no block is frozen."""
        assert self.train is not None
        return int(self.train.removeprefix(_LAST)) if trains_last(self.train) else None
