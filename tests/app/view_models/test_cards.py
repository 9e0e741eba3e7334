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
    assert plain("&lt;") == r"\&lt;"
    assert [plain(text) for text in ("- x", "1. x", "---", "x - 1. y")] == [
        r"\- x",
        r"1\. x",
        "\\-\u2060-\u2060-",
        "x - 1. y",
    ]
    assert plain("two\nlines \u202e") == r"two\\nlines \\u202e"


def test_plain_parts_what_streamlit_would_replace() -> None:
    """By a word joiner, which takes no room: dashes, arrows, icons and addresses are made of the text after escapes are gone."""
    for text in ("a -- b", "a -> b", "a <- b", "a >= b", ":material/home:", "http://b.org", "WWW.b.org", "a@b.org"):
        assert plain(text).count("\u2060") == 1, text
        assert plain(text).replace("\u2060", "").replace("\\", "") == text
