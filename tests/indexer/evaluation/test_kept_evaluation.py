"""What was measured last stays in the artefact, for as long as it is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from samekind import runs
from samekind.indexer.evaluation import kept_evaluation as kept
from samekind.indexer.evaluation.kept_evaluation import KeptEvaluation
from samekind.indexer.storage.manifest import CorpusEntry, Manifest
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder


@pytest.fixture
def evaluated(tmp_path: Path) -> sk.Index:
    """An index of 40 images that was evaluated."""
    corpus = arrays_corpus(40)
    save_encoder(FakeEncoder(), tmp_path, corpus={"content_hash": corpus.content_hash, "num_images": 40})
    index = sk.build_index(corpus, FakeEncoder(), tmp_path)
    sk.evaluate(tmp_path)
    return index


def now(index: sk.Index) -> KeptEvaluation:
    """What is kept of the index as it is opened."""
    return kept.kept_evaluation(index.path, index.manifest["encoder"])


def damage(index: sk.Index, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes what the file holds."""
    path = index.path / "evaluation.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_the_figures_are_those_of_evaluate(evaluated: sk.Index) -> None:
    """All that are defined, and the notes; the run card shows the k-NN accuracy among them."""
    found = sk.evaluate(evaluated.path)
    defined = {name: value for name, value in found.to_dict().items() if isinstance(value, int | float)}
    assert now(evaluated) == KeptEvaluation(defined, tuple(found.notes))
    assert sk.run_card(evaluated).knn_accuracy == defined["knn_accuracy"]
    assert runs.read_run(evaluated.path).figures["k-NN"] == defined["knn_accuracy"]
    assert runs.read_run(evaluated.path).notes == tuple(found.notes)


def test_other_images_or_another_encoder_end_them(evaluated: sk.Index) -> None:
    """Figures of what is gone are none."""
    assert kept.kept_evaluation(evaluated.path, "another") == KeptEvaluation()
    evaluated.remove(evaluated.ids[:1])
    assert now(evaluated) == KeptEvaluation()
    assert sk.run_card(evaluated).knn_accuracy is None


def test_another_rule_for_several_labels_ends_them(evaluated: sk.Index) -> None:
    """The same images, and other ones are of the same class."""
    manifest = Manifest.read(evaluated.path)
    (entry,) = manifest.corpora
    changed = CorpusEntry(**{**entry.to_dict(), "label_rule": "any"})
    Manifest(**{**vars(manifest), "corpora": (changed,)}).write(evaluated.path)
    assert now(evaluated) == KeptEvaluation()


def test_another_samekind_ends_them(evaluated: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may measure otherwise."""
    monkeypatch.setattr(kept, "version", lambda _: "9")
    assert now(evaluated) == KeptEvaluation()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"state": 3}', '{"state": [], "figures": {}}', "\xff"])
def test_a_damaged_file_is_no_figure(evaluated: sk.Index, content: str) -> None:
    """Nor is one that holds something else."""
    (evaluated.path / "evaluation.json").write_bytes(content.encode("latin-1"))
    assert now(evaluated) == KeptEvaluation()


def test_figures_of_another_kind_are_none(evaluated: sk.Index) -> None:
    """A text, a truth or a list where a number belongs is not shown as one; a list where all of them belong neither."""
    damage(evaluated, lambda values: values["figures"].update(knn_accuracy="x", hit_rate_at_1=True, map_at_r=[1]))
    assert not {"knn_accuracy", "hit_rate_at_1", "map_at_r"} & set(now(evaluated).figures)
    assert sk.run_card(evaluated).knn_accuracy is None
    damage(evaluated, lambda values: values.update(figures=[1]))
    assert now(evaluated) == KeptEvaluation()


def test_an_undefined_figure_leaves_the_training_its_own(evaluated: sk.Index) -> None:
    """As on the page *Runs*."""
    damage(evaluated, lambda values: values["figures"].update(knn_accuracy=None))
    meta = json.loads((evaluated.path / "meta.json").read_text())
    meta.pop("seal", None)
    (evaluated.path / "meta.json").write_text(json.dumps({**meta, "training": {"knn_accuracy": 0.75}}))
    assert sk.run_card(sk.Index.open(evaluated.path)).knn_accuracy == 0.75
    assert runs.read_run(evaluated.path).figures["k-NN"] == 0.75


def test_a_folder_that_cannot_be_written_is_evaluated_all_the_same(evaluated: sk.Index) -> None:
    """The figures are told, and none are kept."""
    path = evaluated.path / "evaluation.json"
    path.unlink()
    path.mkdir()
    (path / "in the way").touch()
    assert sk.evaluate(evaluated.path).num_train > 0
    assert now(evaluated) == KeptEvaluation()
