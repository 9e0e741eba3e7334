"""The page *False negatives* on real indexes; what it shows is held to NumPy and to the audit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import samekind as sk
from samekind.app.screens import false_negatives as screen
from samekind.app.view_models import audit_view
from samekind.app.widgets import anchors, notices
from samekind.core.text import percent, times
from tests.app.conftest import OpenApp
from tests.app.pages import (
    CURATION,
    FALSE_NEGATIVES,
    OVERVIEW,
    SEARCH,
    badges,
    brute_force,
    cards,
    healthy,
    linked,
    shown,
)
from tests.indexer.adaptation.worlds import answered_world
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder


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
    assert figures[audit_view.NEAREST] == percent(report.by_rank[0]["false_negative_rate"])
    assert figures[audit_view.among(20)] == percent(report.false_negative_rate)
    assert figures[audit_view.BY_CHANCE] == percent(report.base_rate)
    assert figures[audit_view.TIMES_CHANCE] == times(report.lift)
    assert report.gradient_share is not None
    assert figures[audit_view.PUSH] == percent(report.gradient_share["false_negatives"])
    assert all(shown(at, key) for key in ("by_rank", "by_class", "training_rates", "training_quality"))
    assert sum(caption.value.endswith("was worth by then on images held out by image.") for caption in at.caption) == 1


def test_both_spaces_stand_side_by_side(open_app: OpenApp, artefact: Path) -> None:
    """What training met in its last epoch, and the finished space, with the images that training never saw counted or left out."""
    index = sk.Index.open(artefact)
    last = index.history()[-1]
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    assert [each.value for each in at.subheader][:2] == ["While training", "In the finished space"]
    met = {metric.label: metric.value for metric in at.metric[:5]}
    assert met[audit_view.NEAREST] == percent(last["false_negative_rate"]["1"])
    assert met[audit_view.PUSH] == percent(last["gradient_share"])
    assert [metric.label for metric in at.metric[5:]] == list(met)
    unseen = len(index) - index.splits.count("train")
    said = f"Among the negatives of the finished space are {unseen} images of other splits, which training never saw."
    assert any(said in caption.value for caption in at.caption)
    at.toggle(key="audit_train_only").set_value(True).run()
    healthy(at)
    figures = {metric.label: metric.value for metric in at.metric}
    report = index.audit(k=10, split="train")
    assert report.num_rows == len(index) - unseen
    assert figures[audit_view.NEAREST] == percent(report.by_rank[0]["false_negative_rate"])
    assert any(f"Left out of the finished space: {unseen} images" in caption.value for caption in at.caption)


def test_images_that_share_a_label_have_no_matrix_of_classes(open_app: OpenApp, tmp_path: Path) -> None:
    """Rates are there and class × class says that it is left out; search marks shared labels, and label errors say why there are none."""
    labels = [("Bag", "Bag + Coat", "Coat")[i // 3 % 3] for i in range(60)]
    save_encoder(FakeEncoder(), tmp_path)
    corpus = replace(sk.Corpus.from_arrays(list(kinds()), labels), label_rule="any")
    index = sk.build_index(corpus, FakeEncoder(), tmp_path)
    at = healthy(open_app(tmp_path).switch_page(FALSE_NEGATIVES).run())
    assert shown(at, "by_rank")
    assert not shown(at, "by_class")
    assert any("several classes" in caption.value for caption in at.caption)
    at = healthy(linked(open_app(tmp_path).switch_page(SEARCH), index.ids[0]))
    tones = {card["id"]: card["tone"] for card in cards(at, "neighbours")}
    label_of = dict(zip(index.ids, labels, strict=True))
    assert {id_ for id_, tone in tones.items() if tone == "same"} == {id_ for id_ in tones if "Bag" in label_of[id_]}
    at = healthy(open_app(tmp_path).switch_page(CURATION).run())
    assert any("share one of their labels are of the same class" in info.value for info in at.info)


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
    assert len(at.metric) == 5
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
    for card in cards(at, "negatives"):
        is_asked = card["heading"].endswith(". 1")
        assert (audit_view.ASKED in badges(card), card["tone"] == "chosen") == (is_asked, is_asked)
    assert any(audit_view.ASKED in badges(card) for card in cards(at, "negatives"))
    at.segmented_control(key="anchor_way").set_value(anchors.RANDOM).run()
    assert len(cards(healthy(at), "negatives")) == 10


def test_an_unlabelled_corpus_says_what_it_cannot_know(open_app: OpenApp, unlabelled: Path) -> None:
    """Without labels there are no rates and no marks, but the search, the hardest negatives and the reason are there."""
    at = healthy(open_app(unlabelled).switch_page(SEARCH).run())
    assert not any(box.key == "class" for box in at.selectbox)
    assert len(at.columns) == 2, "no gap where the class would be"
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


def test_figures_of_another_space_than_searches_use_are_called_so(open_app: OpenApp, tmp_path: Path) -> None:
    """In one line, on every page that has such figures; and an encoder that was not trained here has no images that its training saw."""
    index, pages = answered_world(tmp_path / "world"), (OVERVIEW, FALSE_NEGATIVES, CURATION)
    at = open_app(index.path)

    def said() -> list[list[str]]:
        return [[each.value for each in healthy(at.switch_page(page).run()).caption] for page in pages]

    before = said()
    assert not any(notices.OWN_SPACE in captions for captions in before)
    assert any("images of other splits." in caption for caption in before[1])
    assert not any("never saw" in caption for caption in before[1])
    assert index.adapt().adapted
    assert all(captions.count(notices.OWN_SPACE) == 1 for captions in said())
