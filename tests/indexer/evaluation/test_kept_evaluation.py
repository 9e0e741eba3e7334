"""What was measured last stays beside the index, for as long as it is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import samekind as sk
from samekind.indexer.evaluation.kept_evaluation import kept_evaluation
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder


@pytest.fixture
def evaluated(tmp_path: Path) -> sk.Index:
    """An index of 40 images that was evaluated."""
    encoder = FakeEncoder()
    save_encoder(encoder, tmp_path)
    index = sk.build_index(arrays_corpus(40), encoder, tmp_path)
    sk.evaluate(tmp_path)
    return index


def test_the_figures_are_those_of_evaluate(evaluated: sk.Index) -> None:
    """All of them, as `--json` prints them; the run card shows the k-NN accuracy among them."""
    figures = sk.evaluate(evaluated.path).to_dict()
    assert kept_evaluation(evaluated.path, evaluated.manifest["encoder"]) == figures
    assert sk.run_card(evaluated).knn_accuracy == figures["knn_accuracy"] is not None


def test_other_images_or_another_encoder_end_them(evaluated: sk.Index) -> None:
    """Figures of what is gone are none."""
    folder, encoder = evaluated.path, evaluated.manifest["encoder"]
    assert kept_evaluation(folder, "another") == {}
    evaluated.remove(evaluated.ids[:1])
    assert kept_evaluation(folder, encoder) == {}
    assert sk.run_card(evaluated).knn_accuracy is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"state": 3}', '{"state": [], "figures": {}}', "\xff"])
def test_a_damaged_file_is_no_figure(evaluated: sk.Index, content: str) -> None:
    """Nor is one that holds something else."""
    (evaluated.path / "evaluation.json").write_bytes(content.encode("latin-1"))
    assert kept_evaluation(evaluated.path, evaluated.manifest["encoder"]) == {}


def test_figures_of_another_kind_are_none(evaluated: sk.Index) -> None:
    """A list where figures belong."""
    path = evaluated.path / "evaluation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "figures": [1]}))
    assert kept_evaluation(evaluated.path, evaluated.manifest["encoder"]) == {}


def test_a_folder_that_cannot_be_written_is_evaluated_all_the_same(evaluated: sk.Index) -> None:
    """The figures are told, and none are kept."""
    path = evaluated.path / "evaluation.json"
    path.unlink()
    path.mkdir()
    (path / "in the way").touch()
    assert sk.evaluate(evaluated.path).num_train > 0
    assert kept_evaluation(evaluated.path, evaluated.manifest["encoder"]) == {}
