"""One picture, as wide as there is room and no higher than the screen.

`st.image` would smooth a picture of 28 pixels, and takes no words for those who do not see it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import streamlit as st

CSS = """
img { display: block; min-width: min(100%, 320px); max-width: 100%; max-height: 65vh; object-fit: contain; margin: 0 auto; }
img.tiny { image-rendering: pixelated; }
"""
JS = """
export default function ({ data, parentElement }) {
  const image = parentElement.querySelector("img");
  image.onload = () => image.classList.toggle("tiny", Math.max(image.naturalWidth, image.naturalHeight) <= 32);
  image.alt = data.alt;
  image.src = data.image;
}
"""


@cache
def _element() -> Callable[..., Any]:
    """Registers the custom element once per process."""
    element: Callable[..., Any] = st.components.v2.component("samekind_picture", html="<img>", css=CSS, js=JS)
    return element


def show(image: str, alt: str) -> None:
    """Draws a picture, given as a data URI, with words for screen readers."""
    _element()(data={"image": image, "alt": alt}, key="large_picture")
