"""`samekind export`: files for other programs, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import samekind as sk
from tests.end_to_end.helpers import call, refused

OLD = Path(__file__).parents[1] / "fixtures" / "artefact-0.1.0"


def test_everything_at_once(tmp_path: Path) -> None:
    """One call writes all three, each of which can be used."""
    called = call(
        "export", OLD, "--onnx", tmp_path / "e.onnx", "--save-pretrained", tmp_path / "saved",
        "--vectors", tmp_path / "v.npy", "--json",
    )  # fmt: skip
    assert called.code == 0, called
    assert called.answer == {
        "written": {
            "vectors": str(tmp_path / "v.npy"),
            "save_pretrained": str(tmp_path / "saved"),
            "onnx": str(tmp_path / "e.onnx"),
        }
    }
    assert np.load(tmp_path / "v.npy").shape == (60, 8)
    assert sk.Encoder.from_pretrained(tmp_path / "saved").fingerprint == sk.load_encoder(OLD).fingerprint
    assert (tmp_path / "e.onnx").stat().st_size > 1000


def test_what_cannot_be_exported_is_refused_in_a_line(tmp_path: Path) -> None:
    """Nothing asked for, no artefact, a model without an index, a file of another kind."""
    assert "nothing to export" in refused("export", OLD)
    assert "does not exist" in refused("export", tmp_path / "nowhere", "--onnx", tmp_path / "e.onnx")
    assert "without an index" in refused("export", "lite0", "--vectors", tmp_path / "v.npy")
    assert ".parquet or .npy" in refused("export", OLD, "--vectors", tmp_path / "v.csv")
    assert "no folder" in refused("export", OLD, "--onnx", tmp_path / "nowhere" / "e.onnx")
    assert list(tmp_path.iterdir()) == []
