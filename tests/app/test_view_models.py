"""What the pages show, without Streamlit: filters, cards and sentences."""

from __future__ import annotations

import base64
import io
import sqlite3
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from samekind import Hit
from samekind.app import view_models

IDS = [f"train/{i:05d}" for i in range(10)]
LABELS: list[str | None] = ["Bag", "Coat", None, "Bag", "Coat", "Bag", "Shirt", "Bag", None, "Shirt"]
SPLITS = ["train", "test"] * 5
names = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


def png(pixels: NDArray[Any]) -> bytes:
    """Pixels as a PNG file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def hit(rank: int, label: str | None) -> Hit:
    """A search result of that rank and class."""
    return Hit(rank, f"id-{rank}", 1 - rank / 100, label, "")


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(names | st.none(), st.sampled_from(["train", "test"])), min_size=1), data=st.data())
def test_where_clause_selects_what_sql_would(rows: list[tuple[str | None, str]], data: st.DataObject) -> None:
    """The clause, given to a real SQL engine, finds the rows of that class and split, whatever quotes the name holds."""
    label = data.draw(st.sampled_from([row[0] for row in rows]) | st.none())
    split = data.draw(st.sampled_from(["train", "test", None]))
    wanted = view_models.NO_LABEL if label is None and data.draw(st.booleans()) else label
    clause = view_models.where_clause(wanted, split)
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE images (label TEXT, split TEXT)")
    database.executemany("INSERT INTO images VALUES (?, ?)", rows)
    found = database.execute(f"SELECT label, split FROM images WHERE {clause or 'TRUE'}").fetchall()
    database.close()
    expected = [row for row in rows if (wanted is None or row[0] == label) and (split is None or row[1] == split)]
    assert Counter(found) == Counter(expected)


@pytest.mark.parametrize(
    ("label", "split", "text", "expected"),
    [
        (None, None, "", list(range(10))),
        ("Bag", None, "", [0, 3, 5, 7]),
        (view_models.NO_LABEL, None, "", [2, 8]),
        ("Bag", "train", "", [0]),
        (None, None, " COAT ", [1, 4]),
        (None, "test", "0000", [1, 3, 5, 7, 9]),
        ("Shirt", "train", "00009", []),
    ],
)
def test_matching_applies_every_filter(label: str | None, split: str | None, text: str, expected: list[int]) -> None:
    """Class, split and text must all hold; the text is looked for in ids and class names without regard to case."""
    assert view_models.matching(IDS, LABELS, SPLITS, label=label, split=split, text=text) == expected


def test_matching_without_labels_ignores_the_class() -> None:
    """An unlabelled corpus is filtered by split and id alone."""
    assert view_models.matching(IDS, None, SPLITS, label="Bag", split="test", text="9") == [9]


@given(count=st.integers(0, 70), size=st.integers(1, 12))
def test_pages_partition_the_images(count: int, size: int) -> None:
    """All pages together are all images once, in order; a page past the end is the last one."""
    rows = list(range(0, 3 * count, 3))
    number = view_models.num_pages(count, size)
    pages = [view_models.page(rows, i, size) for i in range(1, number + 1)]
    assert [row for page in pages for row in page] == rows
    assert all(0 < len(page) <= size for page in pages)
    assert view_models.page(rows, number + 5, size) == (pages[-1] if pages else [])


def test_sample_is_seeded_and_without_repetition() -> None:
    """The same seed gives the same images, another seed others; a small corpus is shown whole."""
    rows = list(range(1000))
    first = view_models.sample(rows, 32, seed=0)
    assert first == view_models.sample(rows, 32, seed=0)
    assert first != view_models.sample(rows, 32, seed=1)
    assert len(set(first)) == 32
    assert sorted(view_models.sample(rows[:5], 32, seed=0)) == rows[:5]


def test_neighbours_of_the_same_class_are_marked_twice() -> None:
    """Colour and words mark exactly the hits of the query's class; hits of an unknown class are not marked."""
    hits = [hit(1, "Bag"), hit(2, "Coat"), hit(3, None), hit(4, "Bag")]
    cards = view_models.neighbour_cards(hits, [b""] * 4, "Bag")
    assert [card.tone for card in cards] == ["same", "plain", "plain", "same"]
    assert [[badge.text for badge in card.badges] for card in cards] == [["same class"], [], [], ["same class"]]
    assert [card.heading for card in cards] == ["1. Bag", "2. Coat", "3.", "4. Bag"]
    assert cards[1].lines == ("similarity 0.980", "id-2")
    assert all(card.action_label and card.pictures[0].alt for card in cards)


