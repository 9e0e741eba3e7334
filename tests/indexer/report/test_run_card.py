"""Facts about the run behind an index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import samekind as sk


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained for four steps, with a treatment."""
    folder = tmp_path_factory.mktemp("card") / "run"
    digits = sk.load_corpus("digits", limit=200)
    run = sk.train(digits, "smoke", folder, epochs=2, batch_size=64, treatment="eliminate", seed=7, workers=0)
    sk.build_index(digits, run.encoder, folder)
    return folder


def test_a_trained_run_names_what_it_was_trained_with(trained: Path) -> None:
    """Each fact is what `meta.json`, the manifest and the epoch records say."""
    index = sk.Index.open(trained)
    card, meta = sk.run_card(index), index.meta
    assert card.facts["run"] == "run"
    assert card.facts["images"] == f"{len(index):,}"
    assert card.facts["objective"] == f"{meta['config']['objective']}, temperature {meta['config']['temperature']}"
    assert card.facts["treatment"] == f"eliminate by {meta['config']['detector']}"
    assert card.facts["hardness β"] == "1.0"
    assert card.facts["seed"] == "7"
    assert card.facts["steps"] == f"{meta['training']['steps']} in 2 epochs"
    assert card.facts["fingerprint"] == index.manifest["encoder"][:16]
    assert card.steps == meta["training"]["steps"]
    assert card.knn_accuracy == meta["training"]["knn_accuracy"]
    assert (card.is_collapsed, card.is_pretrained) == (False, False)
    assert card.to_text().splitlines()[0] == "run: run"
    assert not any("adapted" in line for line in card.to_text().splitlines())


def test_given_vectors_have_no_training(tmp_path: Path) -> None:
    """Where nothing was trained here there is neither objective nor seed; who made the vectors is told without folders."""
    vectors = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    index = sk.index_vectors(vectors, [f"{i}" for i in range(20)], tmp_path / "given", made_by="mine@/models/mine.pt")
    card = sk.run_card(index)
    assert card.facts["encoder"] == "none here: vectors made by mine@mine.pt"
    assert not {"objective", "treatment", "seed", "steps", "k-NN accuracy"} & set(card.facts)
    assert (card.steps, card.knn_accuracy, card.is_collapsed) == (None, None, False)


def test_runs_of_a_folder_are_found_newest_first(trained: Path, tmp_path: Path) -> None:
    """An artefact gives those beside it; a folder without any, one that is missing, and a file give none."""
    assert sk.find_runs(trained) == sk.find_runs(trained.parent) == [trained]
    assert sk.first_run(trained.parent) == sk.first_run(trained) == trained
    for nothing in (tmp_path, tmp_path / "missing", trained / "meta.json"):
        assert sk.find_runs(nothing) == []
        assert sk.first_run(nothing) == nothing
