"""A whole run: what it leaves, what it keeps, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from samekind.core.errors import ArtefactError, CorpusError, InputError, SamekindError
from samekind.core.progress import NoProgress
from samekind.training.models.encoder import Encoder
from samekind.training.run.train import Start, train
from samekind.training.runtime.artefact import META, WEIGHTS, read_history, read_meta
from tests.training.runs import Lines, config, corpus, interrupted_at


def test_a_run_leaves_an_artefact(tmp_path: Path) -> None:
    """Weights that load, readable meta, one record an epoch with the promised figures, and the accuracy on test."""
    run = train(corpus(), config(), tmp_path)
    assert [record["epoch"] for record in run.history] == [1, 2]
    assert set(run.history[0]) == {
        "epoch", "loss", "knn_accuracy", "pairs_per_second", "learning_rate", "seconds", "mi_bound", "mi_cap", "base_rate",
        "false_negative_rate", "lift", "gradient_share", "num_anchors", "detector", "health", "probe",
    }  # fmt: skip
    assert run.history[0]["base_rate"] == pytest.approx(1 / 3, abs=0.05)
    assert run.history[0]["mi_bound"] <= run.history[0]["mi_cap"]
    assert run.summary["knn_accuracy"] > 0.7
    assert run.summary["num_test"] == 20
    assert run.encoder.embed_images([corpus().image(0)]).shape == (1, run.encoder.dim)
    meta = read_meta(tmp_path)
    assert meta["training"]["finished"]
    assert meta["corpus"]["name"] == "blobs"
    assert meta["corpus"]["corpus"] == "nowhere"  # how to load it again
    assert not list(tmp_path.rglob("*.tmp"))
    assert list((tmp_path / "tensorboard").iterdir())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"hold_out": 12},
            "training on 48 images (12 held out by image) · 6 steps of 16 in 2 epochs · hard · cpu, float32",
        ),
        (
            {"hold_out": 0, "steps": 1, "treatment": "soft", "detector": "threshold", "precision": "bfloat16"},
            "training on 60 images · 1 step of 16 in 1 epoch · hard + soft + threshold · cpu, bfloat16",
        ),
    ],
)
def test_a_run_says_at_once_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], said: str
) -> None:
    """Images, steps, method and machine in one line before the first epoch; an interrupted run says it again, and where it stands."""
    told: list[str] = []
    progress = NoProgress()
    monkeypatch.setattr(progress, "print", told.append)
    chosen = config(**{"precision": "float32", **settings})
    with interrupted_at(0):
        train(corpus(), chosen, tmp_path, progress=progress)
    assert [line for line in told if line.startswith(("training on", "continuing"))] == [said]
    run = train(corpus(), chosen, tmp_path, progress=progress)
    begun = told.index(said, 1 + told.index(said))
    assert told[begun + 1].startswith("continuing from step 1 of ")
    treated = "treatment" in settings
    assert run.summary["treatment"] == settings.get("treatment", "none")
    assert run.summary["detector"] == ("threshold" if treated else None)


def test_a_finished_run_is_kept_and_another_refused(tmp_path: Path) -> None:
    """The same settings train nothing; others, or another corpus, are refused with their names until forced."""
    train(corpus(), config(), tmp_path)
    before = (tmp_path / WEIGHTS).stat().st_mtime_ns
    assert train(corpus(), config(workers=1), tmp_path).kept
    assert (tmp_path / WEIGHTS).stat().st_mtime_ns == before
    with pytest.raises(ArtefactError, match=r"beta \(1.0 there, 0.5 asked for\)"):
        train(corpus(), config(beta=0.5), tmp_path)
    with pytest.raises(ArtefactError, match=r"another corpus \(80 images of blobs there, 60 now\)"):
        train(corpus(count=60), config(), tmp_path)
    with pytest.raises(ArtefactError, match=r"another corpus \(as many images of blobs, but other"):
        train(corpus(labelled=False), config(), tmp_path)
    with pytest.raises(ArtefactError, match=r"another corpus \(blobs there, bits asked for\)"):
        train(replace(corpus(count=60), name="bits"), config(), tmp_path)
    assert not train(corpus(), config(beta=0.5), tmp_path, start="force").kept
    assert read_meta(tmp_path)["config"]["beta"] == 0.5


@pytest.mark.parametrize(
    ("start", "settings"),
    [
        ("force", {"device": "mps"}),
        ("force", {"backbone": "timm/nope@none"}),
        ("continue", {"device": "mps"}),
    ],
)
def test_a_bad_request_loses_nothing(tmp_path: Path, start: Start, settings: dict[str, str]) -> None:
    """Whatever is wrong is said before anything is thrown away or begun."""
    finished, empty = tmp_path / "finished", tmp_path / "empty"
    train(corpus(), config(), finished)
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    for out in (finished, empty):
        with pytest.raises(InputError):
            train(corpus(), config(**settings), out, start=start)
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before
    assert not (empty / META).exists()


def test_a_setting_that_an_older_run_does_not_know_had_its_default(tmp_path: Path) -> None:
    """A kept run outlives the next release, which will have more settings."""
    train(corpus(), config(), tmp_path)
    meta = read_meta(tmp_path)
    del meta["identity"]["config"]["temperature"]
    (tmp_path / META).write_text(json.dumps(meta))
    assert train(corpus(), config(), tmp_path).kept


def test_without_labels_figures_are_null_and_say_why(tmp_path: Path) -> None:
    """No NaN, no zero: null, and a sentence."""
    run = train(corpus(labelled=False), config(), tmp_path)
    assert run.summary["knn_accuracy"] is None
    assert "no labels" in run.summary["note"]
    assert run.history[0]["knn_accuracy"] is None
    assert run.history[0]["false_negative_rate"] is None
    assert run.summary["num_hold_out"] == 0


def test_a_request_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """Even forced: a guide that is not there or is the run itself, labels that are missing. And a refused request blocks no other."""
    run = train(corpus(), config(), tmp_path / "run")
    before = (run.out / WEIGHTS).read_bytes()
    guided = {"treatment": "soft", "detector": "guide"}
    for guide in ("nowhere", str(run.out)):
        with pytest.raises(InputError, match=r"no encoder 'nowhere'|its own guide"):
            train(corpus(), config(guide=guide, **guided), run.out, start="force")
    assert (run.out / WEIGHTS).read_bytes() == before
    with pytest.raises(CorpusError, match="supervised needs labels"):
        train(corpus(labelled=False), config(objective="supervised"), tmp_path / "other")
    assert not train(corpus(labelled=False), config(), tmp_path / "other").kept


def test_steps_end_a_run_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    """An epoch has three steps here: five steps are two epochs, the second short; the schedule ends with them."""
    run = train(corpus(), config(steps=5), tmp_path)
    assert run.summary["steps"] == 5
    assert len(run.history) == run.summary["epochs"] == 2
    assert run.history[-1]["learning_rate"] < 0.2 * run.history[0]["learning_rate"]


def test_the_limit_is_a_seeded_choice(tmp_path: Path) -> None:
    """`limit` trains on that many images, the same ones for the same seed."""
    assert train(corpus(), config(limit=20), tmp_path / "a").summary["num_train"] == 18
    same = train(corpus(), config(limit=20), tmp_path / "b")
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (same.out / WEIGHTS).read_bytes()


def test_too_few_images_and_a_diverging_loss_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One image cannot be contrasted; a loss that is not finite stops the run with the step."""
    with pytest.raises(CorpusError, match="at least 2"):
        train(corpus(count=2).subset([0]), config(), tmp_path / "one")
    monkeypatch.setattr("samekind.training.engine.trainer.mean_loss", lambda verdict: verdict.loss.sum() * float("nan"))
    with pytest.raises(SamekindError, match="at step 0"):
        train(corpus(), config(), tmp_path / "nan")


