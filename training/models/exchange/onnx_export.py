"""An encoder as one ONNX file, with everything that follows decoding inside it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from samekind.core.errors import InputError, MissingDependencyError
from samekind.data.types.preprocessing import preprocessing_of
from samekind.training.models.exchange.describe import described
from samekind.training.models.exchange.onnx_resize import IMAGE, OPSET, PREPARED, preparing_model
from samekind.training.models.exchange.portable import PortableEncoder
from samekind.training.models.exchange.transform import embed_any
from samekind.training.runtime.artefact import check_file_writable, write_atomically

EMBEDDING = "embedding"
TOLERANCE = 1e-4
_CHECKED = 3  # images; another number than the exporter sees
_NEEDED = "samekind[onnx]"


class _FromPrepared(nn.Module):
    """`(B, C, S, S)` uint8 to `(B, D)` float32 of unit norm."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, prepared_BCSS: Tensor) -> Tensor:
        mean, std = self.encoder.get_buffer("mean"), self.encoder.get_buffer("std")
        embedding: Tensor = self.encoder((prepared_BCSS.float().div(255) - mean) / std)
        return embedding


def write_onnx(encoder: PortableEncoder, path: Path) -> None:
    """Writes `encoder` as an ONNX model; see `Encoder.to_onnx`.

    Raises:
        MissingDependencyError: a package of `samekind[onnx]` is not installed.
        InputError: the backbone does what ONNX cannot express, the encoder averages crops of an image, or the model that came out does not
            give the encoder's vectors.
        ArtefactError: the file cannot be written.
    """
    check_file_writable(path)
    if encoder.spec.crops > 1:
        raise InputError(
            f"an encoder that averages {encoder.spec.crops} crops of an image cannot be written as ONNX yet",
            hint="index with --crops 1 and export that",
        )
    try:
        import onnx.compose
        import onnxruntime  # noqa: F401 - asked for here, before an export that takes half a minute
        import onnxscript  # noqa: F401 - torch.onnx needs it, and would complain from deep within
    except ImportError as error:
        raise MissingDependencyError("ONNX is not installed", hint=f"pip install '{_NEEDED}'") from error
    core = _exported(encoder)
    before = preparing_model(preprocessing_of(encoder.spec), core.ir_version)
    model = onnx.compose.merge_models(before, core, [(PREPARED, core.graph.input[0].name)], name="samekind")
    known = described(encoder)
    onnx.helper.set_model_props(model, {"samekind": json.dumps(known), "fingerprint": encoder.fingerprint})
    stored = model.SerializeToString()
    _check(stored, encoder)
    write_atomically(path, stored)


def _exported(encoder: PortableEncoder) -> Any:
    """The model from prepared images on, as an `onnx.ModelProto`."""
    spec, module = encoder.spec, cast(nn.Module, encoder)
    was_training, wrapped = module.training, _FromPrepared(module).eval()
    side, device = spec.image_size, module.get_buffer("mean").device
    example = torch.zeros(2, spec.channels, side, side, dtype=torch.uint8, device=device)
    try:
        with _quiet():
            program = torch.onnx.export(
                wrapped,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["inner"],
                output_names=[EMBEDDING],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise InputError(f"{spec.backbone} cannot be written as ONNX: {str(error).splitlines()[0]}") from error
    finally:
        module.train(was_training)
    assert program is not None
    return program.model_proto


def _check(stored: bytes, encoder: PortableEncoder) -> None:
    """Runs the model on noise: the exporter may take for a constant what depends on the batch, and says nothing of it."""
    import onnxruntime

    channels = encoder.spec.channels
    images = np.random.default_rng(0).integers(0, 256, (_CHECKED, 40, 31, channels), dtype=np.uint8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        found = onnxruntime.InferenceSession(stored, options).run(None, {IMAGE: images})[0]
        difference = float(np.abs(found - embed_any(encoder, images, _CHECKED, None)).max())
    except Exception as error:  # onnxruntime raises classes of its own, which have Exception alone in common
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{encoder.spec.backbone} cannot be run as ONNX: {reason}") from error
    if not difference <= TOLERANCE:
        raise InputError(f"{encoder.spec.backbone} as ONNX gives other vectors, by {difference:.1e} in a component")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """torch's exporter prints its progress, warns of its own use of torch, and logs what it skips; none of it can be acted upon."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
