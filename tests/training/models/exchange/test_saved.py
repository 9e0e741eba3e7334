"""Folders that can be published: the same encoder bit for bit, described in words, without a path of this machine."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import samekind as sk
from samekind.training.models.encoder import Encoder, EncoderSpec
from tests import tiny_clip
from tests.training.models.test_encoder import SPEC, pixels, saved

OLD = Path(__file__).parents[3] / "fixtures" / "artefact-0.1.0"


def test_a_saved_encoder_is_the_same_one_bit_for_bit(tmp_path: Path) -> None:
    """Vectors, fingerprint and file, with whitening and adapter; saved again from there, too."""
    torch.manual_seed(0)
    encoder = Encoder(replace(SPEC, adapter=4, crop=0.9, interpolation="lanczos"))
    encoder.whitening.fit(torch.randn(100, encoder.feature_dim), 0.5)
    assert encoder.adapter is not None
    torch.nn.init.normal_(encoder.adapter.fall.weight)
    once = sk.Encoder.from_pretrained(encoder.save_pretrained(tmp_path / "one"))
    twice = sk.load_encoder(once.save_pretrained(tmp_path / "two"))
    assert once.spec == twice.spec == encoder.spec
    assert once.fingerprint == twice.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(twice.embed(pixels(3)), encoder.embed(pixels(3)))
    stored = (tmp_path / "two" / "model.safetensors").read_bytes()
    assert stored == encoder.to_bytes() == (tmp_path / "one" / "model.safetensors").read_bytes()
    assert hashlib.sha256(stored).hexdigest() == encoder.fingerprint


def test_an_artefact_of_an_older_version_keeps_its_bytes_and_tells_its_training(tmp_path: Path) -> None:
    """The very bytes of `encoder.safetensors`; corpus, settings and figures of `meta.json` are in config and card."""
    sk.Encoder.from_pretrained(OLD).save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == (OLD / "encoder.safetensors").read_bytes()
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["training"]["knn_accuracy"] == 0.25
    assert config["corpus"]["corpus"] == "synthetic"
    card = (tmp_path / "README.md").read_text()
    front, _, text = card.removeprefix("---\n").partition("---\n")
    assert {line.partition(":")[0] for line in front.splitlines() if ":" in line} >= {"license", "library_name", "tags"}
    for told in (
        "synthetic, 44 of its 60 images",
        "objective: `hard`",
        "treatment: `soft_attract`",
        "steps: 4",
        "knn accuracy: 0.2500",
    ):
        assert told in text, told
    assert "scale to 32 × 32 px" in text


def test_no_path_of_this_machine_is_published(tmp_path: Path) -> None:
    """Folders of corpus, data and guide, and the checkpoint that a backbone began with, stay at home."""
    artefact, home = tmp_path / "artefact", "/home/somebody/secret"
    encoder = Encoder(SPEC)
    artefact.mkdir()
    saved(encoder, artefact)
    meta = json.loads((artefact / "meta.json").read_text())
    meta["encoder"]["backbone"] = f"timm/resnet18@{home}/w.pt"
    meta["config"] = {"guide": f"{home}/guide", "backbone": f"timm/resnet18@{home}/w.pt", "seed": 3}
    meta["corpus"] = {"name": "photos", "num_images": 5, "corpus": f"{home}/photos", "data_dir": f"{home}/data"}
    (artefact / "meta.json").write_text(json.dumps(meta))
    out = encoder.save_pretrained(tmp_path / "out", artefact)
    for name in ("config.json", "README.md"):
        assert "somebody" not in (out / name).read_text(), name
    config = json.loads((out / "config.json").read_text())
    assert config["config"] == {"guide": "guide", "backbone": "timm/resnet18", "seed": 3}
    assert "photos, training images among its 5" in (out / "README.md").read_text()


def test_the_artefact_of_another_encoder_is_refused(tmp_path: Path) -> None:
    """Its figures would be told of the wrong weights; so are those from before the whitening was renewed."""
    with pytest.raises(sk.InputError, match="another encoder"):
        Encoder(SPEC).save_pretrained(tmp_path / "out", OLD)
    assert not (tmp_path / "out").exists()
    changed = Encoder.load(OLD)
    changed.renew_whitening(4, np.random.default_rng(0).normal(size=(40, changed.feature_dim)).astype(np.float32), 0.5)
    config = json.loads((changed.save_pretrained(tmp_path / "out") / "config.json").read_text())
    assert config["training"] == {"finished": True}
    assert config["config"] == config["corpus"] == {}


def test_a_damaged_folder_and_a_name_are_refused(tmp_path: Path) -> None:
    """Torn weights name the files of the folder; a model's name is no folder."""
    folder = Encoder(SPEC).save_pretrained(tmp_path / "saved")
    (folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(sk.ArtefactError, match=r"model\.safetensors is not the encoder that config\.json describes"):
        sk.Encoder.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(sk.ArtefactError, match=r"holds no model\.safetensors"):
        sk.Encoder.from_pretrained(folder)
    with pytest.raises(sk.InputError, match="model's name") as caught:
        sk.Encoder.from_pretrained("lite0")
    assert "load_encoder('lite0')" in caught.value.hint


def test_an_index_on_a_saved_encoder_is_an_artefact_of_its_own(tmp_path: Path) -> None:
    """The index' folder gets encoder and description under the artefact's names, and needs the saved folder no more."""
    spec = EncoderSpec("resnet-small", 16, 1, 8, (0.3,), (0.2,), width=4, pool=2)
    folder = Encoder(spec).save_pretrained(tmp_path / "saved")
    corpus = sk.Corpus.from_arrays(pixels(12)[..., 0])
    index = sk.build_index(corpus, folder, tmp_path / "index")
    shutil.rmtree(folder)
    opened = sk.Index.open(tmp_path / "index")
    (result,) = opened.search([pixels(12)[3, ..., 0]], k=1)
    assert result.hits[0].id == corpus.ids[3]
    assert opened.manifest["encoder"] == index.encoder.fingerprint
    assert (tmp_path / "index" / "meta.json").is_file()


def test_an_encoder_keeps_its_text_tower(tmp_path: Path) -> None:
    """Saved and loaded again, by folder or as an object, words find what they found; an encoder that was changed since has none."""
    worded = tiny_clip.registered_index(tmp_path)

    def found(index: sk.Index) -> list[str]:
        (result,) = index.search([sk.Text("red shoe")], k=40)
        return [hit.id for hit in result.hits]

    expected = found(sk.Index.open(worded))
    folder = sk.Encoder.from_pretrained(worded).save_pretrained(tmp_path / "saved")
    assert "text.safetensors" in (folder / "README.md").read_text()
    assert found(sk.build_index(tiny_clip.corpus(), folder, tmp_path / "by-folder")) == expected
    for number, source in enumerate((folder, worded)):
        encoder = sk.Encoder.from_pretrained(source)
        assert found(sk.build_index(tiny_clip.corpus(), encoder, tmp_path / f"index-{number}")) == expected
    changed = sk.Encoder.from_pretrained(worded)
    changed.renew_whitening(4)
    assert not (changed.save_pretrained(tmp_path / "changed") / "text.safetensors").exists()
    assert "text" not in json.loads((tmp_path / "changed" / "config.json").read_text())
    (folder / "text.safetensors").write_bytes(b"torn")
    with pytest.raises(sk.ArtefactError, match="text tower"):
        sk.Encoder.from_pretrained(folder).save_pretrained(tmp_path / "torn")
    assert not (tmp_path / "torn").exists()


def test_the_card_of_lite0_names_source_and_licence(tmp_path: Path) -> None:
    """What is published by others is said to be theirs; random weights of the same architecture are not taken for it."""
    sk.load_encoder("lite0", image_size=64).save_pretrained(tmp_path / "lite0")
    card = (tmp_path / "lite0" / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert "ImageNet" in card
    assert "cut out the centre of 64 × 64 px" in card
    again = sk.Encoder.from_pretrained(tmp_path / "lite0")
    assert again.source == "lite0"
    Encoder(again.spec).save_pretrained(tmp_path / "random")
    random = (tmp_path / "random" / "README.md").read_text()
    assert "license: unknown" in random
    assert "ImageNet" not in random
