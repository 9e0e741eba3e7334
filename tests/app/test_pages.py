"""The pages in Streamlit's own test harness, on real indexes; what they show is held to NumPy."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app import anchors, audit_view, state
from samekind.app.screens import false_negatives as screen
from samekind.core.text import percent, times
from tests.app.conftest import MAIN, OpenApp

SEARCH, FALSE_NEGATIVES = "screens/search.py", "screens/false_negatives.py"


def cards(at: AppTest, key: str) -> list[dict[str, Any]]:
    """The cards that a gallery was given."""
    found: list[dict[str, Any]] = json.loads(at.get_by_key(key).proto.json)["cards"]
    return found


def shown(at: AppTest, key: str) -> bool:
    """Whether the page has that element."""
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


def brute_force(artefact: Path, id_: str) -> tuple[list[str], NDArray[np.float64]]:
    """All other ids by falling similarity to one image, and the similarities."""
    index = sk.Index.open(artefact)
    vectors = index.vectors().astype(np.float64)
    own = index.ids.index(id_)
    similarity = vectors @ vectors[own]
    order = [int(i) for i in np.argsort(-similarity, kind="stable") if i != own]
    return [index.ids[i] for i in order], similarity[order]


def linked(at: AppTest, id_: str) -> AppTest:
    """The app opened with an address that names a query."""
    at.query_params["id"] = id_
    return healthy(at.run())


def png_of(artefact: Path, id_: str) -> bytes:
    """An image of the corpus as a file (thumbnails this small keep every pixel)."""
    out = io.BytesIO()
    Image.open(io.BytesIO(sk.Index.open(artefact).thumbnail(id_))).save(out, "PNG")
    return out.getvalue()


def test_the_first_page_is_a_grid_and_loads_neither_vectors_nor_encoder(open_app: OpenApp, artefact: Path) -> None:
    """What a visitor waits for is ids, labels and 32 pictures; the heavy parts are not touched."""
    at = healthy(open_app(artefact))
    grid = cards(at, "picker")
    assert len(grid) == 32
    assert all(card["pictures"][0]["image"].startswith("data:image/png;base64,") for card in grid)
    assert all(card["pictures"][0]["alt"] and card["action_label"] for card in grid)
    library = state._open(str(artefact), *state._stamp(artefact))
    assert not {"vector_index", "encoder"} & set(vars(library.index))


def test_a_linked_query_shows_its_neighbours_as_numpy_finds_them(open_app: OpenApp, artefact: Path) -> None:
    """`?id=` makes an image the query: ids, order and similarities equal brute force, and its class is marked by colour and words."""
    index = sk.Index.open(artefact)
    id_ = index.ids[7]
    at = linked(open_app(artefact), id_)
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


def test_an_unknown_link_is_ignored(open_app: OpenApp, artefact: Path) -> None:
    """An address from another corpus opens the plain first page."""
    assert not shown(linked(open_app(artefact), "train/99999"), "neighbours")


def test_the_settings_change_the_neighbours(open_app: OpenApp, artefact: Path) -> None:
    """k, the class filter and leaving out the query itself do what they say."""
    index = sk.Index.open(artefact)
    id_ = index.ids[3]
    at = linked(open_app(artefact), id_)
    at.slider(key="k").set_value(4)
    at.toggle(key="leave_out_itself").set_value(False)
    found = cards(healthy(at.run()), "neighbours")
    assert [card["id"] for card in found] == [id_, *brute_force(artefact, id_)[0][:3]]
    other = next(label for label in index.classes if label != (index.labels or [])[3])
    at.selectbox(key="where_class").set_value(other)
    found = cards(healthy(at.run()), "neighbours")
    assert [card["heading"] for card in found] == [f"{rank}. {other}" for rank in range(1, 5)]


def test_fewer_images_than_k_are_explained(open_app: OpenApp, artefact: Path) -> None:
    """A filter that few images pass gives all of these and a sentence."""
    index = sk.Index.open(artefact)
    labels = index.labels or []
    passing = [i for i in range(len(index)) if index.splits[i] == "test" and labels[i] == "3"]
    at = linked(open_app(artefact), index.ids[labels.index("0")])
    at.slider(key="k").set_value(50)
    at.selectbox(key="where_class").set_value("3")
    at.selectbox(key="where_split").set_value("test")
    found = cards(healthy(at.run()), "neighbours")
    assert {card["id"] for card in found} == {index.ids[i] for i in passing}
    assert any(f"Only {len(passing)} images" in text.value for text in at.markdown)


def test_an_uploaded_image_of_the_corpus_finds_itself(open_app: OpenApp, artefact: Path) -> None:
    """An upload goes through the encoder: with itself left in, the same image comes first with similarity 1."""
    id_ = sk.Index.open(artefact).ids[11]
    at = healthy(open_app(artefact))
    at.file_uploader[0].upload("mine.png", png_of(artefact, id_), "image/png").run()
    assert cards(at, "query_card")[0]["lines"] == ["mine.png"]
    assert len(cards(at, "neighbours")) == 10
    at.toggle(key="leave_out_itself").set_value(False)
    first = cards(healthy(at.run()), "neighbours")[0]
    assert first["id"] == id_
    assert first["lines"][0] == "similarity 1.000"


@pytest.mark.parametrize("content", [b"", b"this is text", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_broken_upload_is_one_line(open_app: OpenApp, artefact: Path, content: bytes) -> None:
    """A file that is no image gives one error that names it; the page stays usable."""
    at = healthy(open_app(artefact))
    at.file_uploader[0].upload("holiday.png", content, "image/png").run()
    assert not at.exception
    assert len(at.error) == 1
    assert "holiday.png" in at.error[0].value
    assert not shown(at, "neighbours")
    assert cards(at, "picker")


def test_the_grid_is_filtered_paged_and_sampled(open_app: OpenApp, artefact: Path) -> None:
    """Class and text narrow the grid; another sample is another one; pages go in table order; nothing found is said."""
    index = sk.Index.open(artefact)
    at = healthy(open_app(artefact))
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


def test_query_and_settings_survive_a_change_of_page(open_app: OpenApp, artefact: Path) -> None:
    """Coming back from the other page, a person finds the same query, the same k and the same neighbours."""
    at = linked(open_app(artefact), sk.Index.open(artefact).ids[5])
    at.slider(key="k").set_value(3).run()
    before = [card["id"] for card in cards(at, "neighbours")]
    healthy(at.switch_page(FALSE_NEGATIVES).run())
    assert not shown(at, "neighbours")
    healthy(at.switch_page(SEARCH).run())
    assert [card["id"] for card in cards(at, "neighbours")] == before
    assert len(before) == 3


def test_false_negatives_are_marked_as_brute_force_finds_them(open_app: OpenApp, artefact: Path) -> None:
    """The worst anchor is one with most false negatives; its negatives are the nearest others, and exactly the false ones are marked."""
    index = sk.Index.open(artefact)
    label = dict(zip(index.ids, index.labels or [], strict=True))
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    counts = {id_: sum(label[other] == label[id_] for other in brute_force(artefact, id_)[0][:10]) for id_ in index.ids}
    for _ in range(3):
        anchor = cards(at, "anchor_card")[0]["id"]
        negatives = cards(at, "negatives")
        assert [card["id"] for card in negatives] == brute_force(artefact, anchor)[0][:10]
        for card in negatives:
            false = label[card["id"]] == label[anchor]
            assert badges(card) == [audit_view.FALSE_NEGATIVE if false else audit_view.TRUE_NEGATIVE]
            assert (card["tone"] == "false") is false
        assert counts[anchor] == max(counts.values())
        del counts[anchor]
        at.button(key="next").click().run()


def test_the_headline_is_the_audit(open_app: OpenApp, artefact: Path) -> None:
    """The five figures are those that `Index.audit` reports, and both charts of the audit are there."""
    report = sk.Index.open(artefact).audit(k=20)
    at = open_app(artefact).switch_page(FALSE_NEGATIVES).run()
    at.selectbox(key="audit_depth").set_value(20)
    healthy(at.run())
    figures = {metric.label: metric.value for metric in at.metric}
    assert figures["hardest is false"] == percent(report.by_rank[0]["false_negative_rate"])
    assert figures["false among 20"] == percent(report.false_negative_rate)
    assert figures["base rate"] == percent(report.base_rate)
    assert figures["lift at 20"] == times(report.lift)
    assert report.gradient_share is not None
    assert figures["of the gradient"] == percent(report.gradient_share["false_negatives"])
    assert all(shown(at, key) for key in ("by_rank", "by_class", "training_rates", "training_quality"))


def test_the_bound_is_drawn_with_its_cap_and_called_a_bound(
    open_app: OpenApp, artefact: Path, unlabelled: Path
) -> None:
    """Every epoch's bound and log K as training recorded them, beside words that say what it is not; labels are not needed."""
    for folder in (artefact, unlabelled):
        at = healthy(open_app(folder).switch_page(FALSE_NEGATIVES).run())
        history = sk.Index.open(folder).history()
        bound, cap = json.loads(at.get_by_key("training_bound").proto.spec)["data"]
        assert [bound["x"], bound["y"]] == [[e["epoch"] for e in history], [e["mi_bound"] for e in history]]
        assert cap["y"] == [e["mi_cap"] for e in history]
        assert any("a bound and not an estimate" in text.value for text in at.markdown)


