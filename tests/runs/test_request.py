"""Trainings that are asked for: names that stay in the folder, words of a command line, and what is refused before anything is written."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from samekind import CorpusError, InputError, runs
from samekind.arguments import parse
from samekind.commands import COMMANDS

HOSTILE = [
    "", ".", "..", "../up", "a/b", "a\\b", "/etc", "~", "-rf", " a", "a ", "a.", ".hidden", "a\0b", "a\nb", "a:b", "con", "COM1.txt", "a*",
    "$(x)", "x" * 81, "가" * 80, "‮abc",
]  # fmt: skip


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """A run of a corpus with a blank in its folder's name."""
    (tmp_path / "my photos").mkdir()
    folder = tmp_path / "artefacts" / "one"
    folder.mkdir(parents=True)
    corpus = {"name": "photos", "corpus": str(tmp_path / "my photos"), "layout": "flat", "max_pixels": 900}
    (folder / "meta.json").write_text(json.dumps({"corpus": corpus, "encoder": {"backbone": "resnet-small"}}))
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_out(artefact: Path, name: str) -> None:
    """Nothing is made, neither beside the artefact nor elsewhere."""
    before = sorted(artefact.parents[1].rglob("*"))
    with pytest.raises(InputError, match="no name for a run"):
        runs.start(runs.TrainingRequest(artefact, name, preset="smoke"))
    assert sorted(artefact.parents[1].rglob("*")) == before


@pytest.mark.parametrize("name", ["a", "Photos hard, no".replace(",", ""), "사진-1", "run_2.b+c", "9"])
def test_ordinary_names_lie_beside_the_artefact(artefact: Path, name: str) -> None:
    """Letters of any script."""
    request = runs.TrainingRequest(artefact, name, preset="smoke")
    request.check()
    assert request.folder == artefact.parent / name


def test_a_name_that_is_taken_is_refused(artefact: Path) -> None:
    """Also by a link that leads nowhere, which `exists` does not see."""
    (artefact.parent / "link").symlink_to(artefact.parent / "nowhere")
    for name in ("one", "link"):
        with pytest.raises(InputError, match="already"):
            runs.TrainingRequest(artefact, name, preset="smoke").check()


def test_a_free_name_is_free_and_can_be_used(artefact: Path) -> None:
    """Whatever the wish holds."""
    for wanted, expected in (("one", "one-2"), ("../a b", "a-b"), ("", "run"), ("사진", "사진"), ("x" * 500, "x" * 72)):
        name = runs.free_name(artefact, wanted)
        assert name == expected
        runs.TrainingRequest(artefact, name, preset="smoke").check()


def test_the_words_are_what_the_command_line_reads(artefact: Path) -> None:
    """Parsed by the command itself, they are the corpus as it was read and the settings asked for."""
    import io

    request = runs.TrainingRequest(artefact, "new", preset="smoke", treatment="soft", beta=0.5, minutes=2.5, seed=7)
    launch = runs.Launch(request.folder, tuple(runs.trainable_corpus(artefact)), tuple(request.training))
    words = launch.commands["train"]
    assert shlex.split(runs.command_text(words)) == ["samekind", *words]
    command = parse(COMMANDS["train"], "train", words[1:], io.StringIO())
    values = {name: getattr(command, name) for name in ("corpus", "layout", "max_pixels", "preset", "beta", "seed")}
    place = str(artefact.parents[1] / "my photos")
    assert values == {"corpus": place, "layout": "flat", "max_pixels": 900, "preset": "smoke", "beta": 0.5, "seed": 7}
    assert getattr(command, "out") == artefact.parent / "new"  # noqa: B009 - fields are made from the settings
    assert (getattr(command, "minutes"), getattr(command, "treatment")) == (2.5, "soft")  # noqa: B009
    indexing = parse(COMMANDS["index"], "index", launch.commands["index"][1:], io.StringIO())
    assert (getattr(indexing, "encoder"), getattr(indexing, "layout")) == (str(artefact.parent / "new"), "flat")  # noqa: B009


def test_modes_name_a_backbone(artefact: Path) -> None:
    """The artefact's own, where it is a pretrained one; otherwise lite0."""
    assert runs.mode_of(artefact) == "scratch"
    words = runs.TrainingRequest(artefact, "new", "last-2").training
    assert words == ["--preset", "adapter", "--backbone", "lite0", "--train", "last-2"]
    meta = json.loads((artefact / "meta.json").read_text())
    (artefact / "meta.json").write_text(json.dumps({**meta, "encoder": {"backbone": "timm/resnet18"}}))
    assert runs.mode_of(artefact) == "adapter"
    words = runs.TrainingRequest(artefact, "new", "adapter").training
    assert words == ["--preset", "adapter", "--backbone", "timm/resnet18", "--train", "adapter"]


def test_settings_that_do_not_go_together_are_refused(artefact: Path) -> None:
    """Before a folder is made."""
    request = runs.TrainingRequest(artefact, "new", preset="smoke", objective="cpc", treatment="soft")
    with pytest.raises(InputError):
        runs.start(request)
    assert not request.folder.exists()


def test_images_that_are_gone_or_unknown_are_refused(artefact: Path) -> None:
    """One line each."""
    (artefact.parents[1] / "my photos").rmdir()
    with pytest.raises(CorpusError, match="no longer"):
        runs.trainable_corpus(artefact)
    unknown: tuple[object, ...] = (None, [], {"corpus": "given vectors"}, {"corpus": "../elsewhere"})
    for corpus in unknown:
        (artefact / "meta.json").write_text(json.dumps({"corpus": corpus}))
        with pytest.raises(CorpusError, match="does not say"):
            runs.trainable_corpus(artefact)
