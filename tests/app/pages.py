"""Looking at a page in Streamlit's own test harness, and what it should show."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.state import artefact as opened_artefact
from samekind.app.state.library import Library

OVERVIEW, SEARCH, FALSE_NEGATIVES = "screens/overview.py", "screens/search.py", "screens/false_negatives.py"
LABEL_PAIRS, CURATION = "screens/label_pairs.py", "screens/curation.py"
IDEAS, RUNS, MAP = "screens/ideas.py", "screens/runs.py", "screens/map.py"


def cards(at: AppTest, key: str) -> list[dict[str, Any]]:
    """The cards that a gallery was given."""
    found: list[dict[str, Any]] = json.loads(at.get_by_key(key).proto.json)["cards"]
    return found


def shown(at: AppTest, key: str) -> bool:
    """True if the page has that element."""
    try:
        at.get_by_key(key)
    except KeyError:
        return False
    return True


def badges(card: dict[str, Any]) -> list[str]:
    """The words under a card."""
    return [badge["text"] for badge in card["badges"]]


def healthy(at: AppTest) -> AppTest:
    """The page, which must have been drawn without an exception or an error."""
    assert not at.exception, at.exception
    assert not at.error, at.error
    return at


def linked(at: AppTest, id_: str) -> AppTest:
    """The app opened with an address that names a query."""
    at.query_params["id"] = id_
    return healthy(at.run())


def press(at: AppTest, act: Callable[[], None]) -> AppTest:
    """Does what a button of our own elements does, which the harness cannot press, and draws the page again."""
    at.session_state["do_later"] = act
    return at.run()


def library(path: Path) -> Library:
    """The index that the pages opened."""
    return opened_artefact.opened(path)


def brute_force(artefact: Path, id_: str) -> tuple[list[str], NDArray[np.float64]]:
    """All other ids by falling similarity to one image, and the similarities."""
    index = sk.Index.open(artefact)
    vectors = index.vectors().astype(np.float64)
    own = index.ids.index(id_)
    similarity = vectors @ vectors[own]
    order = [int(i) for i in np.argsort(-similarity, kind="stable") if i != own]
    return [index.ids[i] for i in order], similarity[order]


def png_of(artefact: Path, id_: str) -> bytes:
    """An image of the corpus as a file (thumbnails this small keep every pixel)."""
    out = io.BytesIO()
    Image.open(io.BytesIO(sk.Index.open(artefact).thumbnail(id_))).save(out, "PNG")
    return out.getvalue()