def test_an_encoder_from_elsewhere_has_no_bound(open_app: OpenApp, artefact: Path, tmp_path: Path) -> None:
    """Without a record of the training neither the chart nor its words are there."""
    copy = shutil.copytree(artefact, tmp_path / "copy")
    (copy / "metrics.jsonl").unlink()
    at = healthy(open_app(copy).switch_page(FALSE_NEGATIVES).run())
    assert not shown(at, "training_bound")
    assert not any("bound" in text.value for text in at.markdown)
    assert any("not trained here" in caption.value for caption in at.caption)


def test_anchors_are_chosen_by_class_and_by_pair(open_app: OpenApp, artefact: Path) -> None:
    """By class gives an anchor of that class; by pair one that has a negative of the other class among its hardest."""
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    at.segmented_control(key="anchor_way").set_value(anchors.BY_CLASS).run()
    at.selectbox(key="anchor_class").set_value("4").run()
    assert cards(healthy(at), "anchor_card")[0]["heading"] == "4"
    at.segmented_control(key="anchor_way").set_value(anchors.BY_PAIR).run()
    at.selectbox(key="anchor_class").set_value("8").run()
    at.selectbox(key="negative_class").set_value("1").run()
    assert cards(healthy(at), "anchor_card")[0]["heading"] == "8"
    assert any(card["heading"].endswith(". 1") for card in cards(at, "negatives"))
    at.segmented_control(key="anchor_way").set_value(anchors.RANDOM).run()
    assert len(cards(healthy(at), "negatives")) == 10


