"""Pictures of the page *Ideas* that no chart draws: bars with thumbnails, grids of views, an image under its patches.

They are HTML and SVG: Streamlit cleans both of scripts, and whatever is shown of a corpus is escaped here.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from samekind.app.view_models.cards import data_uri
from samekind.core.text import one_line, percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samekind import ideas

_CONTEXT, _AT, _TARGET = "#0f9488", "#0f766e", "#d9480f"
_ZOOM = 6  # of the 64 pixels of an image under its grid


@dataclass(frozen=True)
class Bar:
    """One candidate.

    Attributes:
        picture: encoded image, or empty where there is none.
        name: its id and, if known, class; shown as it is.
        share: in [0, 1].
        note: a few words, e.g. `positive`.
        tone: `good`, `false` or `plain`.
    """

    picture: bytes
    name: str
    share: float
    note: str
    tone: str


def bars(rows: Sequence[Bar], title: str) -> str:
    """A list of bars, each with its picture, its name and its share in figures."""
    most = max((row.share for row in rows), default=1.0) or 1.0
    colour = {"good": "#0f9488", "false": "#d9480f", "plain": "#868e96"}
    items = []
    for row in rows:
        picture = f'<img src="{data_uri(row.picture)}" alt="{_text(row.name)}" width="44" height="44">' * bool(
            row.picture
        )
        note = f"<b>{_text(row.note)}</b>"
        width = 100 * row.share / most
        items.append(
            f'<li style="display:flex;gap:.6rem;align-items:center;margin:0 0 .3rem">'
            f'<span style="flex:0 0 44px;line-height:0">{picture}</span>'
            f'<span style="flex:1;min-width:0"><span style="display:block;font-size:.85rem;overflow-wrap:anywhere">{note} '
            f"{_text(row.name)} · {percent(row.share)}</span>"
            f'<span style="display:block;height:.7rem;width:{width:.2f}%;min-width:2px;background:{colour[row.tone]}">'
            f"</span></span></li>"
        )
    joined = "".join(items)
    return f'<ul aria-label="{_text(title)}" style="list-style:none;margin:0;padding:0">{joined}</ul>'


def named_picture(encoded: bytes, name: str) -> str:
    """One picture with its name for those who do not see it, as HTML; Streamlit's own would have none."""
    return f'<img src="{data_uri(encoded)}" alt="{_text(name)}" style="width:120px;max-width:100%;border-radius:8px">'


def view_rows(rows: Sequence[tuple[str, Sequence[NDArray[np.uint8]]]]) -> str:
    """Rows of views, each with the name of its policy before it."""
    found = []
    for name, views in rows:
        pictures = "".join(
            f'<img src="{_uri(view)}" alt="{_text(name)} {i}" style="flex:1 1 0;min-width:0;max-width:112px">'
            for i, view in enumerate(views, 1)
        )
        found.append(
            f'<div style="display:flex;gap:.4rem;align-items:center;margin:0 0 .4rem">'
            f'<span style="flex:0 0 4.2rem;font-size:.85rem">{_text(name)}</span>{pictures}</div>'
        )
    return "".join(found)


def patch_picture(
    image: Image.Image | None, grid: ideas.PatchGrid, row: int, column: int, step: int, words: tuple[str, str, str]
) -> str:
    """An image of the grid's size with what a context has seen, where it stands, and what it predicts.

    Args:
        image: any Pillow image; brought to the size of the grid. `None` shows the grid alone.
        grid: of patches.
        row: of the context, from 0.
        column: of the context, from 0.
        step: k.
        words: for the three things that are marked, in this order.
    """
    side = grid.image_size
    blank = Image.new("RGB", (side, side), "#adb5bd")
    shown = np.asarray((image or blank).convert("RGB").resize((side, side)))
    seen = grid.context(row, column)
    covered = np.zeros((side, side), dtype=bool)
    for r, c in seen:
        covered[r * grid.stride : r * grid.stride + grid.patch, c * grid.stride : c * grid.stride + grid.patch] = True
    top, left = (int(np.argmax(covered.any(axis=axis))) for axis in (1, 0))
    height, width = int(covered.any(axis=1).sum()), int(covered.any(axis=0).sum())
    marks = [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{_CONTEXT}" fill-opacity=".22" '
        f'stroke="{_CONTEXT}" stroke-width=".5" stroke-dasharray="1.5 1"/>'
    ]
    for r in range(grid.size):
        for c in range(grid.size):
            x, y = ((place * grid.stride + grid.patch / 2) for place in (c, r))
            marks.append(f'<circle cx="{x}" cy="{y}" r=".8" fill="#fff" stroke="#000" stroke-width=".25"/>')
    marks.append(_square(grid, (row, column), _AT, "t"))
    target = grid.target(row, column, step)
    if target is not None:
        marks.append(_square(grid, target, _TARGET, f"t + {step}"))
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="{side * _ZOOM}" height="{side * _ZOOM}">'
        f'<image href="{_uri(shown)}" width="{side}" height="{side}" style="image-rendering:pixelated"/>{"".join(marks)}</svg>'
    )
    # As an image of its own: what cleans HTML would take the picture out of an SVG.
    encoded = base64.b64encode(drawing.encode()).decode("ascii")
    alt = _text(", ".join(words))
    legend = "".join(
        f'<span style="display:inline-block;margin-right:1rem"><span style="display:inline-block;width:.8rem;height:.8rem;'
        f'border:3px {style};margin-right:.3rem"></span>{_text(word)}</span>'
        for word, style in zip(words, (f"dashed {_CONTEXT}", f"solid {_AT}", f"solid {_TARGET}"), strict=True)
    )
    return (
        f'<img src="data:image/svg+xml;base64,{encoded}" alt="{alt}" style="width:100%;max-width:{side * _ZOOM}px">'
        f'<div style="font-size:.85rem">{legend}</div>'
    )


def _square(grid: ideas.PatchGrid, cell: tuple[int, int], colour: str, name: str) -> str:
    x, y = cell[1] * grid.stride, cell[0] * grid.stride
    return (
        f'<rect x="{x + 0.5}" y="{y + 0.5}" width="{grid.patch - 1}" height="{grid.patch - 1}" fill="{colour}" '
        f'fill-opacity=".15" stroke="{colour}" stroke-width="1"/>'
        f'<text x="{x + 1.5}" y="{y + 4.5}" font-size="3.6" font-family="sans-serif" font-weight="bold" fill="#fff" '
        f'stroke="#000" stroke-width=".6" paint-order="stroke">{name}</text>'
    )


def _uri(pixels: NDArray[np.uint8]) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels).save(out, "PNG")
    return data_uri(out.getvalue())


def _text(text: str) -> str:
    return html.escape(one_line(text))
