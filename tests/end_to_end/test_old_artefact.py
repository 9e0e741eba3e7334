"""An artefact that version 0.1.0 made, and a run that it began, in today's hands. What is expected was recorded by the code of then.

Figures of training are compared within a tolerance: other processors and numbers of threads add up in another order.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from tests.end_to_end.helpers import call

FIXTURES = Path(__file__).parents[1] / "fixtures"
FIRST, EIGHTH = "train/00007", "train/00126"
HITS = [(FIRST, 1.0), ("train/01186", 0.70331), ("train/01231", 0.6326), ("test/00147", 0.55317)]
OTHERS_IN_TRAIN = [("train/00492", 0.71122), ("train/01131", 0.48049), ("train/01160", 0.41908)]
RUN = {"treatment": "soft_attract", "detector": "relation", "epochs": 2, "batch_size": 16, "precision": "float32"}
SMALL = {"width": 2, "pool": 2, "embedding_dim": 16, "projector_hidden": 16, "projector_dim": 16}
SETTINGS: dict[str, Any] = {**RUN, **SMALL, "workers": 0, "device": "cpu"}


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """The finished one, to be changed at will."""
    return Path(shutil.copytree(FIXTURES / "artefact-0.1.0", tmp_path / "artefact"))


def test_it_finds_what_it_found(artefact: Path, tmp_path: Path) -> None:
    """The same images at the same similarities, with a filter and without, in Python and on the command line."""
    index = sk.Index.open(artefact)
    assert (len(index), index.dim) == (60, 8)
    found = index.search(index.thumbnail(FIRST), k=4)
    assert [hit.id for hit in found] == [id_ for id_, _ in HITS]
    assert [hit.similarity for hit in found] == pytest.approx([similarity for _, similarity in HITS], abs=1e-4)
    (tmp_path / "query.png").write_bytes(index.thumbnail(EIGHTH))
    flags = ("--k", 3, "--exclude-self", "--where", "split = 'train'", "--json")
    hits = call("search", artefact, tmp_path / "query.png", *flags).answer["hits"]
    assert [hit["id"] for hit in hits] == [id_ for id_, _ in OTHERS_IN_TRAIN]
    assert [hit["similarity"] for hit in hits] == pytest.approx([each for _, each in OTHERS_IN_TRAIN], abs=1e-4)


def test_it_is_audited_as_it_was(artefact: Path) -> None:
    """Base rate, rates by rank and the share of the gradient, for which the audit reads the run's settings."""
    report = sk.Index.open(artefact).audit(k=5).to_dict()
    assert report["base_rate"] == pytest.approx(0.112994, abs=1e-6)
    assert [row["false_negative_rate"] for row in report["by_rank"]] == pytest.approx([1 / 6, 0.1, 0.1, 0.15, 0.1])
    assert report["gradient_share"]["false_negatives"] == pytest.approx(0.14097, abs=1e-4)
    assert call("audit", artefact, "--k", 5, "--json").answer["by_rank"] == report["by_rank"]


def test_it_is_evaluated_as_it_was(artefact: Path) -> None:
    """The corpus is found again by what the artefact says of it, and the figures are those of then."""
    evaluation = sk.evaluate(artefact).to_dict()
    assert (evaluation["num_train"], evaluation["num_test"], evaluation["epoch"]) == (48, 12, 2)
    assert evaluation["knn_accuracy"] == pytest.approx(0.25)
    assert evaluation["hit_rate_at_1"] == pytest.approx(0.25)
    assert evaluation["map_at_r"] == pytest.approx(0.09743, abs=1e-4)
    assert call("evaluate", artefact, "--json").answer == evaluation
    assert call("detectors", artefact, "--images", 40, "--json").answer["base_rate"] == pytest.approx(
        0.107692, abs=1e-6
    )


