"""What a gallery shows, and Markdown shows as it is."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from samekind.app.view_models.cards import data_uri, plain


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_data_uri_names_the_format_and_keeps_the_bytes(kind: str) -> None:
    """Browsers are told what they get, and get it unchanged."""
    out = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(out, kind)
    head, _, body = data_uri(out.getvalue()).partition(",")
    assert head == f"data:image/{kind.lower()};base64"
    assert base64.b64decode(body) == out.getvalue()


def test_plain_escapes_what_markdown_would_read() -> None:
    """A class name that looks like Markdown is shown as it is written."""
    assert plain("a_b*c [x](y) $z$ :red[q]") == r"a\_b\*c \[x\]\(y\) \$z\$ \:red\[q\]"
    assert plain("T-shirt/top 12.5 %") == "T-shirt/top 12.5 %"
