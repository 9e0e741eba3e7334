"""Where weights are looked for, without any hub but one that refuses or a cache that is made up."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import open_clip
import pytest
import torch

from samekind.core.errors import InputError, MissingDependencyError
from samekind.training.models.pretrained import find_weights as module
from samekind.training.models.pretrained import hub
from samekind.training.models.pretrained.find_weights import find_weights
from samekind.training.models.pretrained.hub_models import hub_model
from samekind.training.models.pretrained.resolve import pretrained_spec
from samekind.training.models.pretrained.text_weights import text_spec

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RESNET = "timm/resnet18.a1_in1k"  # the repository of timm/resnet18


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches of the hub, of torch and of open_clip."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "torch"))
    monkeypatch.setattr(module, "_clip_cache", lambda: tmp_path / "clip")
    return tmp_path


def in_cache(
    caches: Path, repository: str, file: str, content: str = "weights", revision: str = "main", commit: str = COMMIT
) -> Path:
    """A file where `huggingface_hub` would have put it."""
    folder = caches / "hub" / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / revision).write_text(commit)
    path = folder / "snapshots" / commit / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def online(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Lets the hub be asked, which is now on this machine."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    template = f"http://127.0.0.1:{port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def test_a_file_that_is_named_comes_first(caches: Path) -> None:
    """Whatever the caches hold."""
    named = caches / "own.pt"
    named.touch()
    in_cache(caches, RESNET, "model.safetensors")
    assert find_weights(f"timm/resnet18@{named}") == named
    assert find_weights(f"open_clip/ViT-B-32@{named}") == named


def test_the_libraries_caches_are_used(caches: Path) -> None:
    """timm's repository (safetensors before the pickle), an open_clip tag's, and one without a tag that happens to be there."""
    pickled = in_cache(caches, RESNET, "pytorch_model.bin")
    assert find_weights("timm/resnet18") == pickled
    safe = in_cache(caches, RESNET, "model.safetensors")
    assert find_weights("timm/resnet18") == find_weights("timm/resnet18.a1_in1k") == safe
    repository = open_clip.get_pretrained_cfg("ViT-B-32", "laion2b_s34b_b79k")["hf_hub"].rstrip("/")
    clip = in_cache(caches, repository, "open_clip_pytorch_model.bin")
    assert find_weights("open_clip/ViT-B-32@laion2b_s34b_b79k") == clip
    assert find_weights("open_clip/ViT-B-32") == clip


def test_weights_by_address_are_found_where_torch_and_open_clip_put_them(
    caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch hub's checkpoints for timm; `~/.cache/clip` for open_clip."""
    import timm

    config: Any = timm.get_pretrained_cfg("resnet18")
    config.hf_hub_id, config.url = None, "http://127.0.0.1:9/files/resnet18-abc.pth"
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda name: config)
    with pytest.raises(MissingDependencyError) as caught:
        find_weights("timm/resnet18")
    assert "resnet18-abc.pth" in caught.value.hint
    for folder, name in (("torch/checkpoints", "resnet18-abc.pth"), ("clip", "RN50.pt")):
        (caches / folder).mkdir(parents=True)
        (caches / folder / name).touch()
    assert find_weights("timm/resnet18") == caches / "torch/checkpoints/resnet18-abc.pth"
    assert find_weights("open_clip/RN50-quickgelu@openai") == caches / "clip/RN50.pt"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("timm/resnet18", f"get model.safetensors of {RESNET} and name it: timm/resnet18@FILE"),
        ("open_clip/ViT-B-32@laion2b_s34b_b79k", "name it: open_clip/ViT-B-32@FILE"),
        ("open_clip/ViT-B-32", "name it: open_clip/ViT-B-32@FILE"),
        ("hf-hub:timm/resnet18.a1_in1k", "timm/NAME@FILE"),
    ],
)
def test_without_a_hub_one_line_says_which_file_to_put_where(name: str, hint: str) -> None:
    """HF_HUB_OFFLINE: nothing is asked, and the error says so."""
    with pytest.raises(MissingDependencyError, match="on this machine, and HF_HUB_OFFLINE is set") as caught:
        find_weights(name)
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("name", ["timm/resnet18", "open_clip/ViT-B-32", "hf-hub:timm/resnet18.a1_in1k"])
def test_a_hub_that_does_not_answer_costs_seconds_not_minutes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port, and one that accepts and stays silent."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        online(monkeypatch, closed.getsockname()[1])
        started = time.monotonic()
        with pytest.raises(MissingDependencyError, match="the hub does not send them"):
            find_weights(name)
        monkeypatch.setattr(hub, "PATIENCE", 0.2)
        closed.listen()
        with pytest.raises(MissingDependencyError, match="the hub does not send them"):
            find_weights(name)
        assert time.monotonic() - started < 10


