"""`samekind verify`: a line a part, exit code 2 and the remedy where one is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.end_to_end.helpers import call, refused


def test_a_whole_index_is_said_to_be_whole(artefact: Path) -> None:
    """A line a part for people, one object for programs, exit code 0."""
    shown = call("verify", artefact)
    assert shown.code == 0
    assert [line.split()[:2] for line in shown.out.splitlines()] == [
        ["ok", "encoder.safetensors"],
        ["ok", "rows.arrow"],
        ["ok", "index.faiss"],
        ["ok", "db/images.lance"],
        ["ok", "verdicts"],
        ["ok", "meta.json"],
        ["ok", "metrics.jsonl"],
        ["ok", "probes"],
    ]
    answer = call("verify", artefact, "--json").answer
    assert answer["artefact"] == str(artefact)
    assert answer["ok"] is True
    assert all(set(part) == {"part", "ok", "message", "hint"} and part["ok"] for part in answer["parts"])


def test_damage_is_named_and_mended_by_the_remedy(artefact: Path, photos: Path, tmp_path: Path) -> None:
    """Exit code 2; the parts are on stdout, the error and its remedy on stderr, and running that mends it."""
    copy = tmp_path / "copy"
    shutil.copytree(artefact, copy)
    whole = (copy / "index.faiss").read_bytes()
    (copy / "index.faiss").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    shown = call("verify", copy)
    assert shown.code == 2
    (damaged, remedy) = shown.out.splitlines()[2:4]
    assert damaged.split()[:2] == ["damaged", "index.faiss"]
    assert remedy.strip() == f"run: samekind index --corpus {photos} --encoder {copy} --out {copy}"
    assert shown.err == f"error: damaged in {copy}: index.faiss\nhint: {remedy.strip()}\n"
    answer = json.loads(call("verify", copy, "--json").out)
    assert (answer["ok"], [part["part"] for part in answer["parts"] if not part["ok"]]) == (False, ["index.faiss"])
    assert call(*remedy.split()[2:]).code == 0
    assert call("verify", copy).code == 0
    assert (copy / "index.faiss").read_bytes() == whole


def test_what_is_no_index_is_refused_in_a_line(tmp_path: Path) -> None:
    """There is nothing to verify."""
    assert "does not exist" in refused("verify", tmp_path / "nowhere")
    assert "holds no index" in refused("verify", tmp_path)
