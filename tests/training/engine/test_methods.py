"""Objectives, treatments, detectors, the guide and large batches in whole runs: each learns, and what does not go together is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError, MissingDependencyError
from samekind.data.corpus import Corpus
from samekind.training.config.false_negatives import DETECTORS, TREATMENTS
from samekind.training.config.objective import OBJECTIVES
from samekind.training.run.train import train
from samekind.training.runtime.artefact import WEIGHTS
from tests.training.runs import config, corpus, interrupted_at, slow, without_times

LEARNERS: list[dict[str, Any]] = [
    *({"objective": name} for name in OBJECTIVES),
    {"objective": "nce", "nce_form": "sigmoid"},
    {"objective": "cpc", "cpc_context": "gru"},
    {"objective": "hard", "queue_size": 64},
    {"objective": "mixed", "queue_size": 64},
    {"objective": "hard", "beta": 2.0, "beta_end": 0.0},
]
FLAGGING: dict[str, Any] = {"neighbours": 0.2, "prior": 0.3}
"""Settings with which each detector flags some pairs of the small corpus; a third of them are false."""


@pytest.mark.parametrize("settings", LEARNERS, ids=lambda settings: "-".join(map(str, settings.values())))
def test_every_objective_lowers_its_loss(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Each learns, with a queue where it takes one (full from the third epoch on)."""
    history = train(corpus(), config(epochs=8, learning_rate=5e-3, strength="light", **settings), tmp_path).history
    assert history[-1]["loss"] < history[2]["loss"] - 0.03


