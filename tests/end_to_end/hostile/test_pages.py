"""All pages of the demo on an index whose ids and classes are hostile: each name is shown as it is, in Streamlit's test harness.

What a browser makes of escaped names is in `tests/end_to_end/browser/test_hostile_names.py`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.view_models.cards import plain
from samekind.core.text import one_line
from tests.app.conftest import OpenApp, open_app
from tests.app.pages import CURATION, FALSE_NEGATIVES, IDEAS, LABEL_PAIRS, cards, healthy, linked
from tests.end_to_end.hostile.names import NAMES

__all__ = ["open_app"]  # the fixture

READ_AS_MARKDOWN = (
    "markdown",
    "caption",
    "info",
    "warning",
    "error",
    "success",
    "title",
    "subheader",
    "button",
    "toggle",
)
ESCAPED = [name for name in NAMES if f"in {one_line(name)}" != plain(f"in {name}")]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images a class that look alike, and a third that looks like the next class; ids hold the class, or a path of its name."""
    folder = tmp_path_factory.mktemp("hostile") / "**out** $x$"
    centres = np.random.default_rng(0).normal(size=(len(NAMES), 12))
    near = np.random.default_rng(1).normal(scale=0.05, size=centres.shape)
    vectors = np.concatenate([centres, centres + near, np.roll(centres, 1, axis=0) - near])
    ids = [f"{name}/{copy}.png" for copy in range(3) for name in NAMES]
    splits = ["train"] * (2 * len(NAMES)) + ["test"] * len(NAMES)
    sk.index_vectors(vectors, ids, folder, labels=[*NAMES] * 3, splits=splits)
    return folder


def texts(at: AppTest) -> Iterator[str]:
    """All that Streamlit reads as Markdown: what elements hold, their labels and their help."""
    for kind in READ_AS_MARKDOWN:
        for element in at.get(kind):
            for field in ("value", "body", "label", "help"):
                if isinstance(text := getattr(element.proto, field, None), str):
                    yield text
    for box in at.selectbox:
        yield box.label


def looked_at(at: AppTest) -> AppTest:
    """The page, on which no name stands unescaped where signs mean something."""
    for text in texts(healthy(at)):
        assert [name for name in ESCAPED if stands_in(name, text) or stands_in(one_line(name), text)] == [], text
    return at


def stands_in(name: str, text: str) -> bool:
    """True if a name is there with no sign before it that escapes its first."""
    return re.search(r"(?<!\\)" + re.escape(name), text) is not None


def on_card(at: AppTest, key: str) -> list[str]:
    """The texts of the only card of a gallery, which sets them as they are."""
    (card,) = cards(at, key)
    found = [card["heading"], *card["lines"], card["pictures"][0]["alt"]]
    assert not any(re.search("[\n\u202e]", text) for text in found)
    return found


def test_search_shows_names_as_they_are(open_app: OpenApp, hostile: Path) -> None:
    """With each image as the query: the sentence with its class, the filters, the cards, and an address of no image."""
    at = open_app(hostile)
    for name in NAMES:
        looked_at(linked(at, f"{name}/0.png"))
        assert any(text.endswith(plain(f"same class, {name}.")) for text in texts(at)), name
        assert on_card(at, "query_card")[:2] == [one_line(name), one_line(f"{name}/0.png")]
    (classes,) = (box for box in at.selectbox if box.key == "where_class")
    assert set(classes.options) == {"all classes", *map(one_line, NAMES)}
    for name in NAMES:
        linked(at, f"nobody {name}")
        assert plain(f"have: nobody {name}") in at.warning[0].value
        looked_at(at)
    assert any(plain(hostile.name) in text for text in texts(at)), "the foot of the sidebar"


def test_ideas_shows_names_as_they_are(open_app: OpenApp, hostile: Path) -> None:
    """Bars with ids and classes, image by image: every tag is the page's own, and every name is there."""
    at = open_app(hostile).switch_page(IDEAS)
    at.query_params["idea"] = "picking"
    seen = ""
    looked_at(at.run())
    for _ in range(len(NAMES)):
        looked_at(at.button(key="ideas_another").click().run())
        bars = next(each.proto.body for each in at.get("html") if each.proto.body.startswith("<ul"))
        assert set(re.findall(r"</?(\w+)", bars)) == {"ul", "li", "span", "img", "b"}
        seen += html.unescape(bars)
    assert [name for name in NAMES if one_line(name) not in seen] == []


def test_false_negatives_shows_names_as_they_are(open_app: OpenApp, hostile: Path) -> None:
    """Axes and hover texts of the heat map, boxes of classes and anchors of each class."""
    at = looked_at(open_app(hostile).switch_page(FALSE_NEGATIVES).run())
    figure: dict[str, Any] = json.loads(at.get_by_key("by_class").proto.spec)
    cells, points = figure["data"]  # what is seen, and what is clicked
    for axis in (cells["x"], cells["y"], points["x"], points["y"]):
        assert set(map(html.unescape, axis)) == set(map(one_line, NAMES))
        assert not any(re.search(r"[<>$\n]|&(?!lt;|gt;|amp;|#36;)", name) for name in axis)
    for axis in ("xaxis", "yaxis"):
        shortened = figure["layout"][axis]["labelalias"]
        assert set(shortened) == {name for name in cells["x"] if len(html.unescape(name)) > 40}
        assert all(len(short) == 40 for short in shortened.values())
    at.segmented_control(key="anchor_way").set_value("By class").run()
    for name in NAMES:
        looked_at(at.selectbox(key="anchor_class").set_value(name).run())
        assert on_card(at, "anchor_card")[0] == one_line(name)


def test_label_pairs_shows_names_as_they_are(open_app: OpenApp, hostile: Path) -> None:
    """Groups and pairs, with labels and figures, and the classes that pairs can be of."""
    at = looked_at(open_app(hostile).switch_page(LABEL_PAIRS).run())
    looked_at(at.toggle(key="labeling_show_labels").set_value(True).run())
    looked_at(at.segmented_control(key="labeling_mode").set_value("Pairs").run())
    assert set(at.selectbox(key="labeling_first_class").options) == {"all classes", *map(one_line, NAMES)}
    for name in NAMES:
        looked_at(at.selectbox(key="labeling_first_class").set_value(name).run())


def test_label_errors_shows_names_as_they_are(open_app: OpenApp, hostile: Path) -> None:
    """The sentences with both classes of each suspected label; duplicates and leaks."""
    at = looked_at(open_app(hostile).switch_page(CURATION).run())
    seen = "\n".join(texts(at))
    assert sum(plain(f"in {name}")[3:] in seen for name in ESCAPED) > 3, seen
    for which in ("Duplicates", "Leaks"):
        looked_at(at.segmented_control(key="which_list").set_value(which).run())
