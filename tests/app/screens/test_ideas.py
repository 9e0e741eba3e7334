"""The page *Ideas*, section by section, on labelled, unlabelled and given vectors; its figures are held to the facade."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind import ideas
from samekind.app.screens import ideas as screen
from samekind.app.state.ideas import RATIOS
from samekind.app.view_models.ideas.texts import EQUATIONS, LANGUAGES, SECTIONS, Words
from samekind.app.widgets.ideas import ingredients, parts
from samekind.core.text import percent
from tests.app.conftest import OpenApp
from tests.app.pages import IDEAS, SEARCH, healthy

ENGLISH = Words("en")


@pytest.fixture(scope="session")
def vectors_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given vectors of forty things, without pictures, an encoder or labels."""
    out = tmp_path_factory.mktemp("given") / "vectors"
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    sk.index_vectors(vectors, [f"thing {i}" for i in range(40)], out)
    return out


def opened(open_app: OpenApp, artefact: Path, idea: str, language: str = "en") -> AppTest:
    """The page at an idea, as its address opens it."""
    at = open_app(artefact).switch_page(IDEAS)
    at.query_params["idea"], at.query_params["lang"] = idea, language
    return healthy(at.run())


def said(at: AppTest) -> str:
    """All words of the page."""
    return "\n".join(str(element.value) for element in (*at.markdown, *at.caption, *at.info))


def drawn(at: AppTest) -> str:
    """All HTML of the page."""
    return "\n".join(element.proto.body for element in at.get("html"))


def curves(at: AppTest, key: str) -> dict[str, Any]:
    """The curves of a chart by their names."""
    return {trace.get("name", ""): trace for trace in json.loads(at.get_by_key(key).proto.spec)["data"]}


@pytest.mark.parametrize("idea", SECTIONS)
@pytest.mark.parametrize("corpus", ["artefact", "unlabelled", "vectors_only"])
def test_every_idea_is_drawn_in_both_languages(
    open_app: OpenApp, request: pytest.FixtureRequest, corpus: str, idea: str
) -> None:
    """Title, equations and all questions of the notes, whatever the index lacks; no sentence is left unfilled."""
    folder = request.getfixturevalue(corpus)
    for language in LANGUAGES:
        words = Words(language)
        at = opened(open_app, folder, idea, language)
        assert [each.value for each in at.header] == [words(f"{idea}.title")]
        assert tuple(each.value.strip("$\n") for each in at.latex) == EQUATIONS[idea]
        assert [each.label for each in at.expander] == [ask for ask, _ in words.notes(idea)]
        assert words(f"{idea}.says") in said(at)


@pytest.mark.parametrize("idea", SECTIONS)
def test_a_single_image_leaves_every_idea_standing(open_app: OpenApp, tmp_path: Path, idea: str) -> None:
    """What needs a second image says so, and nothing breaks."""
    sk.index_vectors(np.ones((1, 4), np.float32), ["alone"], tmp_path / "one")
    at = opened(open_app, tmp_path / "one", idea)
    assert (ENGLISH("page.only_one") in said(at)) == (idea not in ("patches", "bound"))


def test_nce_shows_the_fit_of_the_facade(open_app: OpenApp, artefact: Path) -> None:
    """Area and error in the sentence are those of the same fit, and the curve of errors has a point at every ν."""
    at = opened(open_app, artefact, "nce")
    at.select_slider(key="ideas_ratio").set_value(16).run()
    sample = ideas.draw(sk.Index.open(artefact))
    data = ideas.standardised(sample.first_component_M[:500])
    curve = ideas.fit_bell(data, ideas.Noise(0.0, 4.0), 16)
    assert (
        f"ν = 16 the learned curve has the area {curve.area:.2f} (1 would be right) and the error {curve.error:.3f}"
        in said(at)
    )
    assert curves(at, "ideas_errors")["error"]["x"] == list(RATIOS)
    at.segmented_control(key="ideas_noise").set_value("aside").run()
    other = ideas.fit_bell(data, ideas.Noise(3.0, 1.0), 16)
    # Noise that lies aside holds the curve by so little that another training's last digits decide.
    told = ENGLISH("nce.here_away", ratio=16) if other.has_run_away else f"the error {other.error:.3f}"
    assert told in said(healthy(at))


def test_picking_shows_the_probability_of_the_loss(open_app: OpenApp, artefact: Path) -> None:
    """The loss of the sentence is that of the probability beside it, at the N of the slider; false negatives are marked in words."""
    at = opened(open_app, artefact, "picking")
    assert ENGLISH("picking.is_view") in said(at)
    at.select_slider(key="ideas_candidates").set_value(128).run()
    text = said(healthy(at))
    assert f"guessing has log N = {math.log(128):.2f}" in text
    assert "of the 127 negatives are of the anchor's class" in text
    probability = float(text.split("The positive gets ")[1].split(" %")[0]) / 100
    loss = float(text.split("So the loss is ")[1].split(" nats")[0])
    assert math.exp(-loss) == pytest.approx(probability, abs=0.01)
    assert drawn(at).count("<li") == 8
    first = drawn(at)
    at.button(key="ideas_another").click().run()
    assert drawn(healthy(at)) != first


