"""A whole run: what it leaves, what it refuses, and that an interruption changes nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data.corpus import Corpus
from data.errors import ArtefactError, CorpusError, InputError, MissingDependencyError, SamekindError
from data.loader import Batch
from training import checkpoint
from training.artefact import META, METRICS, WEIGHTS, read_history, read_meta
from training.config import DETECTORS, OBJECTIVES, TrainConfig
from training.encoder import Encoder
from training.loop import train
from training.presets import preset
from training.trainer import Trainer

TIMES = {"seconds", "pairs_per_second"}


def corpus(labelled: bool = True, count: int = 80) -> Corpus:
    """Three classes of noisy blobs, 16 px; the last quarter is test."""
    random = np.random.default_rng(0)
    kinds = np.arange(count) % 3
    images = random.integers(0, 60, (count, 16, 16))
    for row, kind in zip(images, kinds, strict=True):
        row[4 * kind : 4 * kind + 6, 3:9] += 150
    splits = ["train"] * (count * 3 // 4) + ["test"] * (count - count * 3 // 4)
    labels = [f"kind {kind}" for kind in kinds] if labelled else None
    return Corpus.from_arrays(images.astype(np.uint8), labels, splits, name="blobs", source={"corpus": "nowhere"})  # type: ignore[arg-type]


def config(**overrides: Any) -> TrainConfig:
    """Small enough for a second."""
    settings = {
        "epochs": 2,
        "batch_size": 16,
        "width": 4,
        "projector_hidden": 16,
        "projector_dim": 8,
        "workers": 0,
        "device": "cpu",
    }
    return preset("smoke", **{**settings, **overrides})


def without_times(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All that must be equal between two runs."""
    return [{key: value for key, value in record.items() if key not in TIMES} for record in history]


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends this process a Ctrl-C while step number `step` is being taken."""
    take = Trainer.step

    def interrupted(self: Trainer, batch: Batch, number: int, *rest: Any) -> dict[str, float]:
        if number == step:
            os.kill(os.getpid(), signal.SIGINT)
        return take(self, batch, number, *rest)

    monkeypatch.setattr(Trainer, "step", interrupted)


def test_a_run_leaves_an_artefact(tmp_path: Path) -> None:
    """Weights that load, readable meta, one record an epoch with the promised figures, and the accuracy on test."""
    run = train(corpus(), config(), tmp_path)
    assert [record["epoch"] for record in run.history] == [1, 2]
    assert set(run.history[0]) == {
        "epoch", "loss", "knn_accuracy", "pairs_per_second", "learning_rate", "seconds", "mi_bound", "mi_cap", "base_rate",
        "false_negative_rate", "lift", "gradient_share", "num_anchors", "detector",
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


@pytest.mark.parametrize("queue_size", [0, 32])
@pytest.mark.parametrize("step", [0, 2, 4, 5])
def test_an_interrupted_run_continues_bitwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, queue_size: int, step: int
) -> None:
    """Ctrl-C at any step, in the middle or at the end of an epoch, queue or not: the same weights, records and accuracy."""
    whole = train(corpus(), config(queue_size=queue_size), tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_at(step, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), config(queue_size=queue_size), tmp_path / "parts")
    assert checkpoint.exists(tmp_path / "parts")
    assert not (tmp_path / "parts" / WEIGHTS).exists()
    parts = train(corpus(), config(queue_size=queue_size), tmp_path / "parts")
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()
    assert without_times(parts.history) == without_times(whole.history)
    assert parts.summary["knn_accuracy"] == whole.summary["knn_accuracy"]


def test_a_kill_between_weights_and_meta_is_mended(tmp_path: Path) -> None:
    """Killed after the last step, before the artefact was declared finished: the next start finishes it, alike."""
    train(corpus(), config(), tmp_path)
    weights = (tmp_path / WEIGHTS).read_bytes()
    meta = read_meta(tmp_path)
    (tmp_path / META).write_text(json.dumps({**meta, "training": {"finished": False}}))
    (tmp_path / WEIGHTS).unlink()
    (tmp_path / METRICS).unlink()
    run = train(corpus(), config(), tmp_path)
    assert not run.kept
    assert (tmp_path / WEIGHTS).read_bytes() == weights
    assert len(read_history(tmp_path)) == 2


def test_a_run_of_an_older_version_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that came later, at its default, is no other run: neither for the meta data nor for the checkpoint."""
    with monkeypatch.context() as patch:
        patch.setattr(
            TrainConfig,
            "identity",
            property(lambda c: {k: v for k, v in c.to_dict().items() if k not in {"workers", "device", "hold_out"}}),
        )
        stop_at(3, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), config(), tmp_path)
    assert train(corpus(), config(), tmp_path).summary["steps"] == 6


