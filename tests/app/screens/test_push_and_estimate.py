"""What can be moved, asked and measured on *False negatives*: the push, the estimate without labels, the detectors, the worst classes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.view_models.audit import sentences, terms
from samekind.app.widgets.audit import push
from samekind.core.text import percent
from tests.app.conftest import OpenApp
from tests.app.pages import FALSE_NEGATIVES, healthy, shown
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder


def test_the_push_follows_the_sliders(open_app: OpenApp, artefact: Path) -> None:
    """It starts at the run's settings; the sentence and the bars are what the audit says of those that are set."""
    report = sk.Index.open(artefact).audit(k=10)
    assert report.gradient_share is not None
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    temperature, beta = report.gradient_share["temperature"], report.gradient_share["beta"]
    assert at.slider(key=push.TEMPERATURE).value == pytest.approx(temperature, abs=0.006)
    assert at.slider(key=push.HARDNESS).value == pytest.approx(beta, abs=0.06)
    for key, value in ((f"{push.K}_10", 4), (push.TEMPERATURE, 0.05), (push.HARDNESS, 2.0)):
        at.slider(key=key).set_value(value)
    at = healthy(at.run())
    mass = report.gradient_mass(4, 0.05, 2.0)
    assert any(text.value == sentences.push_sentence(mass, 4) for text in at.markdown)
    assert any(f"**{percent(mass.share)}** of the push on the 4 nearest" in text.value for text in at.markdown)
    same, rest = json.loads(at.get_by_key("push_by_rank").proto.spec)["data"]
    assert same["x"] == [1, 2, 3, 4]
    pushed = [row["pushed"] for row in mass.by_rank]
    assert np.add(same["y"], rest["y"]).tolist() == pytest.approx(pushed)
    assert sum(same["y"]) == pytest.approx(mass.share, abs=1e-5)


def test_without_labels_answers_give_an_estimate(open_app: OpenApp, unlabelled: Path, tmp_path: Path) -> None:
    """Pairs come in the sample's order; ten answers give the share with its interval, and undo takes one back."""
    copy = shutil.copytree(unlabelled, tmp_path / "copy")
    index = sk.Index.open(copy)
    sample = sk.HardNegativeSample(index, index.audit(k=10))
    at = healthy(open_app(copy).switch_page(FALSE_NEGATIVES).run())
    assert any("0 answers so far" in text.value for text in at.markdown)
    asked = []
    for number in range(11):
        (button,) = [each for each in at.button if each.label == ("Same kind" if number % 3 else "Different")]
        asked.append(button.key)
        at = healthy(button.click().run())
    current = sk.VerdictTable(copy).current()
    expected = [each.pair for each in sample if each.pair[0] != each.pair[1]][:11]
    assert set(current) == set(expected)
    rate = sample.rate(current)
    assert rate.num_answers >= 11
    assert any(text.value == sentences.estimate_sentence(rate, 10) for text in at.markdown)
    assert any("of the 10 nearest are false**, with 95 % certainty" in text.value for text in at.markdown)
    at.button(key="sample_undo").click().run()
    assert set(sk.VerdictTable(copy).current()) == set(expected[:-1])
    assert any(button.key == asked[-1] for button in healthy(at).button), "it comes again"


def test_labelled_corpora_are_asked_nothing(open_app: OpenApp, artefact: Path) -> None:
    """There the figures are known."""
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    assert not any(button.label == "Same kind" for button in at.button)


def test_the_worst_classes_come_first(open_app: OpenApp, artefact: Path) -> None:
    """Bars by falling rate, each beside what chance would give."""
    report = sk.Index.open(artefact).audit(k=10)
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    bars, chance = json.loads(at.get_by_key("worst_classes").proto.spec)["data"]
    rates = {name: row["false_negative_rate"] for name, row in report.by_class.items()}
    assert bars["x"] == sorted(rates.values(), reverse=True)
    assert [rates[name] for name in bars["y"]] == bars["x"]
    assert chance["x"] == [report.by_class[name]["base_rate"] for name in bars["y"]]


def test_terms_are_explained_where_they_are_used_first(open_app: OpenApp, artefact: Path) -> None:
    """At the sentence that opens the page, at the ranks and at the two spaces; every term has its row in the glossary."""
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    assert at.markdown[0].help == terms.explained("anchor", "negative", "false negative", "hardest negatives")
    helps = {caption.value.split(" ")[0]: caption.help for caption in at.caption}
    assert "**Base rate**" in helps["How"]
    assert "**Finished space**" in helps["While"]
    glossary = (Path(__file__).parents[3] / "docs" / "glossary.md").read_text(encoding="utf-8").lower()
    named = {
        name.strip() for line in glossary.splitlines() for name in line.split("|")[1:2] for name in name.split(",")
    }
    for name in terms.TERMS:
        assert name in named or f"*{name}*" in glossary, name


def test_the_estimate_says_what_is_left_out_and_why() -> None:
    """A judgement on a label is no pair that nobody could tell."""
    rate = sk.HardNegativeRate(0.5, 0.3, 0.7, 10, 20, 0, 2, 1)
    left_out = "Left out: 2 pairs with a judgement on a label only, 1 pair with answers that contradict each other."
    assert sentences.estimate_sentence(rate, 10).endswith(left_out)
    few = sk.HardNegativeRate(None, None, None, 0, 3, 1)
    assert sentences.estimate_sentence(few, 10).endswith("at least 10. Left out: 1 pair that nobody could tell.")


