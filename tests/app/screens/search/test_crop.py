"""A part of the query's picture, searched with."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samekind as sk
from samekind.app.state import search_session
from samekind.app.view_models.search.crop_box import of_shares, to_shares
from tests.app.conftest import OpenApp
from tests.app.pages import cards, healthy, linked, press


def test_a_part_of_an_image_of_the_corpus(open_search: OpenApp, artefact: Path) -> None:
    """The neighbours of `sk.Crop`, itself left out; the part is shown, stands in the address, and opens the same view."""
    index = sk.Index.open(artefact)
    id_, box = index.ids[7], (1, 2, 5, 4)
    at = linked(open_search(artefact), id_)
    press(at, lambda: search_session.crop(box))
    wanted = [hit.id for hit in index.search(sk.Crop(id_, box), k=11) if hit.id != id_][:10]
    assert [card["id"] for card in cards(healthy(at), "neighbours")] == wanted
    shown = cards(at, "query_card")[0]["pictures"][0]["image"].partition(",")[2]
    assert Image.open(io.BytesIO(base64.b64decode(shown))).size == (5, 4)
    assert at.query_params["crop"] == "1,2,5,4"
    again = open_search(artefact)
    again.query_params["crop"] = "1,2,5,4"
    assert [card["id"] for card in cards(linked(again, id_), "neighbours")] == wanted
    press(again, lambda: search_session.crop(None))
    assert not again.query_params.get("crop")
    assert "What the encoder sees" not in [card["heading"] for card in cards(healthy(again), "query_card")]


def test_a_part_of_an_upload(open_search: OpenApp, artefact: Path) -> None:
    """Likewise; the image of the corpus that it is a part of is left out by its content, and stays in if that is wanted."""
    index = sk.Index.open(artefact)
    id_, box = index.ids[11], (0, 2, 7, 6)
    at = healthy(open_search(artefact))
    at.file_uploader[0].upload("mine.png", index.thumbnail(id_), "image/png").run()
    press(at, lambda: search_session.crop(box))
    wanted = [hit.id for hit in index.search(sk.Crop(index.thumbnail(id_), box), k=10, exclude_self=True)]
    assert [card["id"] for card in cards(healthy(at), "neighbours")] == wanted


@pytest.mark.parametrize("text", ["5,5,900,900", "x,y", "1,2,3", "0,0,0,4", "9" * 60 + ",1,1,1"])
def test_a_rectangle_in_the_address_that_cannot_be(open_search: OpenApp, artefact: Path, text: str) -> None:
    """One beyond the picture is one line of error; what is no rectangle is none."""
    at = open_search(artefact)
    at.query_params["id"], at.query_params["crop"] = sk.Index.open(artefact).ids[7], text
    at.run()
    assert not at.exception
    assert ["reaches beyond" in error.value for error in at.error] == ([True] if text.startswith("5,") else [])


def test_a_part_stays_in_a_mixture(open_search: OpenApp, artefact: Path) -> None:
    """More like a neighbour of it: both together."""
    index = sk.Index.open(artefact)
    id_, box, more = index.ids[7], (1, 2, 5, 4), index.ids[20]
    at = open_search(artefact)
    at.query_params["id"], at.query_params["crop"], at.query_params["like"] = id_, "1,2,5,4", more
    hits = index.search(sk.Mix(sk.Crop(id_, box), more), k=12)
    assert [card["id"] for card in cards(healthy(at.run()), "neighbours")] == [
        hit.id for hit in hits if hit.id not in (id_, more)
    ][:10]


@pytest.mark.parametrize("size", [(900, 600), (8, 8), (1, 3)])
def test_shares_and_pixels(size: tuple[int, int]) -> None:
    """There and back is the same; never empty, never beyond the picture; all of it is no part."""
    random = np.random.default_rng(0)
    for _ in range(50):
        left, top, width, height = (float(each) for each in random.random(4) * 1.2)
        box = of_shares([left, top, width, height], size)
        if box is None:
            continue
        assert min(box[:2]) >= 0
        assert min(box[2:]) >= 1
        assert box[0] + box[2] <= size[0]
        assert box[1] + box[3] <= size[1]
        assert of_shares(to_shares(box, size), size) == box
    assert of_shares([0, 0, 1, 1], size) is None