def test_without_an_encoder_the_nearest_other_is_the_positive(open_app: OpenApp, vectors_only: Path) -> None:
    """It is the most similar one of all, so nothing is as probable; and no class is claimed."""
    at = opened(open_app, vectors_only, "picking")
    index = sk.Index.open(vectors_only)
    row = int(ideas.draw(index).row_M[0])
    nearest = index.search_id(index.ids[row], 2)[1].id
    positive, *others = drawn(at).split("<li")[1:]
    assert nearest in positive
    assert not any(nearest in other for other in others)
    assert ENGLISH("picking.is_neighbour") in said(at)
    assert "This anchor's class is unknown" in said(at)


def test_the_learned_ratio_stands_beside_the_known_one(open_app: OpenApp, artefact: Path, unlabelled: Path) -> None:
    """Both maps, the learned weight near the closed form, and the corpus' own ratio by labels, which an unlabelled one lacks."""
    at = opened(open_app, artefact, "ratio")
    assert "in closed form it is ρ / (1 − ρ²) = 0.94" in said(at)
    learned = float(said(at).split("was learned as ")[1].split(";")[0])
    assert learned == pytest.approx(0.6 / 0.64, abs=0.25)
    assert ENGLISH("ratio.by_label") in curves(at, "ideas_ratio_cosine")
    found = ideas.ratio_by_similarity(ideas.draw(sk.Index.open(artefact)), 0.2)
    assert f"claims {found.by_score_K[~np.isnan(found.by_label_K)][-1]:,.1f} times" in said(at)
    at = opened(open_app, unlabelled, "ratio")
    assert ENGLISH("ratio.by_label") not in curves(at, "ideas_ratio_cosine")
    assert "only labels or answers can tell" in said(at)


def test_patches_mark_what_predicts_what(open_app: OpenApp, artefact: Path, vectors_only: Path) -> None:
    """The picture follows the sliders, a step below the image is told, and hits are those of the facade; none without pictures."""
    at = opened(open_app, artefact, "patches")
    first = drawn(at)
    assert "64 × 64 px an image has 7 × 7 patches and 105 predictions" in said(at)
    assert "of 64 images" in said(at)
    at.select_slider(key="ideas_row").set_value(6).run()
    assert drawn(healthy(at)) != first
    assert "Row 8 lies below the image" in said(at)
    at = opened(open_app, vectors_only, "patches")
    assert ENGLISH("page.no_pictures") in said(at)
    assert "by chance it would be" not in said(at)


def test_the_bound_is_this_runs(open_app: OpenApp, artefact: Path, vectors_only: Path) -> None:
    """The last epoch's bound and the batch that caps it; without a training what the cap would be."""
    last = sk.Index.open(artefact).history()[-1]
    text = said(opened(open_app, artefact, "bound"))
    assert f"contrasted {round(math.exp(last['mi_cap'])):,} images a step" in text
    assert f"In its last epoch it was {last['mi_bound']:.2f}" in text
    at = opened(open_app, vectors_only, "bound")
    assert f"log 40 = {math.log(40):.2f} nats" in said(at)
    at.select_slider(key="ideas_bound_count").set_value(8).run()
    pair = ideas.GaussianPair(8, math.sqrt(1 - math.exp(-1.0)))
    (bound,) = ideas.bound_by_candidates(pair, [8])
    assert f"At N = 8 the bound is {bound:.2f} nats of 4; its cap is {math.log(8):.2f}" in said(healthy(at))


def test_ingredients_are_those_of_the_facade(open_app: OpenApp, artefact: Path, unlabelled: Path) -> None:
    """Batch and hardness figures, and the views of four policies; without labels nothing is said of classes."""
    at = opened(open_app, artefact, "ingredients")
    sample = ideas.draw(sk.Index.open(artefact))
    two, hundred = ideas.hardest_by_batch(sample, [2, 128])
    at.select_slider(key="ideas_batch").set_value(128).run()
    assert f"false with a probability of {percent(hundred.false)}; a random one with {percent(two.false)}" in said(at)
    at.select_slider(key="ideas_beta").set_value(4.0).run()
    negative = (np.arange(255) + 1) % len(sample)
    share = ideas.push_shares(sample.similarity_MM[0, negative], 4.0, 0.2)
    false = share[sample.false_MM[0, negative] == 1].sum()
    assert f"those of the anchor's class {percent(float(false))}" in said(healthy(at))
    views = next(element.proto.body for element in at.get("html") if "heavy 1" in element.proto.body)
    assert views.count("<img") == 4 * 5
    at.button(key="ideas_redraw").click().run()
    assert views not in drawn(healthy(at))
    text = said(opened(open_app, unlabelled, "ingredients"))
    assert "Without labels nobody knows" in text
    assert "nobody knows without its label" in text