def test_the_push_says_how_many_have_no_label() -> None:
    """And nothing where all have one."""
    some = sk.GradientMass(0.5, 0.25, [], 1, 12)
    assert sentences.push_sentence(some, 10).endswith("Left out, for want of a label: 1 anchor and 12 negatives.")
    assert sentences.push_sentence(sk.GradientMass(0.5, 0.25, []), 10).endswith("of them are of the same class.")


def test_detectors_are_measured_when_asked(open_app: OpenApp, artefact: Path) -> None:
    """Not before; then precision over recall of each of them, chance dashed, and the labels' own detector left out."""
    at = healthy(open_app(artefact).switch_page(FALSE_NEGATIVES).run())
    assert not shown(at, "detector_curves")
    at.button(key="measure_detectors").click().run()
    curves = json.loads(healthy(at).get_by_key("detector_curves").proto.spec)["data"]
    names = [curve["name"] for curve in curves]
    assert names[-1] == "by chance"
    assert {"threshold", "combined"} <= set(names)
    assert "oracle" not in names
    assert len({(curve["line"]["dash"], curve["line"]["color"]) for curve in curves}) == len(curves)


def test_detectors_that_cannot_be_measured_are_one_line_once(open_app: OpenApp, artefact: Path, tmp_path: Path) -> None:
    """As where the encoder is gone; the next look at the page, and the next visitor, find the button again."""
    shutil.copytree(artefact, tmp_path / "copy")
    at = healthy(open_app(tmp_path / "copy").switch_page(FALSE_NEGATIVES).run())
    (tmp_path / "copy" / "encoder.safetensors").unlink()
    at.button(key="measure_detectors").click().run()
    assert len(at.error) == 1
    assert "encoder.safetensors" in at.error[0].value.replace("\\", "")
    assert not at.exception
    healthy(at.run()).button(key="measure_detectors")


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("encoder", "This index holds vectors that were given, and no encoder."),
        ("record", "this artefact does not say which these are."),
        ("corpus", "which are no longer where they were."),
    ],
)
def test_detectors_are_offered_only_where_they_can_be_measured(
    open_app: OpenApp, tmp_path: Path, missing: str, said: str
) -> None:
    """What is missing is a sentence without a path, in place of the button."""
    labels: list[str | None] = ["a", "b"] * 6
    if missing == "encoder":
        vectors = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
        sk.index_vectors(vectors, [str(i) for i in range(12)], tmp_path, labels=labels)
    else:
        corpus = {"corpus": str(tmp_path / "gone")} if missing == "corpus" else {}
        save_encoder(FakeEncoder(), tmp_path, corpus=corpus)
        sk.build_index(sk.Corpus.from_arrays(list(kinds(12)), labels, name="kinds"), FakeEncoder(), tmp_path)
    at = healthy(open_app(tmp_path).switch_page(FALSE_NEGATIVES).run())
    assert not shown(at, "measure_detectors")
    (info,) = [info.value for info in at.info if said in info.value]
    assert str(tmp_path) not in info


def test_one_image_has_no_negatives(open_app: OpenApp, tmp_path: Path) -> None:
    """Said of the index, and of the training split where that has one image only."""
    save_encoder(FakeEncoder(), tmp_path / "one")
    sk.build_index(sk.Corpus.from_arrays(list(kinds(1)), name="one"), FakeEncoder(), tmp_path / "one")
    at = healthy(open_app(tmp_path / "one").switch_page(FALSE_NEGATIVES).run())
    assert any("The only image of this index has no negatives." in info.value for info in at.info)
    save_encoder(FakeEncoder(), tmp_path / "split")
    splits = ["train", *["test"] * 5]
    corpus = sk.Corpus.from_arrays(list(kinds(6)), None, splits, name="split")  # type: ignore[arg-type]
    sk.build_index(corpus, FakeEncoder(), tmp_path / "split")
    at = open_app(tmp_path / "split").switch_page(FALSE_NEGATIVES).run()
    at = healthy(at.toggle(key="audit_train_only").set_value(True).run())
    assert any("The only training image here has no negatives." in info.value for info in at.info)
    assert not shown(at, "negatives")


def test_a_pair_whose_answer_was_taken_back_elsewhere_can_be_answered_again(
    open_app: OpenApp, unlabelled: Path, tmp_path: Path
) -> None:
    """And undo goes on to the answer before it."""
    copy = shutil.copytree(unlabelled, tmp_path / "copy")
    at = healthy(open_app(copy).switch_page(FALSE_NEGATIVES).run())

    def answer(at: AppTest) -> sk.Verdict:
        (button,) = [each for each in at.button if each.label == "Same kind"]
        healthy(button.click().run())
        return max(sk.VerdictTable(copy).current().values(), key=lambda each: each.moment)

    first, second = answer(at), answer(at)
    sk.VerdictTable(copy).add([sk.Verdict(second.anchor_sha256, second.negative_sha256, "withdrawn")])
    at = healthy(at.run())
    assert answer(at).pair == second.pair
    sk.VerdictTable(copy).add([sk.Verdict(second.anchor_sha256, second.negative_sha256, "withdrawn")])
    at.button(key="sample_undo").click().run()
    assert first.pair not in sk.VerdictTable(copy).current()
