"""The choice of precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from samekind.training.runtime.devices import use_bfloat16


@pytest.mark.parametrize(
    ("can", "tiles", "fast"),
    [
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, False, True),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": False}, False, False),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx512_bf16": True}, False, False),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx512_bf16": True}, True, True),
        ({}, False, False),
    ],
)
def test_which_processors_multiply_bfloat16_faster(
    monkeypatch: pytest.MonkeyPatch, can: dict[str, Any], tiles: bool, fast: bool
) -> None:
    """AMD's with AVX512-BF16 and those with matrix tiles; what is asked for by name holds anywhere."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    device = torch.device("cpu")
    assert use_bfloat16("auto", device) is fast
    assert use_bfloat16("bfloat16", device)
    assert not use_bfloat16("float32", device)
