"""A comparison of images of several labels: the rule reaches corpora, figures and the identity of trials."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samekind.comparison import worker
from samekind.comparison.plan import describe, make_plan
from samekind.comparison.settings import Settings
from samekind.core.errors import InputError
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.training.models import embed_corpus
from tests.comparison.conftest import Child
from tests.data.layouts.make_images import put
from tests.end_to_end.helpers import refused
from tests.training.runs import Lines


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Pictures of which one has two labels."""
    put(tmp_path / "photos", *(f"{i}.jpg" for i in range(4)))
    table = "file_name,label\n0.jpg,cat|dog\n1.jpg,cat\n2.jpg,dog\n3.jpg,cow\n"
    (tmp_path / "photos" / "metadata.csv").write_text(table)
    return tmp_path / "photos"


def test_the_rule_is_asked_for_told_and_part_of_a_trial(several: Path, tmp_path: Path, child: Child) -> None:
    """Two rules are two trials on the same content; what is said by nobody is `exact`, as trials before there was a choice."""
    given = {"out": tmp_path / "out", "work": tmp_path / "work", "methods": ("info_nce", "supervised"), "budget": "5"}
    lines = Lines()
    plans = {}
    for rule in (None, "exact", "any"):
        settings = Settings.of(str(several), several=rule, **given)
        assert ("--several any" in settings.command()) == (rule == "any")
        part = describe(str(several), settings, lines)
        plans[rule] = make_plan(part, settings, [], lines, with_curves=False)
    identities = {rule: [trial.identity for trial in plan.trials] for rule, plan in plans.items()}
    assert identities[None] == identities["exact"]
    shared, own = identities["any"][0], identities["exact"][0]
    assert shared["corpus"] != own["corpus"]
    assert plans["any"].corpus.content_hash == plans["exact"].corpus.content_hash
    assert {**shared, "corpus": ""} == {**own, "corpus": ""}
    assert [method.name for method in plans["any"].methods] == ["info_nce"], "a label that is shared makes no classes"
    assert [method.name for method in plans["exact"].methods] == ["info_nce", "supervised"]
    assert sum("images that share a label (any) are no classes" in line for line in lines.lines) == 1


@pytest.mark.parametrize(("rule", "share"), [("exact", 0.0), ("any", 1.0)])
@pytest.mark.parametrize("knn_k", [1, 20])
def test_figures_follow_the_rule(rule: str, share: float, knn_k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest training image of the cat is a cat and a dog: of its class if one shared label is enough."""
    pixels = np.zeros((3, 4, 4), dtype=np.uint8)
    pixels[:, 0, 0] = [0, 1, 2]
    labels = ["cat + dog", "cow", "cat"]
    corpus = replace(Corpus.from_arrays(pixels, labels, ["train", "train", "test"]), label_rule=rule)
    vectors = {"train": np.eye(2, dtype=np.float32), "test": np.array([[1, 0]], dtype=np.float32)}
    monkeypatch.setattr(embed_corpus, "embed_corpus", lambda _, part, progress: vectors[part.splits[0]])
    figures, _ = worker._measure(None, [corpus.split("train"), corpus.split("test")], knn_k, NoProgress())  # type: ignore[arg-type]
    assert (figures["hit_rate_at_1"], figures["knn_accuracy"]) == (share, share)


def test_a_rule_that_cannot_be_is_one_line(several: Path, tmp_path: Path) -> None:
    """Unknown, and for a corpus that is no folder."""
    where = ("--out", tmp_path / "out", "--work", tmp_path / "work", "--budget", "5")
    assert "unknown rule for several labels 'some'" in refused(
        "compare", "--corpora", several, "--several", "some", *where
    )
    with pytest.raises(InputError, match="--several says how a folder is read, and no corpus is one"):
        Settings.of("digits", several="any")
