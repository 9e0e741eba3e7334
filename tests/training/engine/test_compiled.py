"""A network that torch compiles learns what the other learns, under the same names; what it needs is asked for in one line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from samekind.core.errors import InputError, MissingDependencyError
from samekind.training.engine.networks import compile_network
from samekind.training.run.train import train
from samekind.training.runtime.artefact import read_meta
from tests.training.runs import config, corpus


def test_only_what_is_asked_for_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the compiler that is named; on a GPU both are possible."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, **how: asked.append(how))
    monkeypatch.setattr(shutil, "which", lambda name: name == "g++" or None)
    compile_network(nn.Linear(1, 1), config(), torch.device("cpu"))
    assert not asked
    compile_network(nn.Linear(1, 1), config(compiler="inductor"), torch.device("cpu"))
    compile_network(nn.Linear(1, 1), config(compiler="cudagraphs"), torch.device("cuda"))
    assert [how["backend"] for how in asked] == ["inductor", "cudagraphs"]


def test_what_a_compiler_needs_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before the first step; and an unknown one is refused."""
    with pytest.raises(InputError, match="cudagraphs is for CUDA, and this runs on cpu"):
        train(corpus(), config(compiler="cudagraphs"), tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(MissingDependencyError, match=r"inductor needs a C\+\+ compiler") as caught:
        train(corpus(), config(compiler="inductor"), tmp_path)
    assert "leave out --compiler" in caught.value.hint
    for other, what in (({"objective": "cpc"}, "cpc"), ({"effective_batch": 32}, "an effective batch")):
        with pytest.raises(InputError, match=f"--compiler is not for {what}"):
            train(corpus(), config(compiler="inductor", **other), tmp_path)
    with pytest.raises(InputError, match="unknown compiler 'gcc'"):
        config(compiler="gcc")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
def test_a_compiled_run_learns_the_same(tmp_path: Path) -> None:
    """Steps, weights and their names; with a queue, whose key encoder is a copy of the network; it is another run than the other."""
    settings = {"steps": 4, "epochs": None, "precision": "float32", "streams": 1, "queue_size": 32}
    runs = {name: train(corpus(), config(compiler=name, **settings), tmp_path / name) for name in ("none", "inductor")}
    losses = {name: [record["loss"] for record in run.history] for name, run in runs.items()}
    assert losses["inductor"] == pytest.approx(losses["none"], rel=1e-4)
    states = {name: run.encoder.state_dict() for name, run in runs.items()}
    assert states["inductor"].keys() == states["none"].keys()
    for name, value in states["none"].items():
        np.testing.assert_allclose(states["inductor"][name].numpy(), value.numpy(), rtol=0, atol=2e-3, err_msg=name)
    assert read_meta(tmp_path / "inductor")["config"]["compiler"] == "inductor"