def test_a_finished_run_is_kept_and_another_refused(tmp_path: Path) -> None:
    """The same settings train nothing; others, or another corpus, are refused with their names until forced."""
    train(corpus(), config(), tmp_path)
    before = (tmp_path / WEIGHTS).stat().st_mtime_ns
    assert train(corpus(), config(workers=1), tmp_path).kept
    assert (tmp_path / WEIGHTS).stat().st_mtime_ns == before
    with pytest.raises(ArtefactError, match=r"beta \(1.0 there, 0.5 asked for\)"):
        train(corpus(), config(beta=0.5), tmp_path)
    with pytest.raises(ArtefactError, match="corpus"):
        train(corpus(count=60), config(), tmp_path)
    assert not train(corpus(), config(beta=0.5), tmp_path, force=True).kept
    assert read_meta(tmp_path)["config"]["beta"] == 0.5


def test_a_forced_run_that_was_interrupted_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`force`, Ctrl-C, and the same command again: it does not start from zero, and gives the same weights."""
    whole = train(corpus(), config(beta=0.5), tmp_path / "whole")
    train(corpus(), config(), tmp_path / "forced")
    with monkeypatch.context() as patch:
        stop_at(4, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), config(beta=0.5), tmp_path / "forced", force=True)
    steps: list[int] = []
    take = Trainer.step

    def counted(self: Trainer, batch: Batch, step: int, *rest: Any) -> dict[str, float]:
        steps.append(step)
        return take(self, batch, step, *rest)

    monkeypatch.setattr(Trainer, "step", counted)
    again = train(corpus(), config(beta=0.5), tmp_path / "forced", force=True)
    assert steps == [5]
    assert (again.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("force", "resume", "settings"),
    [
        (True, True, {}),
        (True, False, {"device": "mps"}),
        (True, False, {"backbone": "timm/nope"}),
        (False, False, {"device": "mps"}),
    ],
)
def test_a_bad_request_loses_nothing(tmp_path: Path, force: bool, resume: bool, settings: dict[str, str]) -> None:
    """Whatever is wrong is said before anything is thrown away or begun."""
    finished, empty = tmp_path / "finished", tmp_path / "empty"
    train(corpus(), config(), finished)
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    for out in (finished, empty):
        with pytest.raises(InputError):
            train(corpus(), config(**settings), out, force=force, resume=resume)
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before
    assert not (empty / META).exists()


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint whose `meta.json` is gone does not become the start of a run with other settings."""
    with monkeypatch.context() as patch:
        stop_at(4, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), config(), tmp_path)
    (tmp_path / META).unlink()
    with pytest.raises(ArtefactError, match="cannot be resumed"):
        train(corpus(), config(beta=0.0), tmp_path)


def test_a_setting_that_an_older_run_does_not_know_had_its_default(tmp_path: Path) -> None:
    """A kept run outlives the next release, which will have more settings."""
    train(corpus(), config(), tmp_path)
    meta = read_meta(tmp_path)
    del meta["identity"]["config"]["temperature"]
    (tmp_path / META).write_text(json.dumps(meta))
    assert train(corpus(), config(), tmp_path).kept


def test_resume_demands_a_checkpoint(tmp_path: Path) -> None:
    """`resume` on an empty folder is an error, not a new run."""
    with pytest.raises(InputError, match="no checkpoint"):
        train(corpus(), config(), tmp_path, resume=True)
    assert not (tmp_path / META).exists()