def test_an_unlabelled_corpus_says_what_it_cannot_know(open_app: OpenApp, unlabelled: Path) -> None:
    """Without labels there are no rates and no marks, but the search, the hardest negatives and the reason are there."""
    at = healthy(open_app(unlabelled))
    assert not any(box.key == "class" for box in at.selectbox)
    at = healthy(at.switch_page(FALSE_NEGATIVES).run())
    said = [text.value for text in (*at.info, *at.caption, *at.markdown) if "no labels" in text.value]
    assert said == [screen.WITHOUT_LABELS], "once"
    assert not at.metric
    assert not any(shown(at, key) for key in ("by_rank", "by_class", "training_rates"))
    negatives = cards(at, "negatives")
    assert [badges(card) for card in negatives] == [[audit_view.UNKNOWN]] * 10
    assert not any(card["tone"] == "false" for card in negatives)


def test_copies_among_the_negatives_are_counted(open_app: OpenApp, artefact: Path) -> None:
    """The number of pairs is the audit's; the pictures are on the page of the lists."""
    report = sk.Index.open(artefact).audit(k=10)
    assert report.num_duplicates
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    assert any(caption.value.startswith(f"{report.num_duplicates} pair") for caption in at.caption)


def test_a_missing_artefact_is_one_clear_error(open_app: OpenApp, tmp_path: Path) -> None:
    """A folder without an index gives one error with the remedy and neither page nor traceback."""
    at = open_app(tmp_path / "nowhere")
    assert not at.exception
    assert len(at.error) == 1
    assert "nowhere" in at.error[0].value.replace("\\", "")
    assert "artefact" in at.error[0].value
    assert not at.title


def test_an_artefact_without_index_names_the_command(open_app: OpenApp, artefact: Path, tmp_path: Path) -> None:
    """An encoder that was trained but not indexed: the error says which command makes the index."""
    for name in ("encoder.safetensors", "meta.json"):
        shutil.copy(artefact / name, tmp_path / name)
    at = open_app(tmp_path)
    assert not at.exception
    assert len(at.error) == 1
    assert "samekind index" in at.error[0].value


def test_no_artefact_named_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started without an artefact, the app says how to name one."""
    monkeypatch.setattr(sys, "argv", ["main.py"])
    monkeypatch.delenv(state.ENVIRONMENT, raising=False)
    at = AppTest.from_file(MAIN, default_timeout=60).run()
    assert [error.value.count("samekind demo") for error in at.error] == [1]
    assert not at.exception


def test_the_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`streamlit run app/main.py -- ARTEFACT` names the artefact, whatever the environment says."""
    monkeypatch.setattr(sys, "argv", ["main.py", "artifacts/a"])
    monkeypatch.setenv(state.ENVIRONMENT, "artifacts/b")
    assert state.artefact_path() == Path("artifacts/a")


def test_a_changed_index_is_opened_afresh(open_app: OpenApp, artefact: Path, tmp_path: Path) -> None:
    """Rows that are removed while the app runs are gone at the next click, and a query among them is forgotten."""
    copy = shutil.copytree(artefact, tmp_path / "copy")
    index = sk.Index.open(copy)
    gone = index.ids[0]
    at = linked(open_app(copy), gone)
    assert shown(at, "neighbours")
    index.remove([gone])
    healthy(at.run())
    assert not shown(at, "neighbours")
    assert any(f"of {len(index):,} images" in caption.value for caption in at.caption)