def test_its_verdicts_and_probes_are_read(artefact: Path, tmp_path: Path) -> None:
    """The four answers, each about the images that it was about, come out of the table and as CSV; the probes' table is whole."""
    verdicts = sk.VerdictTable(artefact).all()
    assert [verdict.verdict for verdict in verdicts] == ["same", "different", "duplicate", "wrong_label"]
    hashes = sk.Index.open(artefact).rows.column("sha256")
    assert [hash_ for verdict in verdicts for hash_ in (verdict.anchor_sha256, verdict.negative_sha256)] == hashes[:8]
    file = tmp_path / "verdicts.csv"
    assert call("verdicts", "export", artefact, file, "--json").answer == {"exported": 4, "hold": 4, "gone": 0}
    with file.open(newline="") as stream:
        assert {row["when"] for row in csv.DictReader(stream)} == {"2026-01-01T00:00:00+00:00"}
    assert call("verdicts", "import", artefact, file, "--json").answer == {"added": 0, "kept": 4, "gone": 0}
    probes = sk.read_probes(artefact)
    assert len(probes) == 270
    assert sorted(set(probes["epoch"])) == [1, 2]


def test_its_lists_are_made(artefact: Path) -> None:
    """Images whose label may be wrong are listed, and there is no picture twice."""
    answer = call("suspects", artefact, "--count", 3, "--json").answer
    suspected = [(suspect["id"], suspect["suggested"]) for suspect in answer["label_suspects"]]
    assert suspected == [("train/00776", "dots"), ("train/01240", "triangle"), ("train/00965", "cross")]
    assert answer["duplicates"] == []


def test_its_index_grows_and_is_thinned(artefact: Path) -> None:
    """More images of the same corpus come in behind those that are there, and some go out again."""
    before = sk.Index.open(artefact).ids
    index = sk.build_index(sk.load_corpus("synthetic", limit=64), sk.load_encoder(artefact), artefact)
    assert len(index) == 80
    assert index.ids[:60] == before
    assert [hit.id for hit in index.search(index.thumbnail(FIRST), k=1)] == [FIRST]
    assert call("index", "--out", artefact, "--remove", *before[:2], "--json").answer["num_images"] == 78


def test_a_finished_run_is_kept(artefact: Path) -> None:
    """The settings of then still name the same run: nothing is trained."""
    weights = (artefact / "encoder.safetensors").read_bytes()
    run = sk.train(sk.load_corpus("synthetic", limit=48), "smoke", artefact, **SETTINGS)
    assert run.kept
    assert (artefact / "encoder.safetensors").read_bytes() == weights


@pytest.mark.parametrize("resume", [False, True])
def test_an_unfinished_run_on_a_library_s_backbone_says_that_it_cannot_go_on(tmp_path: Path, resume: bool) -> None:
    """In one line, before its weights are looked for, and nothing is lost; forced, the question is another one."""
    out = Path(shutil.copytree(FIXTURES / "unfinished-0.1.0", tmp_path / "unfinished"))
    meta = json.loads((out / "meta.json").read_text())
    meta["config"]["backbone"] = "timm/resnet18"
    (out / "meta.json").write_text(json.dumps(meta))
    before = (out / "meta.json").read_bytes()
    with pytest.raises(sk.ArtefactError, match=r"on timm/resnet18 that samekind 0\.1 began") as caught:
        sk.train("synthetic", "smoke", out, resume=resume, backbone="timm/resnet18", train="all")
    assert "timm/resnet18@none" in caught.value.hint
    assert (out / "meta.json").read_bytes() == before
    with pytest.raises(sk.InputError, match="no-such-net"):
        sk.train("synthetic", "smoke", out, force=True, backbone="timm/no-such-net", train="all")


def test_an_unfinished_run_goes_on(tmp_path: Path) -> None:
    """It continues after its first epoch, whose record stays, and comes to where the code that began it came."""
    out = Path(shutil.copytree(FIXTURES / "unfinished-0.1.0", tmp_path / "unfinished"))
    first = (out / "metrics.jsonl").read_text()
    run = sk.train("synthetic", "smoke", out, resume=True, queue_size=32, limit=64, **SETTINGS)
    assert (run.summary["epochs"], run.summary["steps"], run.summary["num_train"]) == (2, 6, 58)
    assert (out / "metrics.jsonl").read_text().startswith(first)
    assert run.history[1]["loss"] == pytest.approx(4.5638, abs=0.02)
    assert run.summary["knn_accuracy"] == pytest.approx(0.19375, abs=0.04)