def test_two_images_are_enough(tmp_path: Path) -> None:
    """The smallest corpus trains, with a batch of two."""
    run = train(corpus(count=80).subset([0, 1]), config(), tmp_path)
    assert run.summary["steps"] == 2


def test_an_unwritable_folder_fails_before_any_work(tmp_path: Path) -> None:
    """`out` below a file: one clear error at once."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtefactError, match="cannot write"):
        train(corpus(), config(), tmp_path / "file" / "out")


@pytest.mark.gpu
def test_a_gpu_run_learns(tmp_path: Path) -> None:
    """The same run on a CUDA device, under bfloat16."""
    assert torch.cuda.is_available()
    run = train(corpus(), config(device="cuda", precision="bfloat16"), tmp_path)
    assert run.summary["knn_accuracy"] > 0.9
    assert Encoder.load(tmp_path).embed_images([corpus().image(0)]).shape[0] == 1


def test_a_shared_label_measures_nothing_while_training(tmp_path: Path) -> None:
    """Of images that share labels (`any`) the records say null, in one line why; what needs one class an image is refused."""
    shared = replace(corpus(), label_rule="any")
    lines = Lines()
    train(shared, config(), tmp_path / "run", progress=lines)
    assert sum("share a label are of the same class (any)" in line for line in lines.lines) == 1
    assert all(record.get("knn_accuracy") is None for record in read_history(tmp_path / "run"))
    for asked in ({"objective": "supervised"}, {"treatment": "soft", "detector": "oracle"}):
        with pytest.raises(CorpusError, match="one class an image"):
            train(shared, config(**asked), tmp_path / "other")
