"""Words, equations and drawings of the page *Ideas*."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samekind as sk
from samekind import ideas
from samekind.app.view_models.ideas import charts, drawings
from samekind.app.view_models.ideas.helps import HELPS
from samekind.app.view_models.ideas.texts import EQUATIONS, LANGUAGES, SECTIONS, Words, placeholders, texts
from samekind.training.objectives.cpc import MAX_ANCHORS, MAX_CANDIDATES

APP = Path(sk.__file__).parents[1] / "app"
HANGUL = re.compile("[가-힣]")
# Titles that are names, and words that are the same in both.
SAME_IN_BOTH = {"nce.tab", "picking.tab", "patches.tab"}

WONDERED = (
    "design choice",
    "왜 contrastive learning",
    "simple bilinear model",
    "mutual information이 먼저",
    "어디서부터 t",
    "계산량이 꽤 많",
    "가까운 패치",
    "pretrained ResNet",
    "hard negative sampling",
    "supervision",
    "bias가 생기",
)
"""Words of the notes' open questions."""


def test_the_languages_say_the_same() -> None:
    """Every file has the same keys, and each text the same values to fill in."""
    english, *others = (texts(language) for language in LANGUAGES)
    for other in others:
        assert set(other) == set(english)
        differ = {key for key in english if placeholders(english[key]) != placeholders(other[key])}
        assert not differ


def test_korean_is_korean_and_english_is_not() -> None:
    """Each Korean text has Hangul and no English one has."""
    english, korean = texts("en"), texts("ko")
    assert {key for key, text in korean.items() if not HANGUL.search(text)} <= SAME_IN_BOTH | {"bound.nats"}
    assert not {key for key, text in english.items() if HANGUL.search(text)}


def test_every_text_is_used_and_every_text_asked_for_is_there() -> None:
    """Keys in the code are keys of the files, and no text lies about unused."""
    code = "\n".join(path.read_text() for path in APP.rglob("*.py"))
    made = [f"nce.{shape}" for shape in ("like", "broad", "aside")]
    made += [f"ingredients.strength_{name}" for name in ("none", "light", "medium", "heavy")]
    made += [f"bias.{each}{end}" for each in ("first", "tenth", "base", "push") for end in ("", "_help")]
    made += [f"bias.{key}" for key, _ in HELPS] + ["ratio.truth", "ratio.learned", "page.previous", "page.next"]
    made += [f"{section}.{name}" for section in SECTIONS for name in ("title", "says", "tab")]
    unused = {key for key in texts("en") if f'"{key}"' not in code and f"{key}'" not in code and ".notes." not in key}
    assert unused <= set(made)
    asked = re.findall(r'words\(\s*"([a-z_]+\.[a-z_0-9]+)"', code)
    assert set(asked) <= set(texts("en"))
    assert len(asked) > 60


def test_a_missing_value_is_an_error() -> None:
    """A text is never shown with its braces."""
    with pytest.raises(KeyError):
        Words("en")("nce.here", count=1)


def test_every_open_question_of_the_notes_has_its_place() -> None:
    """Seven ideas, each with questions and equations: what the lecture notes did not understand, in their order."""
    asked = {section: len(Words("ko").notes(section)) for section in SECTIONS}
    assert asked == {"nce": 2, "picking": 2, "ratio": 2, "patches": 5, "bound": 2, "ingredients": 1, "bias": 2}
    korean = " ".join(ask for section in SECTIONS for ask, _ in Words("ko").notes(section))
    for words in WONDERED:
        assert words in korean, words
    assert all(EQUATIONS[section] for section in SECTIONS)


def test_the_numbers_of_training_are_training_s() -> None:
    """What the words say of samekind's CPC is what it draws."""
    for language in LANGUAGES:
        answers = " ".join(answer for _, answer in Words(language).notes("patches"))
        assert f"{MAX_ANCHORS:,}" in answers
        assert f"{MAX_CANDIDATES:,}" in answers