class Hub(BaseHTTPRequestHandler):
    """Serves `model.safetensors` of every repository as the hub does."""

    def do_HEAD(self) -> None:
        """Its size and version."""
        self.send(False)

    def do_GET(self) -> None:
        """The file."""
        self.send(True)

    def send(self, body: bool) -> None:
        """With or without the content."""
        found = self.path.endswith("/model.safetensors")
        self.send_response(200 if found else 404)
        for key, value in {"X-Repo-Commit": COMMIT, "ETag": '"abc"', "Content-Length": "7" if found else "0"}.items():
            self.send_header(key, value)
        self.end_headers()
        if body and found:
            self.wfile.write(b"weights")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def small_hub() -> Iterator[int]:
    """Port of a hub on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_that_answers_is_asked_once(small_hub: int, caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file comes into the cache of `huggingface_hub`, where it is found without a hub from then on."""
    online(monkeypatch, small_hub)
    path = find_weights("timm/resnet18")
    assert path.read_bytes() == b"weights"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert find_weights("timm/resnet18") == path
    assert path.is_relative_to(caches / "hub")


def test_a_repository_says_which_model_it_holds(caches: Path) -> None:
    """timm's by config.json, with its own preprocessing; open_clip's by open_clip_config.json; weights beside it."""
    cfg = {
        "input_size": [3, 288, 288],
        "crop_pct": 0.9,
        "mean": [0.1, 0.2, 0.3],
        "std": [1, 1, 1],
        "crop_mode": "center",
    }
    in_cache(caches, "ann/roses", "config.json", json.dumps({"architecture": "resnet18", "pretrained_cfg": cfg}))
    weights = in_cache(caches, "ann/roses", "model.safetensors")
    model = hub_model("hf-hub:ann/roses")
    assert (model.backbone, model.expected.image_size, model.expected.crop) == ("timm/resnet18", 288, 0.9)
    assert model.expected.mean == (0.1, 0.2, 0.3)
    assert find_weights("hf-hub:ann/roses") == weights
    clip = {
        "model_cfg": open_clip.get_model_config("ViT-B-32"),
        "preprocess_cfg": {"resize_mode": "squash", "mean": [0.5] * 3},
    }
    in_cache(caches, "ann/clip", "open_clip_config.json", json.dumps(clip))
    in_cache(caches, "ann/clip", "config.json", json.dumps({"model_type": "clip"}))
    weights = in_cache(caches, "ann/clip", "open_clip_pytorch_model.bin")
    model = hub_model("hf-hub:ann/clip")
    assert (model.backbone, model.expected.crop, model.expected.mean) == ("open_clip/ViT-B-32", 0.0, (0.5, 0.5, 0.5))
    assert model.weights() == weights


def test_both_towers_are_of_the_revision_that_is_named(caches: Path) -> None:
    """Another revision describes another text tower; one that is not at hand has none, whatever the newest one says."""
    for revision, commit, layers in (("main", COMMIT, 12), ("v2", COMMIT[::-1], 3)):
        described = open_clip.get_model_config("ViT-B-32")
        described["text_cfg"]["layers"] = layers
        content = json.dumps({"model_cfg": described, "preprocess_cfg": {}})
        in_cache(caches, "ann/clip", "open_clip_config.json", content, revision, commit)
    for name, layers in (("hf-hub:ann/clip", 12), ("hf-hub:ann/clip@v2", 3)):
        spec = text_spec(name)
        assert spec is not None
        assert (spec.model, spec.text_cfg["layers"]) == (name, layers)
    assert text_spec("hf-hub:ann/clip@v3") is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet18", "names no model"),
        ("timm/nope", "timm knows no model"),
        ("open_clip/nope", "open_clip knows no model"),
        ("hf-hub:resnet18", "names no repository"),
        ("open_clip/ViT-B-32@openai", "does not fit"),
        ("timm/coatnet_0_224", "are published"),
    ],
)
def test_names_that_stand_for_nothing_are_refused(name: str, says: str) -> None:
    """Unknown models, no repository, weights of the other activation."""
    with pytest.raises(InputError, match=says):
        find_weights(name)


def test_a_file_or_tag_that_is_not_there_is_named() -> None:
    """The error names the file; of open_clip, the tags that there are."""
    with pytest.raises(MissingDependencyError, match=r"no checkpoint at nowhere\.pt"):
        find_weights("timm/resnet18@nowhere.pt")
    with pytest.raises(MissingDependencyError, match="no checkpoint at laion9") as caught:
        find_weights("open_clip/ViT-B-32@laion9")
    assert "laion2b_s34b_b79k" in caught.value.hint


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"model_type": "bert"}, "neither timm's nor"),
        ({"architecture": "resnet18", "model_args": {"stem_width": 9}}, "stem_width"),
    ],
)
def test_repositories_of_other_models_are_refused(config: dict[str, Any], says: str, caches: Path) -> None:
    """A language model; a model of timm that its name alone does not describe."""
    in_cache(caches, "ann/other", "config.json", json.dumps(config))
    with pytest.raises(InputError, match=says):
        hub_model("hf-hub:ann/other")


def test_preprocessing_is_that_of_the_weights_that_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a tag, of the one in a cache: ViT-L-14's first tag was trained with another mean than this one."""
    first = pretrained_spec("open_clip/ViT-L-14@laion400m_e31")
    cached = open_clip.get_pretrained_cfg("ViT-L-14", "laion2b_s32b_b82k")
    there = module._cached_clip
    monkeypatch.setattr(module, "_cached_clip", lambda config: Path("there") if config == cached else there(config))
    spec = pretrained_spec("open_clip/ViT-L-14")
    assert spec.mean == (0.5, 0.5, 0.5) != first.mean
    assert find_weights("open_clip/ViT-L-14") == Path("there")
