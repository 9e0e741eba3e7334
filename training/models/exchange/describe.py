"""What is known of an encoder, in words and numbers that may be published: no path of this machine is among them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from samekind.data.types.preprocessing import TORCH, Preprocessing, preprocessing_of
from samekind.training.models.exchange.portable import PortableEncoder
from samekind.training.runtime.artefact import FORMAT


def described(encoder: PortableEncoder) -> dict[str, Any]:
    """The encoder as `config.json` holds it: an artefact's `meta.json` without paths, and the preprocessing in plain words."""
    spec = encoder.spec
    backbone = spec.backbone.partition("@")[0]
    known = encoder.known if (encoder.known.get("encoder") or {}).get("fingerprint") == encoder.fingerprint else {}
    return {
        "format": FORMAT,
        "library_name": "samekind",
        "encoder": {**asdict(spec), "backbone": backbone, "fingerprint": encoder.fingerprint},
        "source": encoder.source or known.get("source", ""),
        "preprocessing": preprocessing_in_words(spec),
        "config": _settings(known.get("config") or {}),
        "corpus": _corpus(known.get("corpus") or {}),
        **({"start": known["start"]} if "start" in known else {}),
        "training": known.get("training") or {"finished": True},
        **({"text": known["text"]} if "text" in known else {}),
    }


def preprocessing_in_words(spec: Any) -> list[str]:
    """The steps from a decoded image to the network's input."""
    colour = "RGB" if spec.channels == 3 else "grey (luma, ITU-R 601)"
    way = preprocessing_of(spec)
    whose = "torch's antialiased {} filter for 8 bits" if way.resize == TORCH else "Pillow's antialiased {} filter"
    how = whose.format(spec.interpolation)
    steps = [_resize_in_words(crop, how) for crop in way.each_crop]
    mean, std = (", ".join(f"{value:.6g}" for value in values) for values in (spec.mean, spec.std))
    return [
        f"turn the image upright (EXIF), put transparency on white, convert to {colour}",
        "; for a second picture, ".join(steps),
        f"divide by 255, subtract the mean ({mean}), divide by the standard deviation ({std})",
        *(["average the features of the two pictures, each scaled to unit norm"] if spec.crops > 1 else []),
    ]


def _resize_in_words(crop: Preprocessing, how: str) -> str:
    size = crop.size
    if not crop.crop:
        return f"scale to {size} × {size} px with {how}, whatever the aspect ratio"
    shorter = int(size / crop.crop)
    return f"scale the shorter side to {shorter} px with {how}, then cut out the centre of {size} × {size} px"


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """Settings of a training; of a file or folder that one names only the name."""
    told = dict(config)
    if isinstance(told.get("backbone"), str):
        told["backbone"] = told["backbone"].partition("@")[0]
    return {name: Path(v).name if isinstance(v, str) and Path(v).is_absolute() else v for name, v in told.items()}


def _corpus(corpus: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {name: corpus[name] for name in ("name", "num_images", "content_hash") if name in corpus}
    source = corpus.get("corpus")
    is_place = isinstance(source, str) and ("/" in source or "\\" in source)
    return told if source is None or is_place else {**told, "corpus": source}
