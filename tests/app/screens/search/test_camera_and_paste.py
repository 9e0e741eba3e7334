"""A photo from the camera and pictures from the clipboard are uploads."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import samekind as sk
from samekind.app.widgets.search.paste import read
from tests.app.conftest import OpenApp
from tests.app.pages import cards, healthy, png_of, shown


def sent(name: str, content: bytes) -> dict[str, str]:
    """As the script sends a file."""
    return {"name": name, "content": base64.b64encode(content).decode()}


def test_the_camera_is_asked_for_only_when_it_is_wanted(open_search: OpenApp, artefact: Path) -> None:
    """No camera on the page before its popover is open, nor after the photo; that is searched with as an upload is."""
    at = healthy(open_search(artefact))
    assert not shown(at, "camera")
    at.session_state["camera_open"] = True
    photo = io.BytesIO()
    Image.open(io.BytesIO(png_of(artefact, sk.Index.open(artefact).ids[11]))).convert("RGB").save(photo, "JPEG")
    healthy(at.run()).camera_input[0].upload("photo.jpg", photo.getvalue()).run()
    assert cards(healthy(at), "query_card")[0]["lines"] == ["photo.jpg"]
    found = sk.Index.open(artefact).search(photo.getvalue(), k=10, exclude_self=True)
    assert [card["id"] for card in cards(at, "neighbours")] == [hit.id for hit in found]
    assert not shown(at, "camera")  # its popover would lie over the neighbours of a phone


def test_what_was_pasted_is_read() -> None:
    """Names and bytes; together no more than an upload may have."""
    assert read([sent("a.png", b"abc"), sent("b", b"de")], 5) == [("a.png", b"abc"), ("b", b"de")]
    assert read([sent("a.png", b"abc"), sent("b", b"def"), sent("c", b"x")], 5) == [("a.png", b"abc"), ("c", b"x")]


@pytest.mark.parametrize(
    "told", [None, "text", 5, {"name": "x"}, [None], [{"name": "x"}], [{"name": "x", "content": "*no base64*"}]]
)
def test_what_no_script_of_ours_sends_is_nothing(told: Any) -> None:
    """A browser may send anything."""
    assert read(told, 100) == []
