"""A run that was begun when images were scaled in another way goes on in that way."""

from __future__ import annotations

from pathlib import Path

import pytest

from samekind.data.types.preprocessing import PILLOW, TORCH
from samekind.training.models.pretrained import lite0
from samekind.training.run.train import train
from samekind.training.runtime.artefact import META, WEIGHTS, read_meta, write_json
from tests.training.run.test_prior import adapting
from tests.training.runs import corpus, interrupted_at


@pytest.mark.slow
def test_an_interrupted_run_keeps_its_way(tmp_path: Path) -> None:
    """Bitwise, though its `meta.json` is of a version that knew one way alone; the same run begun anew takes the other."""
    stated = adapting(prior=0.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lite0, "TORCH", PILLOW)
        whole = train(corpus(), stated, tmp_path / "whole")
        with interrupted_at(4):
            train(corpus(), stated, tmp_path / "cut")
    meta = read_meta(tmp_path / "cut")
    del meta["encoder"]["resize"]
    write_json(tmp_path / "cut" / META, meta)
    cut = train(corpus(), stated, tmp_path / "cut")
    assert (cut.out / WEIGHTS).read_bytes() == (whole.out / WEIGHTS).read_bytes()
    assert cut.encoder.spec.resize == PILLOW
    assert train(corpus(), stated, tmp_path / "new").encoder.spec.resize == TORCH