def test_neighbours_without_a_query_label_are_not_judged() -> None:
    """An upload has no class: nothing is marked and no share is told, also among hits without a label."""
    hits = [hit(1, "Bag"), hit(2, None)]
    cards = view_models.neighbour_cards(hits, [b""] * 2, None)
    assert [card.tone for card in cards] == ["plain", "plain"]
    assert view_models.same_class_sentence(hits, None) == ""


def test_ranks_are_counted_anew_when_the_query_is_left_out() -> None:
    """Without the query's own row the first card is number 1 and there are k of them."""
    hits = view_models.without([hit(1, "Bag"), hit(2, "Bag"), hit(3, "Coat"), hit(4, "Coat")], "id-1", 2)
    assert [found.id for found in hits] == ["id-2", "id-3"]
    assert [card.heading for card in view_models.neighbour_cards(hits, [b""] * 2, "Bag")] == ["1. Bag", "2. Coat"]


def test_the_share_counts_only_hits_whose_class_is_known() -> None:
    """2 of 3 judged hits have the class; the unlabelled one is left out of both counts."""
    sentence = view_models.same_class_sentence([hit(1, "Bag"), hit(2, None), hit(3, "Bag"), hit(4, "Coat")], "Bag")
    assert sentence == "2 of 3 neighbours (67 %) have the same class, Bag."
    assert view_models.same_class_sentence([hit(1, None)], "Bag") == ""


def test_fewer_images_than_asked_for_are_explained() -> None:
    """k hits need no words; fewer and none do."""
    assert view_models.shortfall_sentence(10, 10) == ""
    assert "Only 3 images" in view_models.shortfall_sentence(3, 10)
    assert "Only 1 image " in view_models.shortfall_sentence(1, 10)
    assert view_models.shortfall_sentence(0, 10) == "No image passes the filter."


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_data_uri_names_the_format_and_keeps_the_bytes(kind: str) -> None:
    """Browsers are told what they get, and get it unchanged."""
    out = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(out, kind)
    head, _, body = view_models.data_uri(out.getvalue()).partition(",")
    assert head == f"data:image/{kind.lower()};base64"
    assert base64.b64decode(body) == out.getvalue()


def test_an_upload_is_shown_upright_and_on_white() -> None:
    """EXIF rotation is applied, transparency becomes white, and a large picture is made smaller."""
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90°
    Image.new("RGB", (1200, 600), "red").save(turned, "JPEG", exif=exif)
    shown = Image.open(io.BytesIO(view_models.browser_picture(turned.getvalue())))
    assert shown.size == (240, 480)
    clear = png(np.zeros((4, 4, 4), dtype=np.uint8))
    assert Image.open(io.BytesIO(view_models.browser_picture(clear))).getpixel((1, 1)) == (255, 255, 255)


def test_a_deep_grey_upload_keeps_its_shades() -> None:
    """16-bit grey is scaled to what a screen shows, not clipped to white."""
    ramp = np.linspace(0, 60000, 64, dtype=np.uint16).reshape(8, 8)
    shown = np.asarray(Image.open(io.BytesIO(view_models.browser_picture(png(ramp)))))[..., 0].ravel()
    assert shown[0] == 0
    assert shown[-1] == 255
    assert (np.diff(shown.astype(int)) > 0).all()


def test_plain_escapes_what_markdown_would_read() -> None:
    """A class name that looks like Markdown is shown as it is written."""
    assert view_models.plain("a_b*c [x](y) $z$ :red[q]") == r"a\_b\*c \[x\]\(y\) \$z\$ \:red\[q\]"
    assert view_models.plain("T-shirt/top 12.5 %") == "T-shirt/top 12.5 %"
