"""A small real artefact: 300 handwritten digits and an exact copy of one, trained for a moment, indexed."""

from __future__ import annotations

from pathlib import Path

import samekind as sk


def build(folder: Path, *, labelled: bool = True) -> Path:
    """Trains and indexes; without `labelled` the same images are a corpus that nobody has labelled."""
    digits = sk.load_corpus("digits", limit=300)
    pixels, labels = digits.native_array, digits.labels
    assert pixels is not None
    assert labels is not None
    copied = sk.Corpus.from_arrays(
        [*pixels, pixels[0]],
        [*labels, labels[0]] if labelled else None,
        [*digits.splits, "train"],
        name="digits",
        source=digits.source,
    )
    run = sk.train(copied, preset="smoke", out=folder, epochs=2, workers=0)
    sk.build_index(copied, run.encoder, out=folder)
    return folder