def test_what_helps_is_what_the_results_say() -> None:
    """The figures of the table are those of docs/results.md, row by row."""
    section = (APP.parent / "docs" / "results.md").read_text().split("## Without labels, against")[1].split("\n## ")[0]
    rows = [
        [cell.strip(" *") for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"
    ]
    names = ("`info_nce`", "`info_nce` + oracle", "`hard` (", "`hard` + oracle", "`hard` + `soft_attract`")
    for name, (_, figures) in zip(names, HELPS, strict=True):
        (row,) = [row for row in rows if row[0].startswith(name) and (name != "`info_nce`" or row[0] == name)]
        assert tuple(row[1:]) == figures


def test_hostile_names_are_shown_as_they_are() -> None:
    """No tag of a class name or a file name reaches the page."""
    row = drawings.Bar(b"\x89PNG", "<script>alert(1)</script>\nnew line", 0.5, "<b>", "false")
    shown = drawings.bars([row], '"><img>')
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "\n" not in shown
    assert 'aria-label="&quot;&gt;&lt;img&gt;"' in shown


def test_a_picture_has_its_name_for_those_who_do_not_see_it() -> None:
    """The anchor of InfoNCE, whatever its name."""
    shown = drawings.named_picture(b"\x89PNG", 'pants "1" <b>')
    assert 'alt="pants &quot;1&quot; &lt;b&gt;"' in shown


def test_bars_are_as_long_as_their_shares() -> None:
    """The longest fills the width, the others follow; all of nothing has no length."""
    rows = [drawings.Bar(b"", name, share, "", "plain") for name, share in (("a", 0.5), ("b", 0.1), ("c", 0.0))]
    assert re.findall(r"width:([\d.]+)%", drawings.bars(rows, "")) == ["100.00", "20.00", "0.00"]
    assert re.findall(r"width:([\d.]+)%", drawings.bars(rows[2:], "")) == ["0.00"]


@pytest.mark.parametrize(("row", "step", "target"), [(0, 1, (3, 1)), (2, 3, (3, 5)), (5, 2, None)])
def test_the_picture_marks_the_patches(row: int, step: int, target: tuple[int, int] | None) -> None:
    """A square each for the context's place and for what it predicts, at their pixels; none below the image."""
    grid = ideas.PatchGrid.of(64)
    shown = drawings.patch_picture(Image.new("L", (20, 30), 9), grid, row, 3, step, ("seen", "at", "target"))
    drawing = base64.b64decode(re.findall('svg.xml;base64,([^"]+)', shown)[0]).decode()
    squares = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="15"', drawing)
    expected = [(3, row)] + ([] if target is None else [target])
    assert squares == [(str(column * 8 + 0.5), str(r * 8 + 0.5)) for column, r in expected]
    (seen,) = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', drawing)
    assert tuple(map(int, seen)) == (0, 0, 64, row * 8 + 16)


def test_a_curve_that_went_astray_does_not_flatten_the_chart() -> None:
    """The axis ends at 1.2 however high the learned curve is."""
    curve = ideas.BellCurve(ideas.Noise(0.0, 1.0), 10.0, 0.0, 0.0)
    figure = charts.curves(Words("en"), np.zeros(10), curve.noise, curve, ideas.Noise(0.0, 1.0))
    assert figure.layout.yaxis.range == (0, 1.2)


def test_data_and_noise_are_drawn_before_a_curve_is_learned() -> None:
    """The same chart without the learned curve, which needs torch."""
    words, best = Words("en"), ideas.Noise(0.0, 1.0)
    curve = ideas.BellCurve(ideas.Noise(0.0, 2.0), 0.0, 0.0, 0.0)
    data_T = np.random.default_rng(0).normal(size=500)
    first, then = (charts.curves(words, data_T, curve.noise, each, best) for each in (None, curve))
    assert [line.name for line in then.data] == [*(line.name for line in first.data), words("nce.fitted")]
    assert [line.y for line in then.data[:3]] == [line.y for line in first.data]


def test_every_name_of_the_ideas_is_there_when_it_is_asked_for() -> None:
    """They are loaded one by one."""
    assert sorted(ideas.__all__) == sorted(ideas._HOMES)
    assert all(getattr(ideas, name) is not None for name in ideas.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ideas.nothing
