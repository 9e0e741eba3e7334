"""What a corpus is, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from samekind.core.text import counted


def corpus_sentence(num_images: int, num_classes: int, splits: Sequence[str]) -> str:
    """Images, classes and splits of a corpus.

    Args:
        num_images: all of them.
        num_classes: 0 for an unlabelled corpus.
        splits: of every image.
    """
    classes = f"of {counted(num_classes, 'class', 'classes')}" if num_classes else "without labels"
    names = [name for name in ("train", "validation", "test") if name in set(splits)]
    if len(names) < 2:
        return f"This corpus has {counted(num_images, 'image')} {classes}."
    *first, last = [f"{splits.count(name):,} in {name}" for name in names]
    return f"This corpus has {counted(num_images, 'image')} {classes}: {', '.join(first)} and {last}."
