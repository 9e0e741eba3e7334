"""The page *Search* on real indexes; what it shows is held to NumPy."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import samekind as sk
from samekind.app.state.query import Query
from tests.app.conftest import OpenApp
from tests.app.pages import FALSE_NEGATIVES, SEARCH, badges, brute_force, cards, healthy, library, linked, png_of, shown


def test_the_first_page_is_a_grid_and_loads_neither_vectors_nor_encoder(open_search: OpenApp, artefact: Path) -> None:
    """What a visitor waits for is ids, labels and 32 pictures; the heavy parts are not touched."""
    at = healthy(open_search(artefact))
    grid = cards(at, "picker")
    assert len(grid) == 32
    assert all(card["pictures"][0]["image"].startswith("data:image/png;base64,") for card in grid)
    assert all(card["pictures"][0]["alt"] and card["action_label"] for card in grid)
    assert not {"vector_index", "encoder"} & set(vars(library(artefact).index))


def test_a_linked_query_shows_its_neighbours_as_numpy_finds_them(open_search: OpenApp, artefact: Path) -> None:
    """`?id=` makes an image the query: ids, order and similarities equal brute force, and its class is marked by colour and words."""
    index = sk.Index.open(artefact)
    id_ = index.ids[7]
    at = linked(open_search(artefact), id_)
    ids, similarity = brute_force(artefact, id_)
    found = cards(at, "neighbours")
    assert [card["id"] for card in found] == ids[:10]
    assert [card["lines"][0] for card in found] == [f"similarity {s:.3f}" for s in similarity[:10]]
    label = dict(zip(index.ids, index.labels or [], strict=True))
    for card in found:
        same = label[card["id"]] == label[id_]
        assert (card["tone"] == "same") is same
        assert ("same class" in badges(card)) is same
    same_count = sum(label[i] == label[id_] for i in ids[:10])
    assert any(f"{same_count} of 10 neighbours" in text.value for text in at.markdown)
    assert cards(at, "query_card")[0]["heading"] == label[id_]


def test_an_unknown_link_is_told(open_search: OpenApp, artefact: Path) -> None:
    """An address from another corpus opens the first page with a line that names what is missing."""
    at = linked(open_search(artefact), "train/99999")
    assert not shown(at, "neighbours")
    assert ["does not have" in warning.value and "train/99999" in warning.value for warning in at.warning] == [True]


def test_the_address_wins_when_it_changes(open_search: OpenApp, artefact: Path) -> None:
    """What the browser's Back does: an earlier address brings its query back, the first one takes the query away; a settled one does not
    stand against a choice on the page.
    """
    ids = sk.Index.open(artefact).ids
    at = linked(open_search(artefact), ids[5])
    at.session_state["query"] = Query(ids[6], ids[6])  # as a click on a card does
    assert cards(at.run(), "query_card")[0]["lines"] == [ids[6]]
    at.query_params["id"] = ids[6]  # the page has written it, which the harness does not carry over as a browser does
    assert cards(at.run(), "query_card")[0]["lines"] == [ids[6]]
    at.query_params["id"] = ids[5]
    assert cards(at.run(), "query_card")[0]["lines"] == [ids[5]]
    del at.query_params["id"]
    assert not shown(healthy(at.run()), "query_card")


def test_an_upload_unlike_the_corpus_is_told_and_one_like_it_is_placed(open_search: OpenApp, artefact: Path) -> None:
    """Noise finds neighbours as anything does, so the page says that they mean little; an image of the corpus is like it."""
    at = healthy(open_search(artefact))
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(out, "PNG")
    at.file_uploader[0].upload("noise.png", out.getvalue(), "image/png").run()
    usual = sk.Index.open(artefact).nearest_similarities()
    nearest = sk.Index.open(artefact).search(out.getvalue(), k=1)[0].similarity
    assert any("Nothing in this corpus" in warning.value for warning in at.warning) is bool(
        nearest < usual[len(usual) // 100]
    )
    id_ = sk.Index.open(artefact).ids[11]
    at = healthy(open_search(artefact))
    at.file_uploader[0].upload("mine.png", png_of(artefact, id_), "image/png").run()
    assert not at.warning
    assert any(caption.value.startswith("The nearest has similarity") for caption in at.caption)


def test_an_upload_is_inverted_by_a_switch(open_search: OpenApp, artefact: Path) -> None:
    """What the encoder sees is drawn beside the upload; the switch exchanges light and dark in it and in the search."""
    at = healthy(open_search(artefact))
    encoded = png_of(artefact, sk.Index.open(artefact).ids[11])
    at.file_uploader[0].upload("mine.png", encoded, "image/png").run()
    before = cards(at, "query_card")
    assert [card["heading"] for card in before] == ["", "What the encoder sees"]
    at.toggle(key="inverted").set_value(True)
    after = cards(healthy(at.run()), "query_card")
    assert after[1]["pictures"] != before[1]["pictures"]
    inverted = ImageOps.invert(sk.decode_image(encoded))
    assert [card["id"] for card in cards(at, "neighbours")] == [
        hit.id for hit in sk.Index.open(artefact).search(inverted, exclude_self=True)
    ]


def test_the_settings_change_the_neighbours(open_search: OpenApp, artefact: Path) -> None:
    """k, the class filter and leaving out the query itself do what they say."""
    index = sk.Index.open(artefact)
    id_ = index.ids[3]
    at = linked(open_search(artefact), id_)
    at.slider(key="k").set_value(4)
    at.toggle(key="leave_out_itself").set_value(False)
    found = cards(healthy(at.run()), "neighbours")
    assert [card["id"] for card in found] == [id_, *brute_force(artefact, id_)[0][:3]]
    assert badges(found[0]) == ["the query"]
    assert found[0]["tone"] == "plain"
    own = (index.labels or [])[3]
    same = sum(card["heading"].endswith(f". {own}") for card in found[1:])
    assert any(text.value.startswith(f"{same} of 3 neighbours") for text in at.markdown)
    other = next(label for label in index.classes if label != (index.labels or [])[3])
    at.selectbox(key="where_class").set_value(other)
    found = cards(healthy(at.run()), "neighbours")
    assert [card["heading"] for card in found] == [f"{rank}. {other}" for rank in range(1, 5)]


def test_fewer_images_than_k_are_explained(open_search: OpenApp, artefact: Path) -> None:
    """A filter that few images pass gives all of these and a sentence."""
    index = sk.Index.open(artefact)
    labels = index.labels or []
    passing = [i for i in range(len(index)) if index.splits[i] == "test" and labels[i] == "3"]
    at = linked(open_search(artefact), index.ids[labels.index("0")])
    at.slider(key="k").set_value(50)
    at.selectbox(key="where_class").set_value("3")
    at.selectbox(key="where_split").set_value("test")
    found = cards(healthy(at.run()), "neighbours")
    assert {card["id"] for card in found} == {index.ids[i] for i in passing}
    assert any(f"Only {len(passing)} images" in text.value for text in at.markdown)


def test_an_uploaded_image_of_the_corpus_finds_itself(open_search: OpenApp, artefact: Path) -> None:
    """An upload goes through the encoder: with itself left in, the same image comes first with similarity 1."""
    id_ = sk.Index.open(artefact).ids[11]
    at = healthy(open_search(artefact))
    at.file_uploader[0].upload("mine.png", png_of(artefact, id_), "image/png").run()
    assert cards(at, "query_card")[0]["lines"] == ["mine.png"]
    assert len(cards(at, "neighbours")) == 10
    at.toggle(key="leave_out_itself").set_value(False)
    first = cards(healthy(at.run()), "neighbours")[0]
    assert first["id"] == id_
    assert first["lines"][0] == "similarity 1.000"


def test_a_deep_grey_upload_is_searched_with_as_it_is_shown(
    open_search: OpenApp, artefact: Path, tmp_path: Path
) -> None:
    """A 16-bit file: the shown pixels are the decoder's, and neighbours and similarities are those of a search for its path."""
    grey = np.asarray(Image.open(io.BytesIO(png_of(artefact, sk.Index.open(artefact).ids[11]))).convert("L"))
    file = tmp_path / "deep.png"
    Image.fromarray(20_000 + 150 * grey.astype(np.uint16)).save(file)
    at = healthy(open_search(artefact))
    at.file_uploader[0].upload(file.name, file.read_bytes(), "image/png").run()
    picture = cards(healthy(at), "query_card")[0]["pictures"][0]["image"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))))
    assert np.array_equal(pixels, np.asarray(sk.decode_image(file)))
    wanted = sk.Index.open(artefact).search(file, k=10)
    assert [card["id"] for card in cards(at, "neighbours")] == [hit.id for hit in wanted]
    similarities = [card["lines"][0] for card in cards(at, "neighbours")]
    assert similarities == [f"similarity {hit.similarity:.3f}" for hit in wanted]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("IMG_1.jfif", "JPEG"), ("scan.pgm", "PPM"), ("photo.avif", "AVIF"), ("scan", "TIFF"), ("x.dat", "PNG")],
)
def test_an_upload_is_read_whatever_its_name(open_search: OpenApp, artefact: Path, name: str, kind: str) -> None:
    """The content decides, as for the files of a corpus: other endings, none and wrong ones."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png_of(artefact, sk.Index.open(artefact).ids[11]))).save(out, kind)
    at = healthy(open_search(artefact))
    at.file_uploader[0].upload(name, out.getvalue()).run()
    assert cards(healthy(at), "query_card")[0]["lines"] == [name]
    assert len(cards(at, "neighbours")) == 10


@pytest.mark.parametrize("content", [b"", b"this is text", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_broken_upload_is_one_line(open_search: OpenApp, artefact: Path, content: bytes) -> None:
    """A file that is no image gives one error that names it; the page stays usable."""
    at = healthy(open_search(artefact))
    at.file_uploader[0].upload("holiday.png", content, "image/png").run()
    assert not at.exception
    assert len(at.error) == 1
    assert "holiday.png" in at.error[0].value
    assert not shown(at, "neighbours")
    assert cards(at, "picker")
    emptied = at.file_uploader[0].key
    assert not at.file_uploader[0].value, "the field does not go on naming it"
    assert at.run().file_uploader[0].key == emptied, "once"
    at.file_uploader[0].upload("mine.png", png_of(artefact, sk.Index.open(artefact).ids[0]), "image/png").run()
    assert not healthy(at).error
    assert at.file_uploader[0].value


def test_the_grid_is_filtered_paged_and_sampled(open_search: OpenApp, artefact: Path) -> None:
    """Class and text narrow the grid; another sample is another one; pages go in table order; nothing found is said."""
    index = sk.Index.open(artefact)
    at = healthy(open_search(artefact))
    before = [card["id"] for card in cards(at, "picker")]
    at.button[0].click().run()
    assert [card["id"] for card in cards(at, "picker")] != before
    at.segmented_control(key="order").set_value("In order").run()
    assert [card["id"] for card in cards(at, "picker")] == index.ids[:32]
    at.pagination(key="page").set_value(2).run()
    assert [card["id"] for card in cards(at, "picker")] == index.ids[32:64]
    at.selectbox(key="class").set_value("5").run()
    assert {card["heading"] for card in cards(at, "picker")} == {"5"}
    at.text_input(key="text").set_value("no such image").run()
    assert any("No image passes" in info.value for info in healthy(at).info)


def test_query_and_settings_survive_a_change_of_page(open_search: OpenApp, artefact: Path) -> None:
    """Coming back from the other page, a person finds the same query, the same k and the same neighbours."""
    at = linked(open_search(artefact), sk.Index.open(artefact).ids[5])
    at.slider(key="k").set_value(3).run()
    before = [card["id"] for card in cards(at, "neighbours")]
    healthy(at.switch_page(FALSE_NEGATIVES).run())
    assert not shown(at, "neighbours")
    healthy(at.switch_page(SEARCH).run())
    assert [card["id"] for card in cards(at, "neighbours")] == before
    assert len(before) == 3
