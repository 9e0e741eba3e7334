"""`samekind export`: files for other programs, `samekind index --vectors`, which takes them in, and files of several pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import samekind as sk
from tests.data.decoding.samples import frames
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
    assert "--codes are of an index that is published" in refused("export", OLD, "--knn", "x.parquet", "--codes", "rq")
    assert "there is no encoder" in refused("export", tmp_path / "nowhere", "--onnx", tmp_path / "e.onnx")
    assert "without an index" in refused("export", "lite0", "--vectors", tmp_path / "v.npy")
    assert ".parquet or .npy" in refused("export", OLD, "--vectors", tmp_path / "v.csv")
    assert "no folder" in refused("export", OLD, "--onnx", tmp_path / "nowhere" / "e.onnx")
    assert list(tmp_path.iterdir()) == []


def test_vectors_go_out_and_come_in_again(tmp_path: Path) -> None:
    """The index of exported vectors has their ids, labels and splits, can be audited, and refuses images in a line."""
    assert call("export", OLD, "--vectors", tmp_path / "v.parquet").code == 0
    called = call("index", "--vectors", tmp_path / "v.parquet", "--out", tmp_path / "given", "--json")
    assert called.code == 0, called
    assert (called.answer["num_images"], called.answer["dim"]) == (60, 8)
    old, new = sk.Index.open(OLD), sk.Index.open(tmp_path / "given")
    assert (new.ids, new.labels, new.splits) == (old.ids, old.labels, old.splits)
    assert new.meta["encoder"]["made_by"] == old.manifest["encoder"]
    ours, theirs = (call("audit", folder, "--json").answer for folder in (tmp_path / "given", OLD))
    assert ours["false_negative_rate"] == theirs["false_negative_rate"]
    (tmp_path / "q.png").write_bytes(old.thumbnail(old.ids[0]))
    assert "no encoder" in refused("search", tmp_path / "given", tmp_path / "q.png")
    assert "no encoder" in refused("detectors", tmp_path / "given")


def test_vectors_that_do_not_fit_are_refused_in_a_line(tmp_path: Path) -> None:
    """A file that is not there, ids that do not fit, and an encoder beside the vectors."""
    np.save(tmp_path / "v.npy", np.eye(3))
    (tmp_path / "v.ids.txt").write_text("a\nb\n")
    out = ("--out", tmp_path / "given")
    assert "no such file" in refused("index", "--vectors", tmp_path / "no.npy", *out)
    assert "3 vectors and 2 values of ids" in refused("index", "--vectors", tmp_path / "v.npy", *out)
    assert "exclude each other" in refused("index", "--vectors", tmp_path / "v.npy", "--encoder", "lite0", *out)
    assert not (tmp_path / "given").exists()


def test_frames_through_index_and_search(tmp_path: Path) -> None:
    """What was left out is told; a picture of a file is searched by its number, and `--max-pixels` counts for queries."""
    folder, out = tmp_path / "scans", tmp_path / "artefact"
    folder.mkdir()
    (folder / "x.tif").write_bytes(frames("TIFF"))
    Image.fromarray(np.uint8(np.arange(24 * 24).reshape(24, 24) % 251)).save(folder / "y.png")
    first = call("index", "--corpus", folder, "--encoder", OLD, "--out", out)
    assert first.code == 0, first.err
    assert "1 file has more than one picture: the first is read (--frames all reads each)" in first.err + first.out
    again = call("index", "--corpus", folder, "--out", out, "--frames", "all", "--json")
    assert again.answer["num_images"] == 5  # the file by its own id stays until it is removed
    found = call("search", out, f"{folder}/x.tif#2", "--k", 1, "--json")
    assert found.answer["hits"][0]["id"] == "x.tif#2", found.err
    assert "more than 100" in refused("search", out, folder / "y.png", "--max-pixels", 100)