@pytest.fixture(scope="module")
def untreated(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Records of the run that the treated ones are until their treatment starts."""
    return without_times(train(corpus(), config(tau_plus=0.0), tmp_path_factory.mktemp("untreated")).history)


@pytest.mark.parametrize(
    "treatment", ["attract", *slow(*(name for name in TREATMENTS if name not in ("none", "attract")))]
)
@pytest.mark.parametrize("detector", [name for name in DETECTORS if name != "guide"])
def test_every_detector_feeds_every_treatment(
    tmp_path: Path, untreated: list[dict[str, Any]], detector: str, treatment: str
) -> None:
    """Until its warm-up ends the run is the untreated one to the last digit; from then on another, and its predictions are measured."""
    settings = config(treatment=treatment, detector=detector, treatment_start=0.5, **FLAGGING)
    before, after = without_times(train(corpus(), settings, tmp_path).history)
    assert before == untreated[0]
    assert untreated[1]["detector"] is None
    found = after["detector"]
    assert 0 <= found["precision"] <= 1
    assert 0 < found["recall"] <= 1
    assert after["loss"] != untreated[1]["loss"]
    assert np.isfinite(after["loss"])
    if detector == "oracle":
        assert found == {"precision": 1.0, "recall": 1.0}


def test_the_guide_is_an_artefact_and_a_checkpoint_is_asked_for_by_name(tmp_path: Path) -> None:
    """A trained encoder guides another run; a model of timm or OpenCLIP without a file says which to put where."""
    train(corpus(), config(), tmp_path / "first")
    guided = config(treatment="eliminate", detector="guide", guide=str(tmp_path / "first"), detector_point=-0.3)
    assert (
        train(corpus(), guided, tmp_path / "second").history[1]["detector"]["precision"] > 0.34
    )  # a third are of one class
    missing = config(treatment="soft", detector="guide", guide="open_clip/ViT-B-32")
    with pytest.raises(MissingDependencyError, match="not on this machine") as caught:
        train(corpus(), missing, tmp_path / "third")
    assert "open_clip/ViT-B-32" in caught.value.hint
    assert "open_clip/ViT-B-32@FILE" in caught.value.hint
    nowhere = config(treatment="soft", detector="guide", guide="timm/resnet18", guide_weights="nowhere.pt")
    with pytest.raises(MissingDependencyError, match=r"nowhere\.pt"):
        train(corpus(), nowhere, tmp_path / "fourth")
    with pytest.raises(InputError, match="second encoder"):
        config(treatment="soft", detector="guide")


def test_another_guide_behind_the_same_name_is_another_run(tmp_path: Path) -> None:
    """What a run reads besides its corpus belongs to its identity; a guide that was trained with labels is refused."""
    guided = config(treatment="soft", detector="guide", guide=str(tmp_path / "teacher"))
    train(corpus(), config(), tmp_path / "teacher")
    train(corpus(), guided, tmp_path / "student")
    assert train(corpus(), guided, tmp_path / "student").kept
    train(corpus(), config(seed=1), tmp_path / "teacher", start="force")
    with pytest.raises(ArtefactError, match="content of guide"):
        train(corpus(), guided, tmp_path / "student")
    train(corpus(), config(objective="supervised"), tmp_path / "teacher", start="force")
    with pytest.raises(InputError, match="with labels"):
        train(corpus(), guided, tmp_path / "third")


def relabelled(labelled: Corpus, order: NDArray[np.int64]) -> Corpus:
    """The same images with the labels in another order."""
    assert labelled.labels is not None
    return Corpus.from_arrays(
        np.stack([np.asarray(labelled.image(i)) for i in range(len(labelled))]),
        [labelled.labels[i] for i in order],
        list(labelled.splits),
        name=labelled.name,
        source=labelled.source,
    )


def test_labels_reach_no_loss_but_an_oracles(tmp_path: Path) -> None:
    """Classes that swap names, shuffled labels, or labels that only mark the hold-out: for an objective and detector that is no oracle
    the weights follow from images alone.
    """
    first_labels = corpus()
    assert first_labels.labels is not None
    renamed = relabelled(first_labels, np.arange(len(first_labels))[::-1])  # the kinds take turns: two swap their names
    other = relabelled(first_labels, np.random.default_rng(1).permutation(len(first_labels)))
    assert first_labels.labels != renamed.labels
    assert first_labels.labels != other.labels
    for number, settings in enumerate(
        [{"objective": "hard"}, {"treatment": "soft"}, {"treatment": "attract", "detector": "cluster"}]
    ):
        chosen = config(treatment_start=0.0, **settings) if "treatment" in settings else config(**settings)
        assert not chosen.uses_labels
        first, *others = (
            train(labelled, chosen, tmp_path / f"{number}{name}")
            for name, labelled in (("first", first_labels), ("renamed", renamed), ("other", other))
        )
        for run in others:
            assert (first.out / WEIGHTS).read_bytes() == (run.out / WEIGHTS).read_bytes()
    oracle = config(treatment="attract", detector="oracle", treatment_start=0.0)
    assert oracle.uses_labels
    first, second = (train(c, oracle, tmp_path / f"oracle{c is other}") for c in (first_labels, other))
    assert (first.out / WEIGHTS).read_bytes() != (second.out / WEIGHTS).read_bytes()


@pytest.mark.parametrize("queue_size", [0, 64])
@pytest.mark.parametrize("objective", ["hard", *slow("nce", "mixed", "supervised")])
def test_a_large_batch_trains_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective: str, queue_size: int
) -> None:
    """One chunk and blocks of any size are the plain step; smaller chunks learn as well, and continue bitwise."""
    settings: dict[str, Any] = {"objective": objective, "queue_size": queue_size}
    plain = train(corpus(), config(batch_size=48, **settings), tmp_path / "plain").history
    monkeypatch.setattr("samekind.training.engine.row_blocks.BLOCK_BYTES", 1000)
    chunked = train(corpus(), config(batch_size=48, effective_batch=48, **settings), tmp_path / "chunked").history
    if objective not in ("mixed", "nce"):  # one draws per block, one starts from the first block
        assert chunked[-1]["loss"] == pytest.approx(plain[-1]["loss"], rel=1e-3)
    assert chunked[-1]["mi_cap"] == plain[-1]["mi_cap"]
    train(corpus(), config(effective_batch=48, **settings), tmp_path / "whole")
    with interrupted_at(1):
        train(corpus(), config(effective_batch=48, **settings), tmp_path / "parts")
    train(corpus(), config(effective_batch=48, **settings), tmp_path / "parts")
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"objective": "cpc", "treatment": "soft"}, "takes no treatment"),
        ({"objective": "supervised", "treatment": "soft"}, "takes no treatment"),
        ({"objective": "cpc", "queue_size": 64}, "no use for a queue"),
        ({"objective": "cpc", "backbone": "timm/resnet18"}, "needs the backbone"),
        ({"objective": "cpc", "effective_batch": 64}, "no use for a large batch"),
        ({"effective_batch": 8}, "smaller than batch_size"),
        ({"effective_batch": 32.5}, "whole number"),
        ({"effective_batch": 64, "treatment": "soft", "detector": "quantile"}, "whole batches"),
        ({"guide": "somewhere"}, "nothing asks the guide"),
        ({"objective": "nonsense"}, "unknown objective"),
        ({"detector": "verdicts"}, "unknown detector"),
        ({"treatment_start": 0.6}, "between 0 and 0.5"),
    ],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, Any], complaint: str) -> None:
    """Before anything is loaded."""
    with pytest.raises(InputError, match=complaint):
        config(**settings)