def test_the_last_question_is_answered_by_the_audit(open_app: OpenApp, artefact: Path, unlabelled: Path) -> None:
    """Rates, chance and share of the push are the audit's; without labels what can be known, and a way on either way."""
    report = sk.Index.open(artefact).audit(k=10)
    at = opened(open_app, artefact, "bias")
    first, last = (report.by_rank[i]["false_negative_rate"] for i in (0, -1))
    assert report.gradient_share is not None
    assert report.base_rate is not None
    push = percent(report.gradient_share["false_negatives"])
    assert [metric.value for metric in at.metric] == [percent(first), percent(last), percent(report.base_rate), push]
    assert f"{first / report.base_rate:,.1f} times what chance would give" in said(at)
    at.select_slider(key="ideas_prior").set_value(0.0).run()
    text = said(healthy(at))
    plain = text.split("negatives the plain loss is ")[1].split(",")[0]
    assert f"The debiased loss is {plain}." in text, "τ⁺ = 0 corrects nothing"
    at = opened(open_app, unlabelled, "bias")
    assert not at.metric
    assert ENGLISH("bias.no_estimate") in said(at)
    assert len(at.get("page_link")) == 1


def test_a_choice_that_is_gone_is_made_anew(open_app: OpenApp, vectors_only: Path) -> None:
    """An index that was rebuilt smaller no longer has as many candidates as a visitor had chosen."""
    at = open_app(vectors_only).switch_page(IDEAS)
    at.session_state["ideas_candidates"] = 512
    at.query_params["idea"] = "picking"
    assert f"log N = {math.log(32):.2f}" in said(healthy(at.run()))


def test_the_language_and_the_idea_are_in_the_address(open_app: OpenApp, vectors_only: Path) -> None:
    """What is chosen is written there, what is the default is not; an address that is come back to wins, another page does not reset."""
    at = healthy(open_app(vectors_only).switch_page(IDEAS).run())
    assert not {"lang", "idea"} & set(at.query_params)
    at.segmented_control(key="lang").set_value("ko").run()
    at.segmented_control(key="idea").set_value("bound").run()
    assert at.query_params == {"lang": "ko", "idea": "bound"}
    assert at.title[0].value == "아이디어"
    at.button(key="ideas_next").click().run()
    assert at.query_params["idea"] == "ingredients"
    at.query_params["idea"] = "bound"
    assert [each.value for each in healthy(at.run()).header] == [Words("ko")("bound.title")]
    del at.query_params["lang"]
    assert healthy(at.run()).title[0].value == "Ideas"
    at.segmented_control(key="lang").set_value("ko").run()
    at.switch_page(SEARCH).run()
    at.query_params.clear()
    assert healthy(at.switch_page(IDEAS).run()).title[0].value == "아이디어"
    at.query_params["idea"] = "no such idea"
    assert [each.value for each in healthy(at.run()).header] == [Words("ko")("nce.title")]
    assert screen.SHOW.keys() == set(SECTIONS)


def test_the_image_that_is_shown_is_in_the_address(open_app: OpenApp, artefact: Path) -> None:
    """Which one and which drawing of its views; the first of either is not written, and another section shows the same image."""
    at = opened(open_app, artefact, "ingredients")
    assert not {parts.PLACE, ingredients.DRAW} & set(at.query_params)
    at.button(key="ideas_another").click().run()
    at.button(key="ideas_another").click().run()
    at.button(key="ideas_redraw").click().run()
    assert (at.query_params[parts.PLACE], at.query_params[ingredients.DRAW]) == ("2", "1")
    other = open_app(artefact).switch_page(IDEAS)
    other.query_params[parts.PLACE], other.query_params["idea"] = "2", "picking"
    assert healthy(other.run()).session_state[parts.PLACE] == 2
    other.query_params[parts.PLACE] = "-1"
    assert healthy(other.run()).session_state[parts.PLACE] == 0
    assert parts.PLACE not in other.query_params


def test_sliders_are_in_the_address(open_app: OpenApp, vectors_only: Path) -> None:
    """A link opens the idea as it was set; the default is not written, what cannot be chosen is it, and *Back* leads to the one before."""
    at = opened(open_app, vectors_only, "ratio")
    assert not {"ideas_correlation", "ideas_score_temperature"} & set(at.query_params)
    at.slider(key="ideas_correlation").set_value(-0.3).run()
    at.select_slider(key="ideas_score_temperature").set_value(0.5).run()
    linked = {name: at.query_params[name] for name in ("ideas_correlation", "ideas_score_temperature")}
    assert linked == {"ideas_correlation": "-0.3", "ideas_score_temperature": "0.5"}
    other = open_app(vectors_only).switch_page(IDEAS)
    for name, value in {**linked, "idea": "ratio"}.items():
        other.query_params[name] = value
    healthy(other.run())
    assert other.slider(key="ideas_correlation").value == -0.3
    assert other.select_slider(key="ideas_score_temperature").value == 0.5
    del other.query_params["ideas_correlation"]
    assert healthy(other.run()).slider(key="ideas_correlation").value == 0.6
    other.query_params["ideas_score_temperature"] = "nonsense"
    assert healthy(other.run()).select_slider(key="ideas_score_temperature").value == 0.2
    assert "ideas_score_temperature" not in other.query_params
