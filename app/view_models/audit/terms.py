"""The terms of the page *False negatives*, explained where a sentence uses them first; the words are those of docs/glossary.md."""

from __future__ import annotations

TERMS = {
    "anchor": "the image that all others are compared with.",
    "negative": "an image that training pushes away from the anchor: every other one, since nobody has told it which are alike.",
    "false negative": "a negative that is of the anchor's own class.",
    "hardest negatives": "those most similar to the anchor, by the cosine of their embeddings.",
    "base rate": "share of false negatives among all negatives: what chance gives.",
    "rank": "place among the negatives of an anchor, 1 the most similar.",
    "hold-out": "training images that are kept away from training, in whole groups; accuracy is measured on them.",
    "finished space": "the embeddings of the trained encoder, by which searches go.",
    "batch": "the images that training contrasts with each other in one step.",
    "exact duplicate": "another file of the same content.",
}


def explained(*names: str) -> str:
    """The text of a help sign, as Markdown: one line for each of these terms."""
    return "\n\n".join(f"**{name.capitalize()}**: {TERMS[name]}" for name in names)
