"""A small real artefact: 300 handwritten digits, trained for a moment, indexed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import samekind as sk


def build(folder: Path, *, labelled: bool = True) -> Path:
    """Trains and indexes; without `labelled` the same images are a corpus that nobody has labelled."""
    corpus = sk.load_corpus("digits", limit=300)
    if not labelled:
        corpus = replace(corpus, labels=None)
    run = sk.train(corpus, preset="smoke", out=folder, epochs=2, workers=0)
    sk.build_index(corpus, run.encoder, out=folder)
    return folder
