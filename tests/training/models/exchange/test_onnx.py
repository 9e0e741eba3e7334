"""ONNX: the resize is the encoder's own pixel for pixel, and the file gives the encoder's vectors."""

from __future__ import annotations

import builtins
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import samekind as sk
from samekind.data.decode import prepare
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import INTERPOLATIONS, PILLOW, TORCH, Preprocessing
from samekind.training.models.encoder import Encoder
from samekind.training.models.exchange import onnx_export
from samekind.training.models.exchange.onnx_resize import preparing_model
from tests.training.models.test_encoder import SPEC

# Height, width: larger, smaller, equal, tall, broad, tiny. Pillow 13 begins with the height of (30, 20) and (97, 30).
SIZES = [(30, 20), (50, 33), (90, 60), (97, 30), (24, 24), (12, 9), (9, 64), (3, 2), (1, 1), (200, 150)]


def photo(height: int, width: int, channels: int, seed: int = 0) -> Pixels:
    """`(H, W, C)` uint8: soft shapes and sharp edges under noise that reaches black and white."""
    rng = np.random.default_rng((seed, height, width))
    small = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, channels), dtype=np.uint8)
    planes = [
        Image.fromarray(small[..., c]).resize((width, height), Image.Resampling.BILINEAR) for c in range(channels)
    ]
    soft = np.stack([np.asarray(plane) for plane in planes], axis=2).astype(int)
    soft[height // 3 : height // 2] //= 2
    return np.clip(soft + rng.integers(-80, 80, soft.shape), 0, 255).astype(np.uint8)


def run(model: Any, images: Pixels) -> NDArray[Any]:
    """The first output for `(B, H, W, C)` uint8."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options)
    answer: NDArray[Any] = session.run(None, {"image": images})[0]
    return answer


def as_picture(image: Pixels) -> Image.Image:
    """A Pillow image of `(H, W, C)` uint8."""
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize(("channels", "crop"), [(3, 0.0), (3, 0.875), (1, 0.0), (1, 1.0)])
@pytest.mark.parametrize("resize", [PILLOW, TORCH])
def test_the_graph_prepares_as_the_encoder_does(interpolation: str, channels: int, crop: float, resize: str) -> None:
    """Every pixel equal, for each filter, squashed and cropped, whichever side Pillow begins with."""
    if (resize, interpolation) == (TORCH, "lanczos"):
        pytest.skip("torch has none")
    preprocessing = Preprocessing(24, channels, interpolation, crop, resize=resize)
    model = preparing_model(preprocessing, 10).SerializeToString()
    for height, width in SIZES:
        image = photo(height, width, channels)
        expected = prepare(as_picture(image), preprocessing)
        np.testing.assert_array_equal(
            run(model, image[None])[0].transpose(1, 2, 0), expected, err_msg=f"{height, width}"
        )


def test_the_file_gives_the_vectors_of_the_encoder(tmp_path: Path) -> None:
    """Whitening, adapter and unit norm inside; batches of any length and images of any size; the file says what it is."""
    import onnx

    torch.manual_seed(0)
    encoder = Encoder(replace(SPEC, channels=3, mean=(0.3,) * 3, std=(0.2,) * 3, adapter=4, crop=0.9))
    encoder.whitening.fit(torch.randn(100, encoder.feature_dim), 0.5)
    assert encoder.adapter is not None
    torch.nn.init.normal_(encoder.adapter.fall.weight)
    encoder.train()
    path = encoder.to_onnx(tmp_path / "encoder.onnx")
    assert encoder.training, "the mode is as it was"
    for count, (height, width) in ((1, (40, 30)), (3, (16, 16)), (5, (20, 90))):
        images = np.stack([photo(height, width, 3, seed) for seed in range(count)])
        vectors = run(str(path), images)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(vectors, encoder.transform(images), atol=1e-5)
    told = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert told["fingerprint"] == encoder.fingerprint
    assert "cut out the centre of 16 × 16 px" in json.loads(told["samekind"])["preprocessing"][1]
    assert {file.name for file in tmp_path.iterdir()} == {"encoder.onnx"}


def test_a_model_that_gives_other_vectors_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is run before it is kept: here the exporter is handed other weights than the encoder has."""
    exported, encoder = onnx_export._exported, Encoder(SPEC)
    monkeypatch.setattr(onnx_export, "_exported", lambda _: exported(Encoder(SPEC)))
    with pytest.raises(sk.InputError, match="resnet-small as ONNX gives other vectors"):
        encoder.to_onnx(tmp_path / "encoder.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_patches_take_any_number_of_images(tmp_path: Path) -> None:
    """Their grid is reshaped by the batch, which must not become a constant of the file; checked before it is written."""
    encoder = Encoder(replace(SPEC, backbone="patches-small", image_size=28))
    assert encoder.to_onnx(tmp_path / "patches.onnx").is_file()


@pytest.mark.slow
def test_lite0_agrees_on_photos(tmp_path: Path) -> None:
    """Within 1e-4 in every component, on pictures of several sizes."""
    encoder = sk.load_encoder("lite0")
    path = encoder.to_onnx(tmp_path / "lite0.onnx")
    for size in ((300, 200), (240, 320), (500, 333), (128, 128)):
        image = photo(*size, 3)
        np.testing.assert_allclose(run(str(path), image[None]), encoder.transform([image]), atol=1e-4)


def test_without_onnx_and_without_a_place_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each, before anything is computed."""
    with pytest.raises(sk.ArtefactError, match="there is no folder"):
        Encoder(SPEC).to_onnx(tmp_path / "nowhere" / "encoder.onnx")
    original = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in ("onnx", "onnxscript"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(sk.MissingDependencyError, match="ONNX is not installed") as caught:
        Encoder(SPEC).to_onnx(tmp_path / "encoder.onnx")
    assert "samekind[onnx]" in caught.value.hint
