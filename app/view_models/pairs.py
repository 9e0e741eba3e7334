"""Pairs of images, named by their content."""

from __future__ import annotations

Pair = tuple[str, str]
"""Content hashes of two images, in alphabetical order."""


def key_of(pair: Pair) -> str:
    """A pair as the id of a card."""
    return "|".join(pair)


def pair_of(key: str) -> Pair:
    """The pair behind a card's id."""
    first, second = key.split("|")
    return first, second