def test_a_damaged_checkpoint_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn file (not ours: ours are renamed whole) gives one clear error."""
    with monkeypatch.context() as patch:
        stop_at(1, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), config(), tmp_path)
    path = tmp_path / checkpoint.CHECKPOINT
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtefactError, match="cannot be resumed"):
        train(corpus(), config(), tmp_path)


def test_labels_never_change_the_weights(tmp_path: Path) -> None:
    """Shuffled labels, the same labels or a run where they only mark the hold-out: the weights follow from images alone."""
    one = corpus()
    assert one.labels is not None
    two = Corpus.from_arrays(
        [np.asarray(one.image(i)) for i in range(len(one))], one.labels[::-1], one.splits, name=one.name
    )  # fmt: skip
    train(one, config(), tmp_path / "one")
    train(two, config(), tmp_path / "two")
    assert (tmp_path / "one" / WEIGHTS).read_bytes() == (tmp_path / "two" / WEIGHTS).read_bytes()


def test_without_labels_figures_are_null_and_say_why(tmp_path: Path) -> None:
    """No NaN, no zero: null, and a sentence."""
    run = train(corpus(labelled=False), config(), tmp_path)
    assert run.summary["knn_accuracy"] is None
    assert "no labels" in run.summary["note"]
    assert run.history[0]["knn_accuracy"] is None
    assert run.history[0]["false_negative_rate"] is None
    assert run.summary["num_hold_out"] == 0


LEARNERS: list[dict[str, Any]] = [
    *({"objective": name} for name in OBJECTIVES),
    {"objective": "nce", "nce_form": "sigmoid"},
    {"objective": "cpc", "cpc_context": "gru"},
    {"objective": "hard", "queue_size": 64},
    {"objective": "mixed", "queue_size": 64},
    {"objective": "hard", "beta": 2.0, "beta_end": 0.0},
]


@pytest.mark.parametrize("settings", LEARNERS, ids=lambda settings: "-".join(map(str, settings.values())))
def test_every_objective_lowers_its_loss(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Each learns, with a queue where it takes one (full from the third epoch on)."""
    history = train(corpus(), config(epochs=8, learning_rate=5e-3, strength="light", **settings), tmp_path).history
    assert history[-1]["loss"] < history[2]["loss"] - 0.03


LABEL_FREE_OR_ORACLE = [name for name in DETECTORS if name != "guide"]


def slow(*values: str) -> list[Any]:
    """Further cases of the same kind, for the slow tests."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.mark.parametrize("treatment", ["attract", *slow("eliminate", "soft")])
@pytest.mark.parametrize("detector", LABEL_FREE_OR_ORACLE)
def test_every_detector_feeds_every_treatment(tmp_path: Path, detector: str, treatment: str) -> None:
    """It starts after its warm-up and is measured."""
    settings = config(treatment=treatment, detector=detector, treatment_start=0.5, neighbours=0.2)
    history = train(corpus(), settings, tmp_path).history
    assert history[0]["detector"] is None
    assert history[1]["detector"] is not None


@pytest.mark.parametrize("detector", ["quantile", "reciprocal", *slow("threshold", "cluster", "posterior", "oracle")])
def test_a_treated_run_continues_bitwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detector: str) -> None:
    """Interrupted in the middle of a treated epoch, with a queue: what the detector learned is in the checkpoint."""
    settings = config(treatment="attract", detector=detector, treatment_start=0.5, neighbours=0.2, queue_size=32)
    train(corpus(), settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_at(4, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), settings, tmp_path / "parts")
    train(corpus(), settings, tmp_path / "parts")
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()


def test_the_guide_is_an_artefact_and_a_checkpoint_is_asked_for_by_name(tmp_path: Path) -> None:
    """A trained encoder guides another run; a model of timm or OpenCLIP without a file says which to put where."""
    train(corpus(), config(), tmp_path / "first")
    guided = config(treatment="eliminate", detector="guide", guide=str(tmp_path / "first"), detector_point=-0.3)
    assert (
        train(corpus(), guided, tmp_path / "second").history[1]["detector"]["precision"] > 0.34
    )  # a third are of one class
    missing = config(treatment="soft", detector="guide", guide="open_clip/ViT-B-32")
    with pytest.raises(MissingDependencyError, match="needs a checkpoint") as caught:
        train(corpus(), missing, tmp_path / "third")
    assert "open_clip/ViT-B-32" in caught.value.hint
    assert "--guide-weights" in caught.value.hint
    nowhere = config(treatment="soft", detector="guide", guide="timm/resnet18", guide_weights="nowhere.pt")
    with pytest.raises(MissingDependencyError, match=r"nowhere\.pt"):
        train(corpus(), nowhere, tmp_path / "fourth")
    with pytest.raises(InputError, match="second encoder"):
        config(treatment="soft", detector="guide")


def test_labels_reach_no_loss_but_an_oracles(tmp_path: Path) -> None:
    """Other labels, same weights: for every objective and detector that is no oracle."""
    first_labels = corpus()
    assert first_labels.labels is not None
    order = np.random.default_rng(1).permutation(len(first_labels))
    other = Corpus.from_arrays(
        np.stack([np.asarray(first_labels.image(i)) for i in range(len(first_labels))]),
        [first_labels.labels[i] for i in order],
        list(first_labels.splits),
        name="blobs",
        source={"corpus": "nowhere"},
    )
    assert other.labels != first_labels.labels
    for number, settings in enumerate(
        [{"objective": "hard"}, {"treatment": "soft"}, {"treatment": "attract", "detector": "cluster"}]
    ):
        chosen = config(treatment_start=0.0, **settings) if "treatment" in settings else config(**settings)
        assert not chosen.uses_labels
        first, second = (train(c, chosen, tmp_path / f"{number}{c is other}") for c in (first_labels, other))
        assert (first.out / WEIGHTS).read_bytes() == (second.out / WEIGHTS).read_bytes()
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
    monkeypatch.setattr("training.row_blocks.BLOCK_BYTES", 1000)
    chunked = train(corpus(), config(batch_size=48, effective_batch=48, **settings), tmp_path / "chunked").history
    if objective != "mixed" and not (
        objective == "nce" and queue_size == 0
    ):  # one draws per block, one starts from the first block
        assert chunked[-1]["loss"] == pytest.approx(plain[-1]["loss"], rel=1e-3)
    assert chunked[-1]["mi_cap"] == plain[-1]["mi_cap"]
    train(corpus(), config(effective_batch=48, **settings), tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_at(1, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), config(effective_batch=48, **settings), tmp_path / "parts")
    train(corpus(), config(effective_batch=48, **settings), tmp_path / "parts")
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()


@pytest.mark.parametrize("objective", ["mixed", "cpc"])
def test_what_an_objective_draws_is_the_same_after_an_interruption_and_for_any_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    """The loader draws nothing from the numbers that the objective draws from."""
    whole = train(corpus(), config(objective=objective), tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_at(1, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), config(objective=objective), tmp_path / "parts")
    train(corpus(), config(objective=objective, workers=1), tmp_path / "parts")
    assert (tmp_path / "parts" / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()


def test_a_request_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """Even forced: a guide that is not there or is the run itself, labels that are missing. And a refused request blocks no other."""
    run = train(corpus(), config(), tmp_path / "run")
    before = (run.out / WEIGHTS).read_bytes()
    guided = {"treatment": "soft", "detector": "guide"}
    for guide in ("nowhere", str(run.out)):
        with pytest.raises(InputError, match=r"no guide|its own guide"):
            train(corpus(), config(guide=guide, **guided), run.out, force=True)
    assert (run.out / WEIGHTS).read_bytes() == before
    with pytest.raises(CorpusError, match="supervised needs labels"):
        train(corpus(labelled=False), config(objective="supervised"), tmp_path / "other")
    assert not train(corpus(labelled=False), config(), tmp_path / "other").kept


def test_force_starts_anew_where_the_checkpoint_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the hint says."""
    with monkeypatch.context() as patch:
        stop_at(2, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus(), config(), tmp_path)
    path = tmp_path / checkpoint.CHECKPOINT
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ArtefactError, match="cannot be resumed"):
        train(corpus(), config(), tmp_path)
    assert train(corpus(), config(), tmp_path, force=True).summary["steps"] == 6


