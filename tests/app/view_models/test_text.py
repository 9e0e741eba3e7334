"""Numbers in words."""

from __future__ import annotations

import pytest

from samekind.app.view_models.text import counted, percent


def test_one_is_singular() -> None:
    """1 image, but 0 images and 70,000 images; irregular plurals are given."""
    assert [counted(n, "image") for n in (0, 1, 70_000)] == ["0 images", "1 image", "70,000 images"]
    assert [counted(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]


@pytest.mark.parametrize(("share", "text"), [(None, "–"), (0.0, "0.0 %"), (0.1234, "12.3 %"), (1.0, "100.0 %")])
def test_percent(share: float | None, text: str) -> None:
    """Shares become per cent; an unknown one becomes a dash, never `nan`."""
    assert percent(share) == text
