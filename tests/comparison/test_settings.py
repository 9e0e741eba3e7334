"""What a comparison is asked for: budgets, methods and settings; what it cannot be is refused before a corpus is looked at."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from samekind.commands.compare import Compare
from samekind.comparison.budget import parse_budget
from samekind.comparison.methods import METHODS, chosen_methods, curves
from samekind.comparison.settings import Settings
from samekind.core.errors import InputError
from samekind.training.config.train_config import TrainConfig


@pytest.mark.parametrize(
    ("text", "seconds", "steps"),
    [("120s", 120, None), ("1.5s", 1.5, None), ("500steps", None, 500), ("500", None, 500), ("500 steps", None, 500)],
)
def test_budgets(text: str, seconds: float | None, steps: int | None) -> None:
    """Seconds or steps."""
    budget = parse_budget(text)
    assert (budget.seconds, budget.steps) == (seconds, steps)


@pytest.mark.parametrize("text", ["", "s", "-3s", "0", "0s", "1.5", "2.5steps", "ten", "5h", "nan", "inf s"])
def test_what_is_no_budget(text: str) -> None:
    """Refused with its value and the forms that are taken."""
    with pytest.raises(InputError, match="budget") as refused:
        parse_budget(text)
    assert repr(text) in str(refused.value)
    assert "120s" in refused.value.hint


def test_the_rows_of_the_table() -> None:
    """Eight objectives and twelve treated rows; those that use labels are exactly the supervised and oracle ones."""
    names = [method.name for method in METHODS]
    assert len(names) == len(set(names)) == 20
    assert {m.name for m in METHODS if m.uses_labels} == {
        "supervised",
        "hard+attract+oracle",
        "hard+eliminate+oracle",
        "hard+soft+oracle",
        "info_nce+eliminate+oracle",
    }
    assert [m.name for m in chosen_methods(["hard", "info_nce"])] == ["info_nce", "hard"]
    with pytest.raises(InputError, match="'hrad'") as refused:
        chosen_methods(["hrad"])
    assert refused.value.hint == "did you mean hard"


def test_batch_sizes_see_the_same_number_of_images() -> None:
    """Steps fall as the batch grows; a batch that the images do not fill is left out."""
    common = TrainConfig(batch_size=256, steps=400)
    batch = {curve.name: curve for curve in curves(common, 1024)}["batch-size"]
    images = [p.method.overrides["batch_size"] * p.method.overrides["steps"] for p in batch.points]
    assert images == [256 * 400] * 5
    fewer = {curve.name: curve for curve in curves(common, 1023)}["batch-size"]
    assert fewer.points == batch.points[:-1]


@pytest.mark.parametrize(
    "wrong",
    [{"seeds": 0}, {"knn_k": 0}, {"budget": "soon"}, {"preset": "huge"}, {"train_images": 1}, {"methods": ("x",)}],
)
def test_wrong_settings_are_refused_at_once(wrong: dict[str, Any]) -> None:
    """Before a corpus is looked at."""
    with pytest.raises(InputError):
        Settings(("digits",), **wrong)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("methods", 5, "the name of a row, or several of them"),
        ("methods", ["hard", 5], "the name of a row, or several of them"),
        ("seeds", "3", "a whole number"),
        ("seeds", 2.0, "a whole number"),
        ("budget", 1.5, "seconds as '120s', or a number of steps"),
        ("budget", True, "seconds as '120s', or a number of steps"),
        ("train_images", 1, "at least 2"),
        ("train_images", "5", "a whole number"),
        ("image_size", "28", "a whole number of at least 8"),
        ("batch_size", True, "a whole number of at least 2"),
        ("preset", ["plain"], "the name of a preset"),
        ("knn_k", True, "a whole number"),
        ("curves", "yes", "True or False"),
        ("data_dir", 5, "the path of a folder"),
        ("out", 5, "the path of a folder"),
        ("work", 5, "the path of a folder"),
        ("workers", "2", "a whole number of at least 0"),
    ],
)
def test_a_setting_of_another_kind_is_named(name: str, value: object, wanted: str) -> None:
    """It is said which one it is, what it takes and what it got, to `compare` and to `Settings`, before a corpus is looked at."""
    given: dict[str, Any] = {name: value}
    for ask in (lambda: sk.compare("nowhere", **given), lambda: Settings(("nowhere",), **given)):
        with pytest.raises(InputError) as refused:
            ask()
        assert str(refused.value).startswith(f"{name} must be {wanted}, got ")


@pytest.mark.parametrize("corpora", [5, ["digits", 5], None])
def test_corpora_of_another_kind_are_named(corpora: Any) -> None:
    """Names and folders are text or paths."""
    with pytest.raises(InputError, match=r"^corpora must be a name or a folder, or several of them, got "):
        sk.compare(corpora)


def test_results_go_where_nothing_is_kept_in_git() -> None:
    """`docs/results` holds this repository's own; flags and Python have the same defaults."""
    assert Settings(("digits",)).out == Path("artifacts/results")
    python = {f.name: f.default for f in fields(Settings)}
    flags = {f.name: f.default for f in fields(Compare) if f.name not in ("corpora", "methods", "json")}
    assert flags == {name: python[name] for name in flags}


def test_what_is_meant_plainly_is_taken() -> None:
    """One corpus or method alone, several in a list, a budget as a number of steps, paths as text, `None` for the default."""
    asked = Settings.of("digits", methods="hard", budget=100, out="results", seeds=None)
    assert asked == Settings(("digits",), ("hard",), budget="100", out=Path("results"))
    assert asked.parsed_budget.steps == 100
    several = Settings.of([Path("photos"), "digits"], methods=["info_nce", "hard"])
    assert several == Settings(("photos", "digits"), ("info_nce", "hard"))


def test_folders_are_read_as_told_and_say_how(tmp_path: Path) -> None:
    """Layout, labels and exclusions reach the folders among the corpora, and a line says what was understood; without folders they are
    refused.
    """
    from samekind.comparison.plan import describe
    from tests.data.layouts.make_images import put
    from tests.training.runs import Lines

    put(tmp_path, "x/1.jpg", "x/2.jpg", "y/3.jpg", "y/thumb.jpg")
    (tmp_path / "l.csv").write_text("file,kind\nx/1.jpg,a\nx/2.jpg,b\ny/3.jpg,c\n")
    settings = Settings.of((str(tmp_path), "digits"), labels="l.csv:kind", exclude="thumb*")
    lines = Lines()
    part = describe(str(tmp_path), settings, lines)
    assert part.num_train + part.num_test == 3
    assert part.source["labels"].endswith("l.csv:kind")
    assert any("3 classes; labels of l.csv, column kind" in line for line in lines.lines)
    assert describe("digits", settings, lines).labelled
    assert settings.command().endswith("--labels l.csv:kind --exclude 'thumb*'")
    with pytest.raises(InputError, match="--labels says how a folder is read, and no corpus is one"):
        Settings.of("digits", labels="l.csv")


def test_packs_take_what_says_how_their_pictures_are_read(tmp_path: Path) -> None:
    """Depth and largest size, and nothing that is about folders."""
    pack = tmp_path / "pack.npz"
    pack.touch()
    settings = Settings.of((str(pack), "digits"), depth=12, max_pixels=1000)
    assert settings.reading_of(str(pack)) == {"depth": 12, "max_pixels": 1000}
    assert settings.reading_of("digits") == {}
    with pytest.raises(InputError, match=r"^--frames says how a folder is read, and no corpus is one"):
        Settings.of(str(pack), depth=12, frames="all")