def test_another_guide_behind_the_same_name_is_another_run(tmp_path: Path) -> None:
    """What a run reads besides its corpus belongs to its identity; a guide that was trained with labels is refused."""
    guided = config(treatment="soft", detector="guide", guide=str(tmp_path / "teacher"))
    train(corpus(), config(), tmp_path / "teacher")
    train(corpus(), guided, tmp_path / "student")
    assert train(corpus(), guided, tmp_path / "student").kept
    train(corpus(), config(seed=1), tmp_path / "teacher", force=True)
    with pytest.raises(ArtefactError, match="content of guide"):
        train(corpus(), guided, tmp_path / "student")
    train(corpus(), config(objective="supervised"), tmp_path / "teacher", force=True)
    with pytest.raises(InputError, match="with labels"):
        train(corpus(), guided, tmp_path / "third")


def test_steps_end_a_run_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    """An epoch has three steps here: five steps are two epochs, the second short; the schedule ends with them."""
    run = train(corpus(), config(steps=5), tmp_path)
    assert run.summary["steps"] == 5
    assert len(run.history) == run.summary["epochs"] == 2
    assert run.history[-1]["learning_rate"] < 0.2 * run.history[0]["learning_rate"]


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


def test_the_limit_is_a_seeded_choice(tmp_path: Path) -> None:
    """`limit` trains on that many images, the same ones for the same seed."""
    assert train(corpus(), config(limit=20), tmp_path / "a").summary["num_train"] == 18
    same = train(corpus(), config(limit=20), tmp_path / "b")
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (same.out / WEIGHTS).read_bytes()


def test_too_few_images_and_a_diverging_loss_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One image cannot be contrasted; a loss that is not finite stops the run with the step."""
    with pytest.raises(CorpusError, match="at least 2"):
        train(corpus(count=2).subset([0]), config(), tmp_path / "one")
    monkeypatch.setattr("training.trainer.mean_loss", lambda verdict: verdict.loss.sum() * float("nan"))
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
